"""Parse the heads of INSERT, COPY and CREATE TABLE statements.

Each function is given a cursor behind the first word of the statement. It returns None for a statement without rows or
columns, and raises the cursor's IncompleteError if more has to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ingest_cli.formats.sql.tokens import NAMES, Cursor, Kind, Token, name_of

Name = tuple[str, ...]
"""Name of a table, after the names of its database and schema, if given."""

_MODIFIERS = frozenset(
    {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "IGNORE", "OR", "INTO", "TABLE", "ONLY", "OVERWRITE"}
)
_CONFLICTS = frozenset({"REPLACE", "ABORT", "FAIL", "ROLLBACK"})  # INSERT OR … of SQLite
_ROWS_FOLLOW = frozenset({"VALUES", "SELECT", "DEFAULT", "EXEC", "EXECUTE", "WITH"})
_COPY_OPTIONS = frozenset({"CSV", "BINARY", "FORMAT", "DELIMITER", "DELIMITERS", "NULL", "OIDS", "HEADER"})
_ALWAYS_CONSTRAINTS = frozenset({"CONSTRAINT", "FOREIGN", "EXCLUDE", "LIKE"})
_KEY_WORDS = frozenset({"PRIMARY", "UNIQUE", "KEY", "INDEX", "FULLTEXT", "SPATIAL", "CHECK", "PERIOD"})
_KEY_OPTIONS = frozenset({"USING", "UNIQUE", "CLUSTERED", "NONCLUSTERED"})
_MAX_COLUMNS = 32_767
"""Upper limit of SQLite's SQLITE_MAX_COLUMN, the highest of these systems."""

_NAMES_AND_STRINGS = NAMES | {Kind.STRING}
"""Tokens that name a table or column of an INSERT: SQLite accepts 'people' as a name."""

_ELEMENT_TOKENS = 64
"""Number of tokens kept of a column's definition; a default or check may have any length."""


class Form(Enum):
    """Form of the rows of an INSERT."""

    TUPLES = auto()  # VALUES (…), (…), also VALUES ROW(…), ROW(…)
    SELECTS = auto()  # SELECT …, UNION ALL SELECT …
    ASSIGNMENTS = auto()  # SET a = …, b = …
    DEFAULTS = auto()  # DEFAULT VALUES
    QUERY = auto()  # rows that only a database can compute
    UNKNOWN = auto()


_WORDS = {
    "SET": Form.ASSIGNMENTS,
    **dict.fromkeys(["EXEC", "EXECUTE", "WITH", "TABLE", "FROM", "USING"], Form.QUERY),
}


