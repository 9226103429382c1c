"""Compute the memory needs of Parquet pages from their headers alone.

A column of a row group is a sequence of pages, each compressed separately and always decompressed as a whole. Only its
header has the decompressed size, and only the size and the encoding determine how many bytes a few rows may become: a
long string in a dictionary is one number in each row. The sums in the footer are not reliable, so the headers are read,
which are a few bytes per page.

Layout: `PageHeader` in `parquet.thrift` of apache/parquet-format, in Thrift's compact protocol (see `compact`).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ingest_cli.errors import SourceError
from ingest_cli.formats.arrow.compact import Compact
from ingest_cli.formats.arrow.parquet_levels import Places, row_starts
from ingest_cli.formats.arrow.reading import BrokenFileError

MAX_PAGES_BYTES = 64 << 20
"""Limit on the decompressed bytes of the largest pages and dictionaries of all wanted columns together. Most writers
make pages of 1 MiB; DuckDB makes one per 122,880 rows."""

MAX_ROW_VALUES = 1 << 20
"""Limit on the values in the lists of one row."""

MAX_GROUP_VALUES = 16 << 20
"""Limit on the values in the lists of one row group."""

_BATCH_BYTES = 24 << 20  # of the rows read at a time, of which a decoder may hold three copies
_LEVEL_BYTES = 8  # of the levels of a value in a list during decoding
_HEADER_BYTES = 4 << 10
_MAX_HEADER_BYTES = 1 << 20  # includes the smallest and largest value of a page
_MAX_DICTIONARY_ENTRIES = 1 << 20

# Field numbers and enumerations of parquet.thrift.
_ROW_GROUPS, _COLUMNS, _ROWS = 4, 1, 3
_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = 0, 2, 3
_WIDEST_NUMBER = 12  # bytes, of an INT96; only FIXED_LEN_BYTE_ARRAY has a length
_RLE, _DELTA_BYTE_ARRAY = 3, 7

_UNCOMPRESSED = 0
_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}


@dataclass(frozen=True, slots=True)
class ColumnChunk:
    """A column of one row group, as in the footer.

    Attributes:
        codec: number of the compression.
        values: number of values.
        begin: offset of the first page.
    """

    codec: int
    values: int
    begin: int

    @classmethod
    def of(cls, plain: Any) -> ColumnChunk:
        """Convert a parsed `ColumnChunk` of the footer."""
        about = _struct(plain, 3)
        begin, dictionary = _whole(about, 9), about.get(11)
        if type(dictionary) is int and 0 < dictionary < begin:
            begin = dictionary
        return cls(_whole(about, 4), _whole(about, 5), begin)


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group, as in the footer.

    Attributes:
        rows: number of rows.
        columns: number of the leaf column → column.
    """

    rows: int
    columns: Mapping[int, ColumnChunk]


def read_row_groups(footer: bytes, wanted: Container[int]) -> list[RowGroup]:
    """Parse all row groups, with the columns whose number is `wanted`.

    pyarrow has the same data, but ends the process at an unknown value in it.

    Raises:
        BrokenFileError: the footer is invalid.
    """
    compact, out = Compact(footer), list[RowGroup]()
    try:
        for number, kind in compact.fields():
            if number == _ROW_GROUPS:
                out += [_row_group(compact, wanted) for _ in compact.structs(kind)]
            else:
                compact.value(kind)
    except IndexError:
        raise BrokenFileError from None
    return out


def _row_group(compact: Compact, wanted: Container[int]) -> RowGroup:
    rows, columns = 0, dict[int, ColumnChunk]()
    for number, kind in compact.fields():
        if number == _COLUMNS:
            for place in compact.structs(kind):
                plain = compact.struct()
                if place in wanted:
                    columns[place] = ColumnChunk.of(plain)
        elif number == _ROWS:
            rows = compact.value(kind)
        else:
            compact.value(kind)
    if type(rows) is not int or rows < 0:
        raise BrokenFileError
    return RowGroup(rows, columns)


