"""What a file looks like: format, delimiter, quote, header, encoding, columns, and what is wrong with it.

For `validate FILE` without a manifest, and for `draft`, which writes a manifest to begin with. A guess is
a proposal to a person: nothing is ever loaded by one. The decisions are taken in `sniffing`, one per module.
"""

from __future__ import annotations

import re
from itertools import accumulate

from ingest_cli.formats.sniffing.charset import Charset, guess_charset
from ingest_cli.formats.sniffing.columns import guess_columns
from ingest_cli.formats.sniffing.dialect import guess_dialect
from ingest_cli.formats.sniffing.guess import ColumnGuess, FileGuess, Finding
from ingest_cli.formats.sniffing.header import Header, judge_header
from ingest_cli.formats.sniffing.magic import binary_format, other_text_format
from ingest_cli.formats.sniffing.rows import Dialect, Records, ends_open, physical_lines, read_in_step
from ingest_cli.formats.sniffing.wounds import (
    Sorted,
    cell_findings,
    header_findings,
    line_end_findings,
    row_findings,
    text_findings,
)

__all__ = ["MAX_SAMPLE_BYTES", "ColumnGuess", "FileGuess", "Finding", "sniff"]

MAX_SAMPLE_BYTES = 1 << 20
"""More of a sample than this is not looked at."""

_MAX_RECORDS = 1_000
_MOST_CONTROL_SHARE = 0.1
_CONTROL = re.compile("[\x00\x02-\x08\x0b\x0e-\x19\x1b-\x1f\x7f-\x9f]")
# Excel's own way of saying what the delimiter is.
_SEP_LINE = re.compile(r'"?sep=([^\r\n"])"?\s*', re.IGNORECASE)
_GRAVEST_FIRST = (
    "empty",
    "binary",
    "other_format",
    "undecodable",
    "encoding_unsure",
    "nul",
    "unclosed_quote",
    "short_rows",
    "long_rows",
    "long_line",
    "excel_exponent",
    "replacement_characters",
    "header_unsure",
    "header_width",
    "duplicate_names",
    "one_column",
    "no_header",
)


def sniff(sample: bytes, *, complete: bool, name: str = "") -> FileGuess:
    """Guess what a file looks like.

    Args:
        sample: its head, unpacked and decrypted; only the first `MAX_SAMPLE_BYTES` are looked at.
        complete: whether the sample is the whole file; if not, its last record is taken for cut off.
        name: the file's name; decides only where the content does not.

    Never raises for what the sample holds, and no text of the guess holds a cell of it, save the names of
    columns where the first row is a header.
    """
    if len(sample) > MAX_SAMPLE_BYTES:
        sample, complete = sample[:MAX_SAMPLE_BYTES], False
    binary = binary_format(sample)
    if binary:
        return _not_rows("binary", f"Not text: {binary}.")
    charset = guess_charset(sample, complete=complete)
    if not charset.text.strip("\0 \t\r\n\x1a"):
        return _not_rows("empty", "The file is empty." if complete else "The file begins with blanks only.", charset)
    if len(_CONTROL.findall(charset.text)) > _MOST_CONTROL_SHARE * len(charset.text):
        return _not_rows("binary", "Not text: too many control characters.")
    other = other_text_format(charset.text)
    if other:
        return _not_rows("other_format", f"Not rows of cells: this looks like {other}.", charset)
    return _guess_rows(charset, len(sample), complete=complete, name=name)


def _not_rows(code: str, text: str, charset: Charset | None = None) -> FileGuess:
    """The guess for what is neither CSV nor TSV."""
    encoding, confidence = (charset.encoding, charset.confidence) if charset else ("", 0.0)
    return FileGuess(
        format=None,
        delimiter="",
        quote=None,
        header=False,
        encoding=encoding,
        encoding_confidence=round(confidence, 2),
        columns=(),
        rows_sampled=0,
        findings=(Finding(code, 1, text),),
    )


def _guess_rows(charset: Charset, sample_bytes: int, *, complete: bool, name: str) -> FileGuess:
    lines = physical_lines(charset.text.replace("\0", "").rstrip("\x1a"))
    findings = text_findings(charset, sample_bytes, lines)
    named = _SEP_LINE.fullmatch(lines[0])
    if named and len(lines) > 1:
        lines = lines[1:]
        findings.append(Finding("sep_line", 1, "The first line is sep=…, an instruction to Excel: skip it."))
        dialect, delimited = Dialect(named[1], '"'), True
    else:
        dialect, delimited = guess_dialect(lines, name)
    records, ends = _read(lines, dialect, complete=complete)
    header, names, rows = _sort(records)
    findings += row_findings(rows, dialect, delimited=delimited)
    findings += line_end_findings(ends)
    findings += cell_findings(rows.data)
    findings += header_findings(header, names, rows.width)
    return FileGuess(
        format="tsv" if dialect.delimiter == "\t" else "csv",
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        header=names is not None,
        encoding=charset.encoding,
        encoding_confidence=round(charset.confidence, 2),
        columns=guess_columns(names, rows.data, rows.width),
        rows_sampled=len(rows.data),
        findings=tuple(sorted(findings, key=_gravity)),
    )


def _read(lines: list[str], dialect: Dialect, *, complete: bool) -> tuple[Records, list[str]]:
    """The records of the sample, without the one it cuts off, and the last physical line of each."""
    width = read_in_step(lines, dialect, _MAX_RECORDS, 0).width()
    records = read_in_step(lines, dialect, _MAX_RECORDS, width)
    ends = [lines[at - 1] for at in accumulate(records.lines)]
    reached_end = sum(records.lines) == len(lines)
    if reached_end and complete and records.lines and ends_open(lines[-records.lines[-1] :], dialect):
        records.unclosed += 1
    if reached_end and not complete and len(records.cells) > 1:
        records.cells.pop()
        records.lines.pop()
        ends.pop()
    return records, ends


def _sort(records: Records) -> tuple[Header, list[str] | None, Sorted]:
    """Tell the header, rows of data, blank lines and repeated headers apart."""
    filled = [cells for cells in records.cells if any(cell.strip() for cell in cells)]
    blank = len(records.cells) - len(filled)
    header = judge_header(filled[0], filled[1:]) if filled else Header.NO
    names = filled[0] if header is Header.YES else None
    data = filled if names is None else [row for row in filled[1:] if row != names]
    repeated = 0 if names is None else len(filled) - 1 - len(data)
    width = max(records.width(), 1)
    return header, names, Sorted(data, blank, repeated, records.unclosed, width)


def _gravity(finding: Finding) -> int:
    return _GRAVEST_FIRST.index(finding.code) if finding.code in _GRAVEST_FIRST else len(_GRAVEST_FIRST)
