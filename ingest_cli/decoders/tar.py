"""Read tar archives as a stream: v7, ustar, GNU and pax, as POSIX.1-2017 ("pax") and GNU tar define them.

Python's `tarfile` parses the header blocks; iterating over them is done here, because in a stream `tarfile` silently
treats a truncation, a damaged header and a second archive after the first as the end, and reads names of any length
into memory. Nothing is written to disk.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from typing import NoReturn

from ingest_cli.decoders.interface import Member, shown
from ingest_cli.decoders.reader import ByteReader
from ingest_cli.decoders.tar_extensions import Extensions, Sparse, old_sparse, with_holes
from ingest_cli.errors import SourceError
from ingest_cli.model.source_budget import Budget

_BLOCK_BYTES = tarfile.BLOCKSIZE
_MAGIC_AT = 257
_MAGIC = (b"ustar\0", b"ustar ")
_MAX_EXTENSION_BYTES = 1 << 20  # for a pax header or a long name; system paths have at most 4 KiB
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_WITHOUT_ROWS: dict[bytes, bool] = {tarfile.DIRTYPE: False, b"D": True, b"V": True}
"""Folders, GNU folders with a directory listing, volume labels → whether `size` bytes follow."""

_REFUSED: dict[bytes, str] = {
    tarfile.LNKTYPE: "a link",
    tarfile.SYMTYPE: "a link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    b"M": "the continuation of a file from another volume",
}


def is_tar(head: bytes) -> bool:
    """Return whether a stream that begins with `head` (512 bytes, if it has as many) is a tar."""
    if head.startswith(_MAGIC, _MAGIC_AT) and b"\0" in head[:_MAGIC_AT]:
        return True
    if b"\0" not in head or len(head) < _BLOCK_BYTES or not head[0]:
        return False
    try:  # v7 tars have a checksum, but no magic number
        tarfile.TarInfo.frombuf(head[:_BLOCK_BYTES], "utf-8", "backslashreplace")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def untar(stream: Iterable[bytes], budget: Budget) -> Iterator[Member]:
    """Yield the members of a tar, and of one after it, without folders.

    Each member must be read to its end before the next one is requested.

    Raises:
        SourceError: while iterating, here or over the pieces of a member: the tar is truncated, damaged, or contains
            a link or another special file.
    """
    reader = ByteReader(stream, "tar")
    extensions = Extensions()
    ended = False
    while True:
        block = reader.take(_BLOCK_BYTES)
        if ended and not block:
            return
        if not block.strip(b"\0") and (ended or len(block) == _BLOCK_BYTES):
            ended = True  # one zero block is enough: no header is all zeros
            continue
        if len(block) < _BLOCK_BYTES:
            raise reader.cut_off()
        ended = False
        budget.entry()
        entry = _entry(reader, block)
        try:
            if entry.type in Extensions.TYPES:
                extensions.add(entry.type, _extension(reader, entry.size))
                continue
            extensions.apply(entry)
            sparse = old_sparse(block, reader) if entry.type == tarfile.GNUTYPE_SPARSE else extensions.sparse(reader)
        except ValueError as error:
            raise reader.damaged("a header is invalid") from error
        if entry.type in _FILES or entry.type == tarfile.GNUTYPE_SPARSE:
            yield Member(entry.name, _body(reader, entry.size, sparse, budget))
        elif entry.type in _WITHOUT_ROWS:
            _pass(reader, -(-entry.size // _BLOCK_BYTES) * _BLOCK_BYTES if _WITHOUT_ROWS[entry.type] else 0)
        else:
            _refuse(entry)
        extensions.clear()


def _entry(reader: ByteReader, block: bytes) -> tarfile.TarInfo:
    try:
        entry = tarfile.TarInfo.frombuf(block, "utf-8", "backslashreplace")
    except (tarfile.HeaderError, ValueError) as error:
        raise reader.damaged("a header is missing") from error
    if entry.size < 0:
        raise reader.damaged("a header is invalid")
    return entry


def _extension(reader: ByteReader, size: int) -> bytes:
    """Return the content of an extension header."""
    if size > _MAX_EXTENSION_BYTES:
        raise reader.damaged(f"a header of {size:,} bytes is too long")
    data = reader.take(size)
    if len(data) < size:
        raise reader.cut_off()
    _pass(reader, -size % _BLOCK_BYTES)
    return data


def _body(reader: ByteReader, size: int, sparse: Sparse | None, budget: Budget) -> Iterator[bytes]:
    """Yield the bytes of a member, including its holes."""
    if sparse is None:
        yield from _exactly(reader, size)
    else:
        try:
            yield from budget.expanded(with_holes(sparse, _exactly(reader, size - sparse.map_bytes)))
        except ValueError as error:
            raise reader.damaged("the map of a sparse file does not match its data") from error
    _pass(reader, -size % _BLOCK_BYTES)


def _exactly(reader: ByteReader, size: int) -> Iterator[bytes]:
    for piece in reader.body(size):
        yield piece
        size -= len(piece)
    if size:
        raise reader.cut_off()


def _pass(reader: ByteReader, size: int) -> None:
    for _ in _exactly(reader, size):
        continue


def _refuse(entry: tarfile.TarInfo) -> NoReturn:
    what = _REFUSED.get(entry.type, "of an unknown type")
    raise SourceError(
        f'"{shown(entry.name)}" in the tar is {what}, not a file, and its content would be missing; pack the files '
        "themselves (tar --dereference --hard-dereference), or omit it (tar --exclude)"
    )
