"""CSV, TSV and everything like them.

The stream is cut into blocks that end with a record. A block in which every quote stands where it
should is parsed by Arrow straight into columns; records with too few or too many cells are picked out
of it beforehand, and any other block goes to the careful parser of `irregular`. All three give the
same cells for the same bytes, and the tests hold them to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ingest_cli.errors import ManifestError
from ingest_cli.formats import irregular
from ingest_cli.formats.framing import MAX_RECORD_LINES, Dialect, count_cells, scan
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, MAX_CHUNK_ROWS, ChunkBytes
from ingest_cli.formats.joined import Beginnings, Begun
from ingest_cli.formats.lines import head_of
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES, Blocks, Rows, read_records
from ingest_cli.records import CR, LF, WHOLE, IndexArray, OffsetArray, Position, RowChunk, Span, count_lines
from ingest_cli.toml_table import escaped

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of one source.

    Attributes:
        width: how many there are.
        wanted: name, position and header cell of each that the manifest names.
    """

    width: int
    wanted: tuple[tuple[str, int, bytes], ...]


_MAX_SHOWN_CHARS = 64


class Delimited:
    """Reads records of cells separated by one character."""

    def __init__(
        self,
        dialect: Dialect,
        wanted: Sequence[str],
        columns: Sequence[str] | None,
        *,
        header: bool,
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Set up the parser.

        Args:
            dialect: what separates and quotes cells.
            wanted: names of the columns to keep; all others are dropped while parsing.
            columns: names of all columns in order, "" for those without one; None: the header has them.
            header: whether the first record is a header.
            chunk_bytes: tells how many decoded bytes a chunk aims at.
        """
        self.dialect = dialect
        self._wanted = tuple(wanted)
        self.columns = None if columns is None else tuple(columns)
        self.header = header
        self._chunk_bytes = chunk_bytes
        self._beginnings = Beginnings()

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        return read_records(stream, self._chunk_bytes, spans, _Source(self))

    def begin(self, text: bytes) -> Begun | None:
        """See `JoiningFormat.begin`."""
        return self._beginnings.of(text, _Source(self), header=self.header)

    def layout(self, header: irregular.Cells | str) -> Layout:
        """The columns of a source.

        Args:
            header: its header, or the columns given in its stead; a reason where the header cannot be parsed.

        Raises:
            ManifestError: there is no telling where the wanted columns are.
        """
        if isinstance(header, str):
            raise ManifestError(
                f"the header cannot be read ({header}); check `quote`, `delimiter` and `header` in [format]"
            )
        if not header:  # an empty source: no header, no rows, nothing to find
            return Layout(0, tuple((name, 0, b"") for name in self._wanted))
        names = self.columns or tuple(_clean(cell) for cell in header)
        return Layout(
            max(len(names), len(header)),
            tuple(
                (name, at, header[at].encode("utf-8", "surrogateescape") if at < len(header) else b"")
                for name in self._wanted
                for at in [self._find(name, names)]
            ),
        )

    def _find(self, name: str, names: Sequence[str]) -> int:
        """Position of the wanted column `name`."""
        if (found := names.count(name)) == 1:
            return names.index(name)
        if found:
            raise ManifestError(
                f'the header has {found} columns named "{name}"; name them apart with `columns` in [format]'
            )
        hint = ""
        if set(names) & set(self._wanted):  # a header beyond doubt, and not somebody's data
            near = get_close_matches(name.casefold(), [other.casefold() for other in names], 1, 0.5)
            other = next((other for other in names if [other.casefold()] == near), None)
            hint = "" if other is None else f'; did you mean "{escaped(other[:_MAX_SHOWN_CHARS])}"?'
        if len(names) == 1:
            hint = "; check `delimiter` and `encoding` in [format]"
        raise ManifestError(f'there is no column "{name}" in the header of {len(names)} columns{hint}')


class _Source:
    """The parser of one source: see `RecordParser`."""

    def __init__(self, delimited: Delimited) -> None:
        self._format = delimited
        self._layout = Layout(0, ())

    def preamble(self, blocks: Blocks) -> Position:
        """Read the header, if there is one, and find the wanted columns."""
        own = self._format
        while own.header and blocks.fill():
            data = head_of(blocks.data, 2 * MAX_RECORD_LINES)
            parsed = irregular.parse(data, own.dialect, final=blocks.final and len(data) == len(blocks.data))
            filled = next((i for i, cells in enumerate(parsed.records) if cells), None)
            if filled is not None:
                cut = int(parsed.bounds[filled + 1])
                at = Position(cut, 0, count_lines(blocks.data[:cut]))
                blocks.consume(cut)
                self._layout = own.layout(parsed.records[filled])
                return at
            if blocks.ended:
                break
            if len(blocks.data) > MAX_RECORD_BYTES:
                own.layout("record_too_long")
            blocks.grow()
        self._layout = own.layout(list(own.columns or ()))
        return Position()

    def parse(self, data: bytes, *, final: bool) -> Rows:
        """See `RecordParser.parse`."""
        dialect, layout = self._format.dialect, self._layout
        whole, data = len(data), head_of(data, 2 * MAX_RECORD_LINES)
        final = final and len(data) == whole
        rows = self._regular(data, final=final)
        if rows is None:
            parsed = irregular.parse(data, dialect, final=final)
            rows = _gather(parsed.bounds, parsed.records, layout)
        return self._without_headers(rows)

    def parse_closed(self, data: bytes) -> Rows | None:
        """See `JoiningParser.parse_closed`."""
        rows = self._regular(data, final=True)
        return None if rows is None else self._without_headers(rows)

    def _regular(self, data: bytes, *, final: bool) -> Rows | None:
        """The complete records of `data`; None if one is not written as it should be."""
        dialect = self._format.dialect
        bounds = scan(data, dialect, final=final) if dialect.is_single_byte else None
        if bounds is None or not _believable(bounds, len(data)):
            return None
        return _parse_regular(data, bounds[: MAX_CHUNK_ROWS + 1], dialect, self._layout)

    def _without_headers(self, rows: Rows) -> Rows:
        """Skip the rows that repeat the header."""
        header = _repeated_headers(rows, self._layout)
        if not len(header):
            return rows
        keep = ~np.isin(rows.index, header)
        cells = {name: column.filter(pa.array(keep)) for name, column in rows.cells.items()}
        skipped = {**rows.skipped, "repeated_header": header}
        return replace(rows, index=rows.index[keep], cells=cells, skipped=skipped)

    def oversize(self, size: int) -> tuple[str, Sequence[str]]:
        """As the careful parser has it: a short line opened a quote that is still open behind the limit."""
        reason = "record_too_long" if size > MAX_RECORD_BYTES else "unclosed_quote"
        return reason, [name for name, _, _ in self._layout.wanted]


def _parse_regular(data: bytes, bounds: OffsetArray, dialect: Dialect, layout: Layout) -> Rows:
    """Parse a block in which every quote is where it should be."""
    heads = np.frombuffer(data, np.uint8)[bounds[:-1]] if len(bounds) > 1 else np.empty(0, np.uint8)
    blank = (heads == LF) | (heads == CR)
    expected = len(blank) - int(blank.sum())
    table = _arrow(data[: bounds[-1]], dialect, layout) if expected else None
    if (0 if table is None else table.num_rows) == expected:
        cells = _columns(table, layout)
        return Rows(bounds, np.flatnonzero(~blank).astype(np.int32), cells, _blank(blank))
    return _parse_ragged(data, bounds, blank, dialect, layout)


def _parse_ragged(
    data: bytes, bounds: OffsetArray, blank: npt.NDArray[np.bool_], dialect: Dialect, layout: Layout
) -> Rows:
    """Parse a regular block some of whose records have too few or too many cells."""
    odd = (count_cells(data, bounds, dialect) != layout.width) & ~blank
    fitting = ~odd & ~blank
    body = b"".join(data[start:end] for start, end in _runs(bounds, fitting))
    table = _arrow(body, dialect, layout) if body else None
    if (0 if table is None else table.num_rows) != fitting.sum():
        return _gather(bounds, irregular.parse(data[: bounds[-1]], dialect, final=True).records, layout)
    records: list[irregular.Cells | str] = [[] for _ in range(len(blank))]
    for i in np.flatnonzero(odd):
        records[i] = irregular.parse_record(data[bounds[i] : bounds[i + 1]], dialect)
    rest = _gather(bounds, records, layout)
    index = np.concatenate((np.flatnonzero(fitting).astype(np.int32), rest.index))
    order = np.argsort(index, kind="stable")
    columns = _columns(table, layout)
    cells = {
        name: pa.concat_arrays([columns[name], rest.cells[name]]).take(pa.array(order)) for name, _, _ in layout.wanted
    }
    return Rows(bounds, index[order], cells, _blank(blank), rest.rejected, rest.flags)


def _arrow(data: bytes, dialect: Dialect, layout: Layout) -> pa.Table | None:
    """Let Arrow parse whole records into the wanted columns; None if their widths differ."""
    if data.startswith(_BOM):  # Arrow would drop what is part of a cell here
        return None
    names = [str(i) for i in range(layout.width)]
    if not data.endswith((b"\n", b"\r")):
        data += b"\n"
    try:
        return pacsv.read_csv(
            pa.BufferReader(data),
            pacsv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
            pacsv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                double_quote=bool(dialect.quote),
                newlines_in_values=bool(dialect.quote),
            ),
            pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                include_columns=[names[position] for _, position, _ in layout.wanted],
                check_utf8=False,
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None


def _columns(table: pa.Table | None, layout: Layout) -> dict[str, pa.BinaryArray]:
    if table is None:
        return {name: pa.array([], pa.binary()) for name, _, _ in layout.wanted}
    return {name: _one(table.column(i)) for i, (name, _, _) in enumerate(layout.wanted)}


def _one(column: pa.ChunkedArray) -> pa.BinaryArray:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _gather(bounds: OffsetArray, records: Sequence[irregular.Cells | str], layout: Layout) -> Rows:
    """Bring records of cells into columns; short ones are filled up, overlong ones are rejected."""
    index, blank = list[int](), list[int]()
    rejected, flags = list[tuple[int, str]](), Counter[str]()
    rows = list[irregular.Cells]()
    for i, cells in enumerate(records):
        if isinstance(cells, str):
            rejected.append((i, cells))
        elif not cells:
            blank.append(i)
        elif len(cells) > layout.width and any(cell.strip() for cell in cells[layout.width :]):
            rejected.append((i, "too_many_cells"))
        else:
            if len(cells) < layout.width:
                flags["short_row"] += 1
            index.append(i)
            rows.append(cells)
    columns = {
        name: pa.array(
            [row[at].encode("utf-8", "surrogateescape") if at < len(row) else b"" for row in rows],
            pa.binary(),
        )
        for name, at, _ in layout.wanted
    }
    empty = {"blank": np.array(blank, np.int32)}
    return Rows(bounds, np.array(index, np.int32), columns, empty, tuple(rejected), flags)


def _runs(bounds: OffsetArray, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """(begin, end) in bytes of each run of neighbouring chosen records."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], chosen.view(np.int8), [0]))))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        yield int(bounds[first]), int(bounds[after])


def _blank(blank: npt.NDArray[np.bool_]) -> dict[str, IndexArray]:
    return {"blank": np.flatnonzero(blank).astype(np.int32)}


def _repeated_headers(rows: Rows, layout: Layout) -> IndexArray:
    """Record indices of the rows in which every wanted cell holds what the header holds there."""
    repeated = np.full(len(rows.index), bool(layout.wanted))
    for name, _, text in layout.wanted:
        if not repeated.any():
            break
        repeated &= pc.equal(rows.cells[name], text).to_numpy(zero_copy_only=False)
    index: IndexArray = rows.index[repeated]
    return index


def _believable(bounds: OffsetArray, size: int) -> bool:
    """Whether no record, nor what follows the last one, is longer than a record may be."""
    return int(np.diff(bounds, append=size).max()) <= MAX_RECORD_BYTES


def _clean(name: str) -> str:
    return name.strip().strip("\ufeff").strip()
