"""Keyed hashes of identifiers and records.

HMAC-SHA256 (RFC 2104) with one subkey per class. Its two key blocks are hashed once; each value then
costs two copies of a finished state instead of four blocks of key schedule. The tags of a column come
out as one contiguous array, and are put into base64 in one call.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.keys import Pepper

TAG_BYTES = 32
TAG_CHARACTERS = 43
RECORD_TAG_BYTES = 12
RECORD_TAG_CHARACTERS = 16

ByteMatrix = npt.NDArray[np.uint8]

_BLOCK_BYTES = 64  # of SHA-256
_BLOCK_VALUES = 1024  # as many as the nearer caches hold: a tenth less than all of a large chunk together
_RECORD_CLASS = "record"


class Hasher:
    """Turns canonical values into tags, under one pepper."""

    def __init__(self, pepper: Pepper) -> None:
        self.kid = pepper.kid
        self._mac = cache(lambda kind: _hmac(pepper.subkey(kind)))

    def tags(self, kind: str, values: pa.StringArray) -> ByteMatrix:
        """The tag of each of `values` in the namespace `kind`. Shape (n, 32)."""
        return self._digest(kind, values)

    def record_tags(self, messages: pa.StringArray) -> ByteMatrix:
        """The record tag of each message, i.e. of one identifier and the record it stands in. Shape (n, 12)."""
        return np.ascontiguousarray(self._digest(_RECORD_CLASS, messages)[:, :RECORD_TAG_BYTES])

    def _digest(self, kind: str, values: pa.StringArray) -> ByteMatrix:
        mac, messages = self._mac(kind), values.cast(pa.binary())
        blocks = [mac(messages.slice(at, _BLOCK_VALUES).to_pylist()) for at in range(0, len(messages), _BLOCK_VALUES)]
        return np.frombuffer(b"".join(blocks), np.uint8).reshape(len(messages), TAG_BYTES)


def base64url(tags: ByteMatrix) -> pa.StringArray:
    """Unpadded base64url (RFC 4648 §5) of each row of `tags`. Length n.

    All rows are encoded in one call: filled up with zeros to a multiple of three bytes, each gives a
    whole number of characters, of which the last ones stand for the filling only.
    """
    rows, width = tags.shape
    characters = (width * 8 + 5) // 6
    filled = np.zeros((rows, -(-width // 3) * 3), np.uint8)
    filled[:, :width] = tags
    text = np.frombuffer(base64.urlsafe_b64encode(filled.tobytes()), np.uint8).reshape(rows, filled.shape[1] // 3 * 4)
    data = pa.py_buffer(np.ascontiguousarray(text[:, :characters]).tobytes())
    offsets = pa.py_buffer(np.arange(0, (rows + 1) * characters, characters, dtype=np.int32).tobytes())
    return pa.StringArray.from_buffers(rows, offsets, data)


def _hmac(key: bytes) -> Callable[[list[bytes]], bytes]:
    """A function from messages to their HMACs (SHA-256), end to end, under `key`, of at most one block."""
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest_all(messages: list[bytes]) -> bytes:
        copy_inner, copy_outer = inner.copy, outer.copy
        digests = []
        for message in messages:
            first = copy_inner()
            first.update(message)
            second = copy_outer()
            second.update(first.digest())
            digests.append(second.digest())
        return b"".join(digests)

    return digest_all
