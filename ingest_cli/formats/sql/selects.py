"""Read rows of an INSERT that are not tuples: `SELECT 1, 'a' UNION ALL SELECT 2, 'b'`, and `SET a = 1, b = 'x'`.

A SELECT is a row if it has only values and no table, or the table of one row that Oracle, DB2 and Firebird require. The
names of its values are ignored, because an INSERT uses their order. Any other clause makes it a query, whose rows are
not in the dump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ingest_cli.formats.sql.boundaries import STATEMENTS, TAILS, Next
from ingest_cli.formats.sql.tokens import NAMES, Cursor, IncompleteError, Kind, Token, name_of
from ingest_cli.formats.sql.tuples import Broken, touch

_ONE_ROW = frozenset({"DUAL", "SYSDUMMY1", "RDB$DATABASE"})
_NO_VALUE = frozenset(
    [
        *("SELECT", "DISTINCT", "TOP", "CASE", "OVER"),
        *("WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "INTO", "EXCEPT", "INTERSECT", "MINUS"),
    ]
)
_BEHIND = frozenset({"UNION", "FROM", "ON", "RETURNING"})
_NO_NAME_BEHIND = frozenset({"COLLATE", "DATE", "TIME", "TIMESTAMP", "DATETIME", "INTERVAL", "ZONE"})
_MAX_TOKENS = 100_000
"""Limit on the tokens of a row."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A row of values.

    Attributes:
        values: (start, end) of each value.
        names: column of each value; empty for a SELECT.
        end: end of the row, with its separator.
        following: what follows the row.
    """

    values: list[tuple[int, int]]
    names: tuple[str, ...]
    end: int
    following: Next


class _BrokenError(Exception):
    """The text is damaged."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at


class _Item:
    """The value being read."""

    __slots__ = ("_last", "_shorter", "begin", "end")

    def __init__(self) -> None:
        self.begin = self.end = self._shorter = -1
        self._last: Token | None = None

    def add(self, token: Token) -> None:
        if self.begin < 0:
            self.begin = token.start
        if self._last is not None and touch(self._last, token):
            raise _BrokenError(token.start)
        self._shorter = self.end if self._may_be_name(token) else -1
        self.end, self._last = token.end, token

    def place(self) -> tuple[int, int]:
        """Return (start, end) without a name behind the value."""
        return self.begin, self._shorter if self._shorter >= 0 else self.end

    def _may_be_name(self, token: Token) -> bool:
        """Return whether `token`, if it is the last one, is the name of the value before it."""
        before = self._last
        if before is None or token.kind not in NAMES:
            return False
        if before.kind is Kind.WORD:
            return not before.text.startswith(b"_") and before.word not in _NO_NAME_BEHIND
        return before.kind in {Kind.STRING, Kind.DOLLAR, Kind.QUOTED} or before.text == b")"


def read_select(cursor: Cursor, *, final: bool) -> Selected | Broken | None:
    """Read the row at the cursor, which is before SELECT; None for a query.

    Raises:
        IncompleteError: more has to be read.
    """
    reader = _Reader(cursor)
    return _attempt(reader.select, cursor, final=final)


def read_assignments(cursor: Cursor, *, final: bool) -> Selected | Broken | None:
    """Read the row at the cursor, which is behind SET; None if it cannot be read.

    Raises:
        IncompleteError: more has to be read.
    """
    reader = _Reader(cursor)
    return _attempt(reader.assignments, cursor, final=final)


def _attempt(read: Callable[[], Selected | None], cursor: Cursor, *, final: bool) -> Selected | Broken | None:
    try:
        return read()
    except _BrokenError as error:
        return Broken(error.at)
    except IncompleteError:
        if not final:
            raise
        return Broken(len(cursor.data))


