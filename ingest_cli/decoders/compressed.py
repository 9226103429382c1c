"""Unpack gzip (RFC 1952), bzip2, xz and zstd streams of any number of members, and report truncation.

The decompressors share the interface of Python's `bz2`. For zstd it is `backports.zstd`, the module that becomes
`compression.zstd` in Python 3.14: unlike the older bindings it distinguishes the end of a frame from the end of
the input.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator

from ingest_cli.decoders.interface import Decompressor
from ingest_cli.decoders.methods import DAMAGE, Inflate
from ingest_cli.decoders.reader import FEED_BYTES, PIECE_BYTES, cut_off, damaged, in_pieces
from ingest_cli.decoders.windows import XZ, ZSTD, Windowed
from ingest_cli.errors import SourceError
from ingest_cli.model.source_budget import Budget

_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS  # makes zlib expect a gzip header and check the CRC


def gunzip(stream: Iterable[bytes], budget: Budget) -> Iterator[bytes]:  # noqa: ARG001 - same signature as the others
    """Unpack gzip; see `_decompress`."""
    return _decompress(stream, lambda: Inflate(_GZIP_WINDOW_BITS), "gzip")


def bunzip2(stream: Iterable[bytes], budget: Budget) -> Iterator[bytes]:  # noqa: ARG001 - same signature as the others
    """Unpack bzip2; see `_decompress`."""
    return _decompress(stream, bz2.BZ2Decompressor, "bzip2")


def unxz(stream: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    """Unpack xz (and its forerunner, lzma); see `_decompress`."""
    return _decompress(stream, lambda: Windowed(XZ, budget), "xz")


def unzstd(stream: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    """Unpack zstd; see `_decompress`."""
    return _decompress(stream, lambda: Windowed(ZSTD, budget), "zstd")


def beyond_memory(error: Exception) -> SourceError | None:
    """Return the error for a decompressor's memory limit; None if `error` is about the data.

    A stream's memory needs are known from its first bytes; a later block of xz may need more.
    """
    if not (isinstance(error, lzma.LZMAError) and "Memory usage limit" in str(error)):  # liblzma has no code for it
        return None
    return SourceError(
        "the xz data is sound so far, but has a part that needs more memory to unpack than its first one; unpack it "
        'first, or pipe it: `xz -dc FILE | ingest-cli load …`, with "-" as the source'
    )


def _decompress(stream: Iterable[bytes], make: Callable[[], Decompressor], name: str) -> Iterator[bytes]:
    """Unpack `stream`.

    Raises:
        SourceError: the stream is truncated or damaged, or other data follows the last member. Everything
            unpacked before has been yielded.
    """
    read = 0
    member: Decompressor | None = None
    for piece in in_pieces(stream, FEED_BYTES):
        rest = piece
        while rest or (member is not None and not member.needs_input):
            if member is None:
                rest = rest.lstrip(b"\0")  # xz pads with zeros between streams, as do some tapes
                if not rest:
                    break
                member = make()
            try:
                out = member.decompress(rest, PIECE_BYTES)
            except DAMAGE as error:
                raise beyond_memory(error) or damaged(name, read) from error
            if out:
                yield out
            rest = b""
            if member.eof:
                rest, member = member.unused_data, None
        read += len(piece)
    if member is not None:
        raise cut_off(name, read)
