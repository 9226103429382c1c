"""From a source's bytes to UTF-8 text: packings by their magic number, then the character set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from ingest_cli.decoders.charset import to_utf8
from ingest_cli.decoders.gzip import gunzip

Unpacker = Callable[[Iterable[bytes]], Iterator[bytes]]

UNPACKERS: Mapping[bytes, Unpacker] = {
    b"\x1f\x8b\x08": gunzip,
}
"""Magic number at the start of a stream → what unpacks it."""

_MAGIC_BYTES = max(map(len, UNPACKERS))


def unpack(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Undo the packing of `stream`, if its first bytes are those of a known one.

    Raises:
        SourceError: while iterating, where the packing is cut off or damaged; whatever could be
            unpacked before that place has been yielded.
    """
    pieces = iter(stream)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _MAGIC_BYTES:
            break
    whole = chain([head], pieces) if head else iter(())
    for magic, unpacker in UNPACKERS.items():
        if head.startswith(magic):
            return unpacker(whole)
    return whole


def decode(stream: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The text of `stream`, unpacked, as UTF-8; `encoding` is used unless a byte order mark says otherwise."""
    return to_utf8(unpack(stream), encoding)
