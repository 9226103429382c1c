"""The directory at the end of a zip archive: read to its end, and its entries counted."""

from __future__ import annotations

import struct

from ingest_cli.decoders.reader import Reader
from ingest_cli.decoders.zip_headers import DIRECTORY, LOCAL, cut_off, damaged

_END = b"PK\x05\x06"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"
_SIGNATURE = b"PK\x05\x05"

ENDS = (_END, _END64)
"""What a directory without entries begins with."""

MAX_TRAILER_BYTES = 65_535
"""What may follow the end: as much as a comment may have (APPNOTE.TXT §4.4.12), in which other programs look for it."""


def read_directory(reader: Reader, members: int) -> None:
    """Read past a directory, and what follows it up to the next archive or the end of the stream.

    A directory that is damaged is not believed, but must have an end.

    Args:
        reader: stands at its first entry.
        members: how many there were in front of it.

    Raises:
        SourceError: it is cut off, lists another number of members, or something else follows it.
    """
    entries = 0
    while (signature := reader.peek(4)) == DIRECTORY:
        if not _skip(reader, 46, (28, 30, 32)):  # §4.3.12
            raise cut_off(reader)
        entries += 1
    usable = True
    while signature in {_END64, _LOCATOR64, _SIGNATURE}:
        if not _skip_trailing_record(reader, signature):
            raise cut_off(reader)
        signature = reader.peek(4)
    if signature != _END:
        usable = False
        _search_end(reader)
    if not _skip(reader, 22, (20,)):  # §4.3.16
        raise cut_off(reader)
    if usable and entries != members:
        raise damaged(reader, f"its directory lists {entries:,} members, but {members:,} were found")
    _skip_trailer(reader)


def _skip(reader: Reader, fixed_bytes: int, lengths_at: tuple[int, ...]) -> bool:
    """Read past a record with 2-byte lengths of what follows it at `lengths_at`; False if it is cut off."""
    fixed = reader.take(fixed_bytes)
    if len(fixed) < fixed_bytes:
        return False
    return _pass(reader, sum(struct.unpack_from("<H", fixed, at)[0] for at in lengths_at))


def _skip_trailing_record(reader: Reader, signature: bytes) -> bool:
    if signature == _LOCATOR64:
        return _pass(reader, 20)  # §4.3.15
    if signature == _SIGNATURE:
        return _skip(reader, 6, (4,))  # §4.3.13
    fixed = reader.take(12)  # §4.3.14
    return len(fixed) == 12 and _pass(reader, struct.unpack_from("<Q", fixed, 4)[0])  # noqa: PLR2004


def _pass(reader: Reader, size: int) -> bool:
    return sum(map(len, reader.body(size))) == size


def _search_end(reader: Reader) -> None:
    """Read up to the signature of the end of a directory that makes no sense."""
    while data := reader.take(1 << 16):
        at = data.find(_END)
        if at >= 0:
            reader.give_back(data[at:])
            return
        if len(data) > len(_END):
            reader.give_back(data[1 - len(_END) :])
    raise cut_off(reader)


def _skip_trailer(reader: Reader) -> None:
    """Read past what is no part of the archive; another archive may follow at once."""
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
        raise damaged(reader, "something else follows its end")
