"""Decompressors of xz and zstd whose window is charged to the budget before it is allocated.

The window size is read from the first bytes of each stream or frame. Layouts: RFC 8878 §3.1.1 for
zstd; "The .xz File Format" 1.2.1, §2 and §3; `lzma-file-format.txt` of XZ Utils.
"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from dataclasses import dataclass

from backports import zstd

from ingest_cli.decoders.interface import Decompressor
from ingest_cli.model.source_budget import MIB, Budget

_XZ_HEAD_BYTES = 12
_ALONE_HEAD_BYTES = 13
_LZMA2_ID = 0x21
_MORE, _BITS = 0x80, 0x7F
_MAX_WINDOW_LOG = 31


@dataclass(frozen=True, slots=True)
class Kind:
    """Compression format with a window.

    Attributes:
        command: command that unpacks such a file to standard output.
        needed: returns a stream's memory needs from its first bytes; None if these are too few.
        make: makes a decompressor limited to that much memory.
    """

    name: str
    command: str
    needed: Callable[[bytes], int | None]
    make: Callable[[int], Decompressor]


class Windowed:
    """Decompressor of one xz stream or zstd frame; see `Decompressor`."""

    def __init__(self, kind: Kind, budget: Budget) -> None:
        self._kind = kind
        self._budget = budget
        self._head = b""
        self._held = 0
        self._inner: Decompressor | None = None

    @property
    def eof(self) -> bool:
        """Return whether the end was reached."""
        return self._inner is not None and self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Return whether more input is needed for more output."""
        return self._inner is None or self._inner.needs_input

    @property
    def unused_data(self) -> bytes:
        """Return the input after the end."""
        return b"" if self._inner is None else self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack at most `max_length` bytes.

        Raises:
            SourceError: the window exceeds the available memory.
        """
        if self._inner is None:
            self._head += data
            needed = self._kind.needed(self._head)
            if needed is None:
                return b""
            self._budget.reserve(needed, f"the {self._kind.name} data", self._kind.command)
            self._held = needed
            self._inner = self._kind.make(needed)
            data, self._head = self._head, b""
        out = self._inner.decompress(data, max_length)
        if self._inner.eof:
            self._budget.release(self._held)
            self._held = 0
        return out


def _zstd_needed(head: bytes) -> int | None:
    if not b"\x28\xb5\x2f\xfd".startswith(head[:4]):
        return 0  # a skippable frame, or damage
    if len(head) < 6:  # noqa: PLR2004 - magic number, descriptor, and the byte after it
        return None
    descriptor = head[4]
    if not descriptor >> 5 & 1:
        base = 1 << 10 + (head[5] >> 3)
        return base + (base >> 3) * (head[5] & 7)
    at = 5 + (0, 1, 2, 4)[descriptor & 3]  # after the dictionary ID comes the content size, which is the window
    size = (1, 2, 4, 8)[descriptor >> 6]
    if len(head) < at + size:
        return None
    return int.from_bytes(head[at : at + size], "little") + (256 if size == 2 else 0)  # noqa: PLR2004 - §3.1.1.1.4


def _make_zstd(needed: int) -> Decompressor:
    log = min(max(10, (needed - 1).bit_length()), _MAX_WINDOW_LOG)
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: log})


def _xz_needed(head: bytes) -> int | None:
    if not head.startswith(b"\xfd7zXZ\0"[: len(head)]):
        if len(head) < _ALONE_HEAD_BYTES:
            return None
        return int.from_bytes(head[1:5], "little") + MIB
    if len(head) <= _XZ_HEAD_BYTES:
        return None
    size = (head[_XZ_HEAD_BYTES] + 1) * 4
    if size == 4:  # noqa: PLR2004 - the index: a stream without blocks
        return MIB
    if len(head) < _XZ_HEAD_BYTES + size:
        return None
    return _dictionary_bytes(head[_XZ_HEAD_BYTES : _XZ_HEAD_BYTES + size]) + MIB


def _dictionary_bytes(header: bytes) -> int:
    """Return the dictionary size in a block header; 0 if invalid, which the decompressor reports."""
    try:
        flags, at = header[1], 2
        for _ in range((flags >> 6 & 1) + (flags >> 7)):
            _, at = _varint(header, at)
        for _ in range((flags & 3) + 1):
            method, at = _varint(header, at)
            size, at = _varint(header, at)
            if method == _LZMA2_ID:
                bits = header[at] & 0x3F
                return (2 | bits & 1) << (bits // 2 + 11)
            at += size
    except IndexError:
        return 0
    return 0


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return (number, offset of its end)."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & _BITS) << shift
        at, shift = at + 1, shift + 7
        if byte < _MORE:
            return value, at


def _make_xz(needed: int) -> Decompressor:
    return lzma.LZMADecompressor(memlimit=needed)


ZSTD = Kind("zstd", "zstd -dc --long=31 FILE", _zstd_needed, _make_zstd)
XZ = Kind("xz", "xz -dc FILE", _xz_needed, _make_xz)
