"""Buffer a stream for a record parser, and run the loop shared by all record parsers.

A format of records in text has to say three things: what comes before the first record, what the complete
records at the beginning of some bytes are, and why a record is given up that is longer than any may be. How
much to look at, where a span ends, and what to do where a stream breaks off is decided here, once.
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
from ingest_cli.model.chunks import IndexArray, OffsetArray, Position, RowChunk, Span, count_lines

MAX_RECORD_BYTES = 8 << 20
"""A record longer than this is not believed: it is what a lost quote or a binary file looks like."""

_ROOM_BYTES = 2 << 20  # seen beside the longest record: the line that it ends in, so that it is known to be too long


@dataclass(frozen=True, slots=True)
class Rows:
    """What a parser makes of some bytes: see the attributes of `RowChunk` of the same names.

    Attributes:
        bounds: shape (records + 1,).
        index: shape (rows,), ascending.
        cells: column name → binary array of length rows.
        skipped: reason → record indices.
        rejected: (record index, reason) of each record that could not be parsed.
        flags: name of an oddity → number of rows read in spite of it.
        loose: record indices of the rows that fit their columns only by a rule of the manifest.
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
        """Read what stands before the first record; where that begins.

        Raises:
            ManifestError: the manifest does not fit it.
        """
        ...

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """The complete records of `data`, which begins with one; no records if none is complete.

        Args:
            data: UTF-8, or any bytes at all.
            final: whether nothing follows, so that the last record needs no end.
        """
        ...

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """Why a record is given up of which no end is seen, and the names of all columns.

        Args:
            size: bytes up to the next line end.
        """
        ...


@runtime_checkable
class LongRecordParser(RecordParser, Protocol):
    """A format of which a record goes on behind a line end even where it is too long.

    Attributes:
        lookahead_bytes: how far behind the end of a record one has to look to see that it ends.
    """

    lookahead_bytes: int

    def pass_over(self, blocks: Blocks) -> tuple[int, int]:
        """Read past a record of which no end is in sight; its bytes, and the line ends in it.

        Raises:
            SourceError: the stream breaks off before that end.
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
            chunk = _chunk(blocks.data, at, parser, final=blocks.final)
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


def _chunk(data: bytes, at: Position, parser: RecordParser, *, final: bool) -> RowChunk:
    """The complete records of `data` as a chunk; one of no records if there are none."""
    return chunk_of(data, at, parser.parse(data, final=final))


def chunk_of(data: bytes, at: Position, rows: Rows) -> RowChunk:
    """The chunk that begins at `at`, whose `rows` were found at the beginning of `data`."""
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
    """Give up a record that is longer than any record may be, up to its end or the next line end."""
    size, closed = parser.pass_over(blocks) if isinstance(parser, LongRecordParser) else blocks.discard_line()
    reason, columns = parser.oversize(size)
    end = Position(at.offset + size, at.row + 1, at.line + closed)
    cells = {name: pa.array([], pa.binary()) for name in columns}
    bounds = np.array([0, 0], np.int64)
    return RowChunk(at, end, b"", bounds, np.empty(0, np.int32), cells, rejected=((0, reason),))


def _count_undecodable(data: bytes, bounds: OffsetArray) -> int:
    """Number of records with bytes that are not UTF-8."""
    if _is_utf8(data):
        return 0
    return sum(not _is_utf8(data[bounds[i] : bounds[i + 1]]) for i in range(len(bounds) - 1))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Blocks:
    """Buffered part of a stream, kept as small as possible."""

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
        """At most the current target of bytes, and none behind the end of the span."""
        return bytes(self._buffer[: self._visible])

    @property
    def ended(self) -> bool:
        """Whether `data` reaches as far as the span, or what can be read of the stream."""
        if self._stop is not None and self._offset + self._visible == self._stop:
            return True
        return self._exhausted and len(self._buffer) == self._visible

    @property
    def final(self) -> bool:
        """Whether `data` reaches to the end of the span, or of a stream that is whole."""
        return self.ended and (self._fault is None or self._offset + self._visible == self._stop)

    @property
    def _visible(self) -> int:
        stop = len(self._buffer) if self._stop is None else self._stop - self._offset
        return min(self._target, stop, len(self._buffer))

    def fill(self) -> bool:
        """Read on until `data` has its size or there is no more; False if nothing is left."""
        while len(self._buffer) <= self._target and not self._exhausted:
            self._read()
        return self._visible > 0

    def grow(self, most: int | None = None) -> None:
        """Look at twice as much next time, but at no more than `most` bytes, if more are never needed."""
        self._target *= 2
        if most is not None:
            self._target = min(self._target, max(most, self._size()))

    def consume(self, size: int) -> None:
        """Drop `size` bytes from the front, and look at blocks of the usual size again."""
        del self._buffer[:size]
        self._offset += size
        self._target = self._size()

    def seek(self, offset: int, stop: int | None) -> None:
        """Read past everything before `offset`, and let nothing be seen from `stop` on."""
        self._stop = None
        while self._offset < offset and self.fill():
            self.consume(min(offset - self._offset, len(self._buffer)))
        self._stop = stop

    def discard_line(self) -> tuple[int, bool]:
        """Read past the next line end; return the bytes that takes, and whether there was a line end."""
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
        """Pass over so many lines at the beginning of the stream; where the next one begins. They are no rows."""
        offset = line = 0
        for _ in range(count):
            size, closed = self.discard_line()
            offset, line = offset + size, line + closed
            if not closed:
                break
        return Position(offset, 0, line)

    def raise_fault(self) -> None:
        """Raise what ended the stream before its time, if anything did."""
        if self._fault is not None:
            raise self._fault

    def _read(self) -> None:
        try:
            piece = next(self._pieces, None)
        except SourceError as fault:  # raised again once the records before it have been read
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
