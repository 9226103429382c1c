"""Inspect binary files that define their own columns: Parquet, Arrow, Excel workbooks.

The libraries are imported where they are used: one belongs to an optional extra, and a CSV file needs none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa

from ingest_cli.errors import HandledError, IngestError
from ingest_cli.formats.arrow.columns import is_list, plain, unreadable
from ingest_cli.formats.interface import FileFormat
from ingest_cli.formats.json_paths import step
from ingest_cli.formats.sniffing.columns import MAX_COLUMNS
from ingest_cli.formats.sniffing.guess import Finding
from ingest_cli.formats.sniffing.header import Header, judge_header
from ingest_cli.formats.sniffing.names import counted, shown
from ingest_cli.formats.sniffing.parsed import Judge, Parsed, count_kinds
from ingest_cli.formats.sniffing.preamble import preamble_records
from ingest_cli.formats.sniffing.rows import Records
from ingest_cli.formats.sniffing.shapes import DATA_SHAPES, shapes_of
from ingest_cli.formats.xlsx import as_text
from ingest_cli.formats.xlsx_guard import check_workbook

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

_MAX_ROWS = 1_000
_CHUNK_BYTES = 256 << 10
_MAX_SCHEMA_BYTES = 16 << 20
_MAX_DEPTH = 8
_TAIL_BYTES = 8  # of a Parquet file: length of its metadata, and magic number
_ARROW, _ARROW_BEGIN = b"ARROW1", 8  # of the stream within an Arrow file
_DAMAGE = (pa.ArrowException, OSError, ValueError, KeyError, IndexError, TypeError, OverflowError)
_MAX_CELL_CHARACTERS = 1_000
_MAX_SHEETS = 50
_MOST_SHEETS_NAMED = 10


class UnreadableError(HandledError):
    """File that cannot be inspected, or does not match its first bytes; the message says why."""


def find_columns(container: str, file: BinaryIO, judge: Judge) -> Parsed:
    """Return the columns of a Parquet or Arrow file, or of the sheet of a workbook with most identifiers.

    `container` is `parquet`, `arrow` or `xlsx`; the file must be seekable.

    Raises:
        UnreadableError: the file is damaged, or of another format.
        SourceError: the file cannot be read, or would take too much memory.
    """
    if container == "xlsx":
        return _workbook(file, judge)
    return _parquet(file) if container == "parquet" else _arrow(file)


def _parquet(file: BinaryIO) -> Parsed:
    from pyarrow import parquet  # noqa: PLC0415 - see above

    from ingest_cli.formats.columnar import Parquet  # noqa: PLC0415 - see above

    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    if not tail.endswith(b"PAR1") or int.from_bytes(tail[:4], "little") > _MAX_SCHEMA_BYTES:
        raise UnreadableError("not a Parquet file, in spite of its first bytes, or one that is cut off")
    try:
        limit = {"thrift_string_size_limit": _MAX_SCHEMA_BYTES}
        schema = parquet.ParquetFile(pa.PythonFile(file, mode="r"), **limit).schema_arrow
        names, unread = list(_paths(schema)), _unread(schema)
    except _DAMAGE as error:
        raise UnreadableError("a Parquet file that is damaged at its end") from error
    return _typed("parquet", names, unread, Parquet(names, chunk_bytes=lambda: _CHUNK_BYTES), file)


def _arrow(file: BinaryIO) -> Parsed:
    from pyarrow import ipc  # noqa: PLC0415 - see above

    from ingest_cli.formats.columnar import ArrowFile  # noqa: PLC0415 - see above

    file.seek(0)
    file.seek(_ARROW_BEGIN if file.read(len(_ARROW)) == _ARROW else 0)
    try:
        schema = ipc.open_stream(pa.PythonFile(file, mode="r")).schema
        names, unread = list(_paths(schema)), _unread(schema)
    except _DAMAGE as error:
        raise UnreadableError("not an Arrow file, in spite of its first bytes, or one that is damaged") from error
    return _typed("arrow", names, unread, ArrowFile(names, chunk_bytes=lambda: _CHUNK_BYTES), file)


def _typed(format_: str, names: list[str], unread: Sequence[str], reader: FileFormat, file: BinaryIO) -> Parsed:
    """Return the names and first rows of a file with a schema.

    `names` are the paths of the columns that `reader` reads, `unread` the types of the unreadable ones.

    Raises:
        UnreadableError: no column is readable.
    """
    kinds = ", ".join(sorted(set(unread)))
    if not names and unread:
        raise UnreadableError(
            f"a file whose columns all hold values that are not read ({kinds}); write it again with other types of "
            "column, or as CSV"
        )
    rows = list[list[str]]()
    try:
        chunk = next(reader.read_file(file), None)
    except IngestError:
        chunk = None
    if chunk is not None:
        columns = [[_decoded(cell) for cell in chunk.cells[name].slice(0, _MAX_ROWS).to_pylist()] for name in names]
        rows = [list(row) for row in zip(*columns, strict=True)]
    findings = list[Finding]()
    if not rows:
        findings.append(Finding("no_rows_read", 1, "Its rows were not looked at, only the names of columns."))
    if unread:
        text = f"Not read: {counted(len(unread), 'column')} of types that have no text here ({kinds})."
        findings.append(Finding("unread_columns", len(unread), text))
    return Parsed(format_, names, rows, findings=tuple(findings))


def _unread(schema: pa.Schema) -> list[str]:
    """Return the type of each column with unreadable values."""
    return [odd for field in schema if (odd := unreadable(field.type)) is not None]


def _decoded(cell: bytes) -> str:
    return cell[:_MAX_CELL_CHARACTERS].decode("utf-8", "replace")


def _paths(schema: pa.Schema) -> Iterator[str]:
    """Yield the paths of all readable values, as written in a manifest."""
    counts = Counter(schema.names)
    found = (path for field in schema if counts[field.name] == 1 for path in _inside(field, _top(field)))
    return islice(found, MAX_COLUMNS)


def _top(field: pa.Field) -> str:
    """Return a column's name as written in a manifest: quoted only if it begins a path."""
    return step(field.name) if pa.types.is_nested(plain(field.type)) else field.name


