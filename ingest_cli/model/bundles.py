"""Bundles: rows of several small sources in one chunk, to share the fixed cost of a chunk.

A bundle is a chunk of rows and the parts it consists of. Its rows are numbered continuously, as if read from one
stream; its parts convert these numbers to those in the original source.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import pyarrow as pa

from ingest_cli.model.chunks import IndexArray, OffsetArray, Origin, Position, RowChunk, Span, TableChunk, count_lines


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive records of one member of a source.

    Attributes:
        origin: source of the records.
        span: position of the records; it has an end.
        first_record: number of records of the bundle before them.
        first_line: number of line ends in the bytes of the bundle before them.
    """

    origin: Origin
    span: Span
    first_record: int = 0
    first_line: int = 0


@dataclass(frozen=True, slots=True)
class Bundle:
    """Rows that pass through the later stages together.

    Attributes:
        parts: parts in order, each with at least one record.
        rows: all rows as one chunk. That of a single part keeps the numbering of its source.
    """

    parts: tuple[Part, ...]
    rows: RowChunk

    @classmethod
    def of(cls, origin: Origin, rows: RowChunk) -> Bundle:
        """Wrap a chunk of one source."""
        return cls((Part(origin, Span(rows.start, rows.end)),), rows)

    @property
    def can_be_joined(self) -> bool:
        """Return whether its bytes delimit its records; those of records abandoned unread do not."""
        return isinstance(self.rows, TableChunk) or bool(self.rows.data)

    def fits(self, other: Bundle) -> bool:
        """Return whether `other` can be appended: equal columns, and no new line end where they meet."""
        mine, others = self.rows.cells, other.rows.cells
        return (
            self.can_be_joined
            and other.can_be_joined
            and type(self.rows) is type(other.rows)
            and not (self.rows.data.endswith(b"\r") and other.rows.data.startswith(b"\n"))
            and mine.keys() == others.keys()
            and all(column.type == others[name].type for name, column in mine.items())
        )


def place(parts: Sequence[Part], record: int, line: int) -> tuple[Origin, int, int]:
    """Locate a record of a bundle: its origin, and its row and line number there, from 1.

    Args:
        parts: parts of the bundle.
        record: index of the record in the bundle.
        line: number of line ends in the bytes of the bundle before it.
    """
    part = parts[bisect_right(parts, record, key=lambda one: one.first_record) - 1]
    start = part.span.start
    return part.origin, start.row + record - part.first_record + 1, start.line + line - part.first_line + 1


def joined(bundles: Sequence[Bundle]) -> Bundle:
    """Join `bundles` that fit each other, in order."""
    if len(bundles) == 1:
        return bundles[0]
    chunks = [one.rows for one in bundles]
    records, lines = _before(chunk.records for chunk in chunks), _before(map(_lines, chunks))
    first, data = chunks[0], b"".join(chunk.data for chunk in chunks)
    count = records[-1] + chunks[-1].records
    end = Position(len(data), count, lines[-1] + _lines(chunks[-1])) if data else Position(count, count, count)
    rows = type(first)(
        start=Position(),
        end=end,
        data=data,
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
        passed_over=_sum(chunk.passed_over for chunk in chunks),
        loose=_shifted(records, (chunk.loose for chunk in chunks)),
    )
    parts = (
        replace(part, first_record=part.first_record + record, first_line=part.first_line + line)
        for bundle, record, line in zip(bundles, records, lines, strict=True)
        for part in bundle.parts
    )
    return Bundle(tuple(parts), rows)


def _lines(chunk: RowChunk) -> int:
    """Return the number of lines in its records, by its own numbering."""
    return chunk.records if isinstance(chunk, TableChunk) else count_lines(chunk.data)


def _before(sizes: Iterable[int]) -> list[int]:
    """Return the sum of the sizes before each."""
    return list(accumulate(sizes, initial=0))[:-1]


def _bounds(several: Sequence[OffsetArray]) -> OffsetArray:
    before = _before(int(bounds[-1]) for bounds in several)
    shifted = [bounds[:-1] + offset for offset, bounds in zip(before, several, strict=True)]
    return np.concatenate((*shifted, several[-1][-1:] + before[-1]))


def _shifted(records: Sequence[int], indices: Iterable[IndexArray]) -> IndexArray:
    """Convert record indices of chunks to those of the bundle; `records`: number of records before each chunk."""
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
