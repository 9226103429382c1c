"""Represent rows that were found, with their cells parsed on request.

Parsing is delayed because a resumed load skips most of a dump.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingest_cli.formats.sql import values
from ingest_cli.formats.sql.catalog import Context
from ingest_cli.formats.sql.dialect import Syntax


@dataclass(frozen=True, slots=True)
class Cells:
    """Wanted cells of some rows.

    Attributes:
        columns: for each wanted column, the cells of all rows.
        unread: indices of rows with an expression that cannot be evaluated.
    """

    columns: list[list[bytes]]
    unread: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RowRun:
    """Consecutive records.

    Attributes:
        starts: start of each record in the scanned data.
        ends: end of each record, with its separator.
        rejected: (index, reason) of rejected records.
        cells: parses the cells of the other records; None if there are none.
        estimated: whether the number of records is an estimate; all of them are rejected then.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    rejected: Sequence[tuple[int, str]] = ()
    cells: Callable[[], Cells] | None = None
    estimated: bool = False


@dataclass(slots=True)
class Passed:
    """Rows of unread tables without a record between them.

    Attributes:
        at: start of the first one in the scanned data.
        rows: table → number of rows.
        estimated: number of rows that are estimates.
    """

    at: int
    rows: Counter[str] = field(default_factory=Counter)
    estimated: int = 0


def cells_of_pattern(found: Sequence[tuple[bytes, ...]], context: Context, syntax: Syntax) -> Cells:
    """Return the cells of tuples matched by `tuples.run_pattern`."""
    order = sorted({position for position in context.positions if position is not None})
    read: dict[int | None, list[bytes]] = {None: [b""] * len(found)}
    unread = set[int]()
    for place, position in enumerate(order):
        column = values.strings([row[2 * place + 1] for row in found], syntax)
        for row, groups in enumerate(found):
            if raw := groups[2 * place + 2]:
                column[row], known = values.value(raw, syntax)
                if not known:
                    unread.add(row)
        read[position] = column
    return Cells([read[position] for position in context.positions], tuple(sorted(unread)))


def cells_of_tuple(raw: Sequence[bytes], context: Context, syntax: Syntax) -> Cells:
    """Return the cells of one tuple, given its values as written."""
    columns, unread = list[list[bytes]](), False
    for position in context.positions:
        text, known = (b"", True) if position is None else values.value(raw[position], syntax)
        columns.append([text])
        unread = unread or not known
    return Cells(columns, (0,) if unread else ())


def cells_of_lines(lines: Sequence[Sequence[bytes]], context: Context) -> Cells:
    """Return the cells of lines of COPY, given their cells as written."""
    columns = list[list[bytes]]()
    for position in context.positions:
        if position is None:
            columns.append([b""] * len(lines))
        else:
            column = [line[position] for line in lines]
            columns.append([values.copied(cell) if b"\\" in cell else cell for cell in column])
    return Cells(columns)


def empty_cells(context: Context) -> Cells:
    """Return the cells of a row of default values."""
    return Cells([[b""] for _ in context.positions])
