"""Read Excel workbooks (.xlsx): the rows of one sheet, or of several.

A sheet is read as a whole, so `xlsx_guard` limits its size first. The `offset` and the `line` of a position are the row
number, counted through all selected sheets; the first row of each sheet is the header, if there is one.

Cells are formatted as Excel shows them: 60123456789 without a point, dates as in ISO 8601, errors such as #N/A as
empty. Excel stores 15 digits of a number ("Excel specifications and limits"), so a number of 16 digits or more is
written as 6.01234567890123E+19, which shows that digits are missing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pyarrow as pa

from ingest_cli.errors import IngestError, ManifestError, MissingColumnError, UsageError
from ingest_cli.formats.absent import none_of
from ingest_cli.formats.arrow.chunks import Chunks, Piece
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.json_values import TOO_LONG
from ingest_cli.formats.record_stream import MAX_RECORD_BYTES
from ingest_cli.formats.sniffing.names import is_known, shown
from ingest_cli.formats.xlsx_guard import check_workbook, not_a_workbook
from ingest_cli.model.chunks import WHOLE, RowChunk, Span

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

_DIGITS = 15
_MAX_LISTED = 5  # sheets
_Row = Sequence[object]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Sheet with known columns.

    Attributes:
        rows: rows behind the header.
        places: index of each wanted column; None if it is missing.
        header: text of the header in these columns; empty if there is no header.
    """

    rows: Iterator[_Row]
    places: tuple[int | None, ...]
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheets:
    """Sheets of a workbook to read, and their layout.

    Attributes:
        names: names of the sheets, in order; empty: the only one with rows.
        skip_rows: number of rows before the header, or before the first row of data.
        columns: names of all columns in order, "" for those without a name; None: those of the header.
        header: whether the first row of a sheet that is not blank is a header.
    """

    names: Sequence[str] = ()
    skip_rows: int = 0
    columns: Sequence[str] | None = None
    header: bool = True


EVERY_SHEET = Sheets()


