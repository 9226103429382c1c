"""Keyed hashes of identifiers and records.

HMAC-SHA256 (RFC 2104) with one subkey per class. A compiled kernel (`_hmac_columns.c`) computes the tags of a column
from Arrow's memory, several values at a time. If it could not be compiled, a loop over OpenSSL's states replaces it;
the kernel is tested against this loop. The tags of a column are base64-encoded in one call.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.model.keys import Pepper

TAG_BYTES = 32
TAG_CHARACTERS = 43
RECORD_TAG_BYTES = 12
RECORD_TAG_CHARACTERS = 16

ByteMatrix = npt.NDArray[np.uint8]

_BLOCK_BYTES = 64  # of SHA-256
_BLOCK_VALUES = 1024  # fits the inner caches: a tenth less time than a large chunk at once
_RECORD_CLASS = "record"


class Hasher:
    """Converter of canonical values to tags, under one pepper."""

    def __init__(self, pepper: Pepper) -> None:
        self.kid = pepper.kid
        self._mac = cache(lambda kind: (looped_hmac if KERNEL is None else compiled_hmac)(pepper.subkey(kind)))

    def tags(self, kind: str, values: pa.StringArray) -> ByteMatrix:
        """Return the tag of each of `values` in the namespace `kind`. Shape (n, 32)."""
        return self._digest(kind, values)

    def record_tags(self, messages: pa.StringArray) -> ByteMatrix:
        """Return the record tag of each message, i.e. of an identifier and its record. Shape (n, 12)."""
        return np.ascontiguousarray(self._digest(_RECORD_CLASS, messages)[:, :RECORD_TAG_BYTES])

    def _digest(self, kind: str, values: pa.StringArray) -> ByteMatrix:
        messages = values.cast(pa.binary())
        return np.frombuffer(self._mac(kind)(messages), np.uint8).reshape(len(messages), TAG_BYTES)


def base64url(tags: ByteMatrix) -> pa.StringArray:
    """Encode each row of `tags` in unpadded base64url (RFC 4648 §5). Length n.

    All rows are encoded in one call: padded with zeros to a multiple of three bytes, each yields a whole number of
    characters, of which the last ones encode only the padding.
    """
    rows, width = tags.shape
    characters = (width * 8 + 5) // 6
    filled = np.zeros((rows, -(-width // 3) * 3), np.uint8)
    filled[:, :width] = tags
    text = np.frombuffer(base64.urlsafe_b64encode(filled.tobytes()), np.uint8).reshape(rows, filled.shape[1] // 3 * 4)
    data = pa.py_buffer(np.ascontiguousarray(text[:, :characters]).tobytes())
    offsets = pa.py_buffer(np.arange(0, (rows + 1) * characters, characters, dtype=np.int32).tobytes())
    return pa.StringArray.from_buffers(rows, offsets, data)


ColumnHmac = Callable[[pa.BinaryArray], bytes]
"""Function that returns the HMACs (SHA-256) of a column without nulls, concatenated."""


def _kernel() -> Callable[[object, object, object, int, int], bytes] | None:
    """Return the compiled kernel; None if there was no compiler when the program was installed."""
    try:
        from ingest_cli.items._hmac_columns import hmac_sha256  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return hmac_sha256


KERNEL = _kernel()


def _refuse_nulls(messages: pa.BinaryArray) -> None:
    if messages.null_count:
        raise ValueError("a column to be hashed has no nulls")


def compiled_hmac(key: bytes) -> ColumnHmac:
    """Return the kernel under `key`, of at most one block."""
    assert KERNEL is not None  # noqa: S101 - callers check it first
    kernel = KERNEL

    def digest_all(messages: pa.BinaryArray) -> bytes:
        _refuse_nulls(messages)
        if not len(messages):
            return b""
        _, offsets, data = messages.buffers()
        return kernel(key, b"" if data is None else data, offsets, messages.offset, len(messages))

    return digest_all


def looped_hmac(key: bytes) -> ColumnHmac:
    """Return the loop under `key`, of at most one block.

    The two key blocks are hashed once; each value then costs two copies of a finished state instead of four blocks.
    """
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest_some(messages: list[bytes]) -> bytes:
        copy_inner, copy_outer = inner.copy, outer.copy
        digests = []
        for message in messages:
            first = copy_inner()
            first.update(message)
            second = copy_outer()
            second.update(first.digest())
            digests.append(second.digest())
        return b"".join(digests)

    def digest_all(messages: pa.BinaryArray) -> bytes:
        _refuse_nulls(messages)
        starts = range(0, len(messages), _BLOCK_VALUES)
        return b"".join([digest_some(messages.slice(start, _BLOCK_VALUES).to_pylist()) for start in starts])

    return digest_all
