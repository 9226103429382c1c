"""Read CSV, TSV and similar delimited text.

The stream is divided into blocks of whole records. Arrow parses a block with regular quoting straight into columns;
records with too few or too many cells, or with escapes, are parsed separately, and any other block by `irregular`. All
three give the same cells, which the tests check. `misfits` decides about records that do not fit their columns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.errors import ManifestError, MissingColumnError, SourceError
from ingest_cli.formats import irregular
from ingest_cli.formats.absent import none_of, with_all
from ingest_cli.formats.cells import Cells
from ingest_cli.formats.framing import MAX_RECORD_LINES, Dialect, Frame, count_cells, frame, has_changes, read_cells
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, MAX_CHUNK_ROWS, ChunkBytes, Wanted
from ingest_cli.formats.joined import Beginnings, Begun
from ingest_cli.formats.misfits import Fitted, fit
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES, Blocks, Rows, head_of, read_records
from ingest_cli.model.chunks import CR, LF, WHOLE, IndexArray, OffsetArray, Position, RowChunk, Span, count_lines
from ingest_cli.model.format_options import Format as FormatOptions
from ingest_cli.model.toml_schema import escaped

_FORMULA = re.compile('="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of one source.

    Attributes:
        width: number of columns.
        wanted: name, position and header cell of each wanted column.
        overflow_at: position of the column that surplus delimiters belong to, if any.
        header: cells of the header, unchanged.
    """

    width: int
    wanted: tuple[tuple[str, int, bytes], ...]
    overflow_at: int | None = None
    header: tuple[str, ...] = ()

    @property
    def positions(self) -> list[int]:
        """Positions of the wanted columns."""
        return [at for _, at, _ in self.wanted]

    def is_header(self, cells: Cells) -> bool:
        """Return whether a record that does not fit repeats the header, which may have fewer cells than the rows."""
        return tuple(cells) == self.header or all(
            at < len(cells) and cells[at].encode("utf-8", "surrogateescape") == text for _, at, text in self.wanted
        )


MAX_COLUMNS = 32_767
"""Limit as for a table of SQL; each column takes memory in every block."""

_MAX_SHOWN_CHARS = 64
_RECORDS_TO_LOOK_AT = 20
_BYTES_TO_LOOK_AT = 64 << 10


class Delimited:
    """Reader of records of delimited cells."""

    def __init__(
        self, options: FormatOptions, wanted: Wanted, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
    ) -> None:
        self.dialect = Dialect.of(options)
        self.columns = options.columns
        self.header = options.header
        self.wanted = wanted
        self._chunk_bytes = chunk_bytes
        self._beginnings = Beginnings()

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))

    def begin(self, text: bytes) -> Begun | None:
        """See `JoiningFormat.begin`."""
        above = self.header or self.dialect.rules.skip_lines > 0
        return self._beginnings.of(text, _Source(self), header=above)

    def layout(self, header: irregular.Record) -> Layout:
        """Return the columns of a source, given its header or the columns of the manifest.

        Raises:
            ManifestError: the header could not be parsed, or a wanted column is missing or ambiguous.
            SourceError: there are more columns than `MAX_COLUMNS`.
        """
        if isinstance(header, str):
            raise ManifestError(
                f"the header cannot be read ({header}); check `quote`, `delimiter` and `header` in [format]"
            )
        if not header:  # an empty source has no header and no rows
            return Layout(0, tuple((name, 0, b"") for name in self.wanted.names))
        names = self.columns or tuple(_clean(cell) for cell in header)
        wanted = [name for name in self.wanted.names if name not in self.wanted.optional or name in names]
        if self.wanted.names and not wanted:
            raise none_of(self.wanted.names, f"in the header of {len(names)} columns")
        if len(names) > MAX_COLUMNS:
            raise SourceError(
                f"the header has {len(names):,} columns, and {MAX_COLUMNS:,} is the limit; check `delimiter` and "
                "`header` in [format], or cut the columns that are wanted out of it first"
            )
        return Layout(
            max(len(names), len(header)),
            tuple(
                (name, at, header[at].encode("utf-8", "surrogateescape") if at < len(header) else b"")
                for name in wanted
                for at in [self._find(name, names)]
            ),
            self._find(overflow, names) if (overflow := self.dialect.rules.overflow) else None,
            tuple(header),
        )

    def names_all(self, cells: irregular.Record) -> bool:
        """Return whether a record contains the names of all wanted columns."""
        return not isinstance(cells, str) and set(self.wanted.names) <= {_clean(cell) for cell in cells}

    def _find(self, name: str, names: Sequence[str]) -> int:
        """Return the position of the wanted column `name`."""
        if (found := names.count(name)) == 1:
            return names.index(name)
        if found:
            raise ManifestError(
                f'the header has {found} columns named "{name}"; name them apart with `columns` in [format]'
            )
        hint = ""
        if set(names) & set(self.wanted.names):  # certainly a header, and no personal data
            near = get_close_matches(name.casefold(), [other.casefold() for other in names], 1, 0.5)
            other = next((other for other in names if [other.casefold()] == near), None)
            hint = "" if other is None else f'; did you mean "{escaped(other[:_MAX_SHOWN_CHARS])}"?'
        quote, delimiter = self.dialect.quote, self.dialect.delimiter
        if quote and any(other == f"{quote}{name}{quote}" for other in names):
            hint = f'; cells are quoted behind a blank: set `delimiter = "{escaped(delimiter)} "` in [format]'
        if len(names) == 1:
            hint = "; check `delimiter` and `encoding` in [format]"
        raise MissingColumnError(f'there is no column "{name}" in the header of {len(names)} columns{hint}')


