"""Read Parquet, and the file and stream formats of Arrow (the former also known as Feather, version 2).

These store columns separately, so only the wanted ones are read. Rows are identified by number: the `offset` and the
`line` of a position are the row number, and rows before a span are skipped, where possible without reading them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

from ingest_cli.formats.absent import all_with
from ingest_cli.formats.arrow.ipc import ArrowReader
from ingest_cli.formats.arrow.parquet import ParquetReader
from ingest_cli.formats.arrow.reading import Guard, Reading
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.model.chunks import WHOLE, RowChunk, Span


class _Columnar:
    """Reader of a file format that stores columns separately."""

    signatures: tuple[bytes, ...]
    _name: str
    _reader: type[ParquetReader | ArrowReader]

    def __init__(
        self,
        wanted: Sequence[str],
        *,
        optional: Collection[str] = (),
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Initialise the reader.

        Args:
            wanted: names or paths of the columns to keep; nothing else is read.
            optional: columns that a file may lack; their cells are then empty.
            chunk_bytes: returns the target size of a chunk in bytes of cells.
        """
        self._wanted = tuple(wanted)
        self._optional = optional
        self._chunk_bytes = chunk_bytes

    def read_file(self, file: BinaryIO, spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `FileFormat.read_file`."""
        guard = Guard(self._name)
        with guard:
            reader = self._reader(file, self._wanted, self._optional)
        yield from all_with(Reading(reader, spans, self._chunk_bytes, guard).chunks(), self._wanted)


class Parquet(_Columnar):
    """Reader of Parquet files."""

    signatures: tuple[bytes, ...] = (b"PAR1",)
    _name = "Parquet"
    _reader = ParquetReader


class ArrowFile(_Columnar):
    """Reader of Arrow files (Feather, version 2) and Arrow streams, also of the rows before the end of a cut file."""

    signatures: tuple[bytes, ...] = (b"ARROW1", b"\xff\xff\xff\xff")
    _name = "Arrow"
    _reader = ArrowReader
