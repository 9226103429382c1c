"""Read the row groups of a Parquet file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from ingest_cli.errors import SourceError
from ingest_cli.formats.arrow.columns import count_leaves, find_columns, leaves
from ingest_cli.formats.arrow.parquet_pages import MAX_PAGES_BYTES, PageScan, read_row_groups, rows_at_a_time
from ingest_cli.formats.arrow.reading import BrokenFileError, Part
from ingest_cli.formats.interface import MAX_CHUNK_ROWS

MAX_FOOTER_BYTES = 8 << 20
"""Limit on the footer, which is enough for 140,000 column chunks. Arrow allocates about 20 times its size."""

_BUFFER_BYTES = 256 << 10  # per column and read


class ParquetReader:
    """Implementation of `ColumnarReader` whose parts are row groups."""

    def __init__(self, file: BinaryIO, wanted: Sequence[str], optional: Collection[str] = ()) -> None:
        self.size_bytes, footer = _read_footer(file)
        self._file = file
        self._parquet = pq.ParquetFile(
            pa.PythonFile(file, mode="r"),
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
            page_checksum_verification=True,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
        )
        schema, parquet = self._parquet.schema_arrow, self._parquet.schema
        self.columns = find_columns(schema, wanted, optional)
        if count_leaves(schema) != len(parquet):
            raise BrokenFileError
        numbers = {number for column in self.columns for number in range(*leaves(schema, column))}
        self._leaves = [(number, parquet.column(number)) for number in sorted(numbers)]
        self._groups = read_row_groups(footer, numbers)

    def parts(self) -> Iterator[Part]:
        """See `ColumnarReader.parts`."""
        if len(self._groups) != self._parquet.num_row_groups:
            raise BrokenFileError
        for number, group in enumerate(self._groups):
            yield Part(group.rows, number)

    def batches(self, part: Part, *, unwanted: bool) -> Iterator[pa.RecordBatch]:
        """See `ColumnarReader.batches`."""
        if unwanted or not part.rows:
            return
        group = self._groups[part.place]
        pages = []
        for number, leaf in self._leaves:
            found = PageScan(self._file, group.columns[number], leaf).pages()
            if part.rows != (sum(found.values) if found.starts is None else len(found.starts)):
                raise BrokenFileError
            pages.append(found)
        held = sum(each.held_bytes() for each in pages)
        if held > MAX_PAGES_BYTES:
            raise SourceError(
                f"the Parquet file has pages that together unpack to {held >> 20:,} MiB in the columns asked for, and "
                f"{MAX_PAGES_BYTES >> 20} MiB are the limit; write it again with smaller pages"
            )
        names = [leaf.path for _, leaf in self._leaves]
        rows = rows_at_a_time(pages, MAX_CHUNK_ROWS)
        yield from self._parquet.iter_batches(rows, row_groups=[part.place], columns=names, use_threads=False)


def _read_footer(file: BinaryIO) -> tuple[int, bytes]:
    """Return (size of the file, footer); errors are more specific than those of Arrow."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(4)
    file.seek(max(0, size - 8))
    tail = file.read(8)
    if b"PARE" in (head, tail[4:]):
        raise SourceError("the Parquet file is encrypted; decrypt it first")
    if head == b"PAR1" and tail[4:] != b"PAR1":
        raise SourceError(
            "the Parquet file is cut off, and nothing of it can be read, for the list of its columns is at its end; "
            "get the whole file"
        )
    length = int.from_bytes(tail[:4], "little")
    if head != b"PAR1" or length > size - 12:
        raise BrokenFileError
    if length > MAX_FOOTER_BYTES:
        raise SourceError(
            f"the Parquet file has a footer of {length >> 20:,} MiB, and {MAX_FOOTER_BYTES >> 20} MiB are the limit; "
            "write it again with larger row groups"
        )
    file.seek(size - 8 - length)
    return size, file.read(length)