class _Source:
    """Parser of one source: see `RecordParser`."""

    def __init__(self, delimited: Delimited) -> None:
        self._format = delimited
        self._layout = Layout(0, ())

    def preamble(self, blocks: Blocks) -> Position:
        """Read the lines to skip and the header, if any, and find the wanted columns."""
        own = self._format
        first = blocks.skip_lines(own.dialect.rules.skip_lines)
        while own.header and blocks.fill():
            parsed = self._parse_head(blocks)
            filled = next((i for i, cells in enumerate(parsed.records) if cells), None)
            if filled is not None:
                cut = int(parsed.bounds[filled + 1])
                at = Position(first.offset + cut, 0, first.line + count_lines(blocks.data[:cut]))
                self._layout = self._find_columns(blocks, parsed.records[filled], first.line)
                blocks.consume(cut)
                return at
            if blocks.ended:
                break
            if len(blocks.data) > MAX_RECORD_BYTES:
                own.layout("record_too_long")
            blocks.grow()
        self._layout = own.layout(list(own.columns))
        return first

    def _parse_head(self, blocks: Blocks) -> irregular.Parsed:
        data = head_of(blocks.data, 2 * MAX_RECORD_LINES)
        return irregular.parse(data, self._format.dialect, final=blocks.final and len(data) == len(blocks.data))

    def _find_columns(self, blocks: Blocks, header: irregular.Record, lines_before: int) -> Layout:
        """Return the layout for `header`; if it is no header, report the line that seems to be it.

        Raises:
            ManifestError: a column is missing.
        """
        own = self._format
        try:
            return own.layout(header)
        except ManifestError as error:
            while not blocks.ended and len(blocks.data) < _BYTES_TO_LOOK_AT:
                blocks.grow()
                blocks.fill()
            parsed = self._parse_head(blocks)
            near = (i for i, cells in enumerate(parsed.records[:_RECORDS_TO_LOOK_AT]) if own.names_all(cells))
            found = next(near, None)
            if found is None:
                raise
            line = lines_before + count_lines(blocks.data[: int(parsed.bounds[found])])
            raise error.with_text(
                f"{error}; the header seems to be in line {line + 1:,}: set `skip_lines = {line}` in [format]"
            ) from error

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        whole, data = len(data), head_of(data, 2 * MAX_RECORD_LINES)
        final = final and len(data) == whole
        rows = self._regular(data, final=final)
        if rows is None:
            parsed = irregular.parse(data, self._format.dialect, final=final)
            rows = self._gather(parsed.bounds, parsed.records)
        return self._completed(rows)

    def parse_closed(self, data: bytes) -> Rows | None:
        """See `ClosedParser.parse_closed`."""
        rows = self._regular(data, final=True)
        return None if rows is None else self._completed(rows)

    def _regular(self, data: bytes, *, final: bool) -> Rows | None:
        """Return the complete records of `data`; None if quoting is irregular."""
        framed = frame(data, self._format.dialect, final=final)
        if framed is None or not _believable(framed.source_bounds, len(data)):
            return None
        return self._parse_regular(framed.first(MAX_CHUNK_ROWS))

    def _completed(self, rows: Rows) -> Rows:
        """Skip the rows that repeat the header, and add empty cells for the columns the source lacks."""
        header = _repeated_headers(rows, self._layout)
        if self._format.wanted.optional:
            rows = replace(rows, cells=with_all(rows.cells, len(rows.index), self._format.wanted.names))
        if not len(header):
            return rows
        keep = ~np.isin(rows.index, header)
        cells = {name: column.filter(pa.array(keep)) for name, column in rows.cells.items()}
        earlier = rows.skipped.get("repeated_header", np.empty(0, np.int32))
        skipped = {**rows.skipped, "repeated_header": np.sort(np.concatenate((earlier, header)))}
        loose = rows.loose[~np.isin(rows.loose, header)]
        return replace(rows, index=rows.index[keep], cells=cells, skipped=skipped, loose=loose)

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """See `RecordParser.oversize`; a short line has opened a quote that is still open after the limit."""
        reason = "record_too_long" if size > MAX_RECORD_BYTES else "unclosed_quote"
        return reason, self._format.wanted.names

    def _parse_regular(self, framed: Frame) -> Rows:
        """Parse a block with regular quoting."""
        layout, bounds = self._layout, framed.bounds
        heads = np.frombuffer(framed.data, np.uint8)[bounds[:-1]] if len(bounds) > 1 else np.empty(0, np.uint8)
        blank = (heads == LF) | (heads == CR)
        expected = len(blank) - int(blank.sum())
        changed = has_changes(framed.data, bounds, framed.dialect)
        if changed is None:
            table = (
                read_cells(framed.data[: bounds[-1]], framed.dialect, layout.width, layout.positions)
                if expected
                else None
            )
            if (0 if table is None else table.num_rows) == expected:
                cells = _columns(table, layout, self._stand_in(framed))
                return Rows(framed.source_bounds, np.flatnonzero(~blank).astype(np.int32), cells, _blank(blank))
        return self._parse_ragged(framed, blank, changed)

    def _parse_ragged(self, framed: Frame, blank: npt.NDArray[np.bool_], changed: npt.NDArray[np.bool_] | None) -> Rows:
        """Parse a regular block in which some records have too few or too many cells, or escapes."""
        layout, data, bounds, source = self._layout, framed.data, framed.bounds, framed.source_bounds
        odd = (count_cells(data, bounds, framed.dialect) != layout.width) & ~blank
        if changed is not None:
            odd |= changed
        fitting = ~odd & ~blank
        body = b"".join(data[start:end] for start, end in _runs(bounds, fitting))
        table = read_cells(body, framed.dialect, layout.width, layout.positions) if body else None
        dialect = self._format.dialect
        if (0 if table is None else table.num_rows) != fitting.sum():
            return self._gather(source, irregular.parse(framed.source[: source[-1]], dialect, final=True).records)
        records: list[irregular.Record] = [[] for _ in range(len(blank))]
        for i in np.flatnonzero(odd):
            records[i] = irregular.parse_record(framed.source[source[i] : source[i + 1]], dialect)
        rest = self._gather(source, records)
        index = np.concatenate((np.flatnonzero(fitting).astype(np.int32), rest.index))
        order = np.argsort(index, kind="stable")
        columns = _columns(table, layout, self._stand_in(framed))
        cells = {
            name: pa.concat_arrays([columns[name], rest.cells[name]]).take(pa.array(order))
            for name, _, _ in layout.wanted
        }
        return replace(rest, index=index[order], cells=cells, skipped={**rest.skipped, **_blank(blank)})

    def _stand_in(self, framed: Frame) -> tuple[str, str]:
        """Return the text to replace in the cells of a frame, and its replacement: a delimiter within quotes."""
        quote = framed.dialect.quote.encode()
        if framed.has_stand_in and quote and quote in framed.data:
            return framed.dialect.delimiter, self._format.dialect.delimiter
        return "", ""

    def _gather(self, bounds: OffsetArray, records: Sequence[irregular.Record]) -> Rows:
        """Convert records to columns; records that do not fit are rejected."""
        layout, own = self._layout, self._format
        index, blank, repeated, loose = list[int](), list[int](), list[int](), list[int]()
        rejected, flags = list[tuple[int, str]](), Counter[str]()
        rows = list[Cells]()
        for i, cells in enumerate(records):
            if not cells:
                blank.append(i)
                continue
            row = fit(cells, layout.width, own.dialect, layout.overflow_at)
            if isinstance(row, Fitted) and not row.flag:
                index.append(i)
                rows.append(row.cells)
            elif not isinstance(cells, str) and layout.is_header(cells):
                repeated.append(i)
            elif isinstance(row, str):
                rejected.append((i, row))
            else:
                flags[row.flag] += 1
                loose.append(i)
                index.append(i)
                rows.append(row.cells)
        columns = {
            name: pa.array([row[at].encode("utf-8", "surrogateescape") for row in rows], pa.binary())
            for name, at, _ in layout.wanted
        }
        skipped = {"blank": np.array(blank, np.int32), "repeated_header": np.array(repeated, np.int32)}
        return Rows(
            bounds, np.array(index, np.int32), columns, skipped, tuple(rejected), flags, np.array(loose, np.int32)
        )


