"""From a source's bytes to UTF-8 text: packings by their magic number, then the character set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from ingest_cli.decoders.charset import to_utf8
from ingest_cli.decoders.compressed import bunzip2, unxz, unzstd
from ingest_cli.decoders.gzip import gunzip
from ingest_cli.errors import SourceError

Unpacker = Callable[[Iterable[bytes]], Iterator[bytes]]

UNPACKERS: Mapping[bytes, Unpacker] = {
    b"\x1f\x8b\x08": gunzip,
    b"BZh": bunzip2,
    b"\xfd7zXZ\x00": unxz,
    b"\x5d\x00\x00": unxz,  # .lzma has no magic number of its own: this is its usual first setting
    b"\x28\xb5\x2f\xfd": unzstd,
}
"""Magic number at the start of a stream → what unpacks it."""

MAX_DEPTH = 4
"""Packings within packings. People nest two; more than this is made to be unpacked for ever."""

_MAGIC_BYTES = max(map(len, UNPACKERS))


def unpack(stream: Iterable[bytes], depth: int = 0) -> Iterator[bytes]:
    """Undo the packing of `stream`, if its first bytes are those of a known one, and those within it.

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
            if depth == MAX_DEPTH:
                raise SourceError(f"there are more than {MAX_DEPTH} packings within each other; unpack it first")
            return unpack(unpacker(whole), depth + 1)
    return whole


def decode(stream: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The text of `stream`, unpacked, as UTF-8; `encoding` is used unless a byte order mark says otherwise."""
    return to_utf8(unpack(stream), encoding)
