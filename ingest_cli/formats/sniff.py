"""Detect a file's format, delimiter, quote, header, encoding and columns, and report its defects.

Used by `validate FILE` without a manifest, and by `draft`, which writes a manifest. A guess is a proposal to the
operator; no load uses one. Each decision is a module of `sniffing`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import BinaryIO

from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.sniffing.charset import Charset, guess_charset
from ingest_cli.formats.sniffing.columns import guess_columns, with_logins
from ingest_cli.formats.sniffing.combos import find_combo
from ingest_cli.formats.sniffing.containers import UnreadableError, find_columns
from ingest_cli.formats.sniffing.delimited_rows import read_table, sort_rows
from ingest_cli.formats.sniffing.dialect import escape_findings, guess_dialect
from ingest_cli.formats.sniffing.documents import find_documents
from ingest_cli.formats.sniffing.fixed_places import find_places
from ingest_cli.formats.sniffing.guess import ColumnGuess, FileGuess, Finding, Layout, Rules, Usable
from ingest_cli.formats.sniffing.key_blocks import find_blocks, with_both_logins
from ingest_cli.formats.sniffing.magic import known_format, other_text_format
from ingest_cli.formats.sniffing.misfits import propose
from ingest_cli.formats.sniffing.parsed import Parsed
from ingest_cli.formats.sniffing.regions import with_regions
from ingest_cli.formats.sniffing.rows import Records, physical_lines
from ingest_cli.formats.sniffing.sql_tables import find_tables
from ingest_cli.formats.sniffing.wounds import (
    cell_findings,
    header_findings,
    line_end_findings,
    row_findings,
    text_findings,
)

MAX_SAMPLE_BYTES = 1 << 20
"""Maximum number of bytes of a sample to inspect."""

_MOST_CONTROL_SHARE = 0.1
_CONTROL = re.compile("[\x00\x02-\x08\x0b\x0e-\x19\x1b-\x1f\x7f-\x9f]")
# Excel's instruction for the delimiter.
_SEP_LINE = re.compile(r'"?sep=([^\r\n"])"?\s*', re.IGNORECASE)
_UNKNOWN = (
    "Text, but of no format that is known here: its lines share no delimiter, and nothing in them looks like an "
    "identifier. If it holds rows after all, describe them in a manifest; docs/formats.md lists the formats."
)
_GRAVEST_FIRST = (
    "empty",
    "binary",
    "other_format",
    "unknown_format",
    "undecodable",
    "encoding_unsure",
    "nul",
    "unclosed_quote",
    "broken_json",
    "broken_rows",
    "short_rows",
    "long_rows",
    "other_tables",
    "more_tables",
    "fixed_unsure",
    "long_line",
    "excel_exponent",
    "replacement_characters",
    "header_unsure",
    "header_width",
    "duplicate_names",
    "one_column",
    "no_header",
    "by_column",
    "keyed_rows",
    "keyed_values",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Sample of a file, unpacked and decrypted.

    Attributes:
        head: first bytes; `MAX_SAMPLE_BYTES` are used.
        complete: whether that is the whole file; if not, its last record may be cut off.
        further: whole lines from later parts, used only to detect the encoding.
        name: file name; decides only where the content does not.
    """

    head: bytes
    complete: bool
    further: bytes = b""
    name: str = ""


def sniff(sample: Sample, *, rules: Rules | None = None, table: str = "") -> FileGuess:
    """Guess the format of a file from a sample; never raises for its content.

    The guess contains no cell of the sample, except column names from an unambiguous header, or of a format that
    separates names from values.

    Cells are judged by the `rules` of a load, without them by their shape. `table` names the table of an SQL dump to
    inspect, by default the one with most identifiers.
    """
    head, complete = sample.head[:MAX_SAMPLE_BYTES], sample.complete and len(sample.head) <= MAX_SAMPLE_BYTES
    known = known_format(head)
    if known:
        return _not_rows("binary", f"Not text: {known.sentence}.")
    charset = guess_charset(head, complete=complete, further=sample.further)
    if not charset.text.strip("\0 \t\r\n\x1a"):
        return _not_rows("empty", "The file is empty." if complete else "The file begins with blanks only.", charset)
    if len(_CONTROL.findall(charset.text)) > _MOST_CONTROL_SHARE * len(charset.text):
        return _not_rows("binary", "Not text: too many control characters.")
    look = _Look(charset, len(head) + len(sample.further), complete, sample.name, rules, table)
    other = other_text_format(charset.text)
    return look.structured(other) if other else look.lines()


def sniff_container(container: str, file: BinaryIO, *, rules: Rules | None = None) -> FileGuess:
    """Guess the columns of a `parquet`, `arrow` or `xlsx` file, which must be seekable; for `rules` see `sniff`.

    Raises:
        SourceError: the file cannot be read.
    """
    look = _Look(Charset("", 0.0, "", 0), 0, complete=False, name="", rules=rules)
    try:
        parsed = find_columns(container, file, look.columns)
    except UnreadableError as error:
        return _not_rows("binary", f"Not text: {error}.")
    guess = look.guess(parsed, look.columns(parsed), list(parsed.findings))
    return replace(guess, header=container == "xlsx" and parsed.names is not None)


