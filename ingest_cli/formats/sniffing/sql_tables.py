"""Which tables an SQL dump has, what their columns are called, and which of them is about persons.

The scanner that reads the dump when it is loaded goes through the sample once, with a catalog that wants nothing
and notes everything; then the rows of each table are read by the format itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest_cli.errors import IngestError
from ingest_cli.formats.sniffing.columns import MAX_COLUMNS
from ingest_cli.formats.sniffing.guess import ColumnGuess, Finding
from ingest_cli.formats.sniffing.parsed import Parsed
from ingest_cli.formats.sniffing.wounds import counted
from ingest_cli.formats.sql.catalog import Catalog, Context, Wish
from ingest_cli.formats.sql.dialect import EVIDENCE_BYTES, Syntax, decide
from ingest_cli.formats.sql.scanner import Scanner
from ingest_cli.formats.sql.statements import Created, Name
from ingest_cli.formats.sql.tokens import Cursor, IncompleteError
from ingest_cli.formats.sql.tuples import Tuple, read_tuple
from ingest_cli.formats.sql_dump import SqlDump

_MAX_TABLES = 200
_MAX_READ = 5
_MAX_ROWS = 1_000
_CHUNK_BYTES = 64 << 10

Judge = Callable[[Parsed], Sequence[ColumnGuess]]


@dataclass(frozen=True, slots=True)
class _Table:
    """A table with rows.

    Attributes:
        name: with the schema, as the dump has it.
        columns: their names; None if the dump does not say.
        head: the statement before the first tuple; empty for a COPY.
    """

    name: Name
    columns: tuple[str, ...] | None
    head: bytes

    @property
    def written(self) -> str:
        """Its name as a manifest writes it."""
        return ".".join(_part(part) for part in self.name)


class _Census(Catalog):
    """Notes what tables there are, and has none of them read."""

    def __init__(self, syntax: Syntax) -> None:
        super().__init__(Wish((), (), None), syntax.family)
        self.created: dict[str, tuple[str, ...]] = {}
        self.tables: dict[Name, _Table] = {}

    def create(self, created: Created) -> None:
        """Note the columns of a CREATE TABLE."""
        columns = tuple(name for name in created.columns if name not in created.generated)
        self.created[created.table[-1].casefold()] = columns

    def is_read(self, table: Name) -> bool:  # noqa: ARG002 - the signature of Catalog
        """None is."""
        return False

    def open(self, table: Name, columns: Sequence[str] | None, head: bytes) -> Context:
        """Note a table with rows."""
        key = tuple(part.casefold() for part in table)
        if key not in self.tables and not key[-1].startswith("sqlite_") and len(self.tables) < _MAX_TABLES:
            names = tuple(columns) if columns is not None else self.created.get(key[-1])
            self.tables[key] = _Table(table, names, head)
        return Context(head)


def find_tables(text: str, *, complete: bool, judge: Judge) -> Parsed | None:
    """The rows of the table that says most about persons; None if the sample has no rows.

    Args:
        text: the sample.
        complete: whether it is the whole file.
        judge: guesses what columns hold.
    """
    data = text.encode("utf-8", "replace")
    syntax = decide(data[:EVIDENCE_BYTES])
    census = _Census(syntax)
    try:
        _scan(data, syntax, census, final=complete)
    except IngestError:
        return None
    by_name = {table: _kinds(judge, _named(table)) for table in census.tables.values()}
    likely = sorted(by_name, key=lambda table: -by_name[table])
    best: tuple[int, int] | None = None
    chosen: Parsed | None = None
    others = [(table.written, by_name[table] > 0) for table in likely[_MAX_READ:]]
    for table in likely[:_MAX_READ]:
        parsed = _read(table, data, syntax, complete=complete)
        if parsed is None:
            continue
        kinds = _kinds(judge, parsed)
        others.append((parsed.table, kinds > 0))
        rank = (kinds, len(parsed.cells))
        if best is None or rank > best:
            best, chosen = rank, parsed
    if chosen is None:
        return None
    findings = list(chosen.findings)
    if not complete:
        findings.append(Finding("more_tables", 1, "Only the beginning was looked at: there may be more tables."))
    rest = [name for name, _ in others if name != chosen.table]
    if rest:
        findings.append(Finding("other_tables", len(rest), f"Rows of {counted(len(rest), 'other table')}, too."))
    return Parsed(
        "sql",
        chosen.names,
        chosen.cells,
        findings=tuple(findings),
        table=chosen.table,
        other_tables=tuple(name for name, about_persons in others if about_persons and name != chosen.table),
    )


def _named(table: _Table) -> Parsed:
    """What the names of columns say, before any row was read."""
    return Parsed("sql", list(table.columns or ())[:MAX_COLUMNS], [])


def _kinds(judge: Judge, parsed: Parsed) -> int:
    """How many columns look like identifiers."""
    return sum(column.kind is not None for column in judge(parsed)) if parsed.names or parsed.cells else 0


def _scan(data: bytes, syntax: Syntax, census: _Census, *, final: bool) -> None:
    scanner = Scanner(syntax, census)
    while data:
        consumed = scanner.scan(data, final=final).consumed
        if not consumed:
            break
        data = data[consumed:]


def _read(table: _Table, data: bytes, syntax: Syntax, *, complete: bool) -> Parsed | None:
    """Some rows of `table`; None if there are none that can be read."""
    name = table.written
    columns = table.columns
    width = _width(table, data, syntax) if columns is None else len(columns)
    if not 0 < width <= MAX_COLUMNS:
        return None
    names = list(columns) if columns is not None else [f"COL{place + 1}" for place in range(width)]
    wanted = list(dict.fromkeys(names))
    cells, rejected = list[list[str]](), 0
    try:
        reader = SqlDump([name], wanted, None if columns else names, chunk_bytes=lambda: _CHUNK_BYTES)
        for chunk in reader.read([data]):
            read = [chunk.cells[one].to_pylist() for one in wanted]
            cells += [[cell.decode("utf-8", "replace") for cell in row] for row in zip(*read, strict=True)]
            rejected += len(chunk.rejected)
            if len(cells) >= _MAX_ROWS:
                break
        else:
            rejected -= int(bool(rejected) and not complete)  # the row that the sample cuts off
    except IngestError:
        return None
    if not cells:
        return None
    finding = Finding("broken_rows", rejected, f"{counted(rejected, 'row')} that cannot be read.")
    known = wanted if columns is not None else None
    return Parsed("sql", known, cells[:_MAX_ROWS], table=name, findings=(finding,) if rejected else ())


def _part(name: str) -> str:
    """A part of a table's name, quoted if there is anything in it that would split it."""
    return f'"{name}"' if any(sign in '."`[] ' for sign in name) else name


def _width(table: _Table, data: bytes, syntax: Syntax) -> int:
    """Number of values in the first tuple of a table whose columns have no names; 0 if that cannot be told."""
    at = data.find(table.head + b"(") if table.head else -1
    if at < 0:
        return 0
    try:
        found = read_tuple(Cursor(data, at + len(table.head), syntax, final=False), final=False)
    except IncompleteError:
        return 0
    return len(found.values) if isinstance(found, Tuple) else 0
