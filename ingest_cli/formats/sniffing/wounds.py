"""Report the defects of the sample, one sentence with a count each.

No sentence contains a cell; column names are included only from an unambiguous header.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.sniffing.charset import Charset
from ingest_cli.formats.sniffing.columns import MAX_COLUMNS
from ingest_cli.formats.sniffing.guess import Finding
from ingest_cli.formats.sniffing.header import Header
from ingest_cli.formats.sniffing.names import counted, shown
from ingest_cli.formats.sniffing.rows import MAX_LINE_CHARACTERS
from ingest_cli.formats.sniffing.shapes import is_null_like

_LEAST_NULL_LIKE_PERCENT = 1
_UNSURE_ENCODING = 0.5
_EXPONENT = re.compile(r"[-+]?\d(?:[.,]\d{1,17})?[Ee]\+\d{1,3}")
# Six digits and more: shorter ones are prices.
_DECIMAL = re.compile(r"\d{6,20}\.0{1,2}")
_FORMULA = re.compile(r'="[^"]{0,100}"')
_CONTROL = re.compile("[\x02-\x08\x0b\x0e-\x1f\x7f]")
_LONGEST_DAMAGED = 110
_MOST_NAMES = 5


def text_findings(charset: Charset, sample_bytes: int, lines: list[str]) -> list[Finding]:
    """Report defects of the bytes and characters."""
    bad, text = charset.undecodable, charset.text
    unsure = int(charset.confidence < _UNSURE_ENCODING)
    lost = text.count("\ufffd") - bad
    nuls = text.count("\0")
    controls = len(_CONTROL.findall(text))
    long = sum(1 for line in lines if len(line) > MAX_LINE_CHARACTERS)
    bad_share = 100 * bad / max(sample_bytes, 1)
    return _present(
        ("undecodable", bad, f"{counted(bad, 'byte')} ({bad_share:.2g} %) cannot be read as {charset.encoding}."),
        (
            "encoding_unsure",
            unsure,
            f"The encoding {charset.encoding} is a guess{_rivals(charset)}: look at names with accents.",
        ),
        ("replacement_characters", lost, f"{counted(lost, 'character')} lost (U+FFFD) before the file was written."),
        ("nul", nuls, f"{counted(nuls, 'NUL character')} in the text."),
        ("control_characters", controls, f"{counted(controls, 'control character')} in the text."),
        ("long_line", long, f"{counted(long, 'line')} of more than {MAX_LINE_CHARACTERS:,} characters."),
    )


def _rivals(charset: Charset) -> str:
    return f", and {' or '.join(charset.rivals)} is as likely" if charset.rivals else ""


def line_end_findings(lines: list[str]) -> list[Finding]:
    """Report mixed line ends, given the last physical line of each record; line ends within quotes are data."""
    ends = Counter(
        "CR LF" if line.endswith("\r\n") else "LF" if line.endswith("\n") else "CR"
        for line in lines
        if line[-1:] in "\r\n"
    )
    if len(ends) <= 1:
        return []
    rare = sum(ends.values()) - max(ends.values())
    listed = ", ".join(f"{number:,} {end}" for end, number in ends.most_common())
    return [Finding("mixed_line_ends", rare, f"Line ends are mixed: {listed}.")]


@dataclass(frozen=True, slots=True)
class Sorted:
    """Records of a sample by type.

    Attributes:
        data: rows of data.
        blank: number of records without content.
        repeated_headers: number of records that repeat the header.
        unclosed: number of records with a quote that is never closed.
        width: number of cells of most records.
    """

    data: list[list[str]]
    blank: int
    repeated_headers: int
    unclosed: int
    width: int


def row_findings(rows: Sorted, dialect: Dialect, *, delimited: bool) -> list[Finding]:
    """Report defects of the rows; `delimited` says whether a delimiter was found."""
    total = counted(len(rows.data), "row")
    short = sum(1 for row in rows.data if len(row) < rows.width)
    long = sum(1 for row in rows.data if len(row) > rows.width)
    stray = 0
    if delimited and not dialect.quote:
        stray = sum(1 for row in rows.data if any('"' in cell for cell in row))
    columns = rows.width if rows.width > MAX_COLUMNS else 0
    again = rows.repeated_headers
    return _present(
        ("unclosed_quote", rows.unclosed, f"{counted(rows.unclosed, 'row')} with a quote that is never closed."),
        ("short_rows", short, f"{short:,} of {total} with fewer than {rows.width:,} cells."),
        ("long_rows", long, f"{long:,} of {total} with more than {counted(rows.width, 'cell')}."),
        ("repeated_header", again, f"The header is repeated {counted(again, 'time')} among the rows."),
        ("blank_lines", rows.blank, f"{counted(rows.blank, 'blank line')}."),
        ("many_columns", columns, f"{columns:,} columns; only the first {MAX_COLUMNS:,} were looked at."),
        ("one_column", int(not delimited), "No delimiter found: a single column, or cells at fixed places."),
        ("stray_quotes", stray, f"{counted(stray, 'row')} with quotes that enclose nothing; read without quoting."),
    )


def cell_findings(rows: list[list[str]]) -> list[Finding]:
    """Report defects of the cells."""
    total = null_like = exponents = decimals = formulas = 0
    for row in rows:
        total += len(row)
        for cell in row:
            stripped = cell.strip()
            if not stripped or len(stripped) > _LONGEST_DAMAGED:
                continue
            null_like += is_null_like(stripped)
            exponents += _EXPONENT.fullmatch(stripped) is not None
            decimals += _DECIMAL.fullmatch(stripped) is not None
            formulas += _FORMULA.fullmatch(stripped) is not None
    null_share = 100 * null_like / max(total, 1)
    if null_share < _LEAST_NULL_LIKE_PERCENT:
        null_like = 0
    return _present(
        (
            "excel_exponent",
            exponents,
            f"{counted(exponents, 'number')} as a spreadsheet writes it, 6.01E+10: digits lost.",
        ),
        ("excel_decimal", decimals, f"{counted(decimals, 'long number')} with .0 behind, as spreadsheets write it."),
        ("excel_formula", formulas, f'{counted(formulas, "cell")} written as ="…", as for a spreadsheet.'),
        ("null_like", null_like, f"{null_share:.0f} % of cells say NULL, \\N, - or the like: they count as empty."),
    )


def header_findings(header: Header, names: list[str] | None, width: int) -> list[Finding]:
    """Report defects of the header; `names` is None if there is none."""
    if names is None:
        unsure = int(header is Header.UNSURE)
        return _present(
            ("header_unsure", unsure, "The first row may be a header, but was taken for data."),
            ("no_header", 1 - unsure, "No header: the columns need names in the manifest."),
        )
    times = Counter(name.strip().casefold() for name in names if name.strip())
    twice = sum(1 for number in times.values() if number > 1)
    repeated = dict.fromkeys(name.strip() for name in names if times[name.strip().casefold()] > 1)
    listed = ", ".join(shown(name) for name in list(repeated)[:_MOST_NAMES])
    unnamed = sum(1 for name in names if not name.strip())
    off = abs(len(names) - width)
    return _present(
        ("header_width", off, f"The header has {counted(len(names), 'cell')}, most rows have {width:,}."),
        ("duplicate_names", twice, f"Names of more than one column: {listed}."),
        ("unnamed_columns", unnamed, f"{counted(unnamed, 'column')} without a name in the header."),
    )


def _present(*candidates: tuple[str, int, str]) -> list[Finding]:
    """Return the findings with a count of at least one; candidates are (code, count, text)."""
    return [Finding(code, count, text) for code, count, text in candidates if count > 0]
