"""CSV, TSV and everything like them.

The stream is cut into blocks that end with a record. A block in which every quote stands where it
should is parsed by Arrow straight into columns; records with too few or too many cells are picked out
of it beforehand, and any other block goes to the careful parser of `irregular`. All three give the
same cells for the same bytes, and the tests hold them to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from ingest_cli.errors import ManifestError, SourceError
from ingest_cli.formats import irregular
from ingest_cli.formats.framing import Dialect, count_cells, scan
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, MAX_CHUNK_ROWS, ChunkBytes
from ingest_cli.formats.irregular import MAX_RECORD_BYTES
from ingest_cli.records import CR, LF, WHOLE, IndexArray, OffsetArray, Position, RowChunk, Span, count_lines

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
        self._dialect = dialect
        self._wanted = tuple(wanted)
        self._columns = None if columns is None else tuple(columns)
        self._header = header
        self._chunk_bytes = chunk_bytes

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`."""
        blocks = _Blocks(stream, self._chunk_bytes)
        layout, first = self._preamble(blocks)
        for span in spans:
            at = span.start if span.start.offset > first.offset else first
            blocks.seek(at.offset, None if span.end is None else span.end.offset)
            yield from self._chunks(blocks, layout, at)
        blocks.raise_fault()

    def _chunks(self, blocks: _Blocks, layout: Layout, at: Position) -> Iterator[RowChunk]:
        """The chunks from `at` to where the blocks end."""
        while blocks.fill():
            chunk = self._parse(blocks.data, at, layout, final=blocks.final)
            if chunk.records:
                blocks.consume(len(chunk.data))
                yield chunk
                at = chunk.end
            elif blocks.ended:
                break
            elif len(blocks.data) > MAX_RECORD_BYTES:
                chunk = self._oversize(blocks, at)
                yield chunk
                at = chunk.end
            else:
                blocks.grow()

    def _preamble(self, blocks: _Blocks) -> tuple[Layout, Position]:
        """Read the header, if there is one, and find the wanted columns."""
        while self._header and blocks.fill():
            parsed = irregular.parse(blocks.data, self._dialect, final=blocks.final)
            filled = next((i for i, cells in enumerate(parsed.records) if cells), None)
            if filled is not None:
                cut = int(parsed.bounds[filled + 1])
                at = Position(cut, 0, count_lines(blocks.data[:cut]))
                blocks.consume(cut)
                return self._layout(parsed.records[filled]), at
            if blocks.ended:
                break
            if len(blocks.data) > MAX_RECORD_BYTES:
                return self._layout("record_too_long"), Position()
            blocks.grow()
        return self._layout(list(self._columns or ())), Position()

    def _layout(self, header: irregular.Cells | str) -> Layout:
        if isinstance(header, str):
            raise ManifestError(
                f"the header cannot be read ({header}); check `quote`, `delimiter` and `header` in [format]"
            )
        if not header:  # an empty source: no header, no rows, nothing to find
            return Layout(0, tuple((name, 0, b"") for name in self._wanted))
        names = self._columns or tuple(_clean(cell) for cell in header)
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
        near = get_close_matches(name.casefold(), [other.casefold() for other in names], 1, 0.5)
        hint = next((f'; did you mean "{other}"?' for other in names if [other.casefold()] == near), "")
        raise ManifestError(f'there is no column "{name}" in the header of {len(names)} columns{hint}')

    def _parse(self, data: bytes, at: Position, layout: Layout, *, final: bool) -> RowChunk:
        """The complete records of `data` as a chunk; one of no records if there are none."""
        bounds = scan(data, self._dialect, final=final) if self._dialect.is_single_byte else None
        if bounds is not None and _believable(bounds, len(data)):
            bounds = bounds[: MAX_CHUNK_ROWS + 1]
            rows = _parse_regular(data, bounds, self._dialect, layout)
        else:
            parsed = irregular.parse(data, self._dialect, final=final)
            bounds = parsed.bounds[: MAX_CHUNK_ROWS + 1]
            rows = _gather(parsed.records[:MAX_CHUNK_ROWS], layout)
        data = data[: bounds[-1]]
        flags = Counter(rows.flags)
        if not data.isascii():
            flags["undecodable_bytes"] += _count_undecodable(data, bounds)
        header = _repeated_headers(rows, layout)
        end = Position(at.offset + len(data), at.row + len(bounds) - 1, at.line + count_lines(data))
        keep = ~np.isin(rows.index, header)
        cells = rows.cells
        if len(header):
            cells = {name: column.filter(pa.array(keep)) for name, column in cells.items()}
        skipped = {"blank": rows.blank, "repeated_header": header}
        return RowChunk(
            start=at,
            end=end,
            data=data,
            bounds=bounds,
            index=rows.index[keep],
            cells=cells,
            skipped={reason: index for reason, index in skipped.items() if len(index)},
            rejected=rows.rejected,
            flags={name: count for name, count in flags.items() if count},
        )

    def _oversize(self, blocks: _Blocks, at: Position) -> RowChunk:
        """Give up a record that is longer than any record may be, up to the next line end."""
        size, closed = blocks.discard_line()
        end = Position(at.offset + size, at.row + 1, at.line + closed)
        bounds = np.array([0, 0], np.int64)
        nothing = np.empty(0, np.int32)
        cells = {name: pa.array([], pa.binary()) for name in self._wanted}
        # As the careful parser has it: a short line opened a quote that is still open behind the limit.
        reason = "record_too_long" if size > MAX_RECORD_BYTES else "unclosed_quote"
        return RowChunk(at, end, b"", bounds, nothing, cells, rejected=((0, reason),))


