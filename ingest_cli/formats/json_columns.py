"""JSON documents by column: `{"email": {"0": "…", "1": "…"}, "phone": {"0": "…"}}`, or with an array for each column.

That is what `to_json()` of pandas writes unless it is told otherwise (`orient="columns"`), and what a dictionary of
lists becomes. A row is what stands under one key in each of the columns, in whatever order, or at one place in each of
the arrays. Arrays of unequal length are refused, since it is unknown which of their elements belong together; a key
that is twice in one column makes a row that is rejected.

No row is whole before the end of the document. So it is walked through to its end, and the wanted columns are kept in
memory, up to a limit; all others are passed over. As in Parquet a row is known by its number: the `offset` and the
`line` of a position are its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.errors import DamagedError, ManifestError, SourceError
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, MAX_CHUNK_ROWS, ChunkBytes, Wanted
from ingest_cli.formats.json_cells import Cells, column_of
from ingest_cli.formats.json_paths import Each, Paths, parse_path
from ingest_cli.formats.json_place import Holds, Place
from ingest_cli.formats.json_rows import rows_path, walked
from ingest_cli.formats.json_scan import Block, Brackets
from ingest_cli.formats.json_values import BROKEN_JSON, BROKEN_VALUE, Row, parse_value
from ingest_cli.formats.json_walk import Walker
from ingest_cli.formats.record_stream import Blocks
from ingest_cli.model.chunks import WHOLE, OffsetArray, Position, RowChunk, Span, TableChunk, is_utf8
from ingest_cli.model.manifest import ROW_KEY

MAX_FRAME_BYTES = 128 << 20
"""Most bytes that the wanted columns and their keys may take; more of them is refused."""

DUPLICATE_KEY = "duplicate_key"
_VALUE_BYTES, _KEY_BYTES, _FAULT_BYTES = 32, 96, 200
"""What each takes beside its text, until it is a cell of a row: measured, of columns of nothing but short ones."""

_ROW_BYTES = 16  # about what a row takes beside its text


class JsonColumns:
    """Reader of a document that stores the values of each column together."""

    def __init__(
        self, wanted: Wanted, rows: str | None = None, *, chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
    ) -> None:
        """Set up the parser.

        Args:
            wanted: the columns to keep. The first name of a path is that of a column; the rest leads into its values.
                `$key` is the key of a row.
            rows: names that lead to the object of columns; None: the document.
            chunk_bytes: tells how many bytes of cells a chunk aims at.

        Raises:
            ManifestError: a name, or `rows`, is not a path.
        """
        path = () if rows is None else rows_path(rows)
        if Each.MEMBER in path:
            raise ManifestError(f'`rows` in [format] is "{rows}"; with layout = "columns" there can be no * in it')
        self._wanted = wanted
        self._chunk_bytes = chunk_bytes
        self._names = dict[str, list[str]]()
        for name in wanted.names:
            first = parse_path(name)[0]
            if not isinstance(first, str):
                raise ManifestError(f'column "{name}" begins with no name')
            if name != ROW_KEY:
                self._names.setdefault(first, []).append(name)
        if not self._names:
            raise ManifestError(f'[[fields]] names nothing but "{ROW_KEY}"; with layout = "columns", name a column')
        self._place = Place((*path, frozenset(self._names)), has_members=True, holds=Holds.VALUES, name=rows or "")

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `Format.read`; an offset is a number of rows, and no row is read of what is damaged or cut off."""
        if not spans:
            return
        blocks, walker = Blocks(stream, self._chunk_bytes), Walker(self._place)
        frame = _Frame(self._names, self._wanted)
        seen = False
        for block, _ in walked(
            blocks, walker, lambda data, brackets: _Values(data, frame, brackets, final=blocks.final)
        ):
            seen = seen or bool(block.data.strip())
            frame.flush()
        blocks.raise_fault()
        if walker.is_lost or walker.is_unfinished or frame.is_damaged:
            raise DamagedError(
                "the document is cut off or is not JSON, so that the columns in it are not whole; get the whole file"
            )
        if seen:
            rows = frame.rows()
            for span in spans:
                yield from rows.chunks(span, self._chunk_bytes)


