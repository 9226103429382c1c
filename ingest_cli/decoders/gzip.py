"""Unpack gzip streams (RFC 1952) of any number of members, with zero padding after the last."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from ingest_cli.decoders.methods import up_to_the_damage
from ingest_cli.decoders.reader import FEED_BYTES, PIECE_BYTES, in_pieces
from ingest_cli.errors import GET_AGAIN, GET_WHOLE, DamagedError
from ingest_cli.model.source_budget import Budget

_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS  # makes zlib expect a gzip header and check the CRC


def gunzip(stream: Iterable[bytes], budget: Budget) -> Iterator[bytes]:  # noqa: ARG001 - same signature as the others
    """Unpack `stream`.

    Raises:
        SourceError: the stream is truncated, its CRC is wrong, or other data follows the last member. Everything
            unpacked before has been yielded.
    """
    read = 0
    member: zlib._Decompress | None = None
    for piece in in_pieces(stream, FEED_BYTES):
        rest = piece
        while rest:
            if member is None:
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                member = zlib.decompressobj(_GZIP_WINDOW_BITS)
            before = member.copy()
            try:
                out = member.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                yield up_to_the_damage(before, rest)
                place = read + len(piece) - len(rest)
                raise DamagedError(
                    f"the gzip data is damaged near byte {place:,}; the rows before that were read",
                    GET_AGAIN,
                ) from error
            if out:
                yield out
            rest = member.unconsumed_tail
            if member.eof:
                rest, member = member.unused_data, None
        read += len(piece)
    if member is not None:
        while out := member.decompress(b"", PIECE_BYTES):
            yield out
        raise DamagedError(
            f"the gzip data is cut off after byte {read:,}; the rows before the cut were read",
            GET_WHOLE,
        )
