"""Columns that a source may lack: a format finds those that are there, and the cells of the others are empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import pyarrow as pa

from ingest_cli.errors import MissingColumnError
from ingest_cli.formats.interface import FileFormat, Format
from ingest_cli.records import WHOLE, RowChunk, Span

_MAX_LISTED = 5


def with_absent(made: Format | FileFormat, names: Sequence[str]) -> Format | FileFormat:
    """A format that gives all columns of these `names`, where `made` gives those that are there."""
    return _AbsentInFile(made, tuple(names)) if isinstance(made, FileFormat) else _AbsentInStream(made, tuple(names))


def none_of(names: Sequence[str], where: str) -> MissingColumnError:
    """What to raise where each of the wanted columns is optional, and not one of them is there."""
    listed = ", ".join(f'"{name}"' for name in names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")
    return MissingColumnError(f"not one column of the manifest is {where}: {listed}")


@dataclass(frozen=True, slots=True)
class _AbsentInStream:
    """See `Format`."""

    made: Format
    names: tuple[str, ...]

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return _filled(self.made.read(stream, spans), self.names)


class _AbsentInFile:
    """See `FileFormat`."""

    def __init__(self, made: FileFormat, names: tuple[str, ...]) -> None:
        self.signatures = made.signatures
        self._made = made
        self._names = names

    def read_file(self, file: BinaryIO, spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `FileFormat.read_file`."""
        return _filled(self._made.read_file(file, spans), self._names)


def _filled(chunks: Iterator[RowChunk], names: Sequence[str]) -> Iterator[RowChunk]:
    for chunk in chunks:
        if absent := [name for name in names if name not in chunk.cells]:
            empty = pa.array([b""] * len(chunk.index), pa.binary())
            yield replace(chunk, cells={**chunk.cells, **dict.fromkeys(absent, empty)})
        else:
            yield chunk