_TEXT = rb'"([^"\\\x00-\x1f]*+)"'
_BLANK = rb"[ \t\r\n]*+"
_VALUE = (
    rb"(?:" + _TEXT + rb"|(-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+)|null)(?=" + _BLANK + rb"[,}\]])"
)
_PLAIN_MEMBER = re.compile(_BLANK + rb"," + _BLANK + _TEXT + _BLANK + rb":" + _BLANK + _VALUE)
_PLAIN_ELEMENT = re.compile(_BLANK + rb"," + _BLANK + rb"()" + _VALUE)
"""A comma and the next value, if there is no escape in it: most are so."""


class _Values(Block):
    """A block in which the records are values of columns."""

    def __init__(self, data: bytes, frame: _Frame, brackets: Brackets, *, final: bool) -> None:
        super().__init__(data, Cells(Paths(())), brackets, final=final)
        self._frame = frame

    def opened(self, name: str, *, is_object: bool) -> None:
        """See `Block.opened`."""
        self._frame.open(name, is_object=is_object)

    def add(self, at: int, end: int, found: Row | str, key: str = "") -> None:  # noqa: ARG002 - as of a block
        """See `Block.add`."""
        self.begins.append(at)
        if isinstance(found, str):
            self._frame.add(None, key, found)
        else:
            self._frame.add(found, key)

    def take_plain(self, at: int, *, is_object: bool) -> int:
        """See `Block.take_plain`."""
        pattern, data, add = _PLAIN_MEMBER if is_object else _PLAIN_ELEMENT, self.data, self._frame.add
        while not self.full and (found := pattern.match(data, at, self.limit(at))):
            key, text, number = found.groups()
            value = number if text is None else text
            self.begins.append(at)
            add(
                None if value is None else value.decode("utf-8", "surrogateescape"),
                key.decode("utf-8", "surrogateescape"),
            )
            at = found.end()
        return at

    def add_scalar(self, at: int, end: int, raw: bytes, key: str = "") -> None:  # noqa: ARG002 - as of a block
        """See `Block.add_scalar`."""
        self.begins.append(at)
        value = parse_value(raw)
        if value is BROKEN_VALUE:
            self._frame.add(None, key, BROKEN_JSON)
        else:
            self._frame.add(value, key)

    def misplaced(self, at: int) -> None:
        """See `Block.misplaced`: what is behind it may have moved."""
        self.begins.append(at)
        self._frame.is_damaged = True

    def closed(self) -> None:
        """See `Block.closed`."""
        self._frame.close()


class _Series:
    """The values of one column of a document, and their keys.

    Attributes:
        is_object: whether they have keys.
        faults: (place, reason) of values that are no cells.
        size_bytes: of everything before the last `flush`.
    """

    def __init__(self, name: str, paths: Paths, *, is_object: bool) -> None:
        self.is_object = is_object
        self.faults = list[tuple[int, str]]()
        self.size_bytes = 0
        self._name = name
        self._paths = paths
        self._cells = Cells(paths)
        self._pending = list[str]()
        self._keys = list[pa.BinaryArray]()
        self._texts: dict[str, list[pa.BinaryArray]] = {each: [] for each in paths.names}
        self._length = 0
        self._faults_counted = 0

    def add(self, value: object, key: str, reason: str | None) -> None:
        """Take the next value, or the reason why there is none."""
        reason = reason or self._cells.add({self._name: value})
        if reason:
            self.faults.append((self._length, reason))
            self._cells.add({})
        self._pending.append(key)
        self._length += 1

    def flush(self) -> None:
        """Bring what was taken into a form that takes less memory."""
        if not self._pending:
            return
        found = self._cells.columns()
        for name, column in found.items():
            self._texts[name].append(column)
        if self.is_object:
            self._keys.append(column_of(self._pending))
        for column, each in (
            *((one, _VALUE_BYTES) for one in found.values()),
            *((k, _KEY_BYTES) for k in self._keys[-1:]),
        ):
            self.size_bytes += (pc.sum(pc.binary_length(column)).as_py() or 0) + each * len(column)
        self.size_bytes += _FAULT_BYTES * (len(self.faults) - self._faults_counted)
        self._faults_counted = len(self.faults)
        self._cells, self._pending = Cells(self._paths), []

    @property
    def keys(self) -> pa.BinaryArray:
        """The keys, in order."""
        return pa.concat_arrays(self._keys) if self._keys else pa.array([], pa.binary())

    def texts(self) -> dict[str, pa.BinaryArray]:
        """Wanted column → its cells, in order."""
        return {
            name: pa.concat_arrays(several) if several else pa.array([], pa.binary())
            for name, several in self._texts.items()
        }

    def __len__(self) -> int:
        return self._length


