"""Find the end of a row or statement and the start of the next, even after a damaged one."""

from __future__ import annotations

import re
from enum import Enum, auto

from ingest_cli.formats.sql.tokens import Cursor, IncompleteError, Kind

STATEMENTS = frozenset(
    [
        "ALTER",
        "ANALYZE",
        "BEGIN",
        "COMMENT",
        "COMMIT",
        "COPY",
        "CREATE",
        "DECLARE",
        "DELETE",
        "DELIMITER",
        "DROP",
        "END",
        "EXEC",
        "EXIT",
        "GO",
        "GRANT",
        "IF",
        "INSERT",
        "LOCK",
        "MERGE",
        "PRAGMA",
        "PRINT",
        "PROMPT",
        "QUIT",
        "REM",
        "REPLACE",
        "REVOKE",
        "ROLLBACK",
        "SELECT",
        "SET",
        "TRUNCATE",
        "UNLOCK",
        "UPDATE",
        "UPSERT",
        "USE",
        "VACUUM",
    ]
)
"""What may follow a tuple without a semicolon between them."""

TAILS = frozenset({"ON", "RETURNING", "AS"})
"""What an INSERT may have behind its tuples."""

# Where reading can go on after a broken tuple: at the next that follows one, or stands on a line of its own; or
# at the next statement, behind a semicolon at the end of a line or on a line of its own.
_NEXT_TUPLE = rb"\)\s*+,\s*+(?=(?i:ROW\s?+)?+\()|\n[ \t]*+(?=\()"
_NEXT_STATEMENT = (
    rb";[ \t\r]*+(?:\n|\Z)"
    rb"|\n[ \t]*+(?=(?i:INSERT|REPLACE|INTO|CREATE|COPY|GO|SET|UPDATE|ALTER|DROP|COMMIT)\s)"
)
_RESYNC = re.compile(rb"(?P<tuple>" + _NEXT_TUPLE + rb")|(?:" + _NEXT_STATEMENT + rb")")

_PERHAPS_NEXT_TUPLE = re.compile(rb"\)\s*+(?:,\s*+(?i:R|RO|ROW\s?+)?+)?+\Z")

LOOK_AHEAD_BYTES = 64
"""What has to be seen behind a record, at most, to know where it ends; the longest word looked for is shorter."""


class Next(Enum):
    """What stands behind a tuple."""

    TUPLE = auto()
    STATEMENT = auto()
    TAIL = auto()  # the rest of the same statement


def after_tuple(cursor: Cursor, *, final: bool, repeats: bool) -> tuple[int, Next]:
    """Where the record ends whose tuple has just been read, and what it is followed by.

    Args:
        cursor: behind the tuple.
        final: whether nothing follows what the cursor sees.
        repeats: whether it is a statement of several INTO.

    Raises:
        IncompleteError: more has to be read to tell.
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
    """Whether the word ROW and a parenthesis come next, as in `VALUES ROW(1, 2)`; if so, read up to the latter.

    Raises:
        IncompleteError: more has to be read to tell.
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
    """Whether, instead of a tuple, there is what may come after the last.

    Raises:
        IncompleteError: more has to be read to tell.
    """
    try:
        token = cursor.peek()
    except IncompleteError:
        if not final:
            raise
        return False
    return token.kind is Kind.END or token.text == b";" or (token.kind is Kind.WORD and token.word in STATEMENTS)


def resync(data: bytes, at: int, *, final: bool) -> tuple[int, Next]:
    """Where reading can go on from `at` on, and with what.

    Raises:
        IncompleteError: more has to be read to tell.
    """
    found = _RESYNC.search(data, at)
    if found is None or (found.end() == len(data) and not final):
        if not final:
            raise IncompleteError
        return len(data), Next.STATEMENT
    return found.end(), Next.TUPLE if found["tuple"] is not None else Next.STATEMENT


def search_on(data: bytes, at: int, *, final: bool) -> tuple[int, Next | None]:
    """As `resync`, but where no such place is seen yet: (from where on one may begin, None).

    Raises:
        IncompleteError: one may begin at `at`; more has to be read to tell.
    """
    found = _RESYNC.search(data, at)
    if final or (found is not None and found.end() < len(data)):
        return resync(data, at, final=final)
    end = found.start() if found is not None else _last_chance(data, at)
    if end == at:
        raise IncompleteError
    return end, None


def _last_chance(data: bytes, at: int) -> int:
    """From where on the beginning of such a place may stand, none of which is between `at` and there; at most len."""
    closing = data.rfind(b")", at)
    if closing >= 0 and _PERHAPS_NEXT_TUPLE.match(data, closing):
        return closing
    found = max(data.rfind(mark, at) for mark in (b";", b"\n"))
    return len(data) if found < 0 else found
