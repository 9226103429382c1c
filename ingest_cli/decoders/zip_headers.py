"""Parse the local headers of a zip archive's members (sections cited: APPNOTE.TXT of PKWARE)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ingest_cli.decoders.interface import shown
from ingest_cli.decoders.reader import ByteReader
from ingest_cli.errors import SourceError

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
    """Local header of a member.

    Attributes:
        method: compression method; 0: stored.
        described: whether CRC and sizes follow the member, in a descriptor.
        crc: CRC-32 of the unpacked bytes; meaningless if `described`.
        packed_bytes, size_bytes: stored and unpacked size; None: unknown in advance.
    """

    name: str
    method: int
    described: bool
    crc: int
    packed_bytes: int | None
    size_bytes: int | None


def read_header(reader: ByteReader) -> Header:
    """Read a local header.

    Raises:
        SourceError: the header is truncated, or the member cannot be read.
    """
    fixed = reader.take(_LOCAL.size)
    if len(fixed) < _LOCAL.size:
        raise reader.cut_off()
    _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(fixed)
    variable = reader.take(name_bytes + extra_bytes)
    if len(variable) < name_bytes + extra_bytes:
        raise reader.cut_off()
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
    """Decode a name: UTF-8 or code page 437 (§4.4.4, bit 11), but many writers do not set the bit."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("cp437")


def _zip64(extra: bytes) -> tuple[int, ...]:
    """Return the sizes in the zip64 extra field: unpacked, then packed, where the header escapes them."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if tag == _ZIP64_TAG:
            return struct.unpack_from(f"<{len(field) // 8}Q", field)
        at += 4 + length
    return ()


def descriptors(actual: tuple[int, int, int]) -> tuple[bytes, ...]:
    """Return the possible descriptors of a member (§4.3.9: sizes of 8 or 4 bytes, with a signature).

    Args:
        actual: actual CRC, packed and unpacked size.
    """
    crc, packed, size = actual
    wide = struct.pack("<LQQ", crc, packed, size)
    return DESCRIPTOR + wide, DESCRIPTOR + struct.pack("<LLL", crc, packed & _ESCAPE, size & _ESCAPE)


def matching_descriptor(seen: bytes, actual: tuple[int, int, int], after: Sequence[bytes]) -> int:
    """Return the size of the descriptor at the start of `seen`, 0 if none matches.

    Args:
        seen: bytes after a member.
        actual: actual CRC, packed and unpacked size.
        after: signatures of which one must follow; empty: anything, but the descriptor needs a signature.
    """
    signed = descriptors(actual)
    bare = tuple(each.removeprefix(DESCRIPTOR) for each in signed) if after else ()
    for fitting in signed + bare:
        if seen.startswith(fitting) and (not after or seen.startswith(tuple(after), len(fitting))):
            return len(fitting)
    return 0
