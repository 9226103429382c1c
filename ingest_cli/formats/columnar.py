"""Parquet, and the file and stream formats of Arrow (the former also known as Feather, version 2).

These keep columns apart, so that only the wanted ones are read. A row is known by its number: the `offset` and the
`line` of a position are its row, and the rows before a span are passed over, where possible without reading them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO

from ingest_cli.formats.arrow.ipc import ArrowReader
from ingest_cli.formats.arrow.parquet import ParquetReader
from ingest_cli.formats.arrow.reading import Guard, Reading
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.model.chunks import WHOLE, RowChunk, Span


class Parquet:
    """Reads Parquet files."""

    signatures: tuple[bytes, ...] = (b"PAR1",)

    def __init__(
        self,
        wanted: Sequence[str],
        *,
        optional: Collection[str] = (),
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Set up the reader.

        Args:
            wanted: names of the columns to keep, or paths to them; nothing else is read.
            optional: those of them that a file may lack, and are then not in its chunks.
            chunk_bytes: tells how many bytes of cells a chunk aims at.
        """
        self._wanted = tuple(wanted)
        self._optional = optional
        self._chunk_bytes = chunk_bytes

    def read_file(self, file: BinaryIO, spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `FileFormat.read_file`."""
        guard = Guard("Parquet")
        with guard:
            reader = ParquetReader(file, self._wanted, self._optional)
        yield from Reading(reader, spans, self._chunk_bytes, guard).chunks()


class ArrowFile:
    """Reads Arrow files (Feather, version 2) and, told by their first bytes, Arrow streams."""

    signatures: tuple[bytes, ...] = (b"ARROW1", b"\xff\xff\xff\xff")

    def __init__(
        self,
        wanted: Sequence[str],
        *,
        optional: Collection[str] = (),
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Set up the reader; see `Parquet`."""
        self._wanted = tuple(wanted)
        self._optional = optional
        self._chunk_bytes = chunk_bytes

    def read_file(self, file: BinaryIO, spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `FileFormat.read_file`. Of a file that is cut off, the rows before the cut are read."""
        guard = Guard("Arrow")
        with guard:
            reader = ArrowReader(file, self._wanted, self._optional)
        yield from Reading(reader, spans, self._chunk_bytes, guard).chunks()
