"""Parse any delimiter and any quoting carefully, one record at a time, with recovery.

It defines what a delimited file means; the columnar fast path must agree with it wherever it is
used. The rules are those of Python's `csv` module (itself the common denominator of spreadsheet
exports) and those of `cells`, plus one of ours: a quote that is never properly closed damages the line
it stands on and no other. That line is given up, unless it makes a row with the quote as an ordinary
character, and reading goes on with the next. A record of more than `MAX_RECORD_BYTES` or
`MAX_RECORD_LINES` counts as never closed, which bounds how far a lost quote is followed.

The line after a damaged one may open a quote as well, and so on. How the lines behind them end up is
remembered, so that no line is followed twice: time stays linear whatever the quotes are.
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
    """The reason why a line has no cells on which a quote opens that is never closed.

    Attributes:
        literal: the cells it has with the quote as an ordinary character; empty if it is no record then.
    """

    __slots__ = ("literal",)

    literal: Cells

    @classmethod
    def of(cls, literal: Cells) -> UnclosedQuote:
        """The reason for a line of these cells."""
        reason = cls("unclosed_quote")
        reason.literal = literal
        return reason


DELIMITER_AMBIGUOUS = "delimiter_ambiguous"
"""Why a row is rejected in which two delimiters share a sign, as in `a|||b`: nobody knows which cell has the third."""


TOO_MANY_CELLS = "too_many_cells"

MAX_DELIMITERS = 1 << 18
"""Delimiters in a line, in quotes or not: a line of more is taken for no row, since each cell takes 60 bytes."""


class Ambiguous(Cells):
    """The cells of a record in which a quote stands within a cell: if it enclosed something, there were others.

    Attributes:
        enclosed: how many cells there were then; 0 if the last quote enclosed nothing.
    """

    enclosed: int = 0


_BLANKS = " \t"

Record = Cells | str
"""The cells of a record, or the reason why it has none."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """Records as parsed by the careful parser.

    Attributes:
        bounds: shape (records + 1,): where each record begins, and where the last one ends.
        records: the cells of each record, `Ambiguous` if a quote stands where none should; or the reason why it has
            none, `UnclosedQuote` if that is it. Undecodable bytes stand as the lone surrogates of the
            `surrogateescape` error handler.
    """

    bounds: OffsetArray
    records: list[Record]


def parse(data: bytes, dialect: Dialect, *, final: bool) -> Parsed:
    """Parse the records that are complete in `data`, which begins at the start of a record.

    A record still open at the end of `data` is left for later, unless the stream ends here or the
    record is already longer than any may be. No more than `MAX_CHUNK_ROWS` records are parsed.
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
                followed.known.clear()  # this one is believable: read it
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
                break  # in the former case, a new reader starts on the next line
    return Parsed(np.array(bounds, np.int64), records)


def is_crowded(line: bytes, dialect: Dialect) -> bool:
    """Whether there are more than `MAX_DELIMITERS` in a line."""
    return len(line) > MAX_DELIMITERS and line.count(dialect.delimiter.encode()) > MAX_DELIMITERS


def parse_record(record: bytes, dialect: Dialect) -> Record:
    """The cells of one record that is known to be whole, and in which nothing is ambiguous."""
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
    """What a line comes to on which a quote opens that is never closed."""
    splitter = Splitter(dialect.unquoted, strict=False)
    return UnclosedQuote.of(splitter.cells if splitter.take(line) else [])


def _judged(cells: Cells, lines: list[str], dialect: Dialect) -> Record:
    """The cells of a record, as ambiguous ones if there may have been others, for its quotes or its delimiters.

    That is so if there were not as many if each quote opened or closed something, and if a quote stands behind a blank
    at the beginning of a cell, which it may have been meant to enclose.
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
    """Whether a delimiter between two cells may begin elsewhere: it overlaps another, or stands within one."""
    sizes = range(1, len(delimiter))
    return any(
        delimiter in delimiter[1:] + after[: len(delimiter) - 1]
        or any(before.endswith(delimiter[:size]) and after.startswith(delimiter[size:]) for size in sizes)
        for before, after in pairwise(cells)
    )


class _Damage(Enum):
    """Why a record has no cells: its quote is open where the lines end, is closed wrongly, or perhaps too late."""

    OPEN = auto()
    BROKEN = auto()
    LATE = auto()


_OPEN, _BROKEN, _LATE = _Damage.OPEN, _Damage.BROKEN, _Damage.LATE


class _Followed:
    """Result of multi-line records that were damaged or too long.

    Attributes:
        path: of the record that is read now: for each line but the first, whether a quote was open in front of it.
        known: (line, whether a quote was open in front of it) → index of the line after those that were looked at,
            and what any record ends up as that comes by here.
    """

    def __init__(self) -> None:
        self.path: list[bool] = []
        self.known: dict[tuple[int, bool], tuple[int, _Damage]] = {}

    def remember(self, start: int, after: int, damage: _Damage) -> None:
        """Note what the record came to that began in line `start`."""
        for line, is_quoted in enumerate(self.path, start + 1):
            self.known[line, is_quoted] = after, damage


def _records(
    lines: list[str], first: int, reading: _Reading, followed: _Followed
) -> Iterator[tuple[int, Cells | _Damage]]:
    """Yield (index of the line after it, cells) of the records from line `first` on, up to the first damage."""
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
    """An iterator over lines that knows how many it has given away, and why it gave no more.

    Attributes:
        position: index of the next line.
        is_exhausted: more lines were asked for than there are.
        is_quoted: whether a quote is open where the next line is asked for within a record.
        outcome: what is known to become of the record for which a line was asked for; None if that is not known.
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
        """Note that the next line asked for is the first one of a record; returns its index."""
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
        dialect: of the lines.
        by_csv: whether the `csv` module can do it, which is several times as fast.
    """

    dialect: Dialect
    by_csv: bool

    @classmethod
    def of(cls, data: bytes, dialect: Dialect) -> _Reading:
        """The fastest for these bytes."""
        by_csv = dialect.is_plain and not (dialect.has_formulas and re.search(_formula_at_edge(dialect), data))
        return cls(dialect, by_csv)

    def reader(self, feed: _Feed, *, strict: bool = False) -> Iterator[Cells]:
        """Records of the lines of `feed`.

        Args:
            feed: gives the lines.
            strict: whether to raise `csv.Error` where a quote is not closed, or where something stands behind it.
        """
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
        """The cells of one physical line, by the lenient reading of its quotes."""
        return next(self.reader(_Feed([line], 0, _Followed())), [])

    def is_closed(self, line: str) -> bool:
        """Whether the record is over at the end of this line, by the lenient reading of its quotes."""
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