def _columns(table: pa.Table | None, layout: Layout, stand_in: tuple[str, str]) -> dict[str, pa.BinaryArray]:
    """Return the wanted columns of a table, with the stand-in for the delimiter replaced."""
    if table is None:
        return {name: pa.array([], pa.binary()) for name, _, _ in layout.wanted}
    columns = {name: _one(table.column(i)) for i, (name, _, _) in enumerate(layout.wanted)}
    before, after = stand_in
    if not before:
        return columns
    return {name: pc.replace_substring(column, before.encode(), after.encode()) for name, column in columns.items()}


def _one(column: pa.ChunkedArray) -> pa.BinaryArray:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _runs(bounds: OffsetArray, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) in bytes of each run of adjacent chosen records."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], chosen.view(np.int8), [0]))))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        yield int(bounds[first]), int(bounds[after])


def _blank(blank: npt.NDArray[np.bool_]) -> dict[str, IndexArray]:
    return {"blank": np.flatnonzero(blank).astype(np.int32)}


def _repeated_headers(rows: Rows, layout: Layout) -> IndexArray:
    """Return the record indices of the rows that equal the header in every wanted cell."""
    repeated = np.full(len(rows.index), bool(layout.wanted))
    for name, _, text in layout.wanted:
        if not repeated.any():
            break
        repeated &= pc.equal(rows.cells[name], text).to_numpy(zero_copy_only=False)
    index: IndexArray = rows.index[repeated]
    return index


def _believable(bounds: OffsetArray, size: int) -> bool:
    """Return whether neither a record nor the rest after the last one exceeds the maximum length."""
    return int(np.diff(bounds, append=size).max()) <= MAX_RECORD_BYTES


def _clean(name: str) -> str:
    name = name.strip().strip("\ufeff").strip()
    formula = _FORMULA.fullmatch(name)
    return formula[1].strip() if formula else name
