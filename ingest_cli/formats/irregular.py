"""Parse any delimiter and any quoting one record at a time, with recovery from damage.

This module defines the meaning of a delimited file; the columnar fast path must agree with it. The rules are those of
Python's `csv` module (the common denominator of spreadsheet exports) and of `cells`, with one addition: a quote that is
never properly closed damages only its own line. That line is rejected, unless it is a row with the quote as an ordinary
character, and parsing continues with the next line. A record of more than `MAX_RECORD_BYTES` or `MAX_RECORD_LINES`
counts as never closed, which limits the lookahead.

The line after a damaged one may open a quote as well, and so on. The result for the lines after them is cached, so that
no line is followed twice and time stays linear.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from ingest_cli.formats.cells import Cells, Splitter
from ingest_cli.formats.framing import MAX_RECORD_LINES, Dialect
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES
from ingest_cli.model.chunks import OffsetArray

if TYPE_CHECKING:
    from _csv import Reader


class UnclosedQuote(str):
    """Reason for rejecting a line with a quote that is never closed.

    Attributes:
        literal: cells of the line with the quote as an ordinary character; empty if it is no record then.
    """

    __slots__ = ("literal",)

    literal: Cells

    @classmethod
    def of(cls, literal: Cells) -> UnclosedQuote:
        """Return the reason for a line with these cells."""
        reason = cls("unclosed_quote")
        reason.literal = literal
        return reason


DELIMITER_AMBIGUOUS = "delimiter_ambiguous"
"""Reason for rejecting a row with two overlapping delimiters, as in `a|||b`, whose third sign may be of either cell."""


TOO_MANY_CELLS = "too_many_cells"

MAX_DELIMITERS = 1 << 18
"""Maximum number of delimiters in a line, in quotes or not: a line with more is rejected, as a cell takes 60 bytes."""


class Ambiguous(Cells):
    """Cells of a record with a quote within a cell, so that the number of cells is uncertain.

    Attributes:
        enclosed: number of cells if each quote encloses something; 0 if the last quote is unpaired.
    """

    enclosed: int = 0


_BLANKS = " \t"

Record = Cells | str
"""Cells of a record, or the reason why it has none."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Parsed records.

    Attributes:
        bounds: shape (records + 1,): start of each record, and end of the last one.
        records: cells of each record, `Ambiguous` if a quote is in an irregular place; or the reason why there are
            none, which may be `UnclosedQuote`. Undecodable bytes are lone surrogates (`surrogateescape`).
    """

    bounds: OffsetArray
    records: list[Record]


def parse(data: bytes, dialect: Dialect, *, final: bool) -> Parsed:
    """Parse the complete records of `data`, which begins at the start of a record; at most `MAX_CHUNK_ROWS`.

    An open record at the end of `data` is left for the next call, unless the stream ends here or the record exceeds the
    maximum length.
    """
    lines = data.splitlines(keepends=True)
    if not final and lines and not lines[-1].endswith(b"\n"):
        lines.pop()  # cut off, or a CR whose LF may be the next byte
    crowded = {at for at, line in enumerate(lines) if is_crowded(line, dialect)}
    texts = ["\n" if at in crowded else line.decode("utf-8", "surrogateescape") for at, line in enumerate(lines)]
    starts = [0, *accumulate(len(line) for line in lines)]
    bounds, records = [0], list[Record]()
    first, reading, followed = 0, _Reading.of(data, dialect), _Followed()
    while first < len(lines) and len(records) < MAX_CHUNK_ROWS:
        for after, cells in _records(texts, first, reading, followed):
            long = starts[after] - starts[first] > MAX_RECORD_BYTES or after - first > MAX_RECORD_LINES
            if cells is _OPEN and not final and not long:
                return Parsed(np.array(bounds, np.int64), records)
            if cells is _LATE and not long:
                followed.known.clear()  # short enough after all: read it
                break
            if is_damaged := isinstance(cells, _Damage) or long:
                if not isinstance(cells, _Damage):
                    followed.remember(first, after, _LATE)
                first += 1
                too_long = len(lines[first - 1]) > MAX_RECORD_BYTES
                given_up = "record_too_long" if too_long else _given_up(texts[first - 1], dialect)
                records.append(TOO_MANY_CELLS if first - 1 in crowded else given_up)
            else:
                is_crowd = bool(crowded) and not crowded.isdisjoint(range(first, after))
                records.append(TOO_MANY_CELLS if is_crowd else _judged(cells, texts[first:after], dialect))
                first = after
            bounds.append(starts[first])
            if is_damaged or len(records) == MAX_CHUNK_ROWS:
                break  # after damage, a new reader starts on the next line
    return Parsed(np.array(bounds, np.int64), records)


def is_crowded(line: bytes, dialect: Dialect) -> bool:
    """Return whether a line has more than `MAX_DELIMITERS`."""
    return len(line) > MAX_DELIMITERS and line.count(dialect.delimiter.encode()) > MAX_DELIMITERS


def parse_record(record: bytes, dialect: Dialect) -> Record:
    """Return the cells of one record known to be complete and unambiguous."""
    if is_crowded(record, dialect):
        return TOO_MANY_CELLS
    lines = [line.decode("utf-8", "surrogateescape") for line in record.splitlines(keepends=True)]
    if not dialect.is_plain:
        splitter = Splitter(dialect, strict=False)
        if not any(splitter.take(line) for line in lines):
            splitter.finish()
        return splitter.cells
    return next(_Reading.of(record, dialect).reader(_Feed(lines, 0, _Followed())), [])


def _given_up(line: str, dialect: Dialect) -> Record:
    """Return the record for a line with a quote that is never closed."""
    splitter = Splitter(dialect.unquoted, strict=False)
    return UnclosedQuote.of(splitter.cells if splitter.take(line) else [])


def _judged(cells: Cells, lines: list[str], dialect: Dialect) -> Record:
    """Return the cells of a record, as `Ambiguous` if its quotes or delimiters permit other cells.

    That is the case if the number of cells changes when each quote opens or closes something, and if a quote follows a
    blank at the start of a cell, which it may have been meant to enclose.
    """
    text = lines[0] if len(lines) == 1 else "".join(lines)
    tangled = (*dialect.overlapping, *dialect.nested)
    if tangled and any(each in text for each in tangled) and _are_tangled(cells, dialect.delimiter):
        return DELIMITER_AMBIGUOUS
    if not dialect.quote or dialect.quote not in text:
        return cells
    if any(cell[:1] in _BLANKS and cell.lstrip(_BLANKS).startswith(dialect.quote) for cell in cells if cell):
        return Ambiguous(cells)
    if dialect.escape and dialect.escape in text:
        text = re.sub(re.escape(dialect.escape) + "(?s:.)", "", text)
    parts = text.split(dialect.quote)
    enclosed = sum(part.count(dialect.delimiter) for part in parts[::2]) + 1 if len(parts) % 2 else 0
    if enclosed == len(cells):
        return cells
    ambiguous = Ambiguous(cells)
    ambiguous.enclosed = enclosed
    return ambiguous


def _are_tangled(cells: Cells, delimiter: str) -> bool:
    """Return whether a delimiter between two cells may begin elsewhere, as it overlaps another or is within one."""
    sizes = range(1, len(delimiter))
    return any(
        delimiter in delimiter[1:] + after[: len(delimiter) - 1]
        or any(before.endswith(delimiter[:size]) and after.startswith(delimiter[size:]) for size in sizes)
        for before, after in pairwise(cells)
    )


class _Damage(Enum):
    """Why a record has no cells: its quote is open at the end of the lines, is closed wrongly, or perhaps too late."""

    OPEN = auto()
    BROKEN = auto()
    LATE = auto()


_OPEN, _BROKEN, _LATE = _Damage.OPEN, _Damage.BROKEN, _Damage.LATE


class _Followed:
    """Results of multi-line records that were damaged or too long.

    Attributes:
        path: for each line but the first of the current record, whether a quote was open before it.
        known: (line, whether a quote was open before it) → index of the line after those read, and the damage of any
            record that reaches this state.
    """

    def __init__(self) -> None:
        self.path: list[bool] = []
        self.known: dict[tuple[int, bool], tuple[int, _Damage]] = {}

    def remember(self, start: int, after: int, damage: _Damage) -> None:
        """Record the damage of the record that began in line `start`."""
        for line, is_quoted in enumerate(self.path, start + 1):
            self.known[line, is_quoted] = after, damage


def _records(
    lines: list[str], first: int, reading: _Reading, followed: _Followed
) -> Iterator[tuple[int, Cells | _Damage]]:
    """Yield (index of the next line, cells) of the records from line `first` on, up to the first damage."""
    feed = _Feed(lines, first, followed)
    reader = reading.reader(feed, strict=True)
    while True:
        start = feed.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if feed.position == start + 1 and feed.outcome is None and reading.is_closed(lines[start]):
                yield feed.position, reading.line(lines[start])
                feed = _Feed(lines, start + 1, followed)
                reader = reading.reader(feed, strict=True)
                continue
            damage = _OPEN if feed.is_exhausted else _BROKEN
            after, damage = feed.outcome or (feed.position, damage)
            followed.remember(start, after, damage)
            yield after, damage
            return
        yield feed.position, cells


class _Feed:
    """Iterator over lines that records its position, and why it stopped.

    Attributes:
        position: index of the next line.
        is_exhausted: whether more lines were requested than there are.
        is_quoted: whether a quote is open at the next line within a record.
        outcome: known result of the current record; None if unknown.
    """

    def __init__(self, lines: list[str], position: int, followed: _Followed) -> None:
        self._lines = lines
        self._followed = followed
        self._begin = position
        self.position = position
        self.is_exhausted = False
        self.is_quoted = True
        self.outcome: tuple[int, _Damage] | None = None

    def begin_record(self) -> int:
        """Mark the next line as the first one of a record; return its index."""
        self._begin = self.position
        self._followed.path.clear()
        return self._begin

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        at = self.position
        if at == len(self._lines):
            self.is_exhausted = True
            raise StopIteration
        if at > self._begin:
            self.outcome = self._followed.known.get((at, self.is_quoted))
            if self.outcome is not None:
                raise StopIteration
            self._followed.path.append(self.is_quoted)
        self.position += 1
        return self._lines[at]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Rules for reading lines.

    Attributes:
        dialect: dialect of the lines.
        by_csv: whether the `csv` module can read them, several times as fast.
    """

    dialect: Dialect
    by_csv: bool

    @classmethod
    def of(cls, data: bytes, dialect: Dialect) -> _Reading:
        """Return the fastest rules for these bytes."""
        by_csv = dialect.is_plain and not (dialect.has_formulas and re.search(_formula_at_edge(dialect), data))
        return cls(dialect, by_csv)

    def reader(self, feed: _Feed, *, strict: bool = False) -> Iterator[Cells]:
        """Return the records of the lines of `feed`; if `strict`, raise `csv.Error` for quotes not properly closed."""
        return _by_csv(feed, self.dialect, strict=strict) if self.by_csv else self._own(feed, strict=strict)

    def _own(self, feed: _Feed, *, strict: bool) -> Iterator[Cells]:
        for line in feed:
            splitter = Splitter(self.dialect, strict=strict)
            following: str | None = line
            while following is not None and not splitter.take(following):
                feed.is_quoted = splitter.is_quoted
                following = next(feed, None)
            if following is None:
                if strict:
                    raise csv.Error("the lines end within a record")
                splitter.finish()
            yield splitter.cells

    def line(self, line: str) -> Cells:
        """Return the cells of one physical line, read leniently."""
        return next(self.reader(_Feed([line], 0, _Followed())), [])

    def is_closed(self, line: str) -> bool:
        """Return whether the record ends with this line, read leniently."""
        feed = _Feed([line, "\n"], 0, _Followed())
        next(self.reader(feed), None)
        return feed.position == 1


def _formula_at_edge(dialect: Dialect) -> bytes:
    return b"(?:\\A|[\r\n]|" + re.escape(dialect.delimiter.encode()) + b')="'


def _by_csv(lines: Iterator[str], dialect: Dialect, *, strict: bool) -> Reader:
    csv.field_size_limit(max(csv.field_size_limit(), 4 * MAX_RECORD_BYTES))
    if not dialect.quote:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict)
