"""Read a stream of pieces: bytewise, for structures such as archive headers, or as a whole if it is small."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from ingest_cli.decoders.charset import raising
from ingest_cli.errors import GET_AGAIN, GET_WHOLE, DamagedError, SourceError

PIECE_BYTES = 1 << 20
"""Maximum number of bytes per piece."""

FEED_BYTES = 1 << 16
"""Input size per decompressor call: decompressors copy what remains after each of their members."""

MAX_PACKED_FILE_BYTES = 64 << 20
"""Maximum unpacked size of a compressed file whose format needs random access: it is held in memory as a whole."""


def in_pieces(stream: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the bytes of `stream` in non-empty pieces of at most `size` bytes."""
    for piece in stream:
        for at in range(0, len(piece), size):
            yield piece[at : at + size]


def cut_off(kind: str, at: int) -> DamagedError:
    """Return the error for a stream of a format that ends early, after `at` bytes."""
    return DamagedError(f"the {kind} data is cut off after byte {at:,}; the rows before the cut were read", GET_WHOLE)


def small_pieces(pieces: Iterator[bytes], is_packed: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Split packed bytes into the pieces that a decompressor takes, so that a count of them follows decoding.

    Args:
        pieces: bytes of a source.
        is_packed: returns whether a source that begins with these bytes is packed.
    """
    for first in pieces:
        rest = chain([first], pieces)
        yield from in_pieces(rest, FEED_BYTES) if is_packed(first) else rest


def counted(pieces: Iterable[bytes], count: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the same pieces, and call `count` with the size of each."""
    for piece in pieces:
        count(len(piece))
        yield piece


def small_text(pieces: Iterator[bytes], most_bytes: int) -> tuple[bytes | None, Iterator[bytes]]:
    """Return the whole stream, or None if it exceeds `most_bytes`, and the same stream from its first byte."""
    seen, size = list[bytes](), 0
    try:
        while size <= most_bytes:
            if (piece := next(pieces, None)) is None:
                return b"".join(seen), iter(seen)
            seen.append(piece)
            size += len(piece)
    except SourceError as fault:
        return None, chain(seen, raising(fault))
    return None, chain(seen, pieces)


def in_memory(pieces: Iterable[bytes]) -> BinaryIO:
    """Read a compressed file whose format needs random access into memory.

    Raises:
        SourceError: the file is too large.
    """
    file = io.BytesIO()
    for piece in pieces:
        file.write(piece)
        if file.tell() > MAX_PACKED_FILE_BYTES:
            raise SourceError(
                f"a file of this format has to be read at any place, and packed ones of more than "
                f"{MAX_PACKED_FILE_BYTES >> 20} MiB are not; unpack it first"
            )
    file.seek(0)
    return file


def damaged(kind: str, at: int, what: str = "") -> DamagedError:
    """Return the error for inconsistent data of a format, found after `at` bytes."""
    place = f"near byte {at:,}: {what}" if what else f"near byte {at:,}"
    return DamagedError(f"the {kind} data is damaged {place}; the rows before that were read", GET_AGAIN)


class ByteReader:
    """Sequential reader of a stream's bytes.

    Args:
        kind: format of the stream in error messages.
    """

    def __init__(self, stream: Iterable[bytes], kind: str = "") -> None:
        self._kind = kind
        self._pieces = iter(stream)
        self._piece = b""
        self._at = 0
        self._read = 0

    @property
    def offset(self) -> int:
        """Return the number of bytes taken so far."""
        return self._read - len(self._piece) + self._at

    def some(self, limit: int = PIECE_BYTES) -> bytes:
        """Return the next bytes: at least one and at most `limit`; none at the end of the stream."""
        while self._at == len(self._piece):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._piece, self._at = piece, 0
            self._read += len(piece)
        data = self._piece[self._at : self._at + limit]
        self._at += len(data)
        return data

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end of the stream."""
        data = self.some(size) if size else b""
        if len(data) == size:
            return data
        parts = [data]
        missing = size - len(data)
        while missing and (data := self.some(missing)):
            parts.append(data)
            missing -= len(data)
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """Return what `take` would return, without taking it."""
        data = self.take(size)
        self.give_back(data)
        return data

    def give_back(self, data: bytes) -> None:
        """Push back `data`, which was taken last."""
        if self._at >= len(data):
            self._at -= len(data)
        else:  # it came from several pieces
            self._piece, self._at = data + self._piece[self._at :], 0

    def body(self, size: int) -> Iterator[bytes]:
        """Yield the next `size` bytes in pieces; fewer only at the end of the stream."""
        while size and (data := self.some(min(size, PIECE_BYTES))):
            size -= len(data)
            yield data

    def rest(self) -> Iterator[bytes]:
        """Yield everything up to the end of the stream."""
        while data := self.some():
            yield data

    def cut_off(self) -> DamagedError:
        """Return the error for a stream that ends here, too early."""
        return cut_off(self._kind, self.offset)

    def damaged(self, what: str) -> DamagedError:
        """Return the error for inconsistent data before this offset."""
        return damaged(self._kind, self.offset, what)
