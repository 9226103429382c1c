"""gzip (RFC 1952), streamed: any number of members, zero padding behind the last."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from ingest_cli.errors import SourceError

PIECE_BYTES = 1 << 20
"""The most that is unpacked at a time, however well it was packed."""

_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS  # zlib's way of asking for a gzip header and a CRC check


def gunzip(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack `stream`.

    Raises:
        SourceError: where the stream is cut off, its CRC is wrong, or something else follows the last
            member. All that was unpacked before has been yielded.
    """
    read = 0
    member: zlib._Decompress | None = None
    for piece in stream:
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
                yield _up_to_the_damage(before, rest)
                place = read + len(piece) - len(rest)
                raise SourceError(
                    f"the gzip data is damaged near byte {place:,}; the rows before that were read. "
                    "Get the file again, and run the same command"
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
        raise SourceError(
            f"the gzip data is cut off after byte {read:,}; the rows before the cut were read. "
            "Get the whole file, and run the same command"
        )


def _up_to_the_damage(member: zlib._Decompress, data: bytes) -> bytes:
    """What a step that failed had unpacked, and zlib kept for itself: `data` once more, byte by byte."""
    out = bytearray()
    try:
        for at in range(len(data)):
            out += member.decompress(data[at : at + 1])
    except zlib.error:
        return bytes(out)
    raise AssertionError("the same bytes failed before")