@dataclass(frozen=True, slots=True)
class Insert:
    """Head of an INSERT.

    Attributes:
        columns: column list, if there is one that can be read.
    """

    table: Name
    columns: tuple[str, ...] | None
    form: Form


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY … FROM stdin.

    Attributes:
        columns: column list, if there is one.
        plain: whether the lines have the default text format.
    """

    table: Name
    columns: tuple[str, ...] | None
    plain: bool


@dataclass(frozen=True, slots=True)
class Created:
    """A CREATE TABLE.

    Attributes:
        columns: names of the columns.
        generated: names of computed columns.
    """

    table: Name
    columns: tuple[str, ...]
    generated: frozenset[str] = frozenset()


def read_insert(cursor: Cursor) -> Insert | None:
    """Read the head of an INSERT, REPLACE, MERGE or UPSERT, or of an INTO of INSERT ALL.

    The cursor is left before the first tuple, before SELECT, or before the first assignment.
    """
    while (token := cursor.peek()).kind is Kind.WORD and token.word in _MODIFIERS | _CONFLICTS:
        cursor.next()
    table = _table_name(cursor)
    if table is None:
        return None
    columns: tuple[str, ...] | None = None
    while True:
        token = cursor.peek()
        if token.text == b"(":
            inside = _peek_second(cursor)
            if inside.kind is Kind.WORD and inside.word in {"SELECT", "WITH"}:  # a query in parentheses
                cursor.next()
                continue
            columns = _column_list(cursor) if columns is None else None
            if columns is None:
                return Insert(table, None, Form.UNKNOWN)
            continue
        form = _form(cursor, token)
        if form is not None:
            return Insert(table, columns, form)


def _form(cursor: Cursor, token: Token) -> Form | None:
    """Return the form that `token`, the next one, determines; None for a clause, which is skipped."""
    if token.kind is not Kind.WORD:
        return Form.UNKNOWN
    word = token.word
    if word == "SELECT":
        return Form.SELECTS
    cursor.next()
    following = cursor.peek()
    if word in {"VALUES", "VALUE"}:
        is_row = following.kind is Kind.WORD and following.word == "ROW"
        return Form.TUPLES if is_row or following.text == b"(" else Form.UNKNOWN
    if word == "DEFAULT" and following.word == "VALUES":
        cursor.next()
        return Form.DEFAULTS
    if _read_past(cursor, word, following):
        return None
    return _WORDS.get(word, Form.UNKNOWN)


def _read_past(cursor: Cursor, word: str, following: Token) -> bool:
    """Skip the rest of a clause whose first word has been read; return False if the clause is unknown."""
    if word in {"PARTITION", "WITH", "KEY"} and following.text == b"(":  # of MySQL, SQL Server, H2
        return _skip_group(cursor)
    if word == "AS" and following.kind in NAMES:
        cursor.next()
        return True
    if word == "OVERRIDING" and following.word in {"SYSTEM", "USER"}:
        cursor.next()
        return cursor.next().word == "VALUE"
    return word == "OUTPUT" and _skip_output(cursor)  # SQL Server


def _skip_output(cursor: Cursor) -> bool:
    """Skip the columns of OUTPUT; return whether rows follow."""
    for _ in range(_MAX_COLUMNS):
        token = cursor.peek()
        if token.kind is Kind.WORD and token.word in _ROWS_FOLLOW:
            return True
        if token.kind is Kind.END or token.text == b";":
            return False
        cursor.next()
    return False


def _skip_group(cursor: Cursor) -> bool:
    """Skip a group in parentheses; return whether it is closed."""
    depth = 0
    for _ in range(_MAX_COLUMNS):
        token = cursor.next()
        if token.kind is Kind.END or token.text == b";":
            return False
        depth += {b"(": 1, b")": -1}.get(token.text, 0)
        if not depth:
            return True
    return False


def _peek_second(cursor: Cursor) -> Token:
    position = cursor.position
    cursor.next()
    token = cursor.peek()
    cursor.position = position
    return token


def read_copy(cursor: Cursor) -> Copy | None:
    """Read a COPY … FROM stdin up to its semicolon; None for files, programs and COPY … TO."""
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
    """Read a CREATE TABLE behind the word TABLE; None if it has no list of columns."""
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
    while (token := cursor.next()).kind in _NAMES_AND_STRINGS:
        parts.append(name_of(token))
        if cursor.peek().text != b".":
            return tuple(parts)
        while cursor.peek().text == b".":  # SQL Server may leave out the schema: db..table
            cursor.next()
    return None


def _column_list(cursor: Cursor) -> tuple[str, ...] | None:
    """Return the names in parentheses; None if there is anything else."""
    cursor.next()
    columns = list[str]()
    while True:
        token = cursor.next()
        if token.kind not in _NAMES_AND_STRINGS or len(columns) >= _MAX_COLUMNS:
            return None
        columns.append(name_of(token))
        separator = cursor.next()
        if separator.text == b")":
            return tuple(columns)
        if separator.text != b",":
            return None


def _is_constraint(element: list[Token]) -> bool:
    """Return whether an element of a CREATE TABLE is a key or check, not a column of such a name.

    `KEY name (column)` differs from `key varchar(20)` in the parentheses: a name, not a length.
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
