"""Rows that were found, not yet looked into: most of a dump is passed over on a resume, or never asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ingest_cli.formats.sql import values
from ingest_cli.formats.sql.catalog import Context
from ingest_cli.formats.sql.dialect import Syntax


@dataclass(frozen=True, slots=True)
class Cells:
    """The wanted cells of some rows.

    Attributes:
        columns: for each wanted column, the cells of all rows.
        unread: places of the rows with a cell whose expression was not understood.
    """

    columns: list[list[bytes]]
    unread: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RowRun:
    """Consecutive records.

    Attributes:
        starts: where each begins in the data that was scanned.
        ends: where each ends, and what separates it from the next.
        rejected: (place in the run, reason) of those that are no rows.
        cells: reads the cells of the others; None if there are none.
        estimated: whether how many records there are is an estimate; all of them are rejected, then.
    """

    starts: Sequence[int]
    ends: Sequence[int]
    rejected: Sequence[tuple[int, str]] = ()
    cells: Callable[[], Cells] | None = None
    estimated: bool = False


@dataclass(slots=True)
class Passed:
    """Rows of tables that are not read, with no record between them.

    Attributes:
        at: where the first of them is in the data that was scanned.
        rows: table → rows.
        estimated: how many of them are an estimate.
    """

    at: int
    rows: Counter[str] = field(default_factory=Counter)
    estimated: int = 0


def cells_of_pattern(found: Sequence[tuple[bytes, ...]], context: Context, syntax: Syntax) -> Cells:
    """The cells of tuples as `tuples.run_pattern` finds them."""
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
    """The cells of one tuple, given all of its values as written."""
    columns, unread = list[list[bytes]](), False
    for position in context.positions:
        text, known = (b"", True) if position is None else values.value(raw[position], syntax)
        columns.append([text])
        unread = unread or not known
    return Cells(columns, (0,) if unread else ())


def cells_of_lines(lines: Sequence[Sequence[bytes]], context: Context) -> Cells:
    """The cells of lines of COPY, given their cells as written."""
    columns = list[list[bytes]]()
    for position in context.positions:
        if position is None:
            columns.append([b""] * len(lines))
        else:
            column = [line[position] for line in lines]
            columns.append([values.copied(cell) if b"\\" in cell else cell for cell in column])
    return Cells(columns)


def empty_cells(context: Context) -> Cells:
    """The cells of a row in which nothing is said."""
    return Cells([[b""] for _ in context.positions])
