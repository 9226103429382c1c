"""Tables of a dump: the names of their columns, and which of them are wanted."""

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
"""Tables whose columns are remembered; it takes a made-up dump to have more."""

MAX_NAMED = 200
"""Tables that are not read and are called by their names; the others are taken together."""

OTHER_TABLES = "(other tables)"
_OF_SQLITE = "sqlite_"  # its own tables: sequence numbers and statistics
_MAX_COMPARED = 200  # names, and letters of a name, among which the nearest is looked for


@dataclass(frozen=True, slots=True)
class WantedColumns:
    """What a manifest asks for.

    Attributes:
        tables: names of the tables to read; none: the only one there is.
        wanted: names of the columns to keep.
        columns: names of the columns of tables that the dump does not describe.
        optional: those of the wanted columns that a dump may lack.
    """

    tables: tuple[str, ...]
    wanted: tuple[str, ...]
    columns: tuple[str, ...] | None
    optional: frozenset[str] = frozenset()


@dataclass(slots=True)
class Context:
    """Whose rows are being read.

    Attributes:
        head: the bytes of the statement before its first tuple; empty for a COPY.
        name: of the table, as it may be shown; empty for one of which nobody need know.
        positions: where in a row each wanted column is; None for one that this statement leaves out.
        width: cells a row has to have; 0 for a table that is not read.
        read: whether its rows count.
        repeats: whether another INTO may follow, as in INSERT ALL.
        plain: whether the lines of a COPY are of the default text format.
        tuples: how many were seen, up to the point where that has no further consequence.
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
    """What tables that are not read are called in an account: as the dump calls them, and only so many of them."""

    def __init__(self) -> None:
        self._names: dict[Name, str] = {}

    def of(self, table: Name) -> str:
        """What to call `table`: no text that a terminal would obey, or that tells of a person."""
        known = self._names.get(table)
        if known is None:
            if len(self._names) >= MAX_NAMED:
                return OTHER_TABLES
            known = self._names[table] = ".".join(discreet(part) for part in table)
        return known


class Catalog:
    """What is known of the tables at one place of a dump."""

    def __init__(
        self,
        wanted: WantedColumns,
        family: Family,
        names: TableNames | None = None,
        elsewhere: Callable[[Name], Created | None] = lambda _: None,
    ) -> None:
        """Set up.

        Args:
            wanted: what is to be read.
            family: whose dump it is.
            names: what to call tables that are not read.
            elsewhere: knows the columns of tables that this source does not describe.
        """
        self._elsewhere = elsewhere
        self._wish = wanted
        self._family = family
        self._names = names or TableNames()
        self._selected = [split_name(name) for name in wanted.tables]
        self._created: dict[Name, Created] = {}
        self._wanted = {name.casefold() for name in wanted.wanted}
        self._seen: dict[Name, set[str]] = {}  # wanted columns that a table has, as far as has been seen
        self._only: Name | None = None
        self._database = ""

    def use(self, database: str) -> None:
        """Note that tables whose database is not named are in this one from here on."""
        self._database = database.casefold()

    def create(self, created: Created) -> None:
        """Note what a CREATE TABLE says; a later one of the same name counts."""
        key = self._key(created.table)
        if len(self._created) >= _MAX_TABLES:
            self._created.clear()
        self._created[key] = created
        self._created[key[-1:]] = created

    def is_read(self, table: Name) -> bool:
        """Whether the rows of `table` count, as far as is known before any of them was seen."""
        key = self._key(table)
        if not self._selected:
            return self._only == key
        return any(same_table(key, wanted) for wanted in self._selected)

    def open(self, table: Name, columns: Sequence[str] | None, head: bytes) -> Context:
        """Begin to read rows of `table`.

        Args:
            table: its name.
            columns: the column list of the statement, if it has one.
            head: the bytes of the statement before its first tuple.

        Raises:
            ManifestError: it is the second table with rows and none is selected, or a wanted column is not in it.
        """
        key = self._key(table)
        if not self._claims(key, table):
            return self.pass_over(table, head)
        names = self._columns(key, columns)
        return Context(head, _shown(table), self._positions(key, table, names), len(names), read=True)

    def open_blank(self, table: Name) -> Context:
        """Begin to read a row of `table` in which nothing is said.

        Raises:
            ManifestError: it is the second table with rows and none is selected.
        """
        if not self._claims(self._key(table), table):
            return self.pass_over(table, b"")
        return Context(b"", _shown(table), (None,) * len(self._wish.wanted), read=True)

    def unread(self, table: Name) -> Context:
        """Begin with rows of `table` that cannot be read: they are rejects if its rows are read otherwise."""
        key = self._key(table)
        if not self._selected and self._only is None and not key[-1].startswith(_OF_SQLITE):
            self._only = key
        return Context(b"", _shown(table), read=True) if self.is_read(table) else self.pass_over(table, b"")

    def pass_over(self, table: Name, head: bytes) -> Context:
        """Begin with rows of `table` that are not read."""
        is_own = self._key(table)[-1].startswith(_OF_SQLITE)
        if is_own:
            return Context(head)
        is_bare = self._key(table) != _folded(table)  # it is in a database that a USE has named
        return Context(head, self._names.of((self._database, *table) if is_bare else table))

    def _claims(self, key: Name, table: Name) -> bool:
        """Whether the rows of a table are read; the first table with rows is, where none is selected."""
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
        """What the cells of a row are called, in order."""
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
                f'the dump does not say how the columns of "{_shown(key)}" are called: no CREATE TABLE comes before '
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
            elif wanted.casefold() in folded:  # names that are not quoted have no case
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
        """A table's name in lower case, with the database it is in."""
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
            + ", perhaps more); say which to read with `table` in [format]"
        )


def split_name(text: str) -> Name:
    """The parts of a name as a person writes it, quoted or not, in lower case."""
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
    """Whether two names mean the same table, where either may leave out the schema."""
    shared = min(len(table), len(wanted))
    return _folded(table[-shared:]) == _folded(wanted[-shared:])
