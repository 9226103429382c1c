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

from ingest_cli.errors import SourceError
from ingest_cli.items.hashing import KERNEL, ByteMatrix, Hasher
from ingest_cli.items.hints import Own
from ingest_cli.items.sealed import IV_BYTES, PADDED_BYTES, SEAL_CLASS, seal
from ingest_cli.model.arrow_bytes import Bytes, Pool, lengths_of, text
from ingest_cli.model.chunks import OffsetArray
from ingest_cli.model.data_classes import DATA_CLASSES

MAX_REQUEST_BYTES = 2**31 - 1
"""Maximum size of the requests of a chunk together: Arrow's offsets have 32 bits."""

_NUMBERS = {name: number for number, name in enumerate(DATA_CLASSES, 1)}


def _kernel() -> Callable[[object, object, object, object, object, int, int, object], None] | None:
    """Return the compiled kernel; None if there is none, see `hashing`."""
    if KERNEL is None:
        return None
    from ingest_cli.items import _hmac_columns  # noqa: PLC0415 - optional

    return getattr(_hmac_columns, "seal", None)  # None: compiled from an earlier state of the source


_KERNEL = _kernel()


def padding_of(size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the number of spaces that pad texts of `size` bytes. Shape (n,)."""
    steps = np.array(PADDED_BYTES, np.int64)
    padded = steps[np.minimum(np.searchsorted(steps, size), len(steps) - 1)]
    longer = size > steps[-1]
    if longer.any():
        padded = np.where(longer, 1 << np.ceil(np.log2(np.maximum(size, 1))).astype(np.int64), padded)
    return padded - size


def numbered(names: tuple[str, ...]) -> list[int | str]:
    """Return the number of each data class, ascending, followed by the sorted names of those without one."""
    numbers = sorted(_NUMBERS[name] for name in names if name in _NUMBERS)
    return [*numbers, *sorted(name for name in names if name not in _NUMBERS)]


def item_keys(hasher: Hasher, owns: Sequence[Own], endings: pa.StringArray) -> ByteMatrix:
    """Derive the key of each item from its identifier and its sort key. Shape (n, 32).

    Args:
        hasher: derives keys.
        owns: identifiers of the items, by class.
        endings: length n: `00 sk` of each item.
    """
    pool = Pool()
    pieces = np.empty((len(endings), 2), np.int64)
    pieces[:, 0] = np.concatenate([np.arange(len(own.value)) + pool.add(own.value) for own in owns])
    pieces[:, 1] = np.arange(len(endings)) + pool.add(endings)
    messages = pool.joined(pieces.ravel(), np.arange(0, pieces.size + 1, 2))
    keys, begin = list[ByteMatrix](), 0
    for own in owns:
        keys.append(hasher.tags(SEAL_CLASS + own.kind, messages.slice(begin, len(own.value))))
        begin += len(own.value)
    return np.concatenate(keys)


def sealed_requests(
    keys: ByteMatrix, heads: ByteMatrix, tail: bytes, texts: pa.StringArray
) -> tuple[pa.StringArray, OffsetArray]:
    """Seal padded texts, each with a leading zero byte, and put the seals in base64 (RFC 4648 §4) into requests.

    Args:
        keys: shape (n, 32).
        heads: shape (n, width): part of each request before the seal.
        tail: part of each request behind it.
        texts: length n.

    Returns:
        The requests, length n; shape (n,): bytes of each seal before encoding.

    Raises:
        SourceError: they exceed `MAX_REQUEST_BYTES`.
    """
    size_bytes = lengths_of(texts) + (IV_BYTES - 1)
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum((size_bytes + 2) // 3 * 4 + (heads.shape[1] + len(tail)), out=offsets[1:])
    if offsets[-1] > MAX_REQUEST_BYTES:
        raise SourceError("the rows of one chunk give more than 2 GiB of items; lower `max_identifiers` in [rejects]")
    data = np.frombuffer(pa.allocate_buffer(int(offsets[-1])), np.uint8)
    (loop_seal if _KERNEL is None else _compiled_seal)(keys, heads, tail, texts, data)
    return text(offsets, data), size_bytes


def _compiled_seal(keys: ByteMatrix, heads: ByteMatrix, tail: bytes, texts: pa.StringArray, to: Bytes) -> None:
    """Write the requests of `sealed_requests` to `to` by the kernel."""
    assert _KERNEL is not None  # noqa: S101 - callers check it first
    _, offsets, data = texts.buffers()
    _KERNEL(keys, heads, tail, data, offsets, texts.offset, len(texts), to)


def loop_seal(keys: ByteMatrix, heads: ByteMatrix, tail: bytes, texts: pa.StringArray, to: Bytes) -> None:
    """Write the requests of `sealed_requests` to `to`, item by item."""
    plain = texts.cast(pa.binary()).to_pylist()
    requests = b"".join(
        head.tobytes() + base64.b64encode(seal(key.tobytes(), one[1:])) + tail
        for key, head, one in zip(keys, heads, plain, strict=True)
    )
    to[:] = np.frombuffer(requests, np.uint8)
