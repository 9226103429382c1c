"""Split text into records of cells, and resynchronize after a quote that is never closed.

Python's `csv` module does the splitting; `formats.cells` handles escapes and delimiters of several characters. If a
quote swallows lines that would be sound rows, its line is split without quoting, and reading continues with the next.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ingest_cli.formats.cells import Splitter
from ingest_cli.formats.framing import Dialect

MAX_LINE_CHARACTERS = 65_536
"""Maximum length of a line, the rest is cut; the csv module refuses cells of more than 131,072 characters."""

_MOST_RESTARTS = 100
_INNER_LINES = 20


class Unquoted(list[str]):
    """Cells of a line with a quote that is never closed, split without quoting."""


def split_records(lines: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    """Return the records of `lines`; with `csv`, blanks between delimiter and quote are ignored."""
    if dialect.escape or len(dialect.delimiter) > 1:
        return _split(lines, dialect)
    if not dialect.quote:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, skipinitialspace=True)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, skipinitialspace=True)


def _split(lines: Iterator[str], dialect: Dialect) -> Iterator[list[str]]:
    for line in lines:
        splitter = Splitter(dialect, strict=False)
        following: str | None = line
        while following is not None and not splitter.take(following):
            following = next(lines, None)
        if following is None:
            splitter.finish()
        yield splitter.cells


def sound_lines(lines: Sequence[str], dialect: Dialect, width: int) -> int:
    """Count the lines in records of `width` cells without text after a closing quote."""
    at = sound = 0
    while at < len(lines):
        begin, splitter, is_whole = at, Splitter(dialect, strict=True), False
        try:
            while at < len(lines) and at - begin < _INNER_LINES and not is_whole:
                at += 1
                is_whole = splitter.take(lines[at - 1])
        except csv.Error:
            is_whole = False
        if is_whole and len(splitter.cells) == width:
            sound += at - begin
        elif at > begin + 1:
            at = begin + 1
    return sound


@dataclass(slots=True)
class Records:
    """Records in file order.

    Attributes:
        cells: one list per record; empty for a blank line, `Unquoted` where a quote is never closed.
        lines: number of physical lines of each record.
        unclosed: number of records with a quote that is never closed.
    """

    cells: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    unclosed: int = 0

    def width(self) -> int:
        """Return the number of cells that most lines have, apart from blank ones; 0 if there is none."""
        weight: Counter[int] = Counter()
        for cells, lines in zip(self.cells, self.lines, strict=True):
            if cells:
                weight[len(cells)] += lines
        # Of equals, the greater: rows lose cells at their end more often than they gain some.
        return max(weight, key=lambda width: (weight[width], width), default=0)


def physical_lines(text: str) -> list[str]:
    """Split at LF, CR LF and CR; each line keeps its end, and is cut to `MAX_LINE_CHARACTERS`."""
    return [
        line if len(line) <= MAX_LINE_CHARACTERS else line[:MAX_LINE_CHARACTERS] + "\n"
        for line in io.StringIO(text, newline="")
    ]


def read_in_step(lines: list[str], dialect: Dialect, limit: int, width: int) -> Records:
    """Read at most `limit` records of physical lines; a quote that is never closed affects only its own line.

    `width` is the number of cells of a sound record; 0 if unknown: then every quote is followed.
    """
    records = Records()
    at, restarts = 0, 0
    reader = _Counting(lines, 0, dialect)
    while len(records.cells) < limit:
        cells, consumed = reader.next_record()
        if not consumed:
            break
        swallowed = lines[at + 1 : at + consumed]
        if restarts < _MOST_RESTARTS and _is_unclosed(cells, swallowed, dialect, width):
            cells, consumed = without_quotes(lines[at], dialect), 1
            reader = _Counting(lines, at + 1, dialect)
            records.unclosed += 1
            restarts += 1
        records.cells.append(cells if cells is not None else [""])
        records.lines.append(consumed)
        at += consumed
    return records


def ends_open(lines: list[str], dialect: Dialect) -> bool:
    """Return whether the record in `lines` would continue on a further line."""
    _, taken = _Counting([*lines, "\n"], 0, dialect).next_record()
    return taken > len(lines)


class _Counting:
    """CSV reader that counts the physical lines of each record."""

    def __init__(self, lines: list[str], start: int, dialect: Dialect) -> None:
        self._taken = 0
        self._reader = split_records(self._count(islice(lines, start, None)), dialect)

    def _count(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self._taken += 1
            yield line

    def next_record(self) -> tuple[list[str] | None, int]:
        """Return the next record's cells (None: refused), and its number of lines (0: end of input)."""
        before = self._taken
        try:
            cells: list[str] | None = next(self._reader, None)
        except csv.Error:
            cells = None
        return cells, self._taken - before


def _is_unclosed(cells: list[str] | None, swallowed: list[str], dialect: Dialect, width: int) -> bool:
    """Return whether a record contains lines that are sound rows on their own."""
    if cells is None:
        return True
    if not swallowed or width <= 1:
        return False
    inner = swallowed[:_INNER_LINES]
    sound = sum(1 for line in inner if _cells_alone(line, dialect) == width)
    if len(cells) != width:
        return 2 * sound >= len(inner)
    # The usual number of cells: text of several lines, unless each line could be a row.
    return len(inner) > 1 and sound >= len(inner) - 1


def _cells_alone(line: str, dialect: Dialect) -> int:
    try:
        return len(next(split_records(iter([line]), dialect), []))
    except csv.Error:
        return 0


def without_quotes(line: str, dialect: Dialect) -> list[str]:
    """Return the cells of a line with a quote that is never closed."""
    return Unquoted(cell.strip(f" \r\n{dialect.quote}") for cell in line.split(dialect.delimiter))
