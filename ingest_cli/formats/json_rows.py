"""Read JSON documents of any size, one or several per stream, with an array or object of rows at any place inside.

`json_walk` finds the rows, and this module makes chunks of them. A stream is always read from its start, because the
meaning of a byte depends on those before it; what is outside the requested spans is not kept.

A record extends from the start of a row, or of its key, to the start of the next. The text before the first row is not
in a chunk, like a header; text between rows, for example between two documents, may be a chunk without records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.json_advice import refusal_of_document
from ingest_cli.formats.json_cells import REPEATED_HEADER, Cells
from ingest_cli.formats.json_paths import Each, Paths, RowStep, parse_rows
from ingest_cli.formats.json_place import Holds, Place
from ingest_cli.formats.json_scan import Block, Brackets
from ingest_cli.formats.json_values import Row
from ingest_cli.formats.json_walk import Walker
from ingest_cli.formats.record_stream import Blocks
from ingest_cli.model.chunks import WHOLE, OffsetArray, Position, RowChunk, Span, count_lines

ROOT = "$"
"""Path of rows that are whole documents."""


class JsonRows:
    """Reader of the objects of an array, the values of an object, or the arrays of an array."""

    def __init__(
        self,
        wanted: Sequence[str],
        rows: str | None = None,
        columns: Sequence[str] = (),
        *,
        presence: Collection[str] = (),
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Initialise the parser.

        Args:
            wanted: paths of the columns to keep; nothing else is kept.
            rows: path of the container of the rows, like `data.rows`, also through arrays; `users.*` for the values of
                an object; `$` for documents that are rows, or arrays of rows. None: the document if it is an array,
                else the first array of rows in it, else the document.
            columns: names of the elements of array rows; empty if rows are objects.
            presence: wanted columns of which only the presence of a value is recorded.
            chunk_bytes: returns the target size of a chunk in decoded bytes.

        Raises:
            ManifestError: a name, or `rows`, is not a path.
        """
        path = None if rows is None else rows_path(rows)
        has_members = path is not None and path[-1:] == (Each.MEMBER,)
        keyed = path is not None and Each.MEMBER in path
        self._paths = Paths(wanted, columns=columns, presence=presence, keyed=keyed)
        self._place = Place(
            path=path[:-1] if path and has_members else path,
            has_members=has_members,
            holds=Holds.ARRAYS if columns else Holds.OBJECTS,
            judge=self._judge,
            name=rows or "",
        )
        self._chunk_bytes = chunk_bytes

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        blocks, walker = Blocks(stream, self._chunk_bytes), Walker(self._place)
        at, ahead = Position(), list(spans)
        if not ahead:
            return
        for block, size in walked(blocks, walker, lambda data, brackets: self._block(blocks, data, brackets)):
            found = _Stretch.of(block, size, at)
            at = found.position(at.offset + size)
            while ahead and ahead[0].start.offset < at.offset:
                yield from found.chunks(ahead[0])
                end = ahead[0].end
                if end is None or end.offset > at.offset:
                    break
                ahead.pop(0)
            if not ahead:
                break
        blocks.raise_fault()

    def _block(self, blocks: Blocks, data: bytes, brackets: Brackets) -> Block:
        return Block(data, Cells(self._paths), brackets, final=blocks.final)

    def _judge(self, document: Row) -> None:
        """Check the first document.

        Raises:
            ManifestError: it plainly contains rows and is not a row.
        """
        if self._place.path is None and isinstance(document, dict):
            names = {step for steps in self._paths.steps for step in steps[:1] if isinstance(step, str)}
            if refusal := refusal_of_document(document, names):
                raise refusal


def walked(blocks: Blocks, walker: Walker, make: Callable[[bytes, Brackets], Block]) -> Iterator[tuple[Block, int]]:
    """Yield the blocks of a stream, each with the number of bytes that the walker read.

    Args:
        blocks: the stream.
        walker: finds the records.
        make: makes a block of the buffered bytes.
    """
    offset, brackets = 0, Brackets()
    while blocks.fill():
        data = blocks.data
        brackets.enter(data, offset)
        block = make(data, brackets)
        size = walker.walk(block)
        if not block.final and block.data[:size].endswith(b"\r"):
            size -= 1  # its LF may follow; the walker ignores both
        broken_off = blocks.ended and not block.final and walker.is_unfinished and size == len(block.data)
        if broken_off:  # the reject of the missing rest starts at the last byte
            size -= 2 if block.data.endswith(b"\r\n") else 1
        if not size:
            if blocks.ended:
                break
            blocks.grow()
            continue
        blocks.consume(size)
        offset += size
        yield block, size
        if broken_off:
            break


def rows_path(rows: str) -> tuple[RowStep, ...]:
    """Return the steps of the path to the rows."""
    return () if rows == ROOT else parse_rows(rows)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Slice of a stream, and the records in it."""

    data: bytes
    start: Position
    begins: OffsetArray
    index: OffsetArray
    cells: Mapping[str, pa.BinaryArray]
    rejected: Sequence[tuple[int, str]]
    headers: Sequence[int]
    undecodable: Sequence[int]

    @classmethod
    def of(cls, block: Block, size: int, start: Position) -> _Stretch:
        """Make a stretch of the first `size` bytes of `block`, which starts at `start`."""
        begins, index = np.array(block.begins, np.int64), np.array(block.index, np.int64)
        cells, rejected = block.cells.columns(), block.rejected
        return cls(block.data[:size], start, begins, index, cells, rejected, block.headers, block.undecodable)

    def position(self, offset: int) -> Position:
        """Return the position at `offset` of the stream."""
        size = offset - self.start.offset
        rows = int(np.searchsorted(self.begins, size))
        return Position(offset, self.start.row + rows, self.start.line + count_lines(self.data[:size]))

    def chunks(self, span: Span) -> Iterator[RowChunk]:
        """Yield the chunks inside `span`, without the text before the first record of the stream."""
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
        headers = [i - first for i in self.headers if first <= i < last]
        return RowChunk(
            start,
            end,
            data,
            bounds,
            (self.index[low:high] - first).astype(np.int32),
            {name: column[low:high] for name, column in self.cells.items()},
            skipped={REPEATED_HEADER: np.array(headers, np.int32)} if headers else {},
            rejected=tuple((i - first, reason) for i, reason in self.rejected if first <= i < last),
            flags={"undecodable_bytes": undecodable} if undecodable else {},
        )
