"""Rows of several small sources in one chunk, so that what a chunk costs is paid once for all of them.

A bundle is a chunk of rows and the parts that it is made of. Rows are numbered through from its first to its last, as
if they were read from one stream; its parts know what that comes to in the source where a row really stands.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
import pyarrow as pa

from ingest_cli.records import IndexArray, OffsetArray, Origin, Position, RowChunk, Span, TableChunk


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive records of one member of a source.

    Attributes:
        origin: where they come from.
        span: where they lie; it has an end.
    """

    origin: Origin
    span: Span

    @property
    def size(self) -> Position:
        """How many bytes, records and lines they are."""
        start, end = self.span.start, self.span.end
        assert end is not None  # noqa: S101 - see above
        return Position(end.offset - start.offset, end.row - start.row, end.line - start.line)


@dataclass(frozen=True)
class Parts:
    """The parts of a bundle, in order.

    Attributes:
        all: the parts, none of them without a record.
        start: where the first begins, by the numbering of the bundle.
    """

    all: tuple[Part, ...]
    start: Position

    def place(self, record: int, line: int) -> tuple[Origin, int, int]:
        """Where a record really stands: its origin, and the numbers of its row and line there, from 1.

        Args:
            record: its index in the bundle.
            line: the number of its line by the numbering of the bundle, from 1.
        """
        at = bisect_right(self._records, record) - 1
        part = self.all[at]
        row = part.span.start.row + record - self._records[at] + 1
        return part.origin, row, part.span.start.line + line - self.start.line - self._lines[at]

    @cached_property
    def _records(self) -> list[int]:
        """Records before each part."""
        return _before(part.size.row for part in self.all)

    @cached_property
    def _lines(self) -> list[int]:
        """Line ends before each part, from the start of the bundle on."""
        return _before(part.size.line for part in self.all)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Rows that go through the later stages together.

    Attributes:
        parts: what they are made of, in order, none of them without a record.
        rows: all of them as one chunk. That of a single part is numbered as its source is.
    """

    parts: tuple[Part, ...]
    rows: RowChunk

    @classmethod
    def of(cls, origin: Origin, rows: RowChunk) -> Bundle:
        """A chunk of one source."""
        return cls((Part(origin, Span(rows.start, rows.end)),), rows)

    @property
    def is_whole(self) -> bool:
        """Whether its rows hold all the bytes of it, as that of a record which was given up does not."""
        rows = self.rows
        return isinstance(rows, TableChunk) or rows.end.offset - rows.start.offset == len(rows.data)

    def fits(self, other: Bundle) -> bool:
        """Whether `other` can be joined behind it: both have the same columns, and no line end comes of their seam."""
        mine, others = self.rows.cells, other.rows.cells
        return (
            type(self.rows) is type(other.rows)
            and not (self.rows.data.endswith(b"\r") and other.rows.data.startswith(b"\n"))
            and mine.keys() == others.keys()
            and all(column.type == others[name].type for name, column in mine.items())
        )


def joined(bundles: Sequence[Bundle]) -> Bundle:
    """One bundle of the parts of all `bundles`, which fit each other, in order."""
    if len(bundles) == 1:
        return bundles[0]
    chunks = [one.rows for one in bundles]
    parts = tuple(part for one in bundles for part in one.parts)
    records = _before(chunk.records for chunk in chunks)
    first = chunks[0]
    rows = type(first)(
        start=Position(),
        end=whole_of(parts),
        data=b"".join(chunk.data for chunk in chunks),
        bounds=_bounds([chunk.bounds for chunk in chunks]),
        index=_shifted(records, (chunk.index for chunk in chunks)),
        cells={name: pa.concat_arrays([chunk.cells[name] for chunk in chunks]) for name in first.cells},
        skipped=_skipped(records, [chunk.skipped for chunk in chunks]),
        rejected=tuple(
            (before + at, reason)
            for before, chunk in zip(records, chunks, strict=True)
            for at, reason in chunk.rejected
        ),
        flags=_sum(chunk.flags for chunk in chunks),
        loose=_shifted(records, (chunk.loose for chunk in chunks)),
    )
    return Bundle(parts, rows)


def whole_of(parts: Iterable[Part]) -> Position:
    """How many bytes, records and lines all of `parts` are."""
    offset = row = line = 0
    for part in parts:
        size = part.size
        offset, row, line = offset + size.offset, row + size.row, line + size.line
    return Position(offset, row, line)


def _before(sizes: Iterable[int]) -> list[int]:
    """The sum of the sizes before each."""
    return list(accumulate(sizes, initial=0))[:-1]


def _bounds(several: Sequence[OffsetArray]) -> OffsetArray:
    before = _before(int(bounds[-1]) for bounds in several)
    shifted = [bounds[:-1] + offset for offset, bounds in zip(before, several, strict=True)]
    return np.concatenate((*shifted, several[-1][-1:] + before[-1]))


def _shifted(records: Sequence[int], indices: Iterable[IndexArray]) -> IndexArray:
    """Record indices of chunks as those of the bundle; `records`: how many stand before each chunk."""
    moved = [index + np.int32(before) for before, index in zip(records, indices, strict=True)]
    return np.concatenate(moved).astype(np.int32, copy=False)


def _skipped(records: Sequence[int], several: Sequence[Mapping[str, IndexArray]]) -> dict[str, IndexArray]:
    nothing = np.empty(0, np.int32)
    reasons = dict.fromkeys(reason for skipped in several for reason in skipped)
    return {reason: _shifted(records, (skipped.get(reason, nothing) for skipped in several)) for reason in reasons}


def _sum(several: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for flags in several:
        total.update(flags)
    return dict(total)