class _Frame:
    """Wanted columns of a document.

    Attributes:
        is_damaged: whether something in it cannot be read, so that places may have moved.
    """

    def __init__(self, names: Mapping[str, Sequence[str]], wanted: Wanted) -> None:
        self.is_damaged = False
        self._names = names
        self._wanted = wanted
        self._series: dict[str, _Series] = {}
        self._current: _Series | None = None

    def open(self, name: str, *, is_object: bool) -> None:
        """Begin with a column.

        Raises:
            ManifestError: it was there before.
        """
        if name in self._series:
            raise ManifestError(
                f'the column "{name}" is there twice; layout = "columns" is for one document that has each column once'
            )
        paths = Paths(self._names[name], presence=self._wanted.presence)
        self._current = self._series[name] = _Series(name, paths, is_object=is_object)

    def close(self) -> None:
        """End the column."""
        self._current = None

    def add(self, value: object, key: str, reason: str | None = None) -> None:
        """Take the next value of the column, or the reason why there is none."""
        if self._current is not None:
            self._current.add(value, key, reason)
        elif reason == BROKEN_JSON:
            self.is_damaged = True

    def flush(self) -> None:
        """Bring what was taken into a form that takes less memory.

        Raises:
            SourceError: it takes too much all the same.
        """
        for series in self._series.values():
            series.flush()
        if sum(series.size_bytes for series in self._series.values()) > MAX_FRAME_BYTES:
            raise SourceError(
                f'with layout = "columns" the wanted columns have to be in memory, and these take more than '
                f"{MAX_FRAME_BYTES >> 20} MiB; write the document by rows first, in pandas with "
                'to_json(orient="records", lines=True)'
            )

    def rows(self) -> _Rows:
        """The rows.

        Raises:
            ManifestError: a wanted column is not there, or it is unknown which of the values belong together.
        """
        for first, names in self._names.items():
            if first not in self._series and not self._wanted.optional.issuperset(names):
                raise ManifestError(
                    f'there is no column "{first}" with an array or object of values in the document; check `rows` and '
                    "`layout` in [format]"
                )
        several = list(self._series.values())
        if any(series.is_object for series in several):
            return self._by_key(several)
        return self._by_place(several)

    def _by_place(self, several: Sequence[_Series]) -> _Rows:
        lengths = {name: len(series) for name, series in self._series.items()}
        if len(set(lengths.values())) > 1:
            some, other = (min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__))
            raise ManifestError(
                f'the column "{some}" has {lengths[some]:,} values and "{other}" has {lengths[other]:,}, so that '
                "it is unknown which of them belong together"
            )
        size = len(several[0]) if several else 0
        faults = {place: reason for series in reversed(several) for place, reason in reversed(series.faults)}
        cells = {name: column for series in several for name, column in series.texts().items()}
        return _Rows(size, {ROW_KEY: _empty(size), **cells}, faults).of(self._wanted.names)

    def _by_key(self, several: Sequence[_Series]) -> _Rows:
        if not all(series.is_object for series in several):
            raise ManifestError(
                "some of the columns are arrays and some are objects, so that it is unknown which of their values "
                "belong together"
            )
        keys = [series.keys for series in several]
        encoded = pa.concat_arrays(keys).dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False)
        size, begin = len(encoded.dictionary), 0
        cells: dict[str, pa.BinaryArray] = {ROW_KEY: encoded.dictionary}
        faults = dict[int, str]()
        for series in several:
            own = codes[begin : begin + len(series)]
            begin += len(series)
            for place, reason in reversed(series.faults):
                faults[int(own[place])] = reason
            faults |= dict.fromkeys(np.flatnonzero(np.bincount(own, minlength=size) > 1).tolist(), DUPLICATE_KEY)
            place_of = np.full(size, -1, np.int64)
            place_of[own] = np.arange(len(own))
            at = pa.array(place_of, mask=place_of < 0)
            cells |= {name: pc.fill_null(column.take(at), b"") for name, column in series.texts().items()}
        return _Rows(size, cells, faults).of(self._wanted.names)


