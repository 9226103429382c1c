"""Hostile packings and archives."""

from __future__ import annotations

import lzma
import struct
import zlib

from tests.support.archives import age_with_passphrase
from tests.support.hostile.case import Hostile, packed, zstd_of

_ROW = b"email\nkenari@example.org\n"
_LINES = b"kenari.satu@example.org\n" * 4096
_XZ_HEAD_BYTES = 12
_FULL_WINDOW = b"email\n" + b"x" * (127 << 20) + b"\nkenari@example.org\n"


def xz_of(data: bytes, dictionary: int) -> bytes:
    """An xz stream that asks for a dictionary of another size than it needs.

    Args:
        data: what is in it.
        dictionary: the size as an xz file has it (The .xz File Format, §5.3.1): 30 is 128 MiB, 32 is 256 MiB.
    """
    whole = bytearray(lzma.compress(data, filters=[{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 1 << 20}]))
    size = (whole[_XZ_HEAD_BYTES] + 1) * 4
    end = _XZ_HEAD_BYTES + size - 4
    whole[whole.index(b"\x21\x01", _XZ_HEAD_BYTES) + 2] = dictionary
    whole[end : end + 4] = struct.pack("<L", zlib.crc32(whole[_XZ_HEAD_BYTES:end]))
    return bytes(whole)


def _windows_in_windows() -> bytes:
    """Four layers, each of which asks for 128 MiB and fills that."""
    data = zstd_of(_FULL_WINDOW, 27)
    for _ in range(3):
        data = zstd_of(data + bytes(127 << 20), 27)
    return data


CASES = {
    "zstd, endless blank lines": Hostile(lambda: packed(6 << 30, b"\n" * 4096, head=b"email\n"), says="rows a byte"),
    "zstd, windows in windows": Hostile(_windows_in_windows, says="MiB of memory to unpack in addition to"),
    "zstd, a window that is filled": Hostile(lambda: zstd_of(_FULL_WINDOW, 27), code=0),
    "xz, a large dictionary": Hostile(lambda: xz_of(_ROW, 32), says="MiB of memory to unpack"),
    "age, a passphrase": Hostile(lambda: age_with_passphrase(_ROW, "kenari", 18), code=0),
}
