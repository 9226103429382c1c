"""Find the starts of rows in a Parquet page of a column inside lists.

Each value has a repetition level, and a value of level 0 starts a row ("Nested Encoding" of apache/parquet-format). The
levels are encoded as the "RLE / bit-packing hybrid" of its `Encodings.md`: runs of one level, and groups of eight
levels of a few bits each, lowest bit first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest_cli.formats.arrow.reading import BrokenFileError

Places = npt.NDArray[np.int32]

_LAST_BITS = 0x7F
_MORE = 0x80
_LONGEST_VARINT_BITS = 35


def row_starts(levels: bytes, bits: int, count: int) -> Places:
    """Return the indices of the values that start a row. Shape (rows,).

    Args:
        levels: encoded levels of a page.
        bits: bits per level.
        count: number of values of the page.

    Raises:
        BrokenFileError: there are fewer levels.
    """
    parts = [np.empty(0, np.int32)]
    at = done = 0
    while done < count:
        head, at = _varint(levels, at)
        size = head >> 1
        if head & 1:
            packed = np.frombuffer(levels[at : at + size * bits], np.uint8)
            at += size * bits
            size *= 8
            if len(packed) * 8 < min(size, count - done) * bits:
                raise BrokenFileError
            each = np.unpackbits(packed, bitorder="little")
            each = each[: len(each) // bits * bits].reshape(-1, bits)[: count - done]
            parts.append((np.flatnonzero(~each.any(axis=1)) + done).astype(np.int32))
        else:
            width = -(-bits // 8)
            value = levels[at : at + width]
            at += width
            if len(value) < width or not size:
                raise BrokenFileError
            if not any(value):
                parts.append(np.arange(done, min(done + size, count), dtype=np.int32))
        done += size
    return np.concatenate(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return (number, end)."""
    value = shift = 0
    while shift < _LONGEST_VARINT_BITS and at < len(data):
        value |= (data[at] & _LAST_BITS) << shift
        shift += 7
        at += 1
        if data[at - 1] < _MORE:
            return value, at
    raise BrokenFileError
