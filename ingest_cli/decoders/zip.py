"""Read zip archives as a stream, member by member from the local headers (sections cited: APPNOTE.TXT of PKWARE).

The central directory is not needed to find the members, so an archive without a usable one is read too, with a note.
A usable one is checked: if its number of members differs from that of the local headers, some were missed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from ingest_cli.decoders.compressed import beyond_memory
from ingest_cli.decoders.interface import Member, shown
from ingest_cli.decoders.methods import DAMAGE, DEFLATE64, METHODS, Inflate64
from ingest_cli.decoders.reader import FEED_BYTES, PIECE_BYTES, ByteReader
from ingest_cli.decoders.zip_directory import ENDS, read_directory
from ingest_cli.decoders.zip_headers import (
    DESCRIPTOR,
    DIRECTORY,
    LOCAL,
    Header,
    descriptors,
    matching_descriptor,
    read_header,
)
from ingest_cli.errors import DamagedError, SourceError
from ingest_cli.model.source_budget import Budget

_STORED = 0
_DESCRIPTOR_BYTES = 24  # the longest form: signature, CRC and two sizes of 8 bytes (§4.3.9)
_OFFICE = ("[Content_Types].xml", "_rels/", "docProps/", "xl/", "word/", "ppt/")  # ECMA-376 part 2, and common writers
_OPEN_DOCUMENT = "mimetype"  # OpenDocument 1.3 part 2 §3.3: always first, and stored


def unzip(stream: Iterable[bytes], budget: Budget) -> Iterator[Member]:
    """Yield the members of a zip archive, and of one after it; folders are empty members.

    Each member must be read to its end before the next one is requested.

    Raises:
        SourceError: while iterating, here or over the pieces of a member: the archive is truncated, damaged,
            password-protected, packed by an unknown method, an Office document, or lists more members than were found.
    """
    reader = ByteReader(stream, "zip")
    members = 0
    while signature := reader.peek(4):
        if signature == LOCAL:
            budget.entry()
            header = read_header(reader)
            if members == 0:
                _refuse_documents(header.name)
            members += 1
            yield Member(header.name, _body(reader, header, budget))
        elif members and LOCAL.startswith(signature):
            raise reader.cut_off()
        elif not members and signature not in {DIRECTORY, *ENDS}:
            raise reader.damaged("there is neither a member nor a directory")
        elif read_directory(reader, members):
            members = 0
    if members:
        budget.note(
            f"the zip archive has no usable directory; {members:,} files were found in it, and there may be more"
        )


def _refuse_documents(first: str) -> None:
    if first.startswith(_OFFICE):
        raise SourceError(
            "it is an Office document, not text; if it is a workbook (.xlsx), "
            'set `name = "xlsx"` in [format], and if that is set, unpack the archive around it'
        )
    if first == _OPEN_DOCUMENT:
        raise SourceError("it is an OpenDocument file, not text; save it as CSV")


def _body(reader: ByteReader, header: Header, budget: Budget) -> Iterator[bytes]:
    """Yield the bytes of a member, then check their number and CRC."""
    if header.packed_bytes is None and header.name.endswith("/") and reader.peek(4) in {LOCAL, DIRECTORY}:
        return  # some writers announce a descriptor for folders, but write none
    began = reader.offset
    if header.method != _STORED:
        pieces = budget.expanded(_unpacked(reader, header, budget))
    elif header.packed_bytes is None:
        pieces = _up_to_descriptor(reader)
    else:
        pieces = reader.body(header.packed_bytes)
    crc, size = 0, 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
        size += len(piece)
        yield piece
    packed = reader.offset - began
    if header.packed_bytes is not None and packed < header.packed_bytes and header.method == _STORED:
        raise reader.cut_off()
    if header.described:
        _check_descriptor(reader, header, (crc, packed, size))
    elif (crc, packed, size) != (header.crc, header.packed_bytes, header.size_bytes):
        raise reader.damaged(f'the checksum of "{shown(header.name)}" does not match')


def _unpacked(reader: ByteReader, header: Header, budget: Budget) -> Iterator[bytes]:
    make = METHODS.get(header.method)
    if make is None:
        raise SourceError(f'"{shown(header.name)}" is packed by the unknown method {header.method}; unpack it first')
    left = header.packed_bytes
    decompressor = Inflate64(step_bytes=1) if left is None and header.method == DEFLATE64 else make(budget)
    while not decompressor.eof:
        data = b""
        if decompressor.needs_input:
            data = reader.some(FEED_BYTES if left is None else min(FEED_BYTES, left))
            if not data:
                raise reader.damaged("a member does not end where it should") if left == 0 else reader.cut_off()
            left = None if left is None else left - len(data)
        try:
            out = decompressor.decompress(data, PIECE_BYTES)
        except DAMAGE as error:
            if (refusal := beyond_memory(error)) is not None:
                raise SourceError(f'"{shown(header.name)}": {refusal}') from error
            raise reader.damaged(f'"{shown(header.name)}" cannot be unpacked any further') from error
        if out:
            yield out
    reader.give_back(decompressor.unused_data)


def _up_to_descriptor(reader: ByteReader) -> Iterator[bytes]:
    """Yield the bytes of a stored member of unknown size, up to a descriptor that matches them.

    Nothing else marks the end of such a member (§4.4.4, bit 3). A descriptor without a signature cannot be found.
    """
    crc, size = 0, 0
    while data := reader.take(FEED_BYTES):
        final = len(data) < FEED_BYTES
        known = 0  # number of bytes included in `crc`
        while (at := data.find(DESCRIPTOR, known)) >= 0 and (final or at + _DESCRIPTOR_BYTES <= len(data)):
            crc = zlib.crc32(memoryview(data)[known:at], crc)
            actual = (crc, size + at, size + at)
            if matching_descriptor(data[at : at + _DESCRIPTOR_BYTES], actual, ()):
                reader.give_back(data[at:])
                yield data[:at]
                return
            if any(each.startswith(data[at:]) for each in descriptors(actual)):
                yield data[:at]
                raise reader.cut_off()
            crc = zlib.crc32(data[at : at + 1], crc)
            known = at + 1
        # What is too close to the end of `data` to decide is examined again.
        upto = max(known, len(data) - _DESCRIPTOR_BYTES + 1)
        if final:
            upto = _before_cut_descriptor(data, (known, upto), (crc, size))
        crc = zlib.crc32(memoryview(data)[known:upto], crc)
        size += upto
        if not final:
            reader.give_back(data[upto:])
        yield data[:upto]
    raise DamagedError(
        "the end of an uncompressed member was not found: the zip data is cut off, or was written without the data "
        "needed to find it; unpack it first"
    )


def _before_cut_descriptor(data: bytes, places: tuple[int, int], before: tuple[int, int]) -> int:
    """Return where a truncated descriptor may begin at the end of `data`; the end of `data` if nowhere.

    Args:
        data: last bytes of a stream.
        places: number of bytes included in the CRC, and offset to search from.
        before: that CRC, and the number of bytes before `data`.
    """
    known, begin = places
    crc, size = before
    for at in range(begin, len(data)):
        actual = (zlib.crc32(memoryview(data)[known:at], crc), size + at, size + at)
        if any(each.startswith(data[at:]) for each in descriptors(actual)):
            return at
    return len(data)


def _check_descriptor(reader: ByteReader, header: Header, actual: tuple[int, int, int]) -> None:
    """Read past the descriptor after a member.

    Args:
        reader: positioned at the descriptor.
        actual: actual CRC, packed and unpacked size.
    """
    after = (LOCAL, DIRECTORY, *ENDS)
    seen = reader.peek(_DESCRIPTOR_BYTES + len(LOCAL))
    size = matching_descriptor(seen, actual, after) or matching_descriptor(seen, actual, ())
    if size:
        reader.take(size)
        return
    if len(seen) < _DESCRIPTOR_BYTES + len(LOCAL):  # a directory would follow
        reader.take(len(seen))
        raise reader.cut_off()
    raise reader.damaged(f'the checksum of "{shown(header.name)}" does not match')
