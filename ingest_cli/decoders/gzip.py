"""gzip (RFC 1952), streamed: any number of members, zero padding behind the last."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from ingest_cli.decoders.methods import up_to_the_damage
from ingest_cli.decoders.reader import FEED_BYTES, PIECE_BYTES, in_pieces
from ingest_cli.errors import GET_AGAIN, GET_WHOLE, DamagedError
from ingest_cli.model.source_budget import Budget

_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS  # zlib's way of asking for a gzip header and a CRC check


def gunzip(stream: Iterable[bytes], budget: Budget) -> Iterator[bytes]:  # noqa: ARG001 - as of the others
    """Unpack `stream`.

    Raises:
        SourceError: where the stream is cut off, its CRC is wrong, or something else follows the last
            member. All that was unpacked before has been yielded.
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
