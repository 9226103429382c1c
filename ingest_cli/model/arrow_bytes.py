"""The bytes of Arrow's columns of text, as numpy has them.

A kernel of Arrow's has its price before it looks at the first cell, and a high one where it compiles a regular
expression. numpy looks at the same bytes for a fraction of it, as long as it can be told where to look. What is here
says where, and puts texts together from pieces that lie somewhere else.
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
    """Give where each of n cells starts and the last one ends, shape (n + 1,), in their bytes, shape (m,)."""
    if not len(cells):
        return np.zeros(1, np.int32), np.empty(0, np.uint8)
    _, offsets_buffer, data_buffer = cells.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[cells.offset : cells.offset + len(cells) + 1]
    data = np.frombuffer(data_buffer or b"", np.uint8)
    first = offsets[0]
    return (offsets - first if first else offsets), data[first : offsets[-1]]


def lengths_of(cells: pa.StringArray | pa.BinaryArray) -> npt.NDArray[np.int64]:
    """Lengths in bytes. Shape (n,)."""
    return np.diff(bytes_of(cells)[0]).astype(np.int64)


def text(offsets: Positions, data: Bytes, valid: BoolArray | None = None) -> pa.StringArray:
    """Make n cells of their bytes: the reverse of `bytes_of`; neither is copied.

    Args:
        offsets: shape (n + 1,).
        data: shape (m,), UTF-8.
        valid: shape (n,): which of the cells are not null; None: all of them.
    """
    buffers = pa.py_buffer(np.ascontiguousarray(offsets, np.int32)), pa.py_buffer(np.ascontiguousarray(data))
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.StringArray.from_buffers(len(offsets) - 1, *buffers, bitmap)


def text_of(matrix: Bytes) -> pa.StringArray:
    """Make a text of each row of `matrix`, shape (n, width)."""
    rows, width = matrix.shape
    return text(np.arange(rows + 1, dtype=np.int32) * np.int32(width), matrix)


def gathered(data: Bytes, starts: Positions, width: int) -> Bytes:
    """Give `width` bytes of `data` from each of the `starts` on. Shape (n, width)."""
    if not len(starts) or not width:
        return np.empty((len(starts), width), np.uint8)
    return _windows(np.ascontiguousarray(data), width)[starts].view(np.uint8).reshape(len(starts), width)


def prefixed(prefix: bytes, data: Bytes, starts: Positions, lengths: Positions) -> pa.StringArray:
    """Put `prefix` before each of n pieces of `data`, of which few lengths are distinct."""
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
    """Every stretch of `width` bytes as one value. Shape (m - width + 1,); nothing is copied."""
    return np.ndarray((len(data) - width + 1,), f"V{width}", data, 0, (1,))


def count_before(mask: BoolArray, positions: Positions) -> npt.NDArray[np.int64]:
    """Count what is set before each of the ascending `positions`; cheapest where little is set.

    Args:
        mask: shape (m,).
        positions: shape (n,), 0 to m.
    """
    return np.searchsorted(np.flatnonzero(mask), positions)


class Pool:
    """Columns of pieces, laid end to end."""

    def __init__(self) -> None:
        self._columns = list[pa.StringArray]()
        self._size = 0

    def add(self, column: pa.StringArray | Sequence[str]) -> int:
        """Add a column; gives the position of its first text."""
        self._columns.append(column if isinstance(column, pa.Array) else pa.array(column, pa.string()))
        begin, self._size = self._size, self._size + len(column)
        return begin

    def joined(self, pieces: Positions, bounds: Positions) -> pa.StringArray:
        """Put n texts together from pieces that follow each other.

        Args:
            pieces: shape (m,): position of each.
            bounds: shape (n + 1,), ascending from 0 to m: where the pieces of each text begin.
        """
        offsets, data = bytes_of(pa.concat_arrays(self._columns).take(pa.array(pieces)))
        return text(offsets[bounds], data)


def encoded(values: pa.Array) -> tuple[IndexArray, pa.Array]:
    """Give the position of each of n values among the distinct ones, shape (n,), and those in order of appearance."""
    dictionary = values.dictionary_encode()
    return dictionary.indices.to_numpy(zero_copy_only=False), dictionary.dictionary


def compacted(codes: npt.NDArray[np.integer]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the distinct codes, ascending, and the place of each of n codes among them, shape (n,).

    Args:
        codes: shape (n,), not negative, and so small that there may be a table of all that are possible.
    """
    seen = np.bincount(codes) > 0
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[codes]
