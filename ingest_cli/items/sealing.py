"""Seal the contents of all items of a chunk, column by column.

The compiled kernel derives the stream of each item and applies it; without a compiler, `sealed.seal` does the same item
by item. Must not depend on the layout of the requests that carry the seals.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.items.hashing import KERNEL, ByteMatrix, Hasher
from ingest_cli.items.hints import Own
from ingest_cli.items.sealed import IV_BYTES, KEY_BYTES, PADDED_BYTES, seal, seal_class
from ingest_cli.model.arrow_bytes import Pool, bytes_of, gathered, text_of
from ingest_cli.model.chunks import OffsetArray

SealColumn = Callable[[bytes, pa.StringArray], bytes]
"""Function that returns the seals of a column, concatenated, given the keys, concatenated.

Each text of the column begins with a zero byte, which is part of the authenticated message and is not encrypted."""

_BASE64_PADDING = np.frombuffer(b"=", np.uint8)[0]


def _kernel() -> Callable[[object, object, object, int, int], bytes] | None:
    """Return the compiled kernel; None if there is none, see `hashing`."""
    if KERNEL is None:
        return None
    from ingest_cli.items import _hmac_columns  # noqa: PLC0415 - optional

    return _hmac_columns.seal


_KERNEL = _kernel()


def padding_of(size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the number of spaces that pad texts of `size` bytes. Shape (n,)."""
    steps = np.array(PADDED_BYTES, np.int64)
    padded = steps[np.minimum(np.searchsorted(steps, size), len(steps) - 1)]
    longer = size > steps[-1]
    if longer.any():
        padded = np.where(longer, 1 << np.ceil(np.log2(np.maximum(size, 1))).astype(np.int64), padded)
    return padded - size


def item_keys(hasher: Hasher, owns: Sequence[Own], sk: pa.StringArray) -> ByteMatrix:
    """Derive the key of each item from its identifier and its sort key. Shape (n, 32).

    Args:
        hasher: derives keys.
        owns: identifiers of the items, by class.
        sk: length n: sort keys.
    """
    pool = Pool()
    separator = pool.add(["\0"])
    pieces = np.empty((len(sk), 3), np.int64)
    pieces[:, 0] = np.concatenate([np.arange(len(own.value)) + pool.add(own.value) for own in owns])
    pieces[:, 1] = separator
    pieces[:, 2] = np.arange(len(sk)) + pool.add(sk)
    messages = pool.joined(pieces.ravel(), np.arange(0, pieces.size + 1, 3))
    keys, begin = list[ByteMatrix](), 0
    for own in owns:
        keys.append(hasher.tags(seal_class(own.kind), messages.slice(begin, len(own.value))))
        begin += len(own.value)
    return np.concatenate(keys)


def sealed_base64(keys: ByteMatrix, texts: pa.StringArray) -> tuple[pa.StringArray, npt.NDArray[np.int64], OffsetArray]:
    """Seal padded texts, each with a leading zero byte, and encode the seals in base64 (RFC 4648 §4).

    Args:
        keys: shape (n, 32).
        texts: length n.

    Returns:
        The encoded seals in any order; shape (n,): position of each item's seal among them; shape (n,): bytes of each
        seal before encoding.
    """
    offsets, _ = bytes_of(texts)
    data = np.frombuffer((loop_seal if _KERNEL is None else _compiled_seal)(keys.tobytes(), texts), np.uint8)
    size_bytes = np.diff(offsets).astype(np.int64) + (IV_BYTES - 1)
    starts = np.cumsum(size_bytes) - size_bytes
    encoded, position, count = list[pa.StringArray](), np.empty(len(texts), np.int64), 0
    for size in np.unique(size_bytes).tolist():
        rows = np.flatnonzero(size_bytes == size)
        encoded.append(text_of(_base64(gathered(data, starts[rows], size))))
        position[rows] = np.arange(count, count + len(rows))
        count += len(rows)
    return pa.concat_arrays(encoded), position, size_bytes


def _compiled_seal(keys: bytes, texts: pa.StringArray) -> bytes:
    """Seal a column by the kernel; see `SealColumn`."""
    assert _KERNEL is not None  # noqa: S101 - callers check it first
    _, offsets, data = texts.buffers()
    return _KERNEL(keys, data, offsets, texts.offset, len(texts))


def loop_seal(keys: bytes, texts: pa.StringArray) -> bytes:
    """Seal a column item by item; see `SealColumn`."""
    places = range(0, len(keys), KEY_BYTES)
    plain = texts.cast(pa.binary()).to_pylist()
    return b"".join(seal(keys[at : at + KEY_BYTES], text[1:]) for at, text in zip(places, plain, strict=True))


def _base64(rows: ByteMatrix) -> ByteMatrix:
    """Encode each row. All rows are encoded in one call, filled up to whole groups of three bytes."""
    count, width = rows.shape
    surplus = -width % 3
    filled = np.zeros((count, width + surplus), np.uint8)
    filled[:, :width] = rows
    text = np.frombuffer(base64.b64encode(filled.tobytes()), np.uint8).reshape(count, (width + surplus) // 3 * 4)
    if surplus:
        text = text.copy()
        text[:, -surplus:] = _BASE64_PADDING
    return text
