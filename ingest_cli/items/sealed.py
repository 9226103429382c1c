"""Format of the sealed attribute of an item, and opening it.

The content of each item is encrypted under a separate key, derived from the pepper, the identifier and the sort key,
with a synthetic initialization vector (Rogaway and Shrimpton, "Deterministic Authenticated-Encryption", 2006; here with
HMAC-SHA256 as the pseudo-random function). So the same content gives the same bytes, and only a reader with the pepper
and the identifier can open it. Uses the standard library only, since the lookup side opens seals without Arrow.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from ingest_cli.errors import BrokenSealError
from ingest_cli.model.data_classes import DATA_CLASSES

IV_BYTES = 16
"""Bytes of the synthetic initialization vector, which precedes the encrypted text and authenticates it."""

PADDED_BYTES = (32, 64, 96, 128)
"""Sizes to which a text is padded; a longer one to the next power of two."""

SEAL_CLASS = "seal:"
"""Prefix of a class of identifiers: name of the subkey that the keys of its items are derived from."""

_STREAM_BYTES = 32


@dataclass(frozen=True, slots=True)
class Content:
    """Content of a sealed attribute.

    Attributes:
        label: fine label of the identifier.
        classes: names of the data classes of the record, sorted.
        hints: class → masks of the other identifiers of the record.
    """

    label: str
    classes: tuple[str, ...]
    hints: Mapping[str, tuple[str, ...]]


def named(entries: list[int | str]) -> tuple[str, ...]:
    """Return the sorted names of data classes.

    Raises:
        ValueError: a number has no name here: a later version of the program wrote it.
    """
    names = set[str]()
    for entry in entries:
        if isinstance(entry, str):
            names.add(entry)
        elif 0 < entry <= len(DATA_CLASSES):
            names.add(DATA_CLASSES[entry - 1])
        else:
            raise ValueError(f"no data class has the number {entry}")
    return tuple(sorted(names))


def item_key(subkey: bytes, canonical: str, sk: str) -> bytes:
    """Derive the key of an item.

    Args:
        subkey: subkey of the pepper named `SEAL_CLASS` and the class of the identifier.
        canonical: identifier of the item.
        sk: sort key of the item.
    """
    return hmac.digest(subkey, canonical.encode() + b"\0" + sk.encode(), sha256)


def open_seal(key: bytes, sealed: bytes) -> Content:
    """Decrypt and verify the sealed attribute of an item, given the item's key.

    Raises:
        BrokenSealError: the attribute is not what a load under this pepper wrote for this identifier.
    """
    iv, encrypted = sealed[:IV_BYTES], sealed[IV_BYTES:]
    plaintext = _xor(encrypted, _stream(key, iv, len(encrypted)))
    if not hmac.compare_digest(_iv(key, plaintext), iv):
        raise BrokenSealError
    content = _parsed(plaintext)
    if content is None:
        raise BrokenSealError(newer=True)
    return content


def _parsed(plaintext: bytes) -> Content | None:
    """Return the content in `plaintext`; None if it has another form. Errors of the parser would hold the plaintext."""
    try:
        label, classes, hints = json.loads(plaintext)
        return Content(label, named(classes), {kind: tuple(masks) for kind, masks in hints.items()})
    except (ValueError, TypeError, AttributeError):
        return None


def seal(key: bytes, plaintext: bytes) -> bytes:
    """Encrypt the padded content of one item under its key."""
    iv = _iv(key, plaintext)
    return iv + _xor(plaintext, _stream(key, iv, len(plaintext)))


def _iv(key: bytes, plaintext: bytes) -> bytes:
    return hmac.digest(key, b"\0" + plaintext, sha256)[:IV_BYTES]


def _stream(key: bytes, iv: bytes, size: int) -> bytes:
    parts = range(-(-size // _STREAM_BYTES))
    return b"".join(hmac.digest(key, b"\1" + iv + part.to_bytes(4, "big"), sha256) for part in parts)[:size]


def _xor(text: bytes, stream: bytes) -> bytes:
    return (int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(text), "big")
