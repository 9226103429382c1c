"""The ways in which a member of a zip archive can be packed, behind one interface: that of Python's `bz2`."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from importlib import import_module

from backports import zstd

from ingest_cli.decoders.interface import Decompressor
from ingest_cli.decoders.windows import XZ, ZSTD, Windowed
from ingest_cli.errors import SourceError
from ingest_cli.model.source_budget import Budget

DEFLATE64 = 9

DAMAGE: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstd.ZstdError)
"""What the libraries raise where the data is damaged."""


class Inflate:
    """Deflate (RFC 1951) without a header. What a step had unpacked before a damage is not lost."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
        self._tail = b""
        self._full = False
        self._damage: zlib.error | None = None

    @property
    def eof(self) -> bool:
        """Whether the end was reached."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more going in."""
        return not self._tail and not self._full and self._damage is None

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack at most `max_length` bytes.

        Raises:
            zlib.error: the data is damaged here.
        """
        if self._damage is not None:
            raise self._damage
        data = self._tail + data
        before = self._inner.copy()
        try:
            out = self._inner.decompress(data, max_length)
        except zlib.error as error:
            self._damage, self._tail = error, b""
            return up_to_the_damage(before, data)
        self._tail = self._inner.unconsumed_tail
        self._full = len(out) == max_length  # there may be more of it inside
        return out


def up_to_the_damage(member: zlib._Decompress, data: bytes) -> bytes:
    """What a step that failed had unpacked, and zlib kept for itself: `data` once more, byte by byte."""
    out = bytearray()
    try:
        for at in range(len(data)):
            out += member.decompress(data[at : at + 1])
    except zlib.error:
        return bytes(out)
    raise AssertionError("the same bytes failed before")


class Inflate64:
    """Deflate64: what Windows packs files over 2 GiB with.

    The library does not tell where in what it was given the end was, nor can it be held back: so it is given little.

    Args:
        step_bytes: at a time. With 1, `unused_data` is exact; else it lacks what came in one step with the end.
    """

    def __init__(self, step_bytes: int = 1 << 10) -> None:
        try:
            library = import_module("inflate64")  # few archives need it
        except ImportError as error:
            raise SourceError(
                "it is packed with Deflate64, which needs a library; install ingest-cli[7z], or unpack it first"
            ) from error
        self._inner = library.Inflater()
        self._step_bytes = step_bytes
        self._tail = b""
        self._at = 0
        self._out = b""

    @property
    def eof(self) -> bool:
        """Whether the end was reached, and everything before it handed out."""
        return bool(self._inner.eof) and not self._out

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more going in."""
        return not self._out and self._at == len(self._tail)

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""
        return self._tail[self._at :]

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack at most `max_length` bytes.

        Raises:
            ValueError: the data is damaged here.
        """
        if data:
            self._tail, self._at = self._tail[self._at :] + data, 0
        while not self._out and self._at < len(self._tail) and not self._inner.eof:
            step = self._tail[self._at : self._at + self._step_bytes]
            self._out = self._inner.inflate(step)
            self._at += len(step)
        size = len(self._out) if max_length < 0 else max_length
        out, self._out = self._out[:size], self._out[size:]
        return out


METHODS: Mapping[int, Callable[[Budget], Decompressor]] = {
    8: lambda _: Inflate(),
    DEFLATE64: lambda _: Inflate64(),
    12: lambda _: bz2.BZ2Decompressor(),
    93: lambda budget: Windowed(ZSTD, budget),
    95: lambda budget: Windowed(XZ, budget),
}
"""Compression method (APPNOTE.TXT of PKWARE, §4.4.5) → what undoes it; 0 is stored as it is."""
