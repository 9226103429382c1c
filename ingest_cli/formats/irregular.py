"""The careful parser: any delimiter, any quoting, one record at a time, with recovery.

It defines what a delimited file means; the columnar fast path must agree with it wherever it is
used. The rules are those of Python's `csv` module (itself the common denominator of spreadsheet
exports), plus one of ours: a quote that is never properly closed damages the line it stands on and
no other. That line is given up, and reading goes on with the next.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from ingest_cli.formats.blocks import MAX_RECORD_BYTES
from ingest_cli.formats.framing import Dialect
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
    record is already longer than `MAX_RECORD_BYTES`.
    """
    lines = data.splitlines(keepends=True)
    if not final and lines and not lines[-1].endswith(b"\n"):
        lines.pop()  # cut off, or a CR whose LF may be the next byte
    texts = [line.decode("utf-8", "surrogateescape") for line in lines]
    starts = [0, *accumulate(len(line) for line in lines)]
    bounds, records = [0], list[Cells | str]()
    first = 0
    while first < len(lines):
        for after, cells in _records(texts, first, dialect):
            long = starts[after] - starts[first] > MAX_RECORD_BYTES
            if cells is _OPEN and not final and not long:
                return Parsed(np.array(bounds, np.int64), records)
            if isinstance(cells, _Damage) or long:
                first += 1
                records.append("record_too_long" if len(lines[first - 1]) > MAX_RECORD_BYTES else "unclosed_quote")
                bounds.append(starts[first])
                break  # a new reader starts on the next line
            first = after
            records.append(cells)
            bounds.append(starts[first])
    return Parsed(np.array(bounds, np.int64), records)


def parse_record(record: bytes, dialect: Dialect) -> Cells:
    """The cells of one record that is known to be whole."""
    lines = [line.decode("utf-8", "surrogateescape") for line in record.splitlines(keepends=True)]
    return next(_reader(iter(lines), dialect), [])


class _Damage(Enum):
    """Why a record has no cells: its quote is still open where the lines end, or is closed wrongly."""

    OPEN = auto()
    BROKEN = auto()


_OPEN, _BROKEN = _Damage.OPEN, _Damage.BROKEN


def _records(lines: list[str], first: int, dialect: Dialect) -> Iterator[tuple[int, Cells | _Damage]]:
    """Yield (index of the line after it, cells) of the records from line `first` on, up to the first damage."""
    feed = _Feed(lines, first)
    reader = _reader(feed, dialect, strict=True)
    while True:
        start = feed.position
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if feed.position == start + 1 and _is_closed(lines[start], dialect):
                yield feed.position, parse_line(lines[start], dialect)
                feed = _Feed(lines, start + 1)
                reader = _reader(feed, dialect, strict=True)
                continue
            yield feed.position, _OPEN if feed.exhausted else _BROKEN
            return
        yield feed.position, cells


class _Feed:
    """An iterator over lines that knows how many it has given away, and whether more were asked for."""

    def __init__(self, lines: list[str], position: int) -> None:
        self._lines = lines
        self.position = position
        self.exhausted = False

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.position == len(self._lines):
            self.exhausted = True
            raise StopIteration
        self.position += 1
        return self._lines[self.position - 1]


def parse_line(line: str, dialect: Dialect) -> Cells:
    """The cells of one physical line, by the lenient reading of its quotes."""
    return next(_reader(iter([line]), dialect), [])


def _is_closed(line: str, dialect: Dialect) -> bool:
    """Whether the record is over at the end of this line, by the lenient reading of its quotes."""
    feed = _Feed([line, "\n"], 0)
    next(_reader(feed, dialect), None)
    return feed.position == 1


def _reader(lines: Iterator[str], dialect: Dialect, *, strict: bool = False) -> Reader:
    csv.field_size_limit(max(csv.field_size_limit(), 4 * MAX_RECORD_BYTES))
    if not dialect.quote:
        return csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
    return csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict)
