"""Buffer a stream for a record parser, and run the loop shared by all record parsers.

A text format provides three functions: read what precedes the first record, parse the complete records at the start of
some bytes, and give the reason for rejecting an overlong record. This module decides how much to buffer, where a span
ends, and what to do when a stream breaks off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from ingest_cli.errors import SourceError
from ingest_cli.formats.interface import ChunkBytes
from ingest_cli.model.chunks import IndexArray, OffsetArray, Position, RowChunk, Span, count_lines, is_utf8

MAX_RECORD_BYTES = 8 << 20
"""Maximum length of a record; a longer one is taken for the result of a lost quote, or a binary file."""

_ROOM_BYTES = 2 << 20  # beyond the longest record: the line it ends in, to detect that it is too long


@dataclass(frozen=True, slots=True)
class Rows:
    """Parsed records; see the attributes of the same names of `RowChunk`.

    Attributes:
        bounds: shape (records + 1,).
        index: shape (rows,), ascending.
        cells: column name → binary array of length rows.
        skipped: reason → record indices.
        rejected: (record index, reason) of each unparsable record.
        flags: name of an oddity → number of rows read despite it.
        loose: record indices of the rows that fit their columns only by a repair rule of the manifest.
    """

    bounds: OffsetArray
    index: IndexArray
    cells: Mapping[str, pa.BinaryArray]
    skipped: Mapping[str, IndexArray]
    rejected: tuple[tuple[int, str], ...] = ()
    flags: Mapping[str, int] | None = None
    loose: IndexArray = field(default_factory=lambda: np.empty(0, np.int32))


class RecordParser(Protocol):
    """Interface of a parser of text records."""

    def preamble(self, blocks: Blocks) -> Position:
        """Read what precedes the first record; return its position.

        Raises:
            ManifestError: the manifest contradicts it.
        """
        ...

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """Return the complete records of `data`, which begins with one; no records if none is complete.

        `final` means that nothing follows, so that the last record needs no end.
        """
        ...

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """Return the reason for rejecting an overlong record, `size` bytes up to the next line end, and all columns."""
        ...


@runtime_checkable
class LongRecordParser(RecordParser, Protocol):
    """Parser of a format in which an overlong record continues after a line end.

    Attributes:
        lookahead_bytes: number of bytes after a record that are needed to detect its end.
    """

    lookahead_bytes: int

    def pass_over(self, blocks: Blocks) -> tuple[int, int]:
        """Read past a record whose end is not buffered; return its bytes and line ends.

        Raises:
            SourceError: the stream breaks off before the end.
        """
        ...


def read_records(
    stream: Iterable[bytes], chunk_bytes: ChunkBytes, spans: Sequence[Span], parser: RecordParser
) -> Iterator[RowChunk]:
    """Run `parser` over the spans of `stream`; see `Format.read`."""
    blocks = Blocks(stream, chunk_bytes)
    first = parser.preamble(blocks)
    longest = MAX_RECORD_BYTES + (parser.lookahead_bytes if isinstance(parser, LongRecordParser) else 0)
    for span in spans:
        at = span.start if span.start.offset > first.offset else first
        blocks.seek(at.offset, None if span.end is None else span.end.offset)
        while blocks.fill():
            data = blocks.data
            chunk = chunk_of(data, at, parser.parse(data, final=blocks.final))
            if chunk.records:
                blocks.consume(len(chunk.data))
            elif blocks.ended:
                break
            elif len(blocks.data) > longest:
                chunk = _oversize(blocks, at, parser)
            else:
                blocks.grow(longest + _ROOM_BYTES)
                continue
            yield chunk
            at = chunk.end
    blocks.raise_fault()


def chunk_of(data: bytes, at: Position, rows: Rows) -> RowChunk:
    """Return the chunk at `at` of the `rows` parsed from the start of `data`."""
    data = data[: rows.bounds[-1]]
    flags = Counter(rows.flags)
    if not data.isascii():
        flags["undecodable_bytes"] += _count_undecodable(data, rows.bounds)
    return RowChunk(
        start=at,
        end=Position(at.offset + len(data), at.row + len(rows.bounds) - 1, at.line + count_lines(data)),
        data=data,
        bounds=rows.bounds,
        index=rows.index,
        cells=rows.cells,
        skipped={reason: index for reason, index in rows.skipped.items() if len(index)},
        rejected=rows.rejected,
        flags={name: count for name, count in flags.items() if count},
        loose=rows.loose,
    )


def _oversize(blocks: Blocks, at: Position, parser: RecordParser) -> RowChunk:
    """Reject a record that exceeds the maximum length, up to its end or the next line end."""
    size, closed = parser.pass_over(blocks) if isinstance(parser, LongRecordParser) else blocks.discard_line()
    reason, columns = parser.oversize(size)
    end = Position(at.offset + size, at.row + 1, at.line + closed)
    cells = {name: pa.array([], pa.binary()) for name in columns}
    bounds = np.array([0, 0], np.int64)
    return RowChunk(at, end, b"", bounds, np.empty(0, np.int32), cells, rejected=((0, reason),))


def _count_undecodable(data: bytes, bounds: OffsetArray) -> int:
    """Count the records with invalid UTF-8."""
    if is_utf8(data):
        return 0
    return sum(not is_utf8(data[bounds[i] : bounds[i + 1]]) for i in range(len(bounds) - 1))


class Blocks:
    """Buffered part of a stream, as small as possible."""

    def __init__(self, stream: Iterable[bytes], size: ChunkBytes) -> None:
        self._pieces = iter(stream)
        self._buffer = bytearray()
        self._offset = 0
        self._stop: int | None = None
        self._size = size
        self._target = size()
        self._exhausted = False
        self._fault: SourceError | None = None

    @property
    def data(self) -> bytes:
        """At most the current target number of bytes, not beyond the end of the span."""
        return bytes(self._buffer[: self._visible])

    @property
    def ended(self) -> bool:
        """Whether `data` reaches the end of the span, or of the readable stream."""
        if self._stop is not None and self._offset + self._visible == self._stop:
            return True
        return self._exhausted and len(self._buffer) == self._visible

    @property
    def final(self) -> bool:
        """Whether `data` reaches the end of the span, or of a complete stream."""
        return self.ended and (self._fault is None or self._offset + self._visible == self._stop)

    @property
    def _visible(self) -> int:
        stop = len(self._buffer) if self._stop is None else self._stop - self._offset
        return min(self._target, stop, len(self._buffer))

    def fill(self) -> bool:
        """Read until `data` has its target size or the stream ends; return False if nothing is left."""
        while len(self._buffer) <= self._target and not self._exhausted:
            self._read()
        return self._visible > 0

    def grow(self, most: int | None = None) -> None:
        """Double the target size, but not beyond `most` bytes."""
        self._target *= 2
        if most is not None:
            self._target = min(self._target, max(most, self._size()))

    def consume(self, size: int) -> None:
        """Drop `size` bytes from the front, and reset the target size."""
        del self._buffer[:size]
        self._offset += size
        self._target = self._size()

    def seek(self, offset: int, stop: int | None) -> None:
        """Read past everything before `offset`, and end the data at `stop`."""
        self._stop = None
        while self._offset < offset and self.fill():
            self.consume(min(offset - self._offset, len(self._buffer)))
        self._stop = stop

    def discard_line(self) -> tuple[int, bool]:
        """Read past the next line end; return the number of bytes, and whether there was a line end."""
        size = 0
        while True:
            found = [at for at in (self._buffer.find(b"\n"), self._buffer.find(b"\r")) if at >= 0]
            at = min(found, default=len(self._buffer))
            if at + 1 < len(self._buffer) or (found and self._exhausted):
                at += 2 if self._buffer[at : at + 2] == b"\r\n" else 1
                self.consume(at)
                return size + at, True
            size += at
            self.consume(at)
            if self._exhausted:
                return size, False
            self._read()

    def skip_lines(self, count: int) -> Position:
        """Skip lines at the start of the stream, which are no rows; return the position of the next one."""
        offset = line = 0
        for _ in range(count):
            size, closed = self.discard_line()
            offset, line = offset + size, line + closed
            if not closed:
                break
        return Position(offset, 0, line)

    def raise_fault(self) -> None:
        """Raise the error that ended the stream early, if any."""
        if self._fault is not None:
            raise self._fault

    def _read(self) -> None:
        try:
            piece = next(self._pieces, None)
        except SourceError as fault:  # raised again after the records before it
            self._fault, piece = fault, None
        if piece is None:
            self._exhausted = True
        else:
            self._buffer += piece


def head_of(data: bytes, lines: int) -> bytes:
    """Return a prefix of `data` with more than `lines` lines if it has as many; short data is returned whole.

    A block of very short lines may have many more of them than a chunk has rows. This avoids splitting all of them
    again for each chunk.
    """
    while len(data) > 2 * lines and count_lines(half := data[: len(data) // 2]) > lines + 1:
        data = half  # the extra line: a CR at its end is ambiguous
    return data
