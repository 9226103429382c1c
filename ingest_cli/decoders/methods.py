"""Decompressors with the interface of Python's `bz2`, and the compression methods of zip members."""

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
"""Exceptions that the libraries raise for damaged data."""


class Inflate:
    """Raw deflate (RFC 1951). Output decoded before damage in the same step is kept.

    Args:
        window_bits: see `zlib.decompressobj`, which also selects the container by it.
    """

    def __init__(self, window_bits: int = -zlib.MAX_WBITS) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self._tail = b""
        self._full = False
        self._damage: zlib.error | None = None

    @property
    def eof(self) -> bool:
        """Return whether the end was reached."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Return whether more input is needed for more output."""
        return not self._tail and not self._full and self._damage is None

    @property
    def unused_data(self) -> bytes:
        """Return the input after the end."""
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
            return _up_to_the_damage(before, data)
        self._tail = self._inner.unconsumed_tail
        self._full = len(out) == max_length  # more output may be buffered
        return out


def _up_to_the_damage(member: zlib._Decompress, data: bytes) -> bytes:
    """Return the output that zlib discarded in a failed step, by decoding `data` again byte by byte."""
    out = bytearray()
    try:
        for at in range(len(data)):
            out += member.decompress(data[at : at + 1])
    except zlib.error:
        return bytes(out)
    raise AssertionError("the same bytes failed before")


class Inflate64:
    """Deflate64, which Windows uses for files over 2 GiB.

    The library neither reports where the input ended nor limits its output, so its input is fed in small steps.

    Args:
        step_bytes: input per step. With 1, `unused_data` is exact; else it lacks what followed the end in that step.
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
        """Return whether the end was reached and all output was returned."""
        return bool(self._inner.eof) and not self._out

    @property
    def needs_input(self) -> bool:
        """Return whether more input is needed for more output."""
        return not self._out and self._at == len(self._tail)

    @property
    def unused_data(self) -> bytes:
        """Return the input after the end."""
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
"""Compression method (APPNOTE.TXT of PKWARE, §4.4.5) → decompressor; 0 is stored uncompressed."""