def _inside(field: pa.Field, path: str, depth: int = 0) -> Iterator[str]:
    kind = plain(field.type)
    if depth > _MAX_DEPTH or pa.types.is_map(kind):
        return
    if pa.types.is_struct(kind):
        counts = Counter(inner.name for inner in kind)
        for inner in kind:
            if counts[inner.name] == 1:
                yield from _inside(inner, f"{path}.{step(inner.name)}", depth + 1)
    elif is_list(kind):
        yield from _inside(kind.value_field, f"{path}[]", depth + 1)
    elif unreadable(kind) is None:
        yield path


def _workbook(file: BinaryIO, judge: Judge) -> Parsed:
    try:
        import python_calamine  # noqa: PLC0415 - see above
    except ImportError:
        raise UnreadableError("an Excel workbook, which needs one more library; install ingest-cli[xlsx]") from None
    check_workbook(file)
    file.seek(0)
    with _sentence():
        opened = python_calamine.CalamineWorkbook.from_filelike(file)
        names = list(opened.sheet_names)
    best: tuple[int, int] | None = None
    chosen: Parsed | None = None
    about_persons, others = list[str](), dict[str, int]()
    for name in names[:_MAX_SHEETS]:
        parsed = _sheet(name, _sheet_rows(opened, name))
        if parsed is None:
            continue
        others[name] = len(parsed.cells)
        kinds = count_kinds(judge(parsed))
        about_persons += [name] if kinds else []
        if best is None or (kinds, len(parsed.cells)) > best:
            best, chosen = (kinds, len(parsed.cells)), parsed
    if chosen is None:
        raise UnreadableError("an Excel workbook without a sheet that holds rows")
    del others[chosen.table]
    findings = (*chosen.findings, *_other_sheets(others, about_persons))
    identifying = tuple(name for name in about_persons if name != chosen.table)
    return replace(chosen, findings=findings, other_tables=identifying)


def _other_sheets(others: dict[str, int], about_persons: Sequence[str]) -> list[Finding]:
    """Report unread sheets with their numbers of rows; a name that looks like personal data is not shown."""
    if not others:
        return []
    said = [
        f"{shown(name) if DATA_SHAPES.isdisjoint(shapes_of(name.strip())) else 'one'} "
        f"({'at least ' if rows >= _MAX_ROWS else ''}{counted(rows, 'row')}"
        f"{', with identifiers' if name in about_persons else ''})"
        for name, rows in list(others.items())[:_MOST_SHEETS_NAMED]
    ]
    more = f" and {len(others) - len(said):,} more" if len(others) > len(said) else ""
    code = "other_tables" if others.keys() & set(about_persons) else "other_sheets"
    text = f"Not read: {counted(len(others), 'other sheet')} with rows: {', '.join(said)}{more}."
    return [Finding(code, len(others), text)]


@contextmanager
def _sentence() -> Iterator[None]:
    """Convert what the library raises to `UnreadableError`; it has no common base class, and Rust code may panic."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        raise UnreadableError("an Excel workbook that is damaged") from error


def _sheet_rows(opened: CalamineWorkbook, name: str) -> list[list[str]]:
    with _sentence():
        rows = islice(opened.get_sheet_by_name(name).iter_rows(), _MAX_ROWS)
        return [[as_text(value)[:_MAX_CELL_CHARACTERS] for value in row[:MAX_COLUMNS]] for row in rows]


def _sheet(name: str, rows: list[list[str]]) -> Parsed | None:
    if not any(cell.strip() for row in rows for cell in row):
        return None
    width = max(
        len(row) - next((at for at, cell in enumerate(reversed(row)) if cell.strip()), len(row)) for row in rows
    )
    skipped = preamble_records(Records([row[:width] for row in rows], [1] * len(rows)), width)
    filled = [row for row in rows[skipped:] if any(cell.strip() for cell in row)]
    findings = [Finding("preamble", skipped, f"{counted(skipped, 'row')} before the header.")] if skipped else []
    if filled and judge_header(filled[0], filled[1:]) is Header.YES:
        found = Parsed("xlsx", filled[0], filled[1:], findings=tuple(findings), table=name)
        return replace(found, skip_lines=skipped)
    finding = Finding("no_header", 1, "No header: the columns need names in the manifest.")
    return Parsed("xlsx", None, filled, findings=(finding,), table=name)
