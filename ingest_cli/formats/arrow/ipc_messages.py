"""Compute the memory needs of Arrow messages from their metadata alone.

An Arrow file is a stream of messages followed by a footer. The metadata of a message has the place of each buffer of
each column; a compressed buffer starts with its uncompressed length. Both are read and added up before Arrow reads the
message. Sources: "Encapsulated message format" and `Message.fbs` of Arrow's columnar format, and "FlatBuffers
internals".
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
    """A message.

    Attributes:
        kind: `SCHEMA`, `DICTIONARY` or `BATCH`.
        body: offset of its body in the file.
        rows: number of rows.
        buffers: (offset in the body, length) of each buffer.
        views: for each column of string views, in order, the number of its data buffers.
        compressed: whether buffers start with their uncompressed length.
        dictionary: number of the dictionary that the message contains or, if `delta`, extends.
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
        """Offset of the next message, without its alignment."""
        return self.body + self.body_bytes

    def unpacked_bytes(self, file: BinaryIO, wanted: Iterable[int]) -> int:
        """Return the size of the `wanted` buffers in memory.

        Raises:
            BrokenFileError: a buffer does not exist, or is outside the body.
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
    """Yield the messages from `at` on, up to the end marker or the end of the file.

    Raises:
        BrokenFileError: a message is invalid or incomplete.
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
    """Return the numbers of the buffers of each of the top-level columns `names`."""
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
    """Return the number of buffers of an array of a type."""
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    parts = [] if pt.is_dictionary(kind) else [kind.field(i).type for i in range(kind.num_fields)]
    return _own(kind, views) + sum(_count(part, views) for part in parts)


def _own(kind: pa.DataType, views: Iterator[int]) -> int:
    """Return the number of buffers without those of child arrays."""
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
    """A table in a FlatBuffer: fields by number, each with a default if it is missing."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - _int(data, at)

    def byte(self, number: int) -> int:
        """Return a field of one byte."""
        at = self._place(number)
        return self._data[at] if at else 0

    def long(self, number: int) -> int:
        """Return a field of eight bytes."""
        at = self._place(number)
        return _long(self._data, at) if at else 0

    def table(self, number: int) -> _Table | None:
        """Return a field that is a table."""
        at = self._place(number)
        return _Table(self._data, at + _int(self._data, at)) if at else None

    def vector(self, number: int, width: int) -> range:
        """Return the offsets of the elements of a field that is a vector."""
        place = self._place(number)
        if not place:
            return range(0)
        at = place + _int(self._data, place)
        after = at + 4 + width * _int(self._data, at)
        if after > len(self._data):
            raise IndexError
        return range(at + 4, after, width)

    def data_long(self, at: int) -> int:
        """Return the eight bytes at `at`."""
        return _long(self._data, at)

    def _place(self, number: int) -> int:
        """Return the offset of a field; 0 if it is missing."""
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
    if at < 0:  # Python would count from the end
        raise IndexError
    return at
