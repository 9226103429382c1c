"""Store the tables of a dump with the names of their columns, and find the wanted ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from ingest_cli.errors import ManifestError, MissingColumnError
from ingest_cli.formats.absent import none_of
from ingest_cli.formats.sniffing.names import discreet, shown
from ingest_cli.formats.sql.dialect import Family
from ingest_cli.formats.sql.statements import Created, Name

_MAX_TABLES = 20_000
"""Limit on the tables whose columns are stored."""

MAX_NAMED = 200
"""Limit on the unread tables that are counted by name; the others are counted together."""

OTHER_TABLES = "(other tables)"
_OF_SQLITE = "sqlite_"  # prefix of internal tables: sequence numbers and statistics
_MAX_COMPARED = 200  # names, and letters of a name, compared for a hint


@dataclass(frozen=True, slots=True)
class WantedColumns:
    """Tables and columns that a manifest selects.

    Attributes:
        tables: names of the tables to read; empty: the only table with rows.
        wanted: names of the columns to keep.
        columns: names of all columns, for tables that the dump does not describe.
        optional: wanted columns that a table may lack.
    """

    tables: tuple[str, ...]
    wanted: tuple[str, ...]
    columns: tuple[str, ...] | None
    optional: frozenset[str] = frozenset()


@dataclass(slots=True)
class Context:
    """Table and columns of the statement that is being read.

    Attributes:
        head: bytes of the statement before its first tuple; empty for a COPY.
        name: name of the table for reports; empty for a table that is not reported.
        positions: index of each wanted column in a row; None for a column that the statement leaves out.
        width: number of cells of a row; 0 for a table that is not read.
        read: whether the rows are records.
        repeats: whether another INTO may follow, as in INSERT ALL.
        plain: whether the lines of a COPY have the default text format.
        tuples: number of tuples read one by one.
    """

    head: bytes
    name: str = ""
    positions: tuple[int | None, ...] = ()
    width: int = 0
    read: bool = False
    repeats: bool = False
    plain: bool = True
    tuples: int = field(default=0, compare=False)


class TableNames:
    """Names of unread tables for reports, at most `MAX_NAMED`."""

    def __init__(self) -> None:
        self._names: dict[Name, str] = {}

    def of(self, table: Name) -> str:
        """Return the name of `table` without control characters or personal data."""
        known = self._names.get(table)
        if known is None:
            if len(self._names) >= MAX_NAMED:
                return OTHER_TABLES
            known = self._names[table] = ".".join(discreet(part) for part in table)
        return known


class Catalog:
    """Tables known at one place of a dump."""

    def __init__(
        self,
        wanted: WantedColumns,
        family: Family,
        names: TableNames | None = None,
        elsewhere: Callable[[Name], Created | None] = lambda _: None,
    ) -> None:
        """Initialise an empty catalog.

        Args:
            wanted: tables and columns to read.
            family: database system of the dump.
            names: names of unread tables, shared by all sources.
            elsewhere: returns the columns of a table that another source describes.
        """
        self._elsewhere = elsewhere
        self._wish = wanted
        self._family = family
        self._names = names or TableNames()
        self._selected = [split_name(name) for name in wanted.tables]
        self._created: dict[Name, Created] = {}
        self._wanted = {name.casefold() for name in wanted.wanted}
        self._seen: dict[Name, set[str]] = {}  # wanted columns found in each table so far
        self._only: Name | None = None
        self._database = ""

    def use(self, database: str) -> None:
        """Set the database of tables whose name has none."""
        self._database = database.casefold()

    def create(self, created: Created) -> None:
        """Store a CREATE TABLE, in place of an earlier one of the same name."""
        key = self._key(created.table)
        if len(self._created) >= _MAX_TABLES:
            self._created.clear()
        self._created[key] = created
        self._created[key[-1:]] = created

    def is_read(self, table: Name) -> bool:
        """Return whether the rows of `table` are read, as far as known before its first row."""
        key = self._key(table)
        if not self._selected:
            return self._only == key
        return any(same_table(key, wanted) for wanted in self._selected)

    def open(self, table: Name, columns: Sequence[str] | None, head: bytes) -> Context:
        """Return the context of a statement with rows of `table`.

        Args:
            table: name of the table.
            columns: column list of the statement, if it has one.
            head: bytes of the statement before its first tuple.

        Raises:
            ManifestError: it is the second table with rows and none is selected, or it lacks a wanted column.
        """
        key = self._key(table)
        if not self._claims(key, table):
            return self.pass_over(table, head)
        names = self._columns(key, columns)
        return Context(head, _shown(table), self._positions(key, table, names), len(names), read=True)

    def open_blank(self, table: Name) -> Context:
        """Return the context of a row of default values.

        Raises:
            ManifestError: it is the second table with rows and none is selected.
        """
        if not self._claims(self._key(table), table):
            return self.pass_over(table, b"")
        return Context(b"", _shown(table), (None,) * len(self._wish.wanted), read=True)

    def unread(self, table: Name) -> Context:
        """Return the context of rows that cannot be read: rejects if the table is read, else counted."""
        key = self._key(table)
        if not self._selected and self._only is None and not key[-1].startswith(_OF_SQLITE):
            self._only = key
        return Context(b"", _shown(table), read=True) if self.is_read(table) else self.pass_over(table, b"")

    def pass_over(self, table: Name, head: bytes) -> Context:
        """Return the context of rows of a table that is not read."""
        is_own = self._key(table)[-1].startswith(_OF_SQLITE)
        if is_own:
            return Context(head)
        is_bare = self._key(table) != _folded(table)  # its database is that of a USE
        return Context(head, self._names.of((self._database, *table) if is_bare else table))

    def _claims(self, key: Name, table: Name) -> bool:
        """Return whether the rows of a table are read; without a selection, the first table with rows is."""
        if self._selected:
            return self.is_read(table)
        if key[-1].startswith(_OF_SQLITE):
            return False
        if self._only is None:
            self._only = key
        elif self._only != key:
            raise self._ambiguous(table)
        return True

    def _columns(self, key: Name, columns: Sequence[str] | None) -> tuple[str, ...]:
        """Return the names of the cells of a row, in order."""
        created = self._find(key)
        if created is None and columns is None and self._wish.columns is None:
            created = self._elsewhere(key)
        if len(self._seen) >= _MAX_TABLES:
            self._seen.clear()
        seen = self._seen.setdefault(key, set())
        if created is not None:
            seen.update(self._wanted.intersection(name.casefold() for name in created.columns))
        if columns is not None:
            names = tuple(columns)
        elif created is not None:
            drop = created.generated if self._family is Family.SQLITE else ()  # computed columns are not dumped
            names = tuple(name for name in created.columns if name not in drop)
        elif self._wish.columns is not None:
            names = self._wish.columns
        else:
            raise ManifestError(
                f'the dump does not name the columns of "{_shown(key)}": no CREATE TABLE comes before '
                "its rows; name them with `columns` in [format]"
            )
        seen.update(self._wanted.intersection(name.casefold() for name in names))
        return names

    def _positions(self, key: Name, table: Name, names: tuple[str, ...]) -> tuple[int | None, ...]:
        folded = [name.casefold() for name in names]
        known = self._seen[key]
        out = list[int | None]()
        for wanted in self._wish.wanted:
            if wanted in names:
                out.append(names.index(wanted))
            elif wanted.casefold() in folded:  # unquoted names are case-insensitive
                out.append(folded.index(wanted.casefold()))
            else:
                required = wanted not in self._wish.optional and len(self._selected) < 2  # noqa: PLR2004 - tables may differ
                if required and wanted.casefold() not in known:
                    raise self._missing(wanted, table, names)
                out.append(None)
        if self._wish.wanted and not known:
            if self._wish.optional.issuperset(self._wish.wanted):
                raise none_of(self._wish.wanted, f'in the table "{_shown(table)}" of {len(names)} columns')
            raise self._missing(self._wish.wanted[0], table, names)
        return tuple(out)

    def _find(self, key: Name) -> Created | None:
        return self._created.get(key) or self._created.get(key[-1:])

    def _key(self, table: Name) -> Name:
        """Return the name of a table in lower case, with its database."""
        key = _folded(table)
        parts = {Family.MYSQL: 1, Family.UNKNOWN: 1, Family.SQL_SERVER: 2}.get(self._family)
        return (self._database, *key) if self._database and len(key) == parts else key

    def _missing(self, wanted: str, table: Name, names: tuple[str, ...]) -> MissingColumnError:
        folded = {name.casefold(): name for name in names[:_MAX_COMPARED] if len(name) <= _MAX_COMPARED}
        near = get_close_matches(wanted.casefold(), folded, 1, 0.5)
        hint = f'; did you mean "{discreet(folded[near[0]])}"?' if near else ""
        return MissingColumnError(
            f'there is no column "{shown(wanted)}" in the table "{_shown(table)}" of {len(names)} columns{hint}'
        )

    def _ambiguous(self, table: Name) -> ManifestError:
        assert self._only is not None  # noqa: S101 - there is a first where there is a second
        listed = sorted(_shown(name) for name in (self._only, self._key(table)))
        return ManifestError(
            "the dump has rows of several tables ("
            + ", ".join(f'"{name}"' for name in listed)
            + ", perhaps more); select those to read with `table` in [format]"
        )


def split_name(text: str) -> Name:
    """Split a name from a manifest, quoted or not, into its parts in lower case."""
    parts, part, closing = list[str](), "", ""
    for character in text.strip():
        if closing:
            if character == closing:
                closing = ""
            else:
                part += character
        elif character in '"`[':
            closing = {"[": "]"}.get(character, character)
        elif character == ".":
            parts.append(part)
            part = ""
        else:
            part += character
    return _folded((*parts, part))


def _shown(name: Name) -> str:
    return ".".join(discreet(part) for part in name)


def _folded(name: Name) -> Name:
    return tuple(part.casefold() for part in name if part) or ("",)


def same_table(table: Name, wanted: Name) -> bool:
    """Return whether two names denote the same table; either may omit the schema."""
    shared = min(len(table), len(wanted))
    return _folded(table[-shared:]) == _folded(wanted[-shared:])