class _Reader:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._fresh = False  # at the beginning of a line
        self._values = list[tuple[int, int]]()
        self._names = list[str]()

    def select(self) -> Selected | None:
        if self._next().word != "SELECT":
            return None
        depth = 0
        while True:
            token, depth, item = self._select_item(depth)
            if item is None or item.begin < 0 or len(self._values) >= _MAX_TOKENS:
                return None
            self._values.append(item.place())
            if token.text != b",":
                return self._behind(token, depth)

    def _select_item(self, depth: int) -> tuple[Token, int, _Item | None]:
        """(the token behind a value, depth of parentheses there, the value; None for what makes it a query)."""
        item = _Item()
        for _ in range(_MAX_TOKENS):
            token = self._next()
            depth += {b"(": 1, b")": -1}.get(token.text, 0)
            word = token.word if token.kind is Kind.WORD else ""
            if word in _NO_VALUE or (token.text == b"*" and item.begin < 0):
                break
            if depth > 0 or (depth == 0 and token.text == b")"):
                if token.kind is Kind.END or token.text == b";":
                    break
                item.add(token)
            elif token.text == b"," or depth < 0 or word in _BEHIND or self._is_over(token, item):
                return token, depth, item
            elif word == "AS":
                self._next()
            else:
                item.add(token)
        return token, depth, None

    def assignments(self) -> Selected | None:
        while True:
            token = self._next()
            while token.kind in NAMES and self._cursor.peek().text == b".":  # the table's name before the column's
                self._next()
                token = self._next()
            sign = self._next()
            if sign.text == b":":
                sign = self._next()
            if token.kind not in NAMES or sign.text != b"=" or len(self._names) >= _MAX_TOKENS:
                return None
            self._names.append(name_of(token))
            token, item = self._assigned()
            if item is None:
                return None
            self._values.append((item.begin, item.end))
            if token.text != b",":
                return self._behind(token, 0)

    def _assigned(self) -> tuple[Token, _Item | None]:
        """Return (token behind a value, value; None if there is none)."""
        item, depth = _Item(), 0
        for _ in range(_MAX_TOKENS):
            token = self._next()
            depth += {b"(": 1, b")": -1}.get(token.text, 0)
            ends = token.text == b"," or (token.kind is Kind.WORD and token.word in TAILS)
            if (depth <= 0 and ends) or self._is_over(token, item):
                return token, item if item.begin >= 0 and depth == 0 else None
            item.add(token)
        return token, None

    def _next(self) -> Token:
        """Return the next token that is neither space nor comment."""
        fresh = False
        while (token := self._cursor.any()).kind in {Kind.SPACE, Kind.COMMENT}:
            fresh = (fresh and token.kind is Kind.COMMENT) or b"\n" in token.text
        self._fresh = fresh
        return token

    def _is_over(self, token: Token, item: _Item | None = None) -> bool:
        """Return whether the statement ends before `token`, with or without a semicolon."""
        if token.kind is Kind.END or token.text == b";":
            return True
        if not self._fresh or (item is not None and item.begin < 0):
            return False
        return token.text in {b"/", b"\\"} or (token.kind is Kind.WORD and token.word in STATEMENTS)

    def _behind(self, token: Token, depth: int) -> Selected | None:
        """Return the row, given the first token behind its values; None for a query."""
        if token.word == "FROM" and token.kind is Kind.WORD:
            table = self._next()
            while self._cursor.peek().text == b".":
                self._next()
                table = self._next()
            if table.word not in _ONE_ROW:
                return None
            token = self._next()
            depth -= token.text == b")"
        if token.word == "UNION" and token.kind is Kind.WORD:
            following = self._next()
            if following.word in {"ALL", "DISTINCT"}:
                following = self._next()
            if following.word == "SELECT":
                return self._selected(following.start, Next.TUPLE)
            last = following if following.kind is Kind.END else self._next()
            return self._selected(last.start, Next.STATEMENT) if last.kind is Kind.END else None  # cut off
        if token.kind is Kind.END and not self._fresh:
            raise _BrokenError(token.start)  # cut off, perhaps in the middle of a value
        if self._is_over(token):
            return self._selected(token.end if token.text == b";" else token.start, Next.STATEMENT)
        if depth < 0 or (token.kind is Kind.WORD and token.word in TAILS):
            return self._selected(token.start, Next.TAIL)
        return None

    def _selected(self, end: int, following: Next) -> Selected:
        return Selected(self._values, tuple(self._names), end, following)
