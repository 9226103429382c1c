"""Compute the memory needs of Arrow messages from their metadata alone.

An Arrow file is a stream of messages with a table of contents behind it. The metadata of a message says where each
buffer of each column is; a compressed one begins with its length before compression. Both are read and added up
before Arrow gets to see the message. Layout: "Encapsulated message format" and `Message.fbs` of Arrow's columnar
format, and the "FlatBuffers internals" for the tables therein.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.types as pt

from ingest_cli.formats.arrow.reading import BrokenFileError

MAX_METADATA_BYTES = 16 << 20
CONTINUATION = b"\xff\xff\xff\xff"
SCHEMA, DICTIONARY, BATCH = 1, 2, 3
"""Types of messages."""

_ALIGNMENT = 8
_THREE_BUFFERS = (
    pt.is_string,
    pt.is_binary,
    pt.is_large_string,
    pt.is_large_binary,
    pt.is_list_view,
    pt.is_large_list_view,
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        kind: `SCHEMA`, `DICTIONARY` or `BATCH`.
        body: where its body begins.
        body_bytes: length of the body.
        rows: number of rows.
        dictionary: number of the dictionary it holds or, if `delta`, goes on with.
        buffers: (place in the body, length) of each buffer.
        views: for each column of string views, in order: how many buffers it has besides.
        compressed: whether buffers begin with their length before compression.
    """

    kind: int
    body: int
    body_bytes: int
    rows: int
    buffers: Sequence[tuple[int, int]]
    views: Sequence[int]
    compressed: bool
    dictionary: int = 0
    delta: bool = False

    @property
    def end(self) -> int:
        """Where the next message begins."""
        return self.body + self.body_bytes

    def unpacked_bytes(self, file: BinaryIO, wanted: Iterable[int]) -> int:
        """What the `wanted` buffers come to in memory.

        Raises:
            BrokenFileError: there is no such buffer, or it is not in the body.
        """
        total = 0
        for number in wanted:
            if number >= len(self.buffers):
                raise BrokenFileError
            at, size = self.buffers[number]
            if at < 0 or size < 0 or at + size > self.body_bytes:
                raise BrokenFileError
            total += size
            if self.compressed and size:
                file.seek(self.body + at)
                total += max(0, _long(file.read(8), 0))
        return total


def read_messages(file: BinaryIO, at: int) -> Iterator[Message]:
    """The messages from the one at `at` on, up to the mark of their end, or that of the file.

    Raises:
        BrokenFileError: there is no end, or something else.
    """
    size = file.seek(0, 2)
    while True:
        file.seek(at)
        head = file.read(8)
        if not head or head == CONTINUATION + b"\0\0\0\0":
            return
        if not head.startswith(CONTINUATION) or len(head) < 2 * len(CONTINUATION):
            raise BrokenFileError
        length = _int(head, 4)
        if not 0 < length <= MAX_METADATA_BYTES:
            raise BrokenFileError
        metadata = file.read(length)
        if len(metadata) < length:
            raise BrokenFileError
        message = _message(metadata, at + 8 + length)
        if message.end > size:
            raise BrokenFileError
        yield message
        at = message.end
        at += -at % _ALIGNMENT


def buffers_of(schema: pa.Schema, names: Sequence[str], views: Sequence[int]) -> list[range]:
    """For each of the top-level columns `names`: which buffers of a batch are its own."""
    counts = iter(views)
    out = list[range]()
    at = 0
    for each in schema:
        after = at + _count(each.type, counts)
        if each.name in names:
            out.append(range(at, after))
        at = after
    return out


def _count(kind: pa.DataType, views: Iterator[int]) -> int:
    """Number of buffers of an array of a type."""
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    parts = [] if pt.is_dictionary(kind) else [kind.field(i).type for i in range(kind.num_fields)]
    return _own(kind, views) + sum(_count(part, views) for part in parts)


def _own(kind: pa.DataType, views: Iterator[int]) -> int:
    """The same without what is inside."""
    if pt.is_null(kind) or pt.is_run_end_encoded(kind):
        return 0
    if pt.is_string_view(kind) or pt.is_binary_view(kind):
        return 2 + next(views, 0)
    if pt.is_struct(kind) or pt.is_fixed_size_list(kind) or kind.id == pa.lib.Type_SPARSE_UNION:
        return 1
    return 3 if any(is_of(kind) for is_of in _THREE_BUFFERS) else 2


def _message(metadata: bytes, body: int) -> Message:
    try:
        top = _Table(metadata, _int(metadata, 0))
        kind, number, delta = top.byte(1), 0, False
        batch = header = top.table(2)
        if header is None:
            raise BrokenFileError
        if kind == DICTIONARY:
            batch, number, delta = header.table(1), header.long(0), bool(header.byte(2))
        body_bytes = top.long(3)
        if kind == SCHEMA or batch is None:
            return Message(kind, body, body_bytes, 0, (), (), compressed=False)
        buffers = [(batch.data_long(at), batch.data_long(at + 8)) for at in batch.vector(2, 16)]
        views = [batch.data_long(at) for at in batch.vector(4, 8)]
        rows, compressed = batch.long(0), batch.table(3) is not None
    except (struct.error, IndexError):
        raise BrokenFileError from None
    if body_bytes < 0 or rows < 0 or any(count < 0 for count in views):
        raise BrokenFileError
    return Message(kind, body, body_bytes, rows, buffers, views, compressed, number, delta)


class _Table:
    """A table in a FlatBuffer: fields by number, each with a default for where it is left out."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - _int(data, at)

    def byte(self, number: int) -> int:
        """A field of one byte."""
        at = self._place(number)
        return self._data[at] if at else 0

    def long(self, number: int) -> int:
        """A field of eight bytes."""
        at = self._place(number)
        return _long(self._data, at) if at else 0

    def table(self, number: int) -> _Table | None:
        """A field that is a table."""
        at = self._place(number)
        return _Table(self._data, at + _int(self._data, at)) if at else None

    def vector(self, number: int, width: int) -> range:
        """Where the elements are of a field that is a vector."""
        place = self._place(number)
        if not place:
            return range(0)
        at = place + _int(self._data, place)
        after = at + 4 + width * _int(self._data, at)
        if after > len(self._data):
            raise IndexError
        return range(at + 4, after, width)

    def data_long(self, at: int) -> int:
        """Eight bytes anywhere."""
        return _long(self._data, at)

    def _place(self, number: int) -> int:
        """Where a field is; 0 for one left out."""
        entry = 4 + 2 * number
        if entry + 2 > _short(self._data, self._fields):
            return 0
        offset = _short(self._data, self._fields + entry)
        return self._at + offset if offset else 0


def _short(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<H", data, _checked(at))[0])


def _int(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<i", data, _checked(at))[0])


def _long(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<q", data, _checked(at))[0])


def _checked(at: int) -> int:
    if at < 0:  # to Python, a place counted from the end
        raise IndexError
    return at
