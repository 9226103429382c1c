"""Add empty cells for columns that a source lacks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

import pyarrow as pa

from ingest_cli.errors import MissingColumnError
from ingest_cli.formats.interface import Described, FileFormat, Format
from ingest_cli.formats.joined import MOST_BEGINNINGS, Begun, ClosedParser, JoiningFormat
from ingest_cli.formats.record_stream import Rows
from ingest_cli.model.chunks import WHOLE, RowChunk, Span

_MAX_LISTED = 5


def with_absent(made: Format | FileFormat, names: Sequence[str]) -> Format | FileFormat:
    """Return a format that yields all columns in `names`, where `made` yields only those present."""
    if isinstance(made, FileFormat):
        return _AbsentInFile(made, tuple(names))
    if isinstance(made, JoiningFormat):
        return _AbsentInJoined(made, tuple(names))
    if isinstance(made, Described):
        return _AbsentInDescribed(made, tuple(names))
    return _AbsentInStream(made, tuple(names))


def none_of(names: Sequence[str], where: str) -> MissingColumnError:
    """Return the error for a source without any of the wanted columns, all of them optional."""
    listed = ", ".join(f'"{name}"' for name in names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")
    return MissingColumnError(f"not one column of the manifest is {where}: {listed}")


class _AbsentInStream:
    """See `Format`."""

    def __init__(self, made: Format, names: tuple[str, ...]) -> None:
        self._made = made
        self._names = names

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return _filled(self._made.read(stream, spans), self._names)


class _AbsentInDescribed(_AbsentInStream):
    """See `Described`."""

    def learn_from(self, heads: Callable[[], Iterable[bytes]]) -> None:
        """See `Described.learn_from`."""
        assert isinstance(self._made, Described)  # noqa: S101 - see `with_absent`
        self._made.learn_from(heads)


class _AbsentInJoined(_AbsentInStream):
    """See `JoiningFormat`."""

    def __init__(self, made: JoiningFormat, names: tuple[str, ...]) -> None:
        super().__init__(made, names)
        self._begin = made.begin
        self._known = deque[tuple[Begun, Begun]](maxlen=MOST_BEGINNINGS)

    def begin(self, text: bytes) -> Begun | None:
        """See `JoiningFormat.begin`; equal results of the wrapped format give equal results here."""
        begun = self._begin(text)
        if begun is None:
            return None
        for known, filling in self._known:
            if known is begun:
                return filling
        filling = Begun(_FillingParser(begun.parser, self._names), begun.first)
        self._known.appendleft((begun, filling))
        return filling


class _FillingParser:
    """See `ClosedParser`."""

    def __init__(self, made: ClosedParser, names: tuple[str, ...]) -> None:
        self._made = made
        self._names = names

    def parse_closed(self, data: bytes) -> Rows | None:
        """See `ClosedParser.parse_closed`."""
        rows = self._made.parse_closed(data)
        return None if rows is None else replace(rows, cells=_all_of(rows.cells, len(rows.index), self._names))


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
        yield replace(chunk, cells=_all_of(chunk.cells, len(chunk.index), names))


def _all_of(cells: Mapping[str, pa.BinaryArray], rows: int, names: Sequence[str]) -> Mapping[str, pa.BinaryArray]:
    """Return the `cells` of all `names`, empty for missing columns."""
    absent = [name for name in names if name not in cells]
    return {**cells, **dict.fromkeys(absent, pa.array([b""] * rows, pa.binary()))} if absent else cells
