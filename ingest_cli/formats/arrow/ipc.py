"""Read the record batches of an Arrow file or stream.

A complete file is read through the footer at its end, only the wanted columns. A stream has no footer, nor has a file
that is cut off: these are read from the start, with all columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa

from ingest_cli.errors import SourceError
from ingest_cli.formats.arrow.cells import as_bytes
from ingest_cli.formats.arrow.columns import find_columns
from ingest_cli.formats.arrow.ipc_messages import (
    BATCH,
    CONTINUATION,
    DICTIONARY,
    SCHEMA,
    Message,
    buffers_of,
    read_messages,
)
from ingest_cli.formats.arrow.reading import BrokenFileError, Part

MAX_BATCH_BYTES = 96 << 20
"""Limit on the wanted columns of a record batch, decompressed; in a stream, also on the whole batch as stored."""

MAX_DICTIONARIES_BYTES = 32 << 20
"""Limit on all dictionaries together, decompressed: Arrow reads those of all columns."""

_MAGIC = b"ARROW1"
_BEGIN = 8  # offset of the stream in a file


class ArrowReader:
    """Implementation of `ColumnarReader` whose parts are record batches."""

    def __init__(self, file: BinaryIO, wanted: Sequence[str], optional: Collection[str] = ()) -> None:
        """Find the wanted columns.

        Raises:
            ManifestError: a column is missing.
            SourceError: the file is Feather, version 1.
            BrokenFileError: the file has another format.
        """
        self.size_bytes = size = file.seek(0, 2)
        file.seek(0)
        head = file.read(len(_MAGIC))
        file.seek(max(0, size - len(_MAGIC)))
        is_file, is_whole = head == _MAGIC, file.read(len(_MAGIC)) == _MAGIC
        if head.startswith(b"FEA1"):
            raise SourceError("this is Feather of version 1, which is not read; write it again as version 2")
        if not is_file and not head.startswith(CONTINUATION):
            raise BrokenFileError
        self._file = file
        self._begin = _BEGIN if is_file else 0
        first = next(read_messages(file, self._begin), None)
        if first is None or first.kind != SCHEMA:
            raise BrokenFileError
        self._schema = self._open_stream(None).schema
        self.columns = find_columns(self._schema, wanted, optional)
        self._tops = sorted({column.top for column in self.columns})
        included = [self._schema.names.index(name) for name in self._tops]
        options = pa.ipc.IpcReadOptions(included_fields=included, use_threads=False)
        self._whole: Any = None
        if is_file and is_whole:
            self._whole = pa.ipc.open_file(pa.PythonFile(file, mode="r"), options=options)
        self._stream: Any = None if self._whole else self._open_stream(options)
        self._stream_at = file.tell()
        self._dictionaries: dict[int, int] = {}

    def parts(self) -> Iterator[Part]:
        """See `ColumnarReader.parts`."""
        count = 0
        for message in read_messages(self._file, self._begin):
            if message.kind == DICTIONARY:
                self._check_dictionary(message)
            elif message.kind == BATCH:
                yield Part(message.rows, (count, message))
                count += 1
                if self._whole and count == self._whole.num_record_batches:
                    return
        if self._whole and count < self._whole.num_record_batches:
            raise BrokenFileError

    def batches(self, part: Part, *, unwanted: bool) -> Iterator[pa.RecordBatch]:
        """See `ColumnarReader.batches`."""
        number, message = part.place
        if self._whole and (unwanted or not part.rows):
            return
        self._check(message)
        if self._whole:
            batch = self._whole.get_batch(number)
        else:
            self._file.seek(self._stream_at)
            batch = self._stream.read_next_batch()
            self._stream_at = self._file.tell()
        if batch.num_rows != part.rows:
            raise BrokenFileError
        if not unwanted:
            yield self._checked(batch)

    def _open_stream(self, options: Any) -> Any:
        self._file.seek(self._begin)
        return pa.ipc.open_stream(pa.PythonFile(self._file, mode="r"), options=options)

    def _checked(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the wanted columns of a batch after checking that all offsets are inside its buffers."""
        batch.validate()
        batch = pa.RecordBatch.from_arrays([as_bytes(batch.column(name)) for name in self._tops], self._tops)
        batch.validate(full=True)
        return batch

    def _check(self, message: Message) -> None:
        """Raise SourceError if a batch needs more than `MAX_BATCH_BYTES`."""
        own = buffers_of(self._schema, self._tops, message.views)
        size = message.unpacked_bytes(self._file, chain.from_iterable(own))
        if not self._whole:
            size = max(size, message.body_bytes)
        if size > MAX_BATCH_BYTES:
            raise SourceError(
                f"the Arrow file has a record batch of {size >> 20:,} MiB, and {MAX_BATCH_BYTES >> 20} MiB are the "
                "limit; write it again with smaller batches, or as Parquet"
            )

    def _check_dictionary(self, message: Message) -> None:
        before = self._dictionaries.get(message.dictionary, 0) if message.delta else 0
        size = max(message.body_bytes, message.unpacked_bytes(self._file, range(len(message.buffers))))
        self._dictionaries[message.dictionary] = before + size
        total = sum(self._dictionaries.values())
        if total > MAX_DICTIONARIES_BYTES:
            raise SourceError(
                f"the Arrow file has dictionaries of {total >> 20:,} MiB, and {MAX_DICTIONARIES_BYTES >> 20} MiB are "
                "the limit; write it again without dictionaries, or as Parquet"
            )