class Workbook:
    """Reader of the sheets of workbooks."""

    signatures: tuple[bytes, ...] = (b"PK",)

    def __init__(
        self,
        wanted: Sequence[str],
        sheets: Sheets = EVERY_SHEET,
        *,
        optional: Collection[str] = (),
        chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES,
    ) -> None:
        """Initialise the reader.

        Args:
            wanted: names of the columns to keep.
            sheets: sheets to read.
            optional: wanted columns that a sheet may lack.
            chunk_bytes: returns the target size of a chunk in bytes of cells.
        """
        self._wanted = tuple(wanted)
        self._optional = optional
        self._layout = sheets
        self._chunk_bytes = chunk_bytes

    def read_file(self, file: BinaryIO, spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """See `FileFormat.read_file`.

        Raises:
            ManifestError: a wanted column or selected sheet is missing, or several sheets have rows and none is
                selected.
            SourceError: the workbook is damaged or too large.
            UsageError: the library is not installed.
        """
        workbook = _open(file)
        rows = _Rows(self._sheets(workbook))
        for span in spans:
            rows.skip(span.start.row - rows.read)
            chunks = Chunks(self._wanted, self._chunk_bytes, rows.read)
            left = None if span.end is None else span.end.row - span.start.row
            while left is None or left > 0:
                room = chunks.rows_left if left is None else min(left, chunks.rows_left)
                piece, size = rows.take(room, chunks.bytes_left, self._wanted)
                if not piece.count:
                    break
                yield from chunks.take(piece, size)
                left = None if left is None else left - piece.count
            yield from chunks.flush()

    def _sheets(self, workbook: CalamineWorkbook) -> Iterator[_Sheet]:
        """Yield the sheets to read, each opened on demand."""
        names = list(workbook.sheet_names)
        for name in self._layout.names:
            if name not in names:
                near = get_close_matches(name, names, 1, 0.5)
                hint = f'; did you mean "{shown(near[0])}"?' if near else ""
                raise ManifestError(f'there is no sheet "{shown(name)}" among the {len(names)} of the workbook{hint}')
        for name in self._layout.names or self._only(workbook, names):
            sheet = self._open_sheet(_rows_of(workbook, name, self._layout.skip_rows))
            if sheet is not None:
                yield sheet

    def _only(self, workbook: CalamineWorkbook, names: Sequence[str]) -> list[str]:
        """Return the name of the only sheet with rows."""
        if len(names) == 1:
            return list(names)
        least = 1 + self._layout.header
        found = [
            name for name in names if len(list(islice(_filled(workbook, name, self._layout.skip_rows), least))) == least
        ]
        if len(found) > 1:
            listed = ", ".join(f'"{shown(name)}"' for name in found[:_MAX_LISTED]) + (
                ", …" if len(found) > _MAX_LISTED else ""
            )
            raise ManifestError(
                f"{len(found)} sheets have rows ({listed}); select those to read with `table` in [format]"
            )
        return found

    def _open_sheet(self, rows: Iterator[_Row]) -> _Sheet | None:
        """Return a sheet after reading its header; None if it is blank."""
        if not self._layout.header:
            return _Sheet(rows, self._find(self._layout.columns or ()))
        first = next((row for row in rows if any(cell != "" for cell in row)), None)
        if first is None:
            return None
        texts = [as_text(cell) for cell in first]
        places = self._find(self._layout.columns or [text.strip() for text in texts])
        return _Sheet(rows, places, _at(places, texts))

    def _find(self, names: Sequence[str]) -> tuple[int | None, ...]:
        wanted = [name for name in self._wanted if name not in self._optional or name in names]
        if self._wanted and not wanted:
            raise none_of(self._wanted, f"in the header of {len(names)} columns")
        for name in wanted:
            if (found := names.count(name)) > 1:
                raise ManifestError(
                    f'the header has {found} columns named "{shown(name)}"; name each differently with `columns` '
                    "in [format]"
                )
            if not found:
                near = get_close_matches(name.casefold(), [other.casefold() for other in names], 1, 0.5)
                meant = next((each for each in names if [each.casefold()] == near and is_known(each)), "")
                hint = f'; did you mean "{shown(meant)}"?' if meant else ""
                raise MissingColumnError(
                    f'there is no column "{shown(name)}" in the header of {len(names)} columns{hint}'
                )
        return tuple(names.index(name) if name in names else None for name in self._wanted)


def _open(file: BinaryIO) -> CalamineWorkbook:
    try:
        import python_calamine  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UsageError("workbooks need one more library; install ingest-cli[xlsx]") from error
    check_workbook(file)
    file.seek(0)
    with _Guard():
        return python_calamine.CalamineWorkbook.from_filelike(file)


class _Guard:
    """Context manager that converts the library's exceptions to a `SourceError`."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # Its errors have no common base, and a panic of Rust is not an Exception.
        if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit | IngestError | MemoryError):
            raise not_a_workbook() from error


def _rows_of(workbook: CalamineWorkbook, name: str, skip: int = 0) -> Iterator[_Row]:
    """Yield the rows of a sheet behind the first `skip`, including blank ones."""
    with _Guard():
        rows = islice(workbook.get_sheet_by_name(name).iter_rows(), skip, None)
    while True:
        with _Guard():
            row = next(rows, None)
        if row is None:
            return
        yield row


def _filled(workbook: CalamineWorkbook, name: str, skip: int) -> Iterator[_Row]:
    """Yield the rows of `_rows_of` that are not blank."""
    return (row for row in _rows_of(workbook, name, skip) if any(cell != "" for cell in row))


@dataclass(slots=True)
class _Taken:
    """Rows of a piece, collected one by one."""

    count: int = 0
    size: int = 0
    index: list[int] = field(default_factory=list)
    cells: list[list[bytes]] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    skipped: dict[str, list[int]] = field(default_factory=lambda: {"blank": [], "repeated_header": []})


class _Rows:
    """Rows of all sheets, in order."""

    def __init__(self, sheets: Iterator[_Sheet]) -> None:
        self._sheets = sheets
        self._rows = self._all()
        self.read = 0

    def _all(self) -> Iterator[tuple[_Sheet, _Row]]:
        for sheet in self._sheets:
            for row in sheet.rows:
                yield sheet, row

    def skip(self, count: int) -> None:
        """Skip rows."""
        for _ in range(count):
            next(self._rows, None)
        self.read += max(0, count)

    def take(self, most: int, most_bytes: int, wanted: Sequence[str]) -> tuple[Piece, int]:
        """Return (`most` rows, or fewer if they have `most_bytes`, their bytes)."""
        taken = _Taken()
        while taken.count < most and taken.size < most_bytes:
            item = next(self._rows, None)
            if item is None:
                break
            _add(taken, *item)
        self.read += taken.count
        columns = zip(*taken.cells, strict=True) if taken.cells else [[] for _ in wanted]
        piece = Piece(
            taken.count,
            np.array(taken.index, np.int32),
            {name: pa.array(cells, pa.binary()) for name, cells in zip(wanted, columns, strict=True)},
            taken.rejected,
            {reason: np.array(places, np.int32) for reason, places in taken.skipped.items()},
        )
        return piece, taken.size


def _add(taken: _Taken, sheet: _Sheet, row: _Row) -> None:
    place = taken.count
    taken.count += 1
    if all(cell == "" for cell in row):
        taken.skipped["blank"].append(place)
        return
    texts = _at(sheet.places, row, as_text)
    if texts == sheet.header:
        taken.skipped["repeated_header"].append(place)
        return
    cells = [text.encode("utf-8", "surrogatepass") for text in texts]
    size = sum(map(len, cells))
    if size > MAX_RECORD_BYTES:
        taken.rejected.append((place, TOO_LONG))
        return
    taken.size += size
    taken.index.append(place)
    taken.cells.append(cells)


def _at(places: Sequence[int | None], row: _Row, text: Callable[[object], str] = str) -> tuple[str, ...]:
    """Return the wanted cells of a row."""
    return tuple(text(row[at]) if at is not None and at < len(row) else "" for at in places)


def as_text(value: object) -> str:
    """Format a cell as Excel shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        number = float(value)
        if number.is_integer() and abs(number) < 10.0**_DIGITS:
            return str(int(number))
        return f"{number:.{_DIGITS}G}"
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
