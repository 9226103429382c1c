"""Split text into lines, for formats with one record per line.

A line ends with LF, CRLF or a lone CR, as everywhere in this package. This module also decides which lines are blank
or too long, cuts cells out of a block without looking at each line in Python, and merges the rows that needed closer
inspection with the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES, Rows
from ingest_cli.model.chunks import CR, LF, IndexArray, OffsetArray, head_of, line_ends

_INK = np.ones(256, np.bool_)
_INK[list(b" \t\r\n")] = False


@dataclass(frozen=True, slots=True)
class Lines:
    """Complete lines at the start of a block.

    Attributes:
        data: bytes of the block.
        bounds: shape (lines + 1,): start of each line, and end of the last one.
        ends: shape (lines,): end of each line's text, before its line end.
        blank: shape (lines,): whether the line is empty, or spaces and tabs only.
        long: shape (lines,): whether the line exceeds the maximum length of a record.
    """

    data: bytes
    bounds: OffsetArray
    ends: OffsetArray
    blank: npt.NDArray[np.bool_]
    long: npt.NDArray[np.bool_]

    @property
    def filled(self) -> IndexArray:
        """Return the indices of the lines to parse."""
        return np.flatnonzero(~(self.blank | self.long)).astype(np.int32)

    def ascii(self) -> npt.NDArray[np.bool_]:
        """Return which lines are ASCII. Shape (lines,)."""
        if not len(self.ends) or self.data.isascii():
            return np.ones(len(self.ends), np.bool_)
        view = np.frombuffer(self.data, np.uint8)[: self.bounds[-1]]
        return ~np.logical_or.reduceat(view > 0x7F, self.bounds[:-1])  # noqa: PLR2004 - the last of ASCII

    def texts(self, index: IndexArray) -> list[bytes]:
        """Return the lines at `index`, without their line ends."""
        begins, ends = self.bounds[index].tolist(), self.ends[index].tolist()
        return [self.data[begin:end] for begin, end in zip(begins, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Found:
    """Rows found in some of the lines.

    Attributes:
        index: shape (rows,), ascending: index of each row's line.
        cells: column name → binary array of length rows.
        rejected: (line, reason) of each line that is no row.
        flags: name of an oddity → number of rows read despite it.
        loose: lines of the rows that fit their columns only by a repair rule of the manifest.
    """

    index: IndexArray
    cells: Mapping[str, pa.BinaryArray]
    rejected: Sequence[tuple[int, str]] = ()
    flags: Mapping[str, int] = field(default_factory=dict)
    loose: IndexArray = field(default_factory=lambda: np.empty(0, np.int32))


def split_lines(data: bytes, *, final: bool) -> Lines:
    """Return the complete lines in `data`, at most `MAX_CHUNK_ROWS`.

    Args:
        data: starts at the start of a line.
        final: whether this is the end of the input, so that the last line needs no line end.
    """
    whole, data = len(data), head_of(data, MAX_CHUNK_ROWS)
    final = final and len(data) == whole
    bounds = np.concatenate((np.zeros(1, np.int64), line_ends(data, final=final)))
    if final and bounds[-1] < len(data):
        bounds = np.append(bounds, len(data))
    bounds = bounds[: MAX_CHUNK_ROWS + 1]
    if len(bounds) == 1:
        none = np.empty(0, np.bool_)
        return Lines(data, bounds, np.empty(0, np.int64), none, none)
    view = np.frombuffer(data, np.uint8)
    ends = bounds[1:] - (view[bounds[1:] - 1] == LF)
    ends -= (ends > bounds[:-1]) & (view[ends - 1] == CR)
    blank = ~np.logical_or.reduceat(_INK[view[: bounds[-1]]], bounds[:-1])
    long = np.diff(bounds) > MAX_RECORD_BYTES
    return Lines(data, bounds, ends, blank & ~long, long)


def slices(data: bytes, begins: OffsetArray, ends: OffsetArray) -> pa.BinaryArray:
    """Return the slices of `data` from `begins` to `ends`, in order and without overlap, as a column."""
    if not len(begins):
        return pa.array([], pa.binary())
    offsets = np.empty(2 * len(begins), np.int32)
    offsets[0::2], offsets[1::2] = begins, ends
    # Every second offset pair is a cell, the others are the gaps.
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    both = pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
    return both.take(pa.array(np.arange(0, len(offsets) - 1, 2)))


def to_rows(lines: Lines, *found: Found) -> Rows:
    """Merge the rows `found` in different lines by different methods."""
    index = np.concatenate([each.index for each in found]).astype(np.int32)
    cells = {name: pa.concat_arrays([each.cells[name] for each in found]) for name in found[0].cells}
    if (np.diff(index) < 0).any():
        order = np.argsort(index, kind="stable")
        index = index[order]
        cells = {name: column.take(pa.array(order)) for name, column in cells.items()}
    rejected = [(int(i), "record_too_long") for i in np.flatnonzero(lines.long)]
    flags: dict[str, int] = {}
    for each in found:
        rejected += each.rejected
        for name, count in each.flags.items():
            flags[name] = flags.get(name, 0) + count
    skipped = {"blank": np.flatnonzero(lines.blank).astype(np.int32)}
    loose = np.sort(np.concatenate([each.loose for each in found])).astype(np.int32)
    return Rows(lines.bounds, index, cells, skipped, tuple(sorted(rejected)), flags, loose)
