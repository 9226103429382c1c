"""Find the end of a row or statement and the start of the next, even after a damaged one."""

from __future__ import annotations

import re
from enum import Enum, auto

from ingest_cli.formats.sql.tokens import Cursor, IncompleteError, Kind

STATEMENTS = frozenset(
    [
        *("ALTER", "ANALYZE", "BEGIN", "COMMENT", "COMMIT", "COPY", "CREATE", "DECLARE", "DELETE", "DELIMITER"),
        *("DROP", "END", "EXEC", "EXIT", "GO", "GRANT", "IF", "INSERT", "LOCK", "MERGE", "PRAGMA", "PRINT"),
        *("PROMPT", "QUIT", "REM", "REPLACE", "REVOKE", "ROLLBACK", "SELECT", "SET", "TRUNCATE", "UNLOCK"),
        *("UPDATE", "UPSERT", "USE", "VACUUM"),
    ]
)
"""First words of statements that may follow a tuple without a semicolon."""

TAILS = frozenset({"ON", "RETURNING", "AS"})
"""First words of clauses behind the tuples of an INSERT."""

# Where reading continues behind a broken tuple: at the next tuple behind another or at the start of a line, or at the
# next statement behind a semicolon at the end of a line or at the start of a line.
_NEXT_TUPLE = rb"\)\s*+,\s*+(?=(?i:ROW\s?+)?+\()|\n[ \t]*+(?=\()"
_NEXT_STATEMENT = (
    rb";[ \t\r]*+(?:\n|\Z)"
    rb"|\n[ \t]*+(?=(?i:INSERT|REPLACE|INTO|CREATE|COPY|GO|SET|UPDATE|ALTER|DROP|COMMIT)\s)"
)
_RESYNC = re.compile(rb"(?P<tuple>" + _NEXT_TUPLE + rb")|(?:" + _NEXT_STATEMENT + rb")")

_PERHAPS_NEXT_TUPLE = re.compile(rb"\)\s*+(?:,\s*+(?i:R|RO|ROW\s?+)?+)?+\Z")

LOOK_AHEAD_BYTES = 64
"""Bytes behind a record that are needed to find its end; longer than any word searched for."""


class Next(Enum):
    """What follows a tuple."""

    TUPLE = auto()
    STATEMENT = auto()
    TAIL = auto()  # the rest of the same statement


def after_tuple(cursor: Cursor, *, final: bool, repeats: bool) -> tuple[int, Next]:
    """Return (end of the record whose tuple has just been read, what follows it).

    Args:
        cursor: behind the tuple.
        final: whether the input ends with the cursor's data.
        repeats: whether the statement may have several INTO.

    Raises:
        IncompleteError: more has to be read.
    """
    end = cursor.position
    try:
        token = cursor.next()
        following = cursor.peek() if token.text == b"," else token
    except IncompleteError:
        if not final:
            raise
        return end, Next.TUPLE
    if token.kind is Kind.END or token.text == b";":
        return token.end, Next.STATEMENT
    if token.text == b",":
        return following.start, Next.STATEMENT if following.text in {b"/", b"\\"} else Next.TUPLE
    if token.kind is not Kind.WORD:
        return token.start, Next.STATEMENT if token.text in {b"/", b"\\"} else Next.TUPLE
    if token.word in STATEMENTS or (token.word == "INTO" and repeats):
        return token.start, Next.STATEMENT
    return token.start, Next.TAIL if token.word in TAILS else Next.TUPLE


def opens_row(cursor: Cursor, *, final: bool) -> bool:
    """Return whether ROW and a parenthesis follow, as in `VALUES ROW(1, 2)`; if so, read ROW.

    Raises:
        IncompleteError: more has to be read.
    """
    position = cursor.position
    try:
        token = cursor.next()
        if token.kind is Kind.WORD and token.word == "ROW" and (opening := cursor.peek()).text == b"(":
            cursor.advance(opening.start)
            return True
    except IncompleteError:
        if not final:
            raise
    cursor.position = position
    return False


def is_over(cursor: Cursor, *, final: bool) -> bool:
    """Return whether the end of the statement follows instead of a tuple.

    Raises:
        IncompleteError: more has to be read.
    """
    try:
        token = cursor.peek()
    except IncompleteError:
        if not final:
            raise
        return False
    return token.kind is Kind.END or token.text == b";" or (token.kind is Kind.WORD and token.word in STATEMENTS)


def resync(data: bytes, at: int, *, final: bool) -> tuple[int, Next]:
    """Return (offset from `at` on at which reading can continue, kind of text there).

    Raises:
        IncompleteError: more has to be read.
    """
    found = _RESYNC.search(data, at)
    if found is None or (found.end() == len(data) and not final):
        if not final:
            raise IncompleteError
        return len(data), Next.STATEMENT
    return found.end(), Next.TUPLE if found["tuple"] is not None else Next.STATEMENT


def search_on(data: bytes, at: int, *, final: bool) -> tuple[int, Next | None]:
    """Apply `resync`; if no such place is found yet, return (offset from which on it may start, None).

    Raises:
        IncompleteError: it may start at `at`; more has to be read.
    """
    found = _RESYNC.search(data, at)
    if final or (found is not None and found.end() < len(data)):
        return resync(data, at, final=final)
    end = found.start() if found is not None else _last_chance(data, at)
    if end == at:
        raise IncompleteError
    return end, None


def _last_chance(data: bytes, at: int) -> int:
    """Return the offset from which on a place to continue may start, if there is none before it."""
    closing = data.rfind(b")", at)
    if closing >= 0 and _PERHAPS_NEXT_TUPLE.match(data, closing):
        return closing
    found = max(data.rfind(mark, at) for mark in (b";", b"\n"))
    return len(data) if found < 0 else found
