"""Reading a stream of pieces by the byte, for what has a structure: the headers of archives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

PIECE_BYTES = 1 << 20
"""The most that is handed on at a time."""

FEED_BYTES = 1 << 16
"""What a decompressor is given at a time: it copies what is left at the end of each of its members."""


def in_pieces(stream: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The bytes of `stream` in pieces of at most `size`, none of them empty."""
    for piece in stream:
        for at in range(0, len(piece), size):
            yield piece[at : at + size]


class Reader:
    """The bytes of a stream, from the first to the last."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._pieces = iter(stream)
        self._piece = b""
        self._at = 0
        self._read = 0

    @property
    def offset(self) -> int:
        """Bytes taken so far."""
        return self._read - len(self._piece) + self._at

    def some(self, limit: int = PIECE_BYTES) -> bytes:
        """The next bytes: at least one and at most `limit`; none at the end of the stream."""
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
        """The next `size` bytes; fewer only at the end of the stream."""
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
        """What `take` would return."""
        data = self.take(size)
        self.give_back(data)
        return data

    def give_back(self, data: bytes) -> None:
        """Undo the taking of `data`, which was taken last."""
        if self._at >= len(data):
            self._at -= len(data)
        else:  # it came from several pieces
            self._piece, self._at = data + self._piece[self._at :], 0

    def body(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes in pieces; fewer only at the end of the stream."""
        while size and (data := self.some(min(size, PIECE_BYTES))):
            size -= len(data)
            yield data

    def rest(self) -> Iterator[bytes]:
        """Everything up to the end of the stream."""
        while data := self.some():
            yield data
