"""Read the rows of one table from an SQL dump, which is parsed and never executed.

INSERT (one tuple or thousands in a statement) and PostgreSQL's COPY … FROM stdin are read, as mysqldump, phpMyAdmin,
pg_dump, SQLite's `.dump`, SQL Server's scripts and Oracle's exports write them; everything else is passed over, and
so are the rows of other tables, which are counted. A row is a tuple, a SELECT of values, a list of assignments or a
line of COPY. A record is a row with the head of the statement before it, if it is the first there, and what separates
it from the next. What cannot be read is as many records as it seems to have rows, each of them a reject.

Which columns a tuple has is said by its statement or by CREATE TABLE, and how strings are quoted by what the dump
begins with, so that a row can only be read by one who has seen all before it. Reading therefore always begins at
the first byte, and what lies before a span is scanned but not looked into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
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
"""Flag: rejected rows of what cannot be read, counted by what looks like a row."""

ESTIMATED_UNREAD = "estimated_unread_rows"
"""Flag: the same for rows of tables that are not read."""

MAX_GAP_BYTES = 16 << 10
"""Text between two records of a chunk; where there is more, a chunk ends, so that none of it is kept."""


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
        """Set up the parser.

        Args:
            tables: the tables to read, with or without schema and quotes, in any case; none: the only one with rows.
            wanted: names of the columns to keep, in any case; all others are dropped while parsing.
            columns: names of all columns in order, for tables of which the dump does not say.
            optional: those of the wanted columns that a table may lack.
            chunk_bytes: tells how many decoded bytes a chunk aims at.
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
            ManifestError: a table with a wanted column missing, or a second table with rows where none is chosen;
                the latter is only found out when it is reached.
            SourceError: see there.
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
    """The first bytes of a stream, the same ones whatever the size of its pieces."""
    while blocks.fill() and len(blocks.data) < EVIDENCE_BYTES and not blocks.ended:
        blocks.grow()
    head = blocks.data[:EVIDENCE_BYTES]
    blocks.consume(0)
    return head


class _Chunks:
    """Makes chunks of records: those inside the spans, each up to where the next begins.

    Rows of tables that are not read belong to the chunk before them, the first ones to the first chunk of their span;
    where a span has no records, to a chunk without any.
    """

    def __init__(self, spans: Sequence[Span], wanted: Sequence[str]) -> None:
        self._spans = list(spans)
        self._wanted = wanted
        self._pending: RowChunk | None = None
        self._passed = list[Passed]()  # not yet given to a chunk; in the decoded stream

    def past(self, offset: int) -> bool:
        """Whether all spans end at or before `offset`."""
        ends = [span.end for span in self._spans]
        return not ends or (ends[-1] is not None and ends[-1].offset <= offset)

    def add(self, data: bytes, at: Position, scan: Scan) -> Iterator[RowChunk]:
        """Take what was found in `data`, which lies at `at`; yield the chunks before the last record."""
        self._passed += [replace(passed, at=at.offset + passed.at) for passed in scan.passed]
        runs = scan.runs
        if not runs:
            self._join_passed()
            return
        found: _Found | None = None
        starts = np.concatenate([np.asarray(run.starts, np.int64) for run in runs])
        ends = np.concatenate([np.asarray(run.ends, np.int64) for run in runs])
        while self._spans:
            span = self._spans[0]
            until = None if span.end is None else span.end.offset - at.offset
            first = int(np.searchsorted(starts, span.start.offset - at.offset))
            after = len(starts) if until is None else int(np.searchsorted(starts, until))
            if after > first:
                found = found or _Found(data, at, starts, ends, runs, self._wanted)
                for low, high in _groups(starts, ends, first, after):
                    chunk = found.chunk(low, high)
                    passed = self._take(span, chunk.start.offset)
                    if self._pending is not None:
                        yield _with(replace(self._pending, end=chunk.start), passed)
                    else:
                        chunk = _with(chunk, passed)
                        if span.start.offset:  # what lies before its first record is part of the span, too
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
            end: where the stream ends; None if that is not known because it broke off.
        """
        if not self._spans:
            return
        span = self._spans[0]
        yield from self._flush(span, span.end if end is not None and span.end is not None else end)

    def _flush(self, span: Span, end: Position | None) -> Iterator[RowChunk]:
        """The last chunk of a span, up to `end`, or else up to the end of its last record."""
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
        """The rows passed over within `span` and before `until`; what lies before them is forgotten."""
        taken = [passed for passed in self._passed if span.start.offset <= passed.at < until]
        self._passed = [passed for passed in self._passed if passed.at >= until]
        return taken

    def _join_passed(self) -> None:
        """Make one of all that was passed over since the last record: there is no telling how much more will be."""
        if len(self._passed) > 1:
            first, *others = self._passed
            for passed in others:
                first.rows.update(passed.rows)
                first.estimated += passed.estimated
            self._passed = [first]


def _with(chunk: RowChunk, passed: Sequence[Passed]) -> RowChunk:
    """The chunk, and what was passed over beside its records."""
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
    """Parsed records of one block."""

    def __init__(
        self,
        data: bytes,
        at: Position,
        starts: OffsetArray,
        ends: OffsetArray,
        runs: Sequence[RowRun],
        wanted: Sequence[str],
    ) -> None:
        self._data, self._at, self._starts, self._ends = data, at, starts, ends
        self._columns: dict[str, list[bytes]] = {name: [] for name in wanted}
        self._rejected = list[tuple[int, str]]()
        self._estimated = list[tuple[int, int]]()
        first = 0
        for run in runs:
            rejected = list(run.rejected)
            if run.cells is not None:
                rejected = self._take(run, run.cells())
            self._rejected += [(first + place, reason) for place, reason in rejected]
            if run.estimated:
                self._estimated.append((first, first + len(run.starts)))
            first += len(run.starts)
        parsed = np.ones(len(starts), np.bool_)
        parsed[[place for place, _ in self._rejected]] = False
        self._index = np.flatnonzero(parsed)

    def _take(self, run: RowRun, cells: Cells) -> list[tuple[int, str]]:
        """Add the cells of a run; the records that are none, which a cell that is not understood makes them, too."""
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
        """The records from `low` up to `high`; its end is for now that of the last of them."""
        begin, end = int(self._starts[low]), int(self._ends[high - 1])
        data = self._data[begin:end]
        bounds = np.append(self._starts[low:high], end) - begin
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
        """Number of records with bytes that are not UTF-8; what stands between two records is not looked at."""
        if is_utf8(self._data[self._starts[low] : self._ends[high - 1]]):
            return 0
        places = zip(self._starts[low:high].tolist(), self._ends[low:high].tolist(), strict=True)
        return sum(not is_utf8(self._data[begin:end]) for begin, end in places)


def _groups(starts: OffsetArray, ends: OffsetArray, first: int, after: int) -> Iterator[tuple[int, int]]:
    """(first, after) of the records of each chunk: neighbours, and no more than a chunk may have."""
    gaps = np.flatnonzero(starts[first + 1 : after] - ends[first : after - 1] > MAX_GAP_BYTES) + first + 1
    edges = [first, *gaps.tolist(), after]
    for low, high in pairwise(edges):
        for begin in range(low, high, MAX_CHUNK_ROWS):
            yield begin, min(begin + MAX_CHUNK_ROWS, high)
