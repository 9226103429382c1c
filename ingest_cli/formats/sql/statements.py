"""The heads of the three statements that matter: INSERT, COPY and CREATE TABLE.

Each reader is given a cursor just behind the statement's first word. It returns None for a statement that brings
no rows and names no columns, and the cursor's IncompleteError says that more has to be read first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ingest_cli.formats.sql.tokens import NAMES, Cursor, Kind, Token, name_of

Name = tuple[str, ...]
"""A table's name with what stands before it: database, schema."""

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
"""More than any of these systems can be built to allow (SQLite's SQLITE_MAX_COLUMN)."""

_NAMES_AND_STRINGS = NAMES | {Kind.STRING}
"""What names a table or column of an INSERT: SQLite takes 'people' for a name where a name has to stand."""

_ELEMENT_TOKENS = 64
"""Tokens of a column's definition that are kept; a default or check may be of any length."""


class Form(Enum):
    """How an INSERT gives its rows."""

    TUPLES = auto()  # VALUES (…), (…), also VALUES ROW(…), ROW(…)
    SELECTS = auto()  # SELECT …, perhaps of constants, perhaps UNION ALL SELECT …
    ASSIGNMENTS = auto()  # SET a = …, b = …
    DEFAULTS = auto()  # DEFAULT VALUES
    QUERY = auto()  # what only a database could work out
    UNKNOWN = auto()


_WORDS = {
    "SET": Form.ASSIGNMENTS,
    **dict.fromkeys(["EXEC", "EXECUTE", "WITH", "TABLE", "FROM", "USING"], Form.QUERY),
}


@dataclass(frozen=True, slots=True)
class Insert:
    """The head of an INSERT.

    Attributes:
        table: its name.
        columns: its column list, if it has one that can be read.
        form: how its rows are given.
    """

    table: Name
    columns: tuple[str, ...] | None
    form: Form


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
    """The head of an INSERT, REPLACE, MERGE or UPSERT, or of an INTO of INSERT ALL.

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
    """How the rows are given, if that is what `token`, the next one, says; None for a clause, which is read past."""
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
    """Read to the end of a clause that begins with `word`, which has been read; False if it is none that is known."""
    if word in {"PARTITION", "WITH", "KEY"} and following.text == b"(":  # of MySQL, SQL Server, H2
        return _skip_group(cursor)
    if word == "AS" and following.kind in NAMES:
        cursor.next()
        return True
    if word == "OVERRIDING" and following.word in {"SYSTEM", "USER"}:
        cursor.next()
        return cursor.next().word == "VALUE"
    return word == "OUTPUT" and _skip_output(cursor)  # SQL Server: what the statement is to return


def _skip_output(cursor: Cursor) -> bool:
    """Read past what OUTPUT names; whether rows follow."""
    for _ in range(_MAX_COLUMNS):
        token = cursor.peek()
        if token.kind is Kind.WORD and token.word in _ROWS_FOLLOW:
            return True
        if token.kind is Kind.END or token.text == b";":
            return False
        cursor.next()
    return False


def _skip_group(cursor: Cursor) -> bool:
    """Read past a group in parentheses, which comes next; whether it is closed."""
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
    """The token after the next one."""
    position = cursor.position
    cursor.next()
    token = cursor.peek()
    cursor.position = position
    return token


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
    while (token := cursor.next()).kind in _NAMES_AND_STRINGS:
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
        if token.kind not in _NAMES_AND_STRINGS or len(columns) >= _MAX_COLUMNS:
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