@dataclass(slots=True)
class ColumnPages:
    """Pages of one column in one row group.

    Attributes:
        values: number of values of each data page.
        size_bytes: decompressed size of each data page.
        longest: length of the longest value of the dictionary, or of any value of a fixed length, in bytes.
        dictionary_bytes: decompressed size of the dictionary.
        prefixed_bytes: decompressed size of the largest page whose values share prefixes, which a value may reach.
        starts: for a column in lists, indices of the values that start a row; None if each value is a row.
    """

    values: list[int] = field(default_factory=list)
    size_bytes: list[int] = field(default_factory=list)
    longest: int = 0
    dictionary_bytes: int = 0
    prefixed_bytes: int = 0
    starts: Places | None = None

    def held_bytes(self) -> int:
        """Return the bytes that the reader holds at a time."""
        return max(self.size_bytes, default=0) + self.dictionary_bytes

    def most_values(self, rows: int) -> int:
        """Return the maximum number of values in `rows` consecutive rows."""
        if self.starts is None:
            return rows
        total = sum(self.values)
        if rows >= len(self.starts):
            return total
        inside = int((self.starts[rows:] - self.starts[:-rows]).max())
        return max(inside, total - int(self.starts[-rows]))

    def bytes_of(self, rows: int) -> int:
        """Return the maximum size of `rows` consecutive rows, beyond two pages that are always allowed."""
        values = self.most_values(rows)
        found = values * (self.longest + self.prefixed_bytes + (0 if self.starts is None else _LEVEL_BYTES))
        if self.size_bytes:
            size = np.array(self.size_bytes, np.int64)
            ends, sums = np.cumsum(np.array(self.values, np.int64)), np.cumsum(size)
            last = np.minimum(np.searchsorted(ends, ends + values - 1), len(ends) - 1)
            found += max(0, int((sums[last] - sums + size).max()) - 2 * int(size.max()))
        return found


def rows_at_a_time(columns: Sequence[ColumnPages], most: int) -> int:
    """Return the number of rows of a row group, at most `most`, that may be read at a time."""
    rows = most
    while rows > 1 and sum(column.bytes_of(rows) for column in columns) > _BATCH_BYTES:
        rows //= 2
    return rows