@dataclass(frozen=True, slots=True)
class _Rows:
    """What a parser makes of a block: see the attributes of `RowChunk` of the same names."""

    index: IndexArray
    cells: dict[str, pa.BinaryArray]
    blank: IndexArray
    rejected: tuple[tuple[int, str], ...] = ()
    flags: Counter[str] | None = None


def _parse_regular(data: bytes, bounds: OffsetArray, dialect: Dialect, layout: Layout) -> _Rows:
    """Parse a block in which every quote is where it should be."""
    heads = np.frombuffer(data, np.uint8)[bounds[:-1]] if len(bounds) > 1 else np.empty(0, np.uint8)
    blank = (heads == LF) | (heads == CR)
    expected = len(blank) - int(blank.sum())
    table = _arrow(data[: bounds[-1]], dialect, layout) if expected else None
    if (0 if table is None else table.num_rows) == expected:
        cells = _columns(table, layout)
        return _Rows(np.flatnonzero(~blank).astype(np.int32), cells, np.flatnonzero(blank).astype(np.int32))
    return _parse_ragged(data, bounds, blank, dialect, layout)


def _parse_ragged(
    data: bytes, bounds: OffsetArray, blank: npt.NDArray[np.bool_], dialect: Dialect, layout: Layout
) -> _Rows:
    """Parse a regular block some of whose records have too few or too many cells."""
    odd = (count_cells(data, bounds, dialect) != layout.width) & ~blank
    fitting = ~odd & ~blank
    body = b"".join(data[start:end] for start, end in _runs(bounds, fitting))
    table = _arrow(body, dialect, layout) if body else None
    if (0 if table is None else table.num_rows) != fitting.sum():
        return _gather(irregular.parse(data[: bounds[-1]], dialect, final=True).records, layout)
    records: list[irregular.Cells | str] = [[] for _ in range(len(blank))]
    for i in np.flatnonzero(odd):
        records[i] = irregular.parse_record(data[bounds[i] : bounds[i + 1]], dialect)
    rest = _gather(records, layout)
    index = np.concatenate((np.flatnonzero(fitting).astype(np.int32), rest.index))
    order = np.argsort(index, kind="stable")
    columns = _columns(table, layout)
    cells = {
        name: pa.concat_arrays([columns[name], rest.cells[name]]).take(pa.array(order)) for name, _, _ in layout.wanted
    }
    return _Rows(index[order], cells, np.flatnonzero(blank).astype(np.int32), rest.rejected, rest.flags)


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


def _gather(records: Sequence[irregular.Cells | str], layout: Layout) -> _Rows:
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
    return _Rows(np.array(index, np.int32), columns, np.array(blank, np.int32), tuple(rejected), flags)


def _runs(bounds: OffsetArray, chosen: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """(begin, end) in bytes of each run of neighbouring chosen records."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], chosen.view(np.int8), [0]))))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        yield int(bounds[first]), int(bounds[after])


def _repeated_headers(rows: _Rows, layout: Layout) -> IndexArray:
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


def _clean(name: str) -> str:
    return name.strip().strip("\ufeff").strip()


class _Blocks:
    """The part of a stream under the parser's eyes, no more than it has to be."""

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

    def grow(self) -> None:
        """Look at twice as much next time."""
        self._target *= 2

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
