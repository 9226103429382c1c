"""JSON documents of any size: an array of objects, or one inside of something, in documents one after another.

`json_walk` finds the rows; here they become chunks. A stream is always walked through from its beginning,
because only what came before tells what a place in a document is; of what lies outside of the spans asked for,
nothing is kept.

A record reaches from the beginning of a row to that of the next. What stands before the first row is no part
of a chunk, as a header is not; what stands between rows, for example between two documents, may be a chunk of
no records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest_cli.errors import ManifestError
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.json_paths import Cells, Paths, parse_path
from ingest_cli.formats.json_scan import Block, Brackets
from ingest_cli.formats.json_walk import Walker
from ingest_cli.formats.record_stream import Blocks
from ingest_cli.records import WHOLE, OffsetArray, Position, RowChunk, Span, count_lines

ROOT = "$"
"""Path of the rows where the documents themselves are rows."""


class JsonRows:
    """Reads the objects of an array."""

    def __init__(
        self,
        wanted: Sequence[str],
        rows: str | None = None,
        *,
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Set up the parser.

        Args:
            wanted: names of the columns to keep, which are paths; nothing else is kept.
            rows: names that lead to the array, like `data.rows`, any arrays on the way being gone through; `$` for
                documents that are rows themselves, or arrays of them. None: the document if it is an array, else the
                first array of objects in it, else the document.
            chunk_bytes: tells how many decoded bytes a chunk aims at.

        Raises:
            ManifestError: a name, or `rows`, is not a path.
        """
        self._paths = Paths(wanted)
        self._rows = None if rows is None else _names(rows)
        self._chunk_bytes = chunk_bytes

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        blocks, walker = Blocks(stream, self._chunk_bytes), Walker(self._rows)
        at, brackets = Position(), Brackets()
        ahead = list(spans)
        while ahead and blocks.fill():
            data = blocks.data
            brackets.enter(data, at.offset)
            block = Block(data, Cells(self._paths), brackets, final=blocks.final)
            size = walker.walk(block)
            if not block.final and block.data[:size].endswith(b"\r"):
                size -= 1  # its LF may come; to the walker, it is nothing in any case
            if not size:
                if blocks.ended:
                    break
                blocks.grow()
                continue
            blocks.consume(size)
            found = _Stretch.of(block, size, at)
            at = found.position(at.offset + size)
            while ahead and ahead[0].start.offset < at.offset:
                yield from found.chunks(ahead[0])
                end = ahead[0].end
                if end is None or end.offset > at.offset:
                    break
                ahead.pop(0)
        blocks.raise_fault()


def _names(rows: str) -> tuple[str, ...]:
    """The names in the path to the rows."""
    if rows == ROOT:
        return ()
    steps = parse_path(rows)
    names = tuple(step for step in steps if isinstance(step, str))
    if len(names) < len(steps):
        raise ManifestError(f'`rows` in [format] is "{rows}"; it is made of names and dots only, like data.rows')
    return names


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of a stream, and the records in it."""

    data: bytes
    start: Position
    begins: OffsetArray
    index: OffsetArray
    cells: Mapping[str, pa.BinaryArray]
    rejected: Sequence[tuple[int, str]]
    undecodable: Sequence[int]

    @classmethod
    def of(cls, block: Block, size: int, start: Position) -> _Stretch:
        """The first `size` bytes of `block`, which begins at `start`."""
        begins, index = np.array(block.begins, np.int64), np.array(block.index, np.int64)
        return cls(block.data[:size], start, begins, index, block.cells.columns(), block.rejected, block.undecodable)

    def position(self, offset: int) -> Position:
        """The place at `offset` of the stream."""
        size = offset - self.start.offset
        rows = int(np.searchsorted(self.begins, size))
        return Position(offset, self.start.row + rows, self.start.line + count_lines(self.data[:size]))

    def chunks(self, span: Span) -> Iterator[RowChunk]:
        """What lies inside of `span`; nothing of what comes before the first record of all."""
        start = self.position(max(span.start.offset, self.start.offset))
        after = self.start.offset + len(self.data)
        end = self.position(after if span.end is None else min(span.end.offset, after))
        first, last = start.row - self.start.row, end.row - self.start.row
        begin = end if first == last else self.position(self.start.offset + int(self.begins[first]))
        if start.offset < begin.offset and start.row:
            yield self._chunk(start, begin, first, first)
        if first < last:
            yield self._chunk(begin, end, first, last)

    def _chunk(self, start: Position, end: Position, first: int, last: int) -> RowChunk:
        begin = start.offset - self.start.offset
        data = self.data[begin : end.offset - self.start.offset] if first < last else b""
        bounds = np.append(self.begins[first:last] - begin, len(data))
        low, high = np.searchsorted(self.index, (first, last))
        undecodable = sum(first <= i < last for i in self.undecodable)
        return RowChunk(
            start,
            end,
            data,
            bounds,
            (self.index[low:high] - first).astype(np.int32),
            {name: column[low:high] for name, column in self.cells.items()},
            rejected=tuple((i - first, reason) for i, reason in self.rejected if first <= i < last),
            flags={"undecodable_bytes": undecodable} if undecodable else {},
        )
