"""Parse tar extensions: long names, pax records, and the maps of sparse files.

A sparse file has holes, runs of zeros that are not stored. GNU tar has four formats for them (its manual,
"Storing Sparse Files"); `bsdtar`, the tar of macOS, writes sparse files by default.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest_cli.decoders.reader import PIECE_BYTES, ByteReader, in_pieces

_BLOCK_BYTES = tarfile.BLOCKSIZE
_MAX_STRETCHES = 100_000  # of data in one file: some MB of memory
_MAX_NUMBER_CHARS = 20  # length of 2**64


@dataclass(frozen=True, slots=True)
class Sparse:
    """Map of a sparse file's stored bytes.

    Attributes:
        stretches: offset and length of each stretch of data, in order.
        size_bytes: file size, including holes.
        map_bytes: size of the map within the stored data.
    """

    stretches: tuple[tuple[int, int], ...]
    size_bytes: int
    map_bytes: int = 0

    def __post_init__(self) -> None:
        at = 0
        for offset, length in self.stretches:
            if offset < at or length < 0:
                raise ValueError("the stretches overlap")
            at = offset + length
        if at > self.size_bytes:
            raise ValueError("a stretch is beyond the end")


@dataclass(slots=True)
class Extensions:
    """Content of the extension headers before an entry.

    Every method raises ValueError for invalid content.
    """

    TYPES = (
        tarfile.XHDTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    )

    _records: dict[bytes, bytes] = field(default_factory=dict)
    _numbers: list[int] = field(default_factory=list)
    _name: bytes = b""

    def add(self, kind: bytes, data: bytes) -> None:
        """Add the content of an extension header; global headers are ignored, as they hold nothing relevant."""
        if kind == tarfile.GNUTYPE_LONGNAME:
            self._name = data.rstrip(b"\0")
        elif kind in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE}:
            for key, value in _pax_records(data):
                if key in {b"GNU.sparse.offset", b"GNU.sparse.numbytes"}:  # first sparse format: a record per number
                    self._numbers.append(_number(value))
                else:
                    self._records[key] = value

    def apply(self, entry: tarfile.TarInfo) -> None:
        """Apply the extensions to the header of `entry`."""
        name = self._records.get(b"GNU.sparse.name") or self._records.get(b"path") or self._name
        if name:
            entry.name = name.decode("utf-8", "backslashreplace")
        if b"size" in self._records:
            entry.size = _number(self._records[b"size"])

    def clear(self) -> None:
        """Clear everything before the next entry."""
        self._records, self._numbers, self._name = {}, [], b""

    def sparse(self, reader: ByteReader) -> Sparse | None:
        """Return the map of a sparse file, read from `reader` if it is stored there; None if not sparse."""
        size = self._records.get(b"GNU.sparse.realsize") or self._records.get(b"GNU.sparse.size")
        if size is None:
            return None
        if b"GNU.sparse.major" in self._records:
            return _map_before_data(reader, _number(size))
        listed = self._records.get(b"GNU.sparse.map")
        numbers = self._numbers if listed is None else [_number(each) for each in listed.split(b",") if each]
        return Sparse(_pairs(numbers), _number(size))


def old_sparse(block: bytes, reader: ByteReader) -> Sparse:
    """Return the map of a sparse file in the oldest format: in its header, and in blocks after it.

    Raises:
        ValueError: the map is invalid.
    """
    size = _octal(block[483:495])
    numbers = _stretches(block[386:482])
    more = block[482]
    while more:
        block = reader.take(_BLOCK_BYTES)
        if len(block) < _BLOCK_BYTES or len(numbers) > 2 * _MAX_STRETCHES:
            raise ValueError("the map has no end")
        numbers += _stretches(block[:504])
        more = block[504]
    return Sparse(_pairs(numbers), size)


def with_holes(sparse: Sparse, data: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of a sparse file whose stored bytes are `data`.

    Raises:
        ValueError: while iterating: there is more or less data than in the map.
    """
    reader = ByteReader(in_pieces(data, PIECE_BYTES))
    at = 0
    for offset, length in (*sparse.stretches, (sparse.size_bytes, 0)):
        while at < offset:
            zeros = bytes(min(offset - at, PIECE_BYTES))
            at += len(zeros)
            yield zeros
        for piece in reader.body(length):
            at += len(piece)
            yield piece
        if at < offset + length:
            raise ValueError("there is less data than in the map")
    if reader.some(1):
        raise ValueError("there is more data than in the map")


def _pax_records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the records of a pax header, each `<record length> <key>=<value>` and a newline."""
    at = 0
    while at < len(data) and data[at : at + 1] != b"\0":
        space = data.find(b" ", at, at + _MAX_NUMBER_CHARS)
        end = at + _number(data[at:space]) if space > at else 0
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if end > len(data) or not equals or data[end - 1 : end] != b"\n":
            raise ValueError("the length of a record does not match")
        yield key, value
        at = end


def _map_before_data(reader: ByteReader, size: int) -> Sparse:
    """Return the map in the newest format: the number of stretches, then offsets and lengths, one per line."""
    began = reader.offset
    buffer = b""
    numbers: list[int] = []
    while not numbers or len(numbers) < 1 + 2 * numbers[0]:
        *lines, buffer = (buffer + reader.take(_BLOCK_BYTES)).split(b"\n")
        numbers += map(_number, lines)
        if not lines or numbers[0] > _MAX_STRETCHES:
            raise ValueError("the map has no end")
    return Sparse(_pairs(numbers[1:]), size, reader.offset - began)


def _pairs(numbers: list[int]) -> tuple[tuple[int, int], ...]:
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _stretches(block: bytes) -> list[int]:
    """Return the 12-byte numbers of the stretches in a block, up to the first empty one."""
    fields = [block[at : at + 12] for at in range(0, len(block), 12)]
    used = next((at for at in range(0, len(fields), 2) if not fields[at].strip(b"\0 ")), len(fields))
    return [_octal(each) for each in fields[:used]]


def _octal(data: bytes) -> int:
    """Return a number in a header: octal digits, or base 256 if the first bit is set."""
    if data[:1] == b"\x80":
        return int.from_bytes(data[1:])
    return int(data.strip(b"\0 ") or b"0", 8)


def _number(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > _MAX_NUMBER_CHARS:
        raise ValueError("not a number")
    return int(digits)
