"""Read the rows of one table from an SQL dump, which is parsed and never executed.

INSERT (one tuple or thousands per statement) and PostgreSQL's COPY … FROM stdin are read, as mysqldump, phpMyAdmin,
pg_dump, SQLite's `.dump`, SQL Server's scripts and Oracle's exports write them. Other statements are skipped; rows of
other tables are counted. A row is a tuple, a SELECT of values, a list of assignments or a line of COPY. A record is a
row with its separator and, if it is the first of its statement, the head before it. Text that cannot be read becomes
as many rejected records as it seems to have rows.

The columns of a tuple depend on its statement or on CREATE TABLE, and the quoting on the start of the dump. Reading
therefore always starts at the first byte; the text before a span is scanned, but its cells are not parsed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, MAX_CHUNK_ROWS, ChunkBytes
from ingest_cli.formats.record_stream import Blocks
from ingest_cli.formats.sql.catalog import Catalog, TableNames, WantedColumns
from ingest_cli.formats.sql.dialect import EVIDENCE_BYTES, decide
from ingest_cli.formats.sql.rows import Cells, Passed, RowRun
from ingest_cli.formats.sql.scanner import Scan, Scanner
from ingest_cli.formats.sql.schemas import Schemas
from ingest_cli.model.chunks import WHOLE, OffsetArray, Position, RowChunk, Span, count_lines, is_utf8

ESTIMATED_ROWS = "estimated_rows"
"""Flag: rejected rows of text that cannot be read, an estimate."""

ESTIMATED_UNREAD = "estimated_unread_rows"
"""Flag: estimated rows of unread tables."""

MAX_GAP_BYTES = 16 << 10
"""Maximum text between two records of a chunk, which is kept with it."""


class SqlDump:
    """Reader of the rows of SQL dumps."""

    def __init__(
        self,
        tables: Sequence[str],
        wanted: Sequence[str],
        columns: Sequence[str] | None,
        *,
        optional: Collection[str] = (),
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Initialise the parser.

        Args:
            tables: tables to read, with or without schema and quotes, case-insensitive; empty: the only one with rows.
            wanted: names of the columns to keep, case-insensitive.
            columns: names of all columns in order, for tables that the dump does not describe.
            optional: wanted columns that a table may lack.
            chunk_bytes: returns the target size of a chunk in decoded bytes.
        """
        known = None if columns is None else tuple(columns)
        self._wish = WantedColumns(tuple(tables), tuple(wanted), known, frozenset(optional))
        self._chunk_bytes = chunk_bytes
        self._names = TableNames()
        self._schemas = Schemas(lambda: ())

    def learn_from(self, heads: Callable[[], Iterable[bytes]]) -> None:
        """See `Described.learn_from`: CREATE TABLE may be in one source, and rows without names in another."""
        self._schemas = Schemas(heads)

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`.

        Raises:
            ManifestError: a table lacks a wanted column, or a second table has rows and none is selected, which is
                detected when it is reached.
            SourceError: as in `Format.read`.
        """
        blocks = Blocks(stream, self._chunk_bytes)
        syntax = decide(_head(blocks))
        scanner = Scanner(syntax, Catalog(self._wish, syntax.family, self._names, self._schemas.find))
        chunks = _Chunks(spans, self._wish.wanted)
        at, was_return = Position(), False
        while blocks.fill() and not chunks.past(at.offset):
            data = blocks.data
            if was_return and data.startswith(b"\n"):  # counted with the CR before it
                at, was_return = replace(at, line=at.line - 1), False
            scan = scanner.scan(data, final=blocks.final)
            if scan.consumed:
                yield from chunks.add(data, at, scan)
                records = sum(len(run.starts) for run in scan.runs)
                data = data[: scan.consumed]
                at = Position(at.offset + len(data), at.row + records, at.line + count_lines(data))
                was_return = data.endswith(b"\r")
                blocks.consume(scan.consumed)
            elif blocks.ended:
                break
            else:
                blocks.grow()
        if chunks.past(at.offset):
            yield from chunks.close(at)
        else:
            yield from chunks.close(at if blocks.final else None)
            blocks.raise_fault()


def _head(blocks: Blocks) -> bytes:
    """Return the first `EVIDENCE_BYTES` of a stream, independent of the size of its pieces."""
    while blocks.fill() and len(blocks.data) < EVIDENCE_BYTES and not blocks.ended:
        blocks.grow()
    head = blocks.data[:EVIDENCE_BYTES]
    blocks.consume(0)
    return head


class _Chunks:
    """Chunks of the records inside the spans, each extending to the start of the next.

    Rows of unread tables belong to the chunk before them, the first ones to the first chunk of their span; in a span
    without records, to a chunk without records.
    """

    def __init__(self, spans: Sequence[Span], wanted: Sequence[str]) -> None:
        self._spans = list(spans)
        self._wanted = wanted
        self._pending: RowChunk | None = None
        self._passed = list[Passed]()  # not yet in a chunk, with offsets of the decoded stream

    def past(self, offset: int) -> bool:
        """Return whether all spans end at or before `offset`."""
        ends = [span.end for span in self._spans]
        return not ends or (ends[-1] is not None and ends[-1].offset <= offset)

    def add(self, data: bytes, at: Position, scan: Scan) -> Iterator[RowChunk]:
        """Add the records found in `data`, which is at `at`; yield the chunks before the last record."""
        self._passed += [replace(passed, at=at.offset + passed.at) for passed in scan.passed]
        if not scan.runs:
            self._join_passed()
            return
        found = _Found(data, at, scan.runs, self._wanted)
        starts = found.starts
        while self._spans:
            span = self._spans[0]
            until = None if span.end is None else span.end.offset - at.offset
            first = int(np.searchsorted(starts, span.start.offset - at.offset))
            after = len(starts) if until is None else int(np.searchsorted(starts, until))
            if after > first:
                for low, high in _groups(starts, found.ends, first, after):
                    chunk = found.chunk(low, high)
                    passed = self._take(span, chunk.start.offset)
                    if self._pending is not None:
                        yield _with(replace(self._pending, end=chunk.start), passed)
                    else:
                        chunk = _with(chunk, passed)
                        if span.start.offset:  # the text before its first record is part of the span
                            chunk = replace(chunk, start=replace(chunk.start, offset=span.start.offset))
                    self._pending = chunk
            if after == len(starts):
                break
            yield from self._flush(span, span.end)
            self._spans.pop(0)
        self._join_passed()

    def close(self, end: Position | None) -> Iterator[RowChunk]:
        """Yield the last chunk.

        Args:
            end: end of the stream; None if it is unknown because reading failed.
        """
        if not self._spans:
            return
        span = self._spans[0]
        yield from self._flush(span, span.end if end is not None and span.end is not None else end)

    def _flush(self, span: Span, end: Position | None) -> Iterator[RowChunk]:
        """Yield the last chunk of a span, up to `end` or, without it, to the end of its last record."""
        pending, self._pending = self._pending, None
        if end is None:
            if pending is not None:
                yield pending
            return
        passed = self._take(span, end.offset)
        if pending is not None:
            yield _with(replace(pending, end=end), passed)
        elif passed:
            yield _with(_no_records(span.start, end, self._wanted), passed)

    def _take(self, span: Span, until: int) -> list[Passed]:
        """Return the unread rows inside `span` before `until`, and remove all before `until`."""
        taken = [passed for passed in self._passed if span.start.offset <= passed.at < until]
        self._passed = [passed for passed in self._passed if passed.at >= until]
        return taken

    def _join_passed(self) -> None:
        """Combine all unread rows since the last record, whose number has no limit."""
        if len(self._passed) > 1:
            first, *others = self._passed
            for passed in others:
                first.rows.update(passed.rows)
                first.estimated += passed.estimated
            self._passed = [first]


def _with(chunk: RowChunk, passed: Sequence[Passed]) -> RowChunk:
    """Return the chunk with the counts of unread rows."""
    if not passed:
        return chunk
    rows = Counter(chunk.passed_over)
    for one in passed:
        rows.update(one.rows)
    estimated = sum(one.estimated for one in passed)
    flags = Counter(chunk.flags)
    if estimated:
        flags[ESTIMATED_UNREAD] += estimated
    return replace(chunk, passed_over=dict(rows), flags=dict(flags))


def _no_records(start: Position, end: Position, wanted: Sequence[str]) -> RowChunk:
    return RowChunk(
        start=start,
        end=end,
        data=b"",
        bounds=np.zeros(1, np.int64),
        index=np.empty(0, np.int32),
        cells={name: pa.array([], pa.binary()) for name in wanted},
    )


class _Found:
    """Records of one block, whose cells are parsed for the first chunk.

    Attributes:
        starts, ends: shape (records,), in the block.
    """

    def __init__(self, data: bytes, at: Position, runs: Sequence[RowRun], wanted: Sequence[str]) -> None:
        self.starts: OffsetArray = np.concatenate([np.asarray(run.starts, np.int64) for run in runs])
        self.ends: OffsetArray = np.concatenate([np.asarray(run.ends, np.int64) for run in runs])
        self._data, self._at, self._runs = data, at, runs
        self._columns: dict[str, list[bytes]] = {name: [] for name in wanted}
        self._rejected = list[tuple[int, str]]()
        self._estimated = list[tuple[int, int]]()

    @cached_property
    def _index(self) -> npt.NDArray[np.int64]:
        """Indices of the records that are rows, after parsing all cells."""
        first = 0
        for run in self._runs:
            rejected = list(run.rejected)
            if run.cells is not None:
                rejected = self._take(run, run.cells())
            self._rejected += [(first + place, reason) for place, reason in rejected]
            if run.estimated:
                self._estimated.append((first, first + len(run.starts)))
            first += len(run.starts)
        parsed = np.ones(len(self.starts), np.bool_)
        parsed[[place for place, _ in self._rejected]] = False
        return np.flatnonzero(parsed)

    def _take(self, run: RowRun, cells: Cells) -> list[tuple[int, str]]:
        """Add the cells of a run; return its rejected records, including those with an unread expression."""
        columns = cells.columns
        rejected = dict(run.rejected)
        if cells.unread:
            rows = [place for place in range(len(run.starts)) if place not in rejected]
            rejected |= {rows[row]: "unread_expression" for row in cells.unread}
            unread = frozenset(cells.unread)
            columns = [[cell for row, cell in enumerate(column) if row not in unread] for column in columns]
        for name, more in zip(self._columns, columns, strict=True):
            self._columns[name] += more
        return sorted(rejected.items())

    def chunk(self, low: int, high: int) -> RowChunk:
        """Return the records from `low` to `high`, up to the end of the last one."""
        begin, end = int(self.starts[low]), int(self.ends[high - 1])
        data = self._data[begin:end]
        bounds = np.append(self.starts[low:high], end) - begin
        rows = slice(*np.searchsorted(self._index, [low, high]))
        start = Position(self._at.offset + begin, self._at.row + low, self._at.line + count_lines(self._data[:begin]))
        estimated = sum(max(min(after, high) - max(first, low), 0) for first, after in self._estimated)
        flags = {"undecodable_bytes": self._undecodable(low, high), ESTIMATED_ROWS: estimated}
        return RowChunk(
            start=start,
            end=Position(start.offset + len(data), start.row + high - low, start.line + count_lines(data)),
            data=data,
            bounds=bounds,
            index=(self._index[rows] - low).astype(np.int32),
            cells={name: pa.array(column[rows], pa.binary()) for name, column in self._columns.items()},
            rejected=tuple((place - low, reason) for place, reason in self._rejected if low <= place < high),
            flags={name: count for name, count in flags.items() if count},
        )

    def _undecodable(self, low: int, high: int) -> int:
        """Count the records with bytes that are not UTF-8; the text between two records is ignored."""
        if is_utf8(self._data[self.starts[low] : self.ends[high - 1]]):
            return 0
        places = zip(self.starts[low:high].tolist(), self.ends[low:high].tolist(), strict=True)
        return sum(not is_utf8(self._data[begin:end]) for begin, end in places)


def _groups(starts: OffsetArray, ends: OffsetArray, first: int, after: int) -> Iterator[tuple[int, int]]:
    """Yield (first, after) of the records of each chunk, which are close together."""
    gaps = np.flatnonzero(starts[first + 1 : after] - ends[first : after - 1] > MAX_GAP_BYTES) + first + 1
    edges = [first, *gaps.tolist(), after]
    for low, high in pairwise(edges):
        for begin in range(low, high, MAX_CHUNK_ROWS):
            yield begin, min(begin + MAX_CHUNK_ROWS, high)