def _empty(size: int) -> pa.BinaryArray:
    return pa.array([b""], pa.binary()).take(pa.array(np.zeros(size, np.int64)))


@dataclass(frozen=True, slots=True)
class _Rows:
    """All rows of a document.

    Attributes:
        size: how many.
        cells: column → its cells.
        faults: row → why it is none.
    """

    size: int
    cells: Mapping[str, pa.BinaryArray]
    faults: Mapping[int, str]

    def of(self, names: Sequence[str]) -> _Rows:
        """The same with these columns, empty where there is none."""
        return _Rows(self.size, {name: self.cells.get(name, _empty(self.size)) for name in names}, self.faults)

    def chunks(self, span: Span, chunk_bytes: ChunkBytes) -> Iterator[RowChunk]:
        """The rows of `span`."""
        at, end = span.start.row, self.size if span.end is None else min(span.end.row, self.size)
        lengths = [pc.binary_length(column).to_numpy(zero_copy_only=False) for column in self.cells.values()]
        ends: OffsetArray = np.cumsum(np.sum(lengths, axis=0, dtype=np.int64) + _ROW_BYTES)
        while at < end:
            limit = (ends[at - 1] if at else 0) + chunk_bytes()
            after = min(max(at + 1, int(np.searchsorted(ends, limit, "right"))), at + MAX_CHUNK_ROWS, end)
            yield self._chunk(at, after)
            at = after

    def _chunk(self, first: int, after: int) -> RowChunk:
        rejected = tuple((i - first, self.faults[i]) for i in range(first, after) if i in self.faults)
        sound = np.ones(after - first, np.bool_)
        sound[[i for i, _ in rejected]] = False
        cells = {name: column[first:after] for name, column in self.cells.items()}
        if rejected:
            cells = {name: column.filter(pa.array(sound)) for name, column in cells.items()}
        bad = np.logical_or.reduce([_undecodable(column) for column in cells.values()])
        return TableChunk(
            Position(first, first, first),
            Position(after, after, after),
            b"",
            np.zeros(after - first + 1, np.int64),
            np.flatnonzero(sound).astype(np.int32),
            cells,
            rejected=rejected,
            flags={"undecodable_bytes": int(bad.sum())} if bad.any() else {},
        )


def _undecodable(column: pa.BinaryArray) -> npt.NDArray[np.bool_]:
    """Which cells are not UTF-8. Shape (cells,)."""
    try:
        column.cast(pa.string())
    except pa.ArrowInvalid:
        return np.fromiter((not is_utf8(cell) for cell in column.to_pylist()), np.bool_, len(column))
    return np.zeros(len(column), np.bool_)
