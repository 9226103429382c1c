"""Parse Thrift's compact protocol, the encoding of Parquet's footer and page headers.

Source: `thrift-compact-protocol.md` of apache/thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest_cli.formats.arrow.reading import BrokenFileError

_MAX_NESTING = 16  # of structs and lists; Parquet's have about ten levels
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_LONG_LIST = 15
_LAST_SHIFT = 63


class Compact:
    """Reader of structs as dicts by field number, and of lists; strings, doubles and maps are skipped."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read a struct.

        Raises:
            IndexError: the data ends before the struct.
            BrokenFileError: the data is not a struct.
        """
        if depth > _MAX_NESTING:
            raise BrokenFileError
        # The type of a boolean field is its value.
        return {
            number: kind == _TRUE if kind in {_TRUE, _FALSE} else self.value(kind, depth)
            for number, kind in self.fields()
        }

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield (number, type) of each field of a struct; the caller reads its value before the next field."""
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            yield number, head & 0x0F

    def structs(self, kind: int) -> range:
        """Return one index per element of a list of structs, which the caller reads one by one.

        Raises:
            BrokenFileError: the field has another type.
        """
        if kind != _LIST:
            raise BrokenFileError
        kind, size = self._list_head()
        if kind != _STRUCT and size:
            raise BrokenFileError
        return range(size)

    def value(self, kind: int, depth: int = 0) -> Any:
        """Read a value; None if it is skipped."""
        if kind in {_I32, _I64, _I16}:
            return self._zigzag()
        if kind in {_BINARY, _DOUBLE}:
            return self._skip(self._varint() if kind == _BINARY else 8)
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in {_LIST, _SET}:
            return self._list(depth + 1)
        if kind in {_BYTE, _TRUE, _FALSE}:
            return self._byte()
        if kind == _MAP:
            return self._map(depth + 1)
        raise BrokenFileError

    def _list(self, depth: int) -> list[Any]:
        if depth > _MAX_NESTING:
            raise BrokenFileError
        kind, size = self._list_head()
        # An element has at least one byte, so the size of the data limits the list.
        return [self.value(kind, depth) for _ in range(size)]

    def _list_head(self) -> tuple[int, int]:
        """Return (type, number) of the elements."""
        head = self._byte()
        return head & 0x0F, head >> 4 if head >> 4 < _LONG_LIST else self._varint()

    def _map(self, depth: int) -> None:
        if depth > _MAX_NESTING:
            raise BrokenFileError
        size = self._varint()
        kinds = self._byte() if size else 0
        for _ in range(size):
            self.value(kinds >> 4, depth)
            self.value(kinds & 0x0F, depth)

    def _skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last one has no high bit
                return value
            shift += 7
            if shift > _LAST_SHIFT:
                raise BrokenFileError

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