def _not_rows(code: str, text: str, charset: Charset | None = None) -> FileGuess:
    """Return the guess for a file without readable rows."""
    encoding, confidence = (charset.encoding, charset.confidence) if charset else ("", 0.0)
    return FileGuess(
        format=None,
        quote=None,
        header=False,
        encoding=encoding,
        encoding_confidence=round(confidence, 2),
        columns=(),
        rows_sampled=0,
        findings=(Finding(code, 1, text),),
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """Text sample.

    Attributes:
        charset: encoding and text.
        size_bytes: number of bytes in the sample.
        complete, name, rules, table: see `sniff`.
    """

    charset: Charset
    size_bytes: int
    complete: bool
    name: str
    rules: Rules | None
    table: str = ""

    @property
    def usable(self) -> Usable | None:
        """Function that returns the share of usable cells."""
        return self.rules.usable if self.rules else None

    def structured(self, other: str) -> FileGuess:
        """Return the guess for JSON, SQL or markup."""
        text, parsed = self.charset.text, None
        if other == "JSON":
            parsed = find_documents(text, complete=self.complete, judge=self.columns)
        elif other == "an SQL dump":
            parsed = find_tables(text, complete=self.complete, judge=self.columns, only=self.table)
        if parsed is None:
            return _not_rows("other_format", f"No rows that can be read: this looks like {other}.", self.charset)
        return self.guess(parsed, self.columns(parsed), [*self._text_findings([]), *parsed.findings])

    def lines(self) -> FileGuess:
        """Return the guess for a file of lines."""
        lines = physical_lines(self.charset.text.replace("\0", "").rstrip("\x1a"))
        whole = lines if self.complete or len(lines) == 1 else lines[:-1]
        blocks = find_blocks("".join(whole), complete=self.complete)
        if blocks:
            columns = with_both_logins(self.columns(blocks), blocks.cells)
            return self.guess(blocks, columns, self._text_findings(lines))
        fixed = find_places(whole, self.charset.encoding)
        if fixed:
            return self._fixed(fixed, lines)
        combo = find_combo(whole)
        if combo:
            columns = with_logins(self.columns(combo), combo.cells, self.usable)
            return self.guess(combo, columns, self._text_findings(lines))
        return self._delimited(lines)

    def _fixed(self, parsed: Parsed, lines: list[str]) -> FileGuess:
        header, names, rows = sort_rows(Records(parsed.cells, [1] * len(parsed.cells)))
        findings = [
            *self._text_findings(lines),
            *header_findings(header, names, rows.width),
            Finding("fixed_unsure", 1, "Cells are cut where blanks run through all lines that were looked at."),
        ]
        named = replace(parsed, names=names, cells=rows.data)
        return replace(self.guess(named, self.columns(named), findings), header=names is not None)

    def _delimited(self, lines: list[str]) -> FileGuess:
        findings = self._text_findings(lines)
        named, before = _SEP_LINE.fullmatch(lines[0]), 0
        if named and len(lines) > 1:
            lines, before = lines[1:], 1
            findings.append(Finding("sep_line", 1, "The first line is sep=…, an instruction to Excel."))
            dialect, delimited = Dialect(named[1], '"'), True
        else:
            dialect, delimited = guess_dialect(lines, self.name)
        table = read_table(lines, dialect, complete=self.complete)
        rows, names = table.rows, table.names
        delimited = delimited or rows.width > 1
        columns = guess_columns(names, table.typical, rows.width, self.usable)
        if _is_no_table(columns, delimited=delimited, header=names is not None):
            return _not_rows("unknown_format", _UNKNOWN, self.charset)
        findings += row_findings(rows, dialect, delimited=delimited)
        findings += line_end_findings(table.ends)
        findings += header_findings(table.header, table.cells, rows.width)
        findings += [*table.findings, *escape_findings(lines, dialect)]
        format_ = "tsv" if dialect.delimiter == "\t" else "csv"
        parsed = Parsed(
            format_, names, table.typical, delimiter=dialect.delimiter, skip_lines=before + table.skip_lines
        )
        return replace(
            self.guess(parsed, columns, findings),
            quote=dialect.quote or None,
            escape=dialect.escape,
            header=names is not None,
            proposals=propose(rows.data, columns, dialect.delimiter, self.rules),
        )

    def columns(self, parsed: Parsed) -> tuple[ColumnGuess, ...]:
        """Guess the columns of some rows."""
        return guess_columns(parsed.names, parsed.cells, max(parsed.width, 1), self.usable)

    def _text_findings(self, lines: list[str]) -> list[Finding]:
        return text_findings(self.charset, self.size_bytes, lines)

    def guess(self, parsed: Parsed, columns: tuple[ColumnGuess, ...], findings: list[Finding]) -> FileGuess:
        """Combine the guess for some rows."""
        columns = with_regions(columns, parsed.cells, self.rules)
        return FileGuess(
            format=parsed.format,
            quote=None,
            header=False,
            encoding=self.charset.encoding,
            encoding_confidence=round(self.charset.confidence, 2),
            columns=columns,
            rows_sampled=len(parsed.cells),
            findings=tuple(sorted([*findings, *cell_findings(parsed.cells)], key=_gravity)),
            **{one.name: getattr(parsed, one.name) for one in fields(Layout)},
        )


def _is_no_table(columns: tuple[ColumnGuess, ...], *, delimited: bool, header: bool) -> bool:
    """Return whether a file of a single column without a header has no recognizable content, like prose or a log."""
    return not delimited and not header and not any(one.kind or one.exposes or one.secret for one in columns)


def _gravity(finding: Finding) -> int:
    return _GRAVEST_FIRST.index(finding.code) if finding.code in _GRAVEST_FIRST else len(_GRAVEST_FIRST)
