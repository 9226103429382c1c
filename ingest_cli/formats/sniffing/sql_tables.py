"""List the tables and columns of an SQL dump, and choose the table with most identifiers.

The scanner of the format reads the sample once, with a catalog that records all tables and reads none. Then the format
reads some rows of each table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest_cli.errors import IngestError
from ingest_cli.formats.sniffing.columns import MAX_COLUMNS
from ingest_cli.formats.sniffing.guess import ColumnGuess, Finding, TableGuess
from ingest_cli.formats.sniffing.names import HIDDEN, counted, discreet, told_tables
from ingest_cli.formats.sniffing.parsed import Judge, Parsed, count_kinds, texts
from ingest_cli.formats.sql.catalog import Catalog, Context, WantedColumns, same_table, split_name
from ingest_cli.formats.sql.dialect import EVIDENCE_BYTES, Syntax, decide
from ingest_cli.formats.sql.scanner import Scanner
from ingest_cli.formats.sql.statements import Created, Name
from ingest_cli.formats.sql.tokens import Cursor, IncompleteError
from ingest_cli.formats.sql.tuples import Tuple, read_tuple
from ingest_cli.formats.sql_dump import SqlDump

_MAX_TABLES = 200
_MAX_READ = 12
_MAX_ROWS = 1_000
_CHUNK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class _Table:
    """Table with rows.

    Attributes:
        name: with the schema, as in the dump.
        columns: column names; None if the dump has none.
        head: statement before the first tuple; empty for a COPY.
        shown: printable name.
    """

    name: Name
    columns: tuple[str, ...] | None
    head: bytes
    shown: str

    @property
    def title(self) -> str:
        """The name as written in a manifest, or empty if it may identify a person."""
        return "" if HIDDEN in self.shown else self.written

    def is_called(self, wanted: Name | None) -> bool:
        """Return whether it is the requested table."""
        return wanted is not None and same_table(self.name, wanted)

    @property
    def written(self) -> str:
        """The name as written in a manifest."""
        return ".".join(_part(part) for part in self.name)


class _Census(Catalog):
    """Catalog that records the tables and has none of them read."""

    def __init__(self, syntax: Syntax) -> None:
        super().__init__(WantedColumns((), (), None), syntax.family)
        self.created: dict[str, tuple[str, ...]] = {}
        self.tables: dict[Name, _Table] = {}
        self.rows = Counter[str]()

    def create(self, created: Created) -> None:
        """Record the columns of a CREATE TABLE."""
        columns = tuple(name for name in created.columns if name not in created.generated)
        self.created[created.table[-1].casefold()] = columns

    def is_read(self, table: Name) -> bool:  # noqa: ARG002 - the signature of Catalog
        """See `Catalog.is_read`."""
        return False

    def open_blank(self, table: Name) -> Context:
        """Record a table with rows."""
        return self.open(table, None, b"")

    def pass_over(self, table: Name, head: bytes) -> Context:
        """Record a table with rows."""
        return self.open(table, None, head)

    def open(self, table: Name, columns: Sequence[str] | None, head: bytes) -> Context:
        """Record a table with rows."""
        key = tuple(part.casefold() for part in table)
        if key[-1].startswith("sqlite_"):
            return Context(head)
        found = self.tables.get(key)
        if found is None or not found.head:  # prefer a statement that can be read
            if len(self.tables) >= _MAX_TABLES:
                return Context(head)
            names = tuple(columns) if columns is not None else self.created.get(key[-1])
            found = self.tables[key] = _Table(table, names, head, ".".join(discreet(part) for part in table))
        return Context(head, found.written)


def find_tables(text: str, *, complete: bool, judge: Judge, only: str = "") -> Parsed | None:
    """Return the rows of the table with most identifiers; None if the sample has no rows.

    `complete` says whether the sample `text` is the whole file, `only` names the table to read.
    """
    data = text.encode("utf-8", "replace")
    syntax = decide(data[:EVIDENCE_BYTES])
    census = _Census(syntax)
    try:
        _scan(data, syntax, census, final=complete)
    except IngestError:
        return None
    by_name = {one: count_kinds(judge(_named(one))) if one.columns else 0 for one in census.tables.values()}
    wanted = split_name(only) if only else None
    likely = sorted(by_name, key=lambda table: (not table.is_called(wanted), -by_name[table]))
    best: tuple[bool, int, int] | None = None
    chosen, found = None, list[tuple[_Table, Parsed | None, tuple[ColumnGuess, ...]]]()
    for place, table in enumerate(likely):
        parsed = _read(table, data, syntax, complete=complete) if place < _MAX_READ else None
        columns = tuple(judge(parsed if parsed is not None else _named(table))) if parsed or table.columns else ()
        kinds = count_kinds(columns)
        found.append((table, parsed, columns if kinds else ()))
        if parsed is not None:
            rank = (table.is_called(wanted), kinds, len(parsed.cells))
            if best is None or rank > best:
                best, chosen = rank, (table, parsed)
    if chosen is None:
        return None
    table, parsed = chosen
    guesses = [
        TableGuess(one.shown, one.title, census.rows[one.written], columns)
        for one, _, columns in sorted(found, key=lambda entry: entry[0] is not table)
    ]
    return replace(
        parsed,
        findings=(*parsed.findings, *_findings(guesses[1:], complete=complete)),
        table=table.title,
        other_tables=tuple(guess.title or guess.name for guess in guesses[1:] if guess.columns),
        tables=tuple(guesses),
    )


def _findings(others: Sequence[TableGuess], *, complete: bool) -> list[Finding]:
    """Report the tables beside the chosen one."""
    findings = list[Finding]()
    if not complete:
        findings.append(Finding("more_tables", 1, "Only the beginning was looked at: there may be more tables."))
    if others:
        rows = Counter[str]()
        for one in others:
            rows[one.name] += one.rows
        where = "" if complete else " in what was looked at"
        findings.append(Finding("other_tables", len(others), f"Not read: {told_tables(rows)}{where}."))
    return findings


def _named(table: _Table) -> Parsed:
    """Return a table without rows, to judge its column names."""
    return Parsed("sql", list(table.columns or ())[:MAX_COLUMNS], [])


def _scan(data: bytes, syntax: Syntax, census: _Census, *, final: bool) -> None:
    scanner = Scanner(syntax, census)
    while data:
        scan = scanner.scan(data, final=final)
        for passed in scan.passed:
            census.rows.update(passed.rows)
        if not scan.consumed:
            break
        data = data[scan.consumed :]


def _read(table: _Table, data: bytes, syntax: Syntax, *, complete: bool) -> Parsed | None:
    """Read some rows of `table`; None if none are readable."""
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
            cells += map(list, zip(*(texts(chunk.cells[one]) for one in wanted), strict=True))
            rejected += len(chunk.rejected)
            if len(cells) >= _MAX_ROWS:
                break
        else:
            rejected -= int(bool(rejected) and not complete)  # the row cut off by the sample
    except IngestError:
        return None
    if not cells:
        return None
    finding = Finding("broken_rows", rejected, f"{counted(rejected, 'row')} that cannot be read.")
    known = wanted if columns is not None else None
    return Parsed("sql", known, cells[:_MAX_ROWS], table=name, findings=(finding,) if rejected else ())


def _part(name: str) -> str:
    """Return a part of a table's name, quoted if a sign in it would split it."""
    return f'"{name}"' if any(sign in '."`[] ' for sign in name) else name


def _width(table: _Table, data: bytes, syntax: Syntax) -> int:
    """Count the values in the first tuple of a table without column names; 0 if unknown."""
    at = data.find(table.head + b"(") if table.head else -1
    if at < 0:
        return 0
    try:
        found = read_tuple(Cursor(data, at + len(table.head), syntax, final=False), final=False)
    except IncompleteError:
        return 0
    return len(found.values) if isinstance(found, Tuple) else 0
