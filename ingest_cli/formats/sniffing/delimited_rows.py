"""Read the rows of a delimited sample, and separate the header, data, and lines that are neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.misfits import joined
from ingest_cli.formats.sniffing.columns import guess_columns
from ingest_cli.formats.sniffing.guess import Finding
from ingest_cli.formats.sniffing.header import Header, judge_header
from ingest_cli.formats.sniffing.misfits import Alignment, align
from ingest_cli.formats.sniffing.names import counted, is_known, meaning_of
from ingest_cli.formats.sniffing.preamble import comment_records, is_rule, preamble_records, totals
from ingest_cli.formats.sniffing.rows import Records, ends_open, read_in_step, without_quotes
from ingest_cli.formats.sniffing.wounds import Sorted

_MAX_RECORDS = 1_000
_COMPARED_ROWS = 200


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a delimited sample.

    Attributes:
        header: judgement of its first row.
        cells: cells of the header; None if there is none.
        names: names of all columns; None if there is no header.
        rows: records below the header.
        typical: rows of data with the surplus cells joined, to be judged column by column.
        ends: last physical line of each record.
        skip_lines: number of lines before the header, or before the first row.
        findings: defects in lines that are neither header nor data.
    """

    header: Header
    cells: list[str] | None
    names: list[str] | None
    rows: Sorted
    typical: list[list[str]]
    ends: list[str]
    skip_lines: int
    findings: tuple[Finding, ...]


def read_table(lines: list[str], dialect: Dialect, *, complete: bool) -> Table:
    """Read physical lines with their line ends; unless they are `complete`, without the last record."""
    records, ends = _read(lines, dialect, complete=complete)
    skipped = preamble_records(records, records.width()) or comment_records(records, records.width())
    skip_lines = sum(records.lines[:skipped])
    below = Records(records.cells[skipped:], records.lines[skipped:], records.unclosed)
    header, cells, rows = sort_rows(below)
    findings = list[Finding]()
    if skip_lines:
        findings.append(Finding("preamble", skip_lines, f"{counted(skip_lines, 'line')} before the first row."))
    rows, more = _without_marks(rows, complete=complete)
    names, typical = cells, rows.data
    if cells is not None and len(cells) != rows.width:
        aligned = _aligned(cells, rows)
        names = aligned.names
        if aligned.overflow is not None:
            typical = [joined(row, aligned.overflow, len(names), dialect.delimiter) for row in rows.data]
            rows = replace(rows, width=len(names))
    return Table(header, cells, names, rows, typical, ends, skip_lines, (*findings, *more))


def sort_rows(records: Records) -> tuple[Header, list[str] | None, Sorted]:
    """Separate the header, rows of data, blank lines and repeated headers."""
    filled = [cells for cells in records.cells if any(cell.strip() for cell in cells)]
    blank = len(records.cells) - len(filled)
    header = judge_header(filled[0], filled[1:]) if filled else Header.NO
    names = filled[0] if header is Header.YES else None
    data = filled if names is None else [row for row in filled[1:] if row != names]
    repeated = 0 if names is None else len(filled) - 1 - len(data)
    width = max(records.width(), 1)
    return header, names, Sorted(data, blank, repeated, records.unclosed, width)


def _read(lines: list[str], dialect: Dialect, *, complete: bool) -> tuple[Records, list[str]]:
    """Return the records of the sample, without one cut off at its end, and the last physical line of each."""
    width = read_in_step(lines, dialect, _MAX_RECORDS, 0).width()
    records = read_in_step(lines, dialect, _MAX_RECORDS, width)
    named = len(records.cells[0]) if records.cells and all(map(is_known, records.cells[0])) else width
    if named != width:
        by_header = read_in_step(lines, dialect, _MAX_RECORDS, named)
        if _fitting(by_header, named) > _fitting(records, width):
            records = by_header
    ends = [lines[at - 1] for at in accumulate(records.lines)]
    reached_end = sum(records.lines) == len(lines)
    if reached_end and complete and records.lines and ends_open(lines[-records.lines[-1] :], dialect):
        records.unclosed += 1
        records.cells[-1] = without_quotes(lines[-records.lines[-1]], dialect)
    if reached_end and not complete and len(records.cells) > 1:
        records.cells.pop()
        records.lines.pop()
        ends.pop()
    return records, ends


def _fitting(records: Records, width: int) -> int:
    return sum(1 for cells in records.cells if len(cells) == width)


def _without_marks(rows: Sorted, *, complete: bool) -> tuple[Sorted, list[Finding]]:
    """Return the rows without rules (lines of dashes) and totals at the end, and the findings about these."""
    data, findings = rows.data, list[Finding]()
    ruled = [row for row in data if is_rule(row)]
    if ruled:
        findings.append(Finding("ruled", len(ruled), f"{counted(len(ruled), 'line')} of dashes among the rows."))
        data = [row for row in data if not is_rule(row)]
    last = totals(data, rows.width) if complete else 0
    if last:
        findings.append(Finding("totals", last, f"{counted(last, 'line')} at the end with totals or counts, no rows."))
        data = data[: len(data) - last]
    return Sorted(data, rows.blank, rows.repeated_headers, rows.unclosed, rows.width), findings


def _aligned(cells: Sequence[str], rows: Sorted) -> Alignment:
    """Return names for all columns of rows with more or fewer cells than the header."""
    some = [row for row in rows.data if len(row) == rows.width][:_COMPARED_ROWS]

    def fit(names: list[str], rows: Sequence[list[str]]) -> float:
        columns = guess_columns(names, list(rows), len(names))
        named = [(one, meaning_of(one.title)) for one in columns if one.title]
        return sum(one.confidence for one, meaning in named if meaning and meaning.kind and meaning.kind == one.kind)

    return align(cells, some, rows.width, fit)