class PageScan:
    """Scan of the page headers of a column in a row group."""

    def __init__(self, file: BinaryIO, chunk: ColumnChunk, leaf: Any) -> None:
        """Initialise the scan; `leaf` is pyarrow's `ColumnSchema`."""
        self._file = file
        self._chunk = chunk
        self._level_bits = int(leaf.max_repetition_level).bit_length()
        self._width = 0 if leaf.physical_type == "BYTE_ARRAY" else max(_WIDEST_NUMBER, int(leaf.length))
        self._starts = list[Places]()

    def pages(self) -> ColumnPages:
        """Read all headers.

        Raises:
            BrokenFileError: a header is invalid, or the number of values differs from the footer.
            SourceError: a page or list exceeds a limit.
        """
        chunk, at = self._chunk, self._chunk.begin
        if self._level_bits and chunk.values > MAX_GROUP_VALUES:
            raise _too_many(f"{MAX_GROUP_VALUES:,} values in the lists of one row group")
        found, values = ColumnPages(longest=self._width), 0
        while values < chunk.values:
            header, at = _read_header(self._file, at)
            values += self._add(header, at, found)
            at += _whole(header, 3)
        if values != chunk.values:
            raise BrokenFileError
        if self._level_bits:
            found.starts = np.concatenate([np.empty(0, np.int32), *self._starts])
            if values and (not len(found.starts) or found.starts[0]):
                raise BrokenFileError
            if found.most_values(1) > MAX_ROW_VALUES:
                raise _too_many(f"{MAX_ROW_VALUES:,} values in the lists of one row")
        return found

    def _add(self, header: dict[int, Any], at: int, found: ColumnPages) -> int:
        """Add a page whose header ends at `at`; return its number of values."""
        kind, unpacked = header.get(1), _whole(header, 2)
        if unpacked > MAX_PAGES_BYTES:
            raise SourceError(
                f"the Parquet file has a page that unpacks to {unpacked >> 20:,} MiB, and {MAX_PAGES_BYTES >> 20} MiB "
                "are the limit; write it again with smaller pages"
            )
        if kind == _DICTIONARY_PAGE:
            found.dictionary_bytes = unpacked
            if not self._width:
                found.longest = _longest(self._unpack(header, at), _whole(_struct(header, 7), 1), unpacked)
            return 0
        if kind not in (_DATA_PAGE, _DATA_PAGE_V2):
            return 0
        about = _struct(header, 5 if kind == _DATA_PAGE else 8)
        count, encoding = _whole(about, 1), about.get(2 if kind == _DATA_PAGE else 4)
        if encoding == _DELTA_BYTE_ARRAY:
            found.prefixed_bytes = max(found.prefixed_bytes, unpacked)
        if self._level_bits:
            self._starts.append(self._find_rows(header, at, count) + np.int32(sum(found.values)))
        found.values.append(count)
        found.size_bytes.append(unpacked)
        return count

    def _find_rows(self, header: dict[int, Any], at: int, count: int) -> Places:
        """Return the indices of the values of a page that start a row."""
        if count > MAX_GROUP_VALUES:
            raise BrokenFileError
        if header.get(1) == _DATA_PAGE_V2:  # starts with the levels, uncompressed
            self._file.seek(at)
            return row_starts(self._file.read(_whole(_struct(header, 8), 6)), self._level_bits, count)
        page = self._unpack(header, at)
        if page is None or _struct(header, 5).get(4) != _RLE:
            raise SourceError(
                "the Parquet file has lists in an outdated compression or encoding; write it again with zstd"
            )
        return row_starts(page[4 : 4 + int.from_bytes(page[:4], "little")], self._level_bits, count)

    def _unpack(self, header: dict[int, Any], at: int) -> bytes | None:
        """Return the content of a page; None if it cannot be decompressed."""
        self._file.seek(at)
        packed, unpacked = self._file.read(_whole(header, 3)), _whole(header, 2)
        if self._chunk.codec == _UNCOMPRESSED:
            return packed
        if self._chunk.codec not in _CODECS:
            return None
        try:
            data = pa.Codec(_CODECS[self._chunk.codec]).decompress(packed, unpacked, asbytes=True)
        except (pa.ArrowException, OSError, ValueError):
            return None
        return bytes(data)


def _too_many(what: str) -> SourceError:
    return SourceError(f"the Parquet file has more than {what}; write it again with smaller ones, or as JSON")


def _longest(page: bytes | None, entries: int, unpacked: int) -> int:
    """Return the length of the longest string in a dictionary page; the size of the page if it is unknown."""
    if page is None or entries > _MAX_DICTIONARY_ENTRIES:
        return unpacked
    at, longest = 0, 0
    for _ in range(entries):  # PLAIN: four bytes of length, and the string (Encodings.md)
        length = int.from_bytes(page[at : at + 4], "little")
        longest = max(longest, length)
        at += 4 + length
    return longest if at <= len(page) else unpacked


def _whole(struct: dict[int, Any], number: int) -> int:
    value = struct.get(number)
    if type(value) is not int or value < 0:
        raise BrokenFileError
    return value


def _struct(struct: Any, number: int) -> dict[int, Any]:
    value = struct.get(number) if isinstance(struct, dict) else None
    if not isinstance(value, dict):
        raise BrokenFileError
    return value


def _read_header(file: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    """Return (header at `at`, its end)."""
    size = _HEADER_BYTES
    while True:
        file.seek(at)
        data = file.read(size)
        try:
            compact = Compact(data)
            return compact.struct(), at + compact.at
        except IndexError:
            if len(data) < size or size >= _MAX_HEADER_BYTES:
                raise BrokenFileError from None
        size *= 4
