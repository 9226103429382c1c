"""The heads of the three statements that matter: INSERT, COPY and CREATE TABLE.

Each reader is given a cursor just behind the statement's first word. It returns None for a statement that brings
no rows and names no columns, and the cursor's IncompleteError says that more has to be read first.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_cli.formats.sql.tokens import NAMES, Cursor, Kind, Token, name_of

Name = tuple[str, ...]
"""A table's name with what stands before it: database, schema."""

_MODIFIERS = frozenset({"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "OR", "INTO", "TABLE", "ONLY"})
_CONFLICTS = frozenset({"REPLACE", "ABORT", "FAIL", "ROLLBACK"})  # INSERT OR … of SQLite
_SOURCES = frozenset({"SELECT", "SET", "DEFAULT", "EXEC", "EXECUTE", "WITH", "TABLE"})
_COPY_OPTIONS = frozenset({"CSV", "BINARY", "FORMAT", "DELIMITER", "DELIMITERS", "NULL", "OIDS", "HEADER"})
_ALWAYS_CONSTRAINTS = frozenset({"CONSTRAINT", "FOREIGN", "EXCLUDE", "LIKE"})
_KEY_WORDS = frozenset({"PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "CHECK", "PERIOD"})
_KEY_OPTIONS = frozenset({"USING", "UNIQUE", "CLUSTERED", "NONCLUSTERED"})
_MAX_COLUMNS = 32_767
"""More than any of these systems can be built to allow (SQLite's SQLITE_MAX_COLUMN)."""

_ELEMENT_TOKENS = 64
"""Tokens of a column's definition that are kept; a default or check may be of any length."""


@dataclass(frozen=True, slots=True)
class Insert:
    """The head of an INSERT.

    Attributes:
        table: its name.
        columns: its column list, if it has one.
        has_values: whether tuples follow, and not a query.
    """

    table: Name
    columns: tuple[str, ...] | None
    has_values: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY … FROM stdin.

    Attributes:
        table: its name.
        columns: its column list, if it has one.
        plain: whether its lines are of the default text format.
    """

    table: Name
    columns: tuple[str, ...] | None
    plain: bool


@dataclass(frozen=True, slots=True)
class Created:
    """A CREATE TABLE.

    Attributes:
        table: its name.
        columns: names of the columns.
        generated: those among them that are computed.
    """

    table: Name
    columns: tuple[str, ...]
    generated: frozenset[str] = frozenset()


def read_insert(cursor: Cursor) -> Insert | None:
    """The head of an INSERT, REPLACE or of an INTO of INSERT ALL; the cursor is left before the first tuple."""
    while (token := cursor.peek()).kind is Kind.WORD and token.word in _MODIFIERS | _CONFLICTS:
        cursor.next()
    table = _table_name(cursor)
    if table is None:
        return None
    columns = None
    if cursor.peek().text == b"(":
        columns = _column_list(cursor)
        if columns is None:
            return Insert(table, None, has_values=False)
    while True:
        token = cursor.next()
        if token.kind is not Kind.WORD:
            return None
        if token.word in {"VALUES", "VALUE"}:
            return Insert(table, columns, has_values=cursor.peek().text == b"(")
        if token.word in _SOURCES:
            return Insert(table, columns, has_values=False)
        if token.word not in {"OVERRIDING", "SYSTEM", "USER"}:
            return None


def read_copy(cursor: Cursor) -> Copy | None:
    """A COPY … FROM stdin up to its semicolon; None for files, programs and the other direction."""
    table = _table_name(cursor)
    if table is None:
        return None
    columns = None
    if cursor.peek().text == b"(":
        columns = _column_list(cursor)
        if columns is None:
            return None
    if [cursor.next().word, cursor.next().word] != ["FROM", "STDIN"]:
        return None
    plain = True
    while (token := cursor.next()).text != b";":
        if token.kind is Kind.END:
            return None
        plain = plain and token.word not in _COPY_OPTIONS
    return Copy(table, columns, plain)


def read_create_table(cursor: Cursor) -> Created | None:
    """The columns of a CREATE TABLE whose word TABLE has been read; None for one without a list of them."""
    while (token := cursor.peek()).kind is Kind.WORD and token.word in {"IF", "NOT", "EXISTS"}:
        cursor.next()
    table = _table_name(cursor)
    if table is None or cursor.next().text != b"(":
        return None
    columns, generated = list[str](), set[str]()
    element, depth = list[Token](), 1
    while depth:
        token = cursor.next()
        if token.kind is Kind.END or token.text == b";" or len(columns) > _MAX_COLUMNS:
            return None
        if token.text in {b"(", b")"}:
            depth += 1 if token.text == b"(" else -1
        if depth and (depth > 1 or token.text != b","):
            if len(element) < _ELEMENT_TOKENS:
                element.append(token)
            continue
        if element and element[0].kind in NAMES and not _is_constraint(element):
            columns.append(name_of(element[0]))
            if _is_generated(element):
                generated.add(columns[-1])
        element = []
    return Created(table, tuple(columns), frozenset(generated)) if columns else None


def _table_name(cursor: Cursor) -> Name | None:
    parts = list[str]()
    while (token := cursor.next()).kind in NAMES:
        parts.append(name_of(token))
        if cursor.peek().text != b".":
            return tuple(parts)
        while cursor.peek().text == b".":  # SQL Server may leave out the schema: db..table
            cursor.next()
    return None


def _column_list(cursor: Cursor) -> tuple[str, ...] | None:
    """The names in parentheses; None if anything else is among them."""
    cursor.next()
    columns = list[str]()
    while True:
        token = cursor.next()
        if token.kind not in NAMES or len(columns) >= _MAX_COLUMNS:
            return None
        columns.append(name_of(token))
        separator = cursor.next()
        if separator.text == b")":
            return tuple(columns)
        if separator.text != b",":
            return None


def _is_constraint(element: list[Token]) -> bool:
    """Whether an element of a CREATE TABLE is a key or a check, and not a column that is called like one.

    `KEY name (column)` is told from `key varchar(20)` by what is in the parentheses: a name, not a length.
    """
    first = element[0]
    if first.kind is not Kind.WORD or len(element) == 1:
        return False
    if first.word in _ALWAYS_CONSTRAINTS:
        return True
    if first.word not in _KEY_WORDS:
        return False
    words = [token.word for token in element[:4]]
    if words[1] in {"KEY", "INDEX", "(", "FOR"}:
        return True
    opened = next((i for i, token in enumerate(element) if token.text == b"("), len(element))
    if opened + 1 >= len(element) or not (opened == 2 or words[2] in _KEY_OPTIONS):  # noqa: PLR2004 - KEY name (
        return False
    inside = element[opened + 1]
    return inside.kind in NAMES and not inside.text[:1].isdigit() and inside.word != "MAX"


def _is_generated(element: list[Token]) -> bool:
    words = [token.word for token in element]
    return any(words[i] == "AS" and words[i + 1] == "(" for i in range(1, len(words) - 1))
