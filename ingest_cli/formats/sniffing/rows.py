"""Splitting text into records of cells, and getting back into step after a quote nobody closed.

Python's `csv` module does the splitting, and the parser's own rules do (`formats.cells`) where it knows none: of
escapes, and of delimiters of several characters. Where one quote swallows lines that would have been sound rows of
their own, the line it stands in is split without regard to quotes and reading goes on behind it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ingest_cli.formats import framing
from ingest_cli.formats.cells import Splitter

MAX_LINE_CHARACTERS = 65_536
"""Lines are cut here; the csv module refuses cells of more than 131,072 characters."""


class Unquoted(list[str]):
    """The cells of a line on which a quote opens that is never closed, with the quote as an ordinary character."""


_MOST_RESTARTS = 100
_INNER_LINES = 20


_MOST_RESTARTS and _is_unclosed(cells, swallowed, dialect, width):
            cells, consumed = without_quotes(lines[at], dialect), 1
            reader = _Counting(lines, at + 1, dialect)
            records.unclosed += 1
            restarts += 1
        records.cells.append(cells if cells is not None else [""])
        records.lines.append(consumed)
        at += consumed
    return records


def ends_open(lines: list[str], dialect: Dialect) -> bool:
    """Whether the record that `lines` are would go on if there were another line."""
    _, taken = _Counting([*lines, "\n"], 0, dialect).next_record()
    return taken > len(lines)


class _Counting:
    """A csv reader that tells how many physical lines each record took."""

    def __init__(self, lines: list[str], start: int, dialect: Dialect) -> None:
        self._taken = 0
        self._reader = dialect.reader(self._count(islice(lines, start, None)))

    def _count(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._taken += 1
            yield line

    def next_record(self) -> tuple[list[str] | None, int]:
        """The next record's cells (None: refused) and its number of lines (0: the end)."""
        before = self._taken
        try:
            cells: list[str] | None = next(self._reader, None)
        except csv.Error:
            cells = None
        return cells, self._taken - before


def _is_unclosed(cells: list[str] | None, swallowed: list[str], dialect: Dialect, width: int) -> bool:
    """Whether a record holds lines that are sound rows by themselves."""
    if cells is None:
        return True
    if not swallowed or width <= 1:
        return False
    inner = swallowed[:_INNER_LINES]
    sound = sum(1 for line in inner if _cells_alone(line, dialect) == width)
    if len(cells) != width:
        return 2 * sound >= len(inner)
    # As many cells as any other row: text of several lines, unless each line could be a row.
    return len(inner) > 1 and sound >= len(inner) - 1


def _cells_alone(line: str, dialect: Dialect) -> int:
    try:
        return len(next(dialect.reader(iter([line])), []))
    except csv.Error:
        return 0


def without_quotes(line: str, dialect: Dialect) -> list[str]:
    """The cells of a line with a quote that is never closed."""
    return Unquoted(cell.strip(f" \r\n{dialect.quote or ''}") for cell in line.split(dialect.delimiter))
