"""The careful parser: any delimiter, any quoting, one record at a time, with recovery.

It defines what a delimited file means; the columnar fast path must agree with it wherever it is
used. The rules are those of Python's `csv` module (itself the common denominator of spreadsheet
exports), plus one of ours: a quote that is never properly closed damages the line it stands on and
no other. That line is given up, and reading goes on with the next. A record of more than `MAX_RECORD_BYTES`
or `MAX_RECORD_LINES` counts as never closed, which bounds how far a lost quote is followed.

The line after a damaged one may open a quote as well, and so on. How the lines behind them end up is
remembered, so that no line is followed twice: time stays linear whatever the quotes are.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from ingest_cli.formats.framing import MAX_RECORD_LINES, Dialect
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES
from ingest_cli.records import OffsetArray

if TYPE_CHECKING:
    from _csv import Reader

Cells = list[str]


@dataclass(frozen=True, slots=True)
class Parsed:
    """Records as the careful parser reads them.

    Attributes:
        bounds: shape (records + 1,): where each record begins, and where the last one ends.
        records: the cells of each record, or the reason why it has none. Undecodable bytes stand as
            the lone surrogates of the `surrogateescape` error handler.
    """

    bounds: OffsetArray
    records: list[Cells | str]


def parse(data: bytes, dialect: Dialect, *, final: bool) -> Parsed:
    """Parse the records that are complete in `data`, which begins at the start of a record.

    A record still open at the end of `data` is left for later, unless the stream ends here or the
    record is already longer than any may be. No more than `MAX_CHUNK_ROWS` records are parsed.
    """
    lines = data.splitlines(keepends=True)
    if not final and lines and not lines[-1].endswith(b"\n"):
        lines.pop()  # cut off, or a CR whose LF may be the next byte
    texts = [line.decode("utf-8", "surrogateescape") for line in lines]
    starts = [0, *accumulate(len(line) for line in lines)]
    bounds, records = [0], list[Cells | str]()
    first, followed = 0, _Followed()
    while first < len(lines) and len(records) < MAX_CHUNK_ROWS:
        for after, cells in _records(texts, first, dialect, followed):
            long = starts[after] - starts[first] > MAX_RECORD_BYTES or after - first > MAX_RECORD_LINES
            if cells is _OPEN and not final and not long:
                return Parsed(np.array(bounds, np.int64), records)
            if cells is _LATE and not long:
                followed.end = 0  # this one is believable: read it
                break
            if is_damaged := isinstance(cells, _Damage) or long:
                if after > first + 1 and not isinstance(cells, _Damage):
                    followed.begin, followed.end, followed.after, followed.damage = first + 1, after, after, _LATE
                first += 1
                records.append("record_too_long" if len(lines[first - 1]) > MAX_RECORD_BYTES else "unclosed_quote")
            else:
                first = after
                records.append(cells)
            bounds.append(starts[first])
            if is_damaged or len(records) == MAX_CHUNK_ROWS:
                break  # in the former case, a new reader starts on the next line
    return Parsed(np.array(bounds, np.int64), records)


def parse_record(record: bytes, dialect: Dialect) -> Cells:
    """The cells of one record that is known to be whole."""
    lines = [line.decode("utf-8", "surrogateescape") for line in record.splitlines(keepends=True)]
    return next(_reader(iter(lines), dialect), [])


class _Damage(Enum):
    """Why a record has no cells: its quote is open where the lines end, is closed wrongly, or perhaps too late."""

    OPEN = auto()
    BROKEN = auto()
    LATE = auto()


_OPEN, _BROKEN, _LATE = _Damage.OPEN, _Damage.BROKEN, _Damage.LATE


@dataclass(slots=True)
class _Followed:
    """What became of the last record of several lines that was damaged or too long.

    Attributes:
        begin, end: any record with an open quote in front of one of these lines ends where that one did.
        after: index of the line after those that were looked at.
        damage: what it ended up as.
    """

    begin: int = 0
    end: int = 0
    after: int = 0
    damage: _Damage = _Damage.BROKEN


def _records(
    lines: list[str], first: int, dialect: Dialect, followed: _Followed
) -> Iterator[tuple[int, Cells | _Damage]]:
    """Yield (index of the line after it, cells) of the records from line `first` on, up to the first damage."""
    feed = _Feed(lines, first, followed)
    reader = _reader(feed, dialect, strict=True)
    while True:
        start = feed.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if feed.is_known:
                yield followed.after, followed.damage
                return
            if feed.position == start + 1 and _is_closed(lines[start], dialect):
                yield feed.position, parse_line(lines[start], dialect)
                feed = _Feed(lines, start + 1, followed)
                reader = _reader(feed, dialect, strict=True)
                continue
            damage = _OPEN if feed.is_exhausted else _BROKEN
            if feed.position > start + 1:
                followed.begin, followed.end = start + 1, feed.position
                followed.after, followed.damage = feed.position, damage
            yield feed.position, damage
            return
        yield feed.position, cells


class _Feed:
    """An iterator over lines that knows how many it has given away, and why it gave no more.

    Attributes:
        position: index of the next line.
        is_exhausted: more lines were asked for than there are.
        is_known: a line was asked for with a quote open, and it is known what comes of that.
    """

    def __init__(self, lines: list[str], position: int, followed: _Followed) -> None:
        self._lines = lines
        self._followed = followed
        self._begin = position
        self.position = position
        self.is_exhausted = False
        self.is_known = False

    def begin_record(self) -> int:
        """Note that the next line asked for is the first one of a record; returns its index."""
        self._begin = self.position
        return self._begin

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        at = self.position
        if at == len(self._lines):
            self.is_exhausted = True
            raise StopIteration
        if at > self._begin and self._followed.begin <= at < self._followed.end:
            self.is_known = True
            raise StopIteration
        self.position += 1
        return self._lines[at]


def parse_line(line: str, dialect: Dialect) -> Cells:
    """The cells of one physical line, by the lenient reading of its quotes."""
    return next(_reader(iter([line]), dialect), [])


def _is_closed(line: str, dialect: Dialect) -> bool:
    """Whether the record is over at the end of this line, by the lenient reading of its quotes."""
    feed = _Feed([line, "\n"], 0, _Followed())
    next(_reader(feed, dialect), None)
    return feed.position == 1


def _reader(lines: Iterator[str], dialect: Dialect, *, strict: bool = False) -> Reader:
    csv.field_size_limit(max(csv.field_size_limit(), 4 * MAX_RECORD_BYTES))
    if not dialect.quote:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict)
