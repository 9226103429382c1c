"""Read past the central directory of a zip archive, and count its entries."""

from __future__ import annotations

import stat
import struct

from ingest_cli.decoders.reader import ByteReader
from ingest_cli.decoders.zip_headers import DIRECTORY, LOCAL
from ingest_cli.errors import SourceError

_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"
_SIGNATURE = b"PK\x05\x05"
_UNIX = 3
_IN_ZIP64 = 0xFFFF  # §4.4.22: the number is in another record

ENDS = (_END, _END64)
"""Signature of a directory without entries."""

MAX_TRAILER_BYTES = 65_535
"""Maximum data after the end: the comment limit (APPNOTE.TXT §4.4.12), within which other programs search for it."""


def read_directory(reader: ByteReader, members: int) -> bool:
    """Read past a directory, and up to the next archive or the end of the stream.

    Args:
        reader: positioned at the first entry.
        members: number of members before it.

    Returns:
        Whether it is complete. A truncated or damaged one is ignored; the members before it are valid anyway.

    Raises:
        SourceError: it lists another number of members, or a link, or other data follows it.
    """
    entries, links = 0, 0
    while (signature := reader.peek(4)) == DIRECTORY:
        links += _is_link(reader.peek(46))
        if not _skip(reader, 46, (28, 30, 32)):  # §4.3.12
            break
        entries += 1
    if links:  # only the directory marks links: the content read was a path
        raise SourceError(
            f"the zip archive holds {links:,} symbolic link{'s' if links > 1 else ''}, not dumps; pack the files "
            "themselves instead"
        )
    while signature in {_END64, _LOCATOR64, _SIGNATURE} and _skip_trailing_record(reader, signature):
        signature = reader.peek(4)
    begun = entries > 0 or signature == DIRECTORY
    if signature != _END and not _search_end(reader):
        if not begun:
            raise reader.damaged("there is neither a member nor a directory")
        return False
    listed = _listed(reader, entries if signature == _END else None)
    if listed is None:
        return False
    if listed != members:
        raise reader.damaged(f"its directory lists {listed:,} members, but {members:,} were found")
    _skip_trailer(reader)
    return True


def _listed(reader: ByteReader, counted: int | None) -> int | None:
    """Read past the end of a directory; return the number of members it lists, None if unknown.

    Args:
        reader: positioned at its signature.
        counted: number of entries before it; None: they could not be read.
    """
    end = reader.take(22)  # §4.3.16
    if len(end) < 22 or not _pass(reader, struct.unpack_from("<H", end, 20)[0]):  # noqa: PLR2004 - likewise
        return None
    if counted is not None:
        return counted
    listed = int(struct.unpack_from("<H", end, 10)[0])
    return None if listed == _IN_ZIP64 else listed


def _is_link(entry: bytes) -> bool:
    """Return whether an entry, given its fixed part, is a symbolic link made on Unix."""
    if len(entry) < 46 or entry[5] != _UNIX:  # noqa: PLR2004 - §4.3.12; §4.4.2: made by
        return False
    return stat.S_ISLNK(int(struct.unpack_from("<I", entry, 38)[0]) >> 16)  # §4.4.15; the mode, as Info-ZIP stores it


def _skip(reader: ByteReader, fixed_bytes: int, lengths_at: tuple[int, ...]) -> bool:
    """Read past a record with 2-byte lengths of variable fields at `lengths_at`; return False if it is truncated."""
    fixed = reader.take(fixed_bytes)
    if len(fixed) < fixed_bytes:
        return False
    return _pass(reader, sum(struct.unpack_from("<H", fixed, at)[0] for at in lengths_at))


def _skip_trailing_record(reader: ByteReader, signature: bytes) -> bool:
    if signature == _LOCATOR64:
        return _pass(reader, 20)  # §4.3.15
    if signature == _SIGNATURE:
        return _skip(reader, 6, (4,))  # §4.3.13
    fixed = reader.take(12)  # §4.3.14
    return len(fixed) == 12 and _pass(reader, struct.unpack_from("<Q", fixed, 4)[0])  # noqa: PLR2004


def _pass(reader: ByteReader, size: int) -> bool:
    return sum(map(len, reader.body(size))) == size


def _search_end(reader: ByteReader) -> bool:
    """Read up to the end signature of an invalid directory; return whether there is one."""
    while data := reader.take(1 << 16):
        at = data.find(_END)
        if at >= 0:
            reader.give_back(data[at:])
            return True
        if LOCAL in data:
            raise reader.damaged("there is a member after its directory")
        if len(data) > len(_END):
            reader.give_back(data[1 - len(_END) :])
    return False


def _skip_trailer(reader: ByteReader) -> None:
    """Read past trailing data; another archive may follow it."""
    padded = True
    while padded and reader.peek(4) != LOCAL:
        data = reader.some()
        rest = data.lstrip(b"\0")
        reader.give_back(rest)
        padded = bool(data) and not rest
    if reader.peek(4) == LOCAL:
        return
    trailer = reader.take(MAX_TRAILER_BYTES + 1)
    if len(trailer) > MAX_TRAILER_BYTES or LOCAL in trailer or _END in trailer:
        raise reader.damaged("other data follows its end")
