"""Convert the batches of an open file to the chunks of the requested spans, and report damage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from ingest_cli.errors import HandledError, SourceError
from ingest_cli.formats.arrow.cells import MAX_VALUES, TooManyValuesError, sizes
from ingest_cli.formats.arrow.chunks import Chunks, measured
from ingest_cli.formats.arrow.columns import Column
from ingest_cli.formats.interface import ChunkBytes
from ingest_cli.model.chunks import RowChunk, Span
from ingest_cli.model.source_budget import Budget

MAX_SLICE_ROWS = 1 << 18
"""Limit on the rows read together: a batch of nulls of any length takes no space in the file."""

_T = TypeVar("_T")


class BrokenFileError(HandledError):
    """Invalid content of a file."""


# Exceptions for a damaged file: Arrow's, and Python's for names that are not UTF-8 and numbers that are too large.
_DAMAGE = (
    BrokenFileError,
    pa.ArrowException,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are stored together.

    Attributes:
        rows: number of rows.
        place: location, defined by the reader.
    """

    rows: int
    place: Any


class ColumnarReader(Protocol):
    """One open file."""

    @property
    def columns(self) -> Sequence[Column]:
        """Locations of the wanted columns."""
        ...

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        ...

    def parts(self) -> Iterator[Part]:
        """Yield the parts of the file, in order."""
        ...

    def batches(self, part: Part, *, unwanted: bool) -> Iterator[pa.RecordBatch]:
        """Yield the wanted columns of a part; an `unwanted` part is skipped."""
        ...


class Guard:
    """Context manager that converts Arrow's exceptions to a `SourceError`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.row: int | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _DAMAGE):
            raise self.source_error(error) from error

    def each(self, items: Iterator[_T]) -> Iterator[_T]:
        """Yield the `items`, each computed in a `with` block."""
        while True:
            with self:
                item = next(items, None)
            if item is None:
                return
            yield item

    def source_error(self, error: BaseException) -> SourceError:
        """Return the message of an error without its text, which may contain a value."""
        if isinstance(error, OSError) and error.errno is not None:
            return SourceError(f"the {self.name} file cannot be read: {error.strerror}")
        if isinstance(error, pa.ArrowNotImplementedError):
            return SourceError(
                f"the {self.name} file is written in a way that is not supported, perhaps compressed or encrypted; "
                "write it again with zstd, or as CSV"
            )
        if self.row is None:
            return SourceError(
                f"this is no {self.name} file, or a damaged one; check `name` in [format], and unpack it if packed"
            )
        return SourceError(
            f"the {self.name} file is damaged behind row {self.row:,}; the rows up to there were read. "
            "Get the file again, and run the same command"
        )


def foreseen_bytes(columns: Sequence[Column], batch: pa.RecordBatch) -> int:
    """Return the bytes of text of the dictionary columns of a batch, from the lengths of their values.

    The other columns of a batch are already in memory in full.
    """
    total = 0
    for column in columns:
        array = column.reach(batch)
        if pa.types.is_dictionary(array.type):
            for begin in range(0, len(array), MAX_SLICE_ROWS):
                total += int(sizes(array.slice(begin, MAX_SLICE_ROWS)).sum())
    return total


class Reading:
    """Conversion of the rows of a file in the spans to chunks."""

    def __init__(
        self,
        reader: ColumnarReader,
        spans: Sequence[Span],
        chunk_bytes: ChunkBytes,
        guard: Guard,
        budget: Budget | None = None,
    ) -> None:
        self._reader = reader
        self._spans = list(spans)
        self._chunk_bytes = chunk_bytes
        self._guard = guard
        self._open: Chunks | None = None
        self._budget = budget or Budget(advice="if it is a dump, write it again as CSV")
        self._budget.read_at_any_place(reader.size_bytes)

    def chunks(self) -> Iterator[RowChunk]:
        """Yield all chunks; damage is reported after the rows before it."""
        guard, row = self._guard, 0
        guard.row = 0
        try:
            for part in guard.each(self._reader.parts()):
                if not self._spans:
                    break
                unwanted = row + part.rows <= self._spans[0].start.row
                at = row
                if not unwanted:
                    self._budget.add_rows(part.rows)
                for batch in guard.each(self._reader.batches(part, unwanted=unwanted)):
                    self._budget.foresee_bytes(foreseen_bytes(self._reader.columns, batch))
                    for begin in range(0, batch.num_rows, MAX_SLICE_ROWS):
                        yield from self._take(batch.slice(begin, MAX_SLICE_ROWS), at + begin)
                    at += batch.num_rows
                    guard.row = at
                row += part.rows
                if at < row and not unwanted:
                    raise guard.source_error(EOFError())
                guard.row = row
        except (SourceError, pa.ArrowException) as error:
            yield from self._flush()
            if isinstance(error, SourceError):
                raise
            raise guard.source_error(error) from error
        yield from self._flush()

    def _take(self, batch: pa.RecordBatch, at: int) -> Iterator[RowChunk]:
        """Add the rows of a batch, which starts at row `at`."""
        after = at + batch.num_rows
        while self._spans:
            span = self._spans[0]
            first = max(at, span.start.row)
            last = after if span.end is None else min(after, span.end.row)
            if first < last:
                if self._open is None:
                    names = [column.name for column in self._reader.columns]
                    self._open = Chunks(names, self._chunk_bytes, first)
                yield from self._add(self._open, batch.slice(first - at, last - first))
            if span.end is None or span.end.row > after:
                return
            yield from self._flush()
            self._spans.pop(0)

    def _add(self, to: Chunks, rows: pa.RecordBatch) -> Iterator[RowChunk]:
        """Add rows, halved until their lists have few enough values."""
        try:
            arrays, size = measured(self._reader.columns, rows)
        except TooManyValuesError:
            if len(rows) == 1:
                raise SourceError(
                    f"the {self._guard.name} file has more than {MAX_VALUES:,} values in the lists of one row; write "
                    "it again with smaller ones, or as JSON"
                ) from None
            half = len(rows) // 2
            yield from self._add(to, rows.slice(0, half))
            yield from self._add(to, rows.slice(half))
            return
        for chunk in to.add(self._reader.columns, arrays, size):
            yield chunk
            self._meter()
        self._meter()

    def _meter(self) -> None:
        """Count the bytes of cells."""
        assert self._open is not None  # noqa: S101 - rows were just taken
        self._budget.add_bytes(self._open.take_size())

    def _flush(self) -> Iterator[RowChunk]:
        if self._open is not None:
            yield from self._open.flush()
        self._open = None
