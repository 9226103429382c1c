"""The headers of a zip archive's members (APPNOTE.TXT of PKWARE, whose sections are cited)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_cli.decoders.interface import shown
from ingest_cli.decoders.reader import Reader
from ingest_cli.errors import GET_AGAIN, GET_WHOLE, DamagedError, SourceError

LOCAL = b"PK\x03\x04"
DIRECTORY = b"PK\x01\x02"
DESCRIPTOR = b"PK\x07\x08"

_LOCAL = struct.Struct("<4s5H3L2H")  # §4.3.7
_ZIP64_TAG = 0x0001  # §4.5.3
_ESCAPE = 0xFFFFFFFF  # "look into the zip64 extra field", §4.4.8
_STORED = 0

# General purpose bits, §4.4.4.
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_DESCRIBED = 1 << 3
_PATCHED = 1 << 5


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a member.

    Attributes:
        name: what the archive calls it.
        method: how it is packed; 0: as it is.
        described: whether CRC and sizes stand behind it, in a descriptor.
        crc: CRC-32 of its bytes; says nothing if it is described.
        packed_bytes, size_bytes: as it lies there, and unpacked; None: not known beforehand.
    """

    name: str
    method: int
    described: bool
    crc: int
    packed_bytes: int | None
    size_bytes: int | None


def read_header(reader: Reader) -> Header:
    """Read a local header.

    Raises:
        SourceError: it is cut off, or what follows it cannot be read.
    """
    fixed = reader.take(_LOCAL.size)
    if len(fixed) < _LOCAL.size:
        raise cut_off(reader)
    _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(fixed)
    variable = reader.take(name_bytes + extra_bytes)
    if len(variable) < name_bytes + extra_bytes:
        raise cut_off(reader)
    name = _text(variable[:name_bytes])
    if flags & _ENCRYPTED:
        raise SourceError(
            f'"{shown(name)}" is protected by a password; unpack it with the program it was packed with, '
            "which can be piped into `load` with `-` as the source"
        )
    if flags & _PATCHED:
        raise SourceError(f'"{shown(name)}" is only a patch of a file; get the file itself')
    if _ESCAPE in (packed, size) and (wide := _zip64(variable[name_bytes:])):
        sizes = iter(wide)
        size = next(sizes, size) if size == _ESCAPE else size
        packed = next(sizes, packed) if packed == _ESCAPE else packed
    described = bool(flags & _DESCRIBED)
    if described and (method != _STORED or packed == 0):
        return Header(name, method, described, crc, None, None)
    return Header(name, method, described, crc, packed, size)


def _text(name: bytes) -> str:
    """Names are UTF-8 or code page 437 (§4.4.4, bit 11), but many a writer does not say which."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp437")


def _zip64(extra: bytes) -> tuple[int, ...]:
    """The sizes in the zip64 extra field: unpacked, then packed, where the header has no room for them."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if tag == _ZIP64_TAG:
            return struct.unpack_from(f"<{len(field) // 8}Q", field)
        at += 4 + length
    return ()


def descriptors(actual: tuple[int, int, int]) -> tuple[bytes, ...]:
    """The descriptors that fit a member: sizes of 8 or 4 bytes, with a signature (§4.3.9); nothing says which it is.

    Args:
        actual: CRC, packed and unpacked size, as found.
    """
    crc, packed, size = actual
    wide = struct.pack("<LQQ", crc, packed, size)
    return DESCRIPTOR + wide, DESCRIPTOR + struct.pack("<LLL", crc, packed & _ESCAPE, size & _ESCAPE)


def matching_descriptor(seen: bytes, actual: tuple[int, int, int], after: Sequence[bytes]) -> int:
    """The size of the descriptor that `seen` begins with, 0 if it is none that fits.

    Args:
        seen: what follows a member.
        actual: CRC, packed and unpacked size, as found.
        after: what must follow; empty: anything, but there must be a signature in front.
    """
    signed = descriptors(actual)
    bare = tuple(each.removeprefix(DESCRIPTOR) for each in signed) if after else ()
    for fitting in signed + bare:
        if seen.startswith(fitting) and (not after or seen.startswith(tuple(after), len(fitting))):
            return len(fitting)
    return 0


def cut_off(reader: Reader) -> SourceError:
    """What to raise where the stream ends too early."""
    return DamagedError(
        f"the zip data is cut off after byte {reader.offset:,}; the rows before the cut were read",
        GET_WHOLE,
    )


def damaged(reader: Reader, what: str) -> SourceError:
    """What to raise where something does not fit."""
    return DamagedError(
        f"the zip data is damaged near byte {reader.offset:,}: {what}; the rows before that were read",
        GET_AGAIN,
    )
