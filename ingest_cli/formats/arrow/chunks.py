"""Cut Arrow rows into chunks by the size of their cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.formats.arrow import cells
from ingest_cli.formats.arrow.columns import Column
from ingest_cli.formats.interface import MAX_CHUNK_ROWS, ChunkBytes
from ingest_cli.formats.json_values import TOO_LONG
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES
from ingest_cli.model.chunks import IndexArray, Position, TableChunk, is_utf8


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows as text.

    Attributes:
        count: number of rows.
        index: shape (rows with cells,), ascending.
        cells: column name → binary array of that length.
        rejected: (row, reason) of rejected rows.
        skipped: reason → skipped rows.
    """

    count: int
    index: IndexArray
    cells: Mapping[str, pa.BinaryArray]
    rejected: Sequence[tuple[int, str]] = ()
    skipped: Mapping[str, IndexArray] | None = None


def measured(columns: Sequence[Column], batch: pa.RecordBatch) -> tuple[list[pa.Array], cells.Sizes]:
    """Return (array of each column, approximate bytes of text of each row).

    Raises:
        TooManyValuesError: the lists have more than `cells.MAX_VALUES` values.
    """
    arrays = [column.reach(batch) for column in columns]
    size = np.zeros(batch.num_rows, np.int64)
    for array in arrays:
        size += cells.sizes(array)
    return arrays, size


class Chunks:
    """Chunks of rows that arrive in portions; the ends of the chunks do not depend on the portions.

    Attributes:
        row: first row of the current chunk.
        rows_left, bytes_left: room in the current chunk.
    """

    def __init__(self, columns: Sequence[str], chunk_bytes: ChunkBytes, row: int) -> None:
        self._columns = tuple(columns)
        self._chunk_bytes = chunk_bytes
        self.row = row
        self._pieces = list[Piece]()
        self._size_bytes = 0
        self._start_chunk()

    def add(self, columns: Sequence[Column], arrays: Sequence[pa.Array], size: cells.Sizes) -> Iterator[TableChunk]:
        """Add all rows of `measured`, as many at a time as fit in a chunk; yield the full chunks."""
        long = size > MAX_RECORD_BYTES
        self._size_bytes += int(size[long].sum())  # rejected, but read
        ends = np.cumsum(np.where(long, 0, size))
        first = 0
        while first < len(size):
            before = int(ends[first - 1]) if first else 0
            after = int(np.searchsorted(ends, before + self.bytes_left)) + 1
            after = min(after, first + self.rows_left, len(size))
            keep = np.flatnonzero(~long[first:after]).astype(np.int32)
            parts = [array[first:after] for array in arrays]
            if len(keep) < after - first:
                parts = [part.take(pa.array(keep)) for part in parts]
            texts = {c.name: cells.cells(c, part) for c, part in zip(columns, parts, strict=True)}
            rejected = [(int(at), TOO_LONG) for at in np.flatnonzero(long[first:after])]
            yield from self.take(Piece(after - first, keep, texts, rejected), int(ends[after - 1]) - before)
            first = after

    def take(self, piece: Piece, size_bytes: int) -> Iterator[TableChunk]:
        """Add rows, at most `rows_left`; yield the chunk if it is full."""
        self._pieces.append(piece)
        self.rows_left -= piece.count
        self.bytes_left -= size_bytes
        self._size_bytes += size_bytes + piece.count * len(self._columns)
        if self.rows_left <= 0 or self.bytes_left <= 0:
            yield from self.flush()

    def take_size(self) -> int:
        """Return the bytes of cells added since the last call; an empty cell counts as one, like its separator."""
        size, self._size_bytes = self._size_bytes, 0
        return size

    def flush(self) -> Iterator[TableChunk]:
        """Yield the current chunk if it has rows."""
        if self._pieces:
            chunk = join(self._pieces, self._columns, self.row)
            self._pieces.clear()
            self.row = chunk.end.row
            self._start_chunk()
            yield chunk

    def _start_chunk(self) -> None:
        self.rows_left = MAX_CHUNK_ROWS
        self.bytes_left = self._chunk_bytes()


def join(pieces: Sequence[Piece], columns: Sequence[str], row: int) -> TableChunk:
    """Return the chunk of some pieces, the first of which starts at `row`."""
    index, rejected = list[IndexArray](), list[tuple[int, str]]()
    skipped: dict[str, list[IndexArray]] = {}
    count = 0
    for piece in pieces:
        index.append(piece.index + np.int32(count))
        rejected += [(count + at, reason) for at, reason in piece.rejected]
        for reason, places in (piece.skipped or {}).items():
            skipped.setdefault(reason, []).append(places + np.int32(count))
        count += piece.count
    arrays = {name: _concat([piece.cells[name] for piece in pieces]) for name in columns}
    undecodable = _count_undecodable(list(arrays.values()))
    return TableChunk(
        start=Position(row, row, row),
        end=Position(row + count, row + count, row + count),
        data=b"",
        bounds=np.zeros(count + 1, np.int64),
        index=np.concatenate(index),
        cells=arrays,
        skipped={reason: found for reason, parts in skipped.items() if len(found := np.concatenate(parts))},
        rejected=tuple(rejected),
        flags={"undecodable_bytes": undecodable} if undecodable else {},
    )


def _concat(parts: Sequence[pa.BinaryArray]) -> pa.BinaryArray:
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _count_undecodable(columns: Sequence[pa.BinaryArray]) -> int:
    bad = set[int]()
    for column in columns:
        try:
            column.cast(pa.string())
        except pa.ArrowInvalid:
            ascii_only = pc.string_is_ascii(column.view(pa.string())).to_numpy(zero_copy_only=False)
            bad.update(int(at) for at in np.flatnonzero(~ascii_only) if not is_utf8(column[int(at)].as_py()))
    return len(bad)
