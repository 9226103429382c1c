"""Access the bytes of Arrow text columns from numpy.

An Arrow kernel has a fixed cost before the first cell, and a high one if it compiles a regular expression. numpy reads
the same bytes for a fraction of it, given their positions. These functions return the positions, and assemble texts
from pieces stored elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.model.chunks import IndexArray

Bytes = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.integer]


def bytes_of(cells: pa.StringArray | pa.BinaryArray) -> tuple[IndexArray, Bytes]:
    """Return the n + 1 offsets of n cells, shape (n + 1,), and their bytes, shape (m,)."""
    if not len(cells):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    _, offsets_buffer, data_buffer = cells.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    first = offsets[0]
    return (offsets - first if first else offsets), data[first : offsets[-1]]


def lengths_of(cells: pa.StringArray | pa.BinaryArray) -> npt.NDArray[np.int64]:
    """Return the lengths in bytes. Shape (n,)."""
    return np.diff(bytes_of(cells)[0]).astype(np.int64)


def text(offsets: Positions, data: Bytes, valid: BoolArray | None = None) -> pa.StringArray:
    """Build n cells from bytes without copying; the reverse of `bytes_of`.

    Args:
        offsets: shape (n + 1,).
        data: shape (m,), UTF-8.
        valid: shape (n,): which of the cells are not null; None: all of them.
    """
    buffers = pa.py_buffer(np.ascontiguousarray(offsets, np.int32)), pa.py_buffer(np.ascontiguousarray(data))
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.StringArray.from_buffers(len(offsets) - 1, *buffers, bitmap)


def text_of(matrix: Bytes) -> pa.StringArray:
    """Build a text from each row of `matrix`, shape (n, width)."""
    rows, width = matrix.shape
    return text(np.arange(rows + 1, dtype=np.int32) * np.int32(width), matrix)


def gathered(data: Bytes, starts: Positions, width: int) -> Bytes:
    """Return the `width` bytes of `data` at each of the `starts`. Shape (n, width)."""
    if not len(starts) or not width:
        return np.empty((len(starts), width), np.uint8)
    return _windows(np.ascontiguousarray(data), width)[starts].view(np.uint8).reshape(len(starts), width)


def prefixed(prefix: bytes, data: Bytes, starts: Positions, lengths: Positions) -> pa.StringArray:
    """Prepend `prefix` to each of n pieces of `data`; fast if few lengths are distinct."""
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(lengths + len(prefix), out=offsets[1:])
    laid = np.empty(offsets[-1], np.uint8)
    for length in np.flatnonzero(np.bincount(lengths)).tolist():
        rows = np.flatnonzero(lengths == length)
        matrix = np.empty((len(rows), len(prefix) + length), np.uint8)
        matrix[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
        matrix[:, len(prefix) :] = gathered(data, starts[rows], length)
        windows = _windows(laid, matrix.shape[1])
        windows[offsets[rows]] = matrix.view(windows.dtype).ravel()
    return text(offsets, laid)


def _windows(data: Bytes, width: int) -> npt.NDArray[np.void]:
    """Return every run of `width` bytes as one value. Shape (m - width + 1,); nothing is copied."""
    return np.ndarray((len(data) - width + 1,), f"V{width}", data, 0, (1,))


def count_before(mask: BoolArray, positions: Positions) -> npt.NDArray[np.int64]:
    """Count the set elements before each of the ascending `positions`; fastest on a sparse mask.

    Args:
        mask: shape (m,).
        positions: shape (n,), 0 to m.
    """
    return np.searchsorted(np.flatnonzero(mask), positions)


class Pool:
    """Concatenated columns of pieces."""

    def __init__(self) -> None:
        self._columns = list[pa.StringArray]()
        self._size = 0

    def add(self, column: pa.StringArray | Sequence[str]) -> int:
        """Add a column; return the position of its first text."""
        self._columns.append(column if isinstance(column, pa.Array) else pa.array(column, pa.string()))
        begin, self._size = self._size, self._size + len(column)
        return begin

    def joined(self, pieces: Positions, bounds: Positions) -> pa.StringArray:
        """Build n texts by concatenating adjacent pieces.

        Args:
            pieces: shape (m,): position of each piece.
            bounds: shape (n + 1,), ascending from 0 to m: first piece of each text.
        """
        offsets, data = bytes_of(pa.concat_arrays(self._columns).take(pa.array(pieces)))
        return text(offsets[bounds], data)


def encoded(values: pa.Array) -> tuple[IndexArray, pa.Array]:
    """Return the position of each of n values among the distinct ones, shape (n,), and those in order of appearance."""
    dictionary = values.dictionary_encode()
    return dictionary.indices.to_numpy(zero_copy_only=False), dictionary.dictionary


def compacted(codes: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the distinct codes, ascending, and the position of each of n codes among them, shape (n,).

    Args:
        codes: shape (n,), not negative, and small enough for a table of all possible codes.
    """
    seen = np.bincount(codes) > 0
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[codes]
