"""Parse rows of an INSERT: `(value, value, …)`.

`read_tuple` is the reference, token by token: a value is strings, words, operators and parentheses up to the next comma
or closing parenthesis. A tuple is broken at

* a string and a word that touch (`'O'Neil'`: a quote is missing or not escaped),
* a semicolon,
* a string without an end, or
* more tokens than a row may have.

Two regular expressions match most tuples faster: `read_usual` one tuple of any table, and `run_pattern` many tuples of
one table. They match only text that the reference reads in the same way; where they do not match, it decides.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice

from ingest_cli.formats.sql.catalog import Context
from ingest_cli.formats.sql.dialect import Syntax
from ingest_cli.formats.sql.tokens import (
    ESCAPED_QUOTED,
    ESCAPED_STRING,
    PLAIN_QUOTED,
    PLAIN_STRING,
    STRINGS,
    WORD_BYTES,
    Cursor,
    IncompleteError,
    Kind,
    Token,
)

MAX_FAST_WIDTH = 1_000
"""Maximum number of cells of a tuple for which a pattern is compiled."""

_MAX_TOKENS = 100_000
"""Limit on the tokens of a tuple, also if each line of its texts is a separate expression."""

_PATTERN_DEPTH = 3  # of parentheses: replace(replace('…','\n',char(10)),'\r',char(13))
_SPACED_PREFIXES = frozenset({"DATE", "TIME", "TIMESTAMP", "INTERVAL", "DATETIME"})


@dataclass(frozen=True, slots=True)
class Tuple:
    """Complete tuple: its end, and (start, end) of its first values."""

    end: int
    values: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Broken:
    """Broken tuple, and the place of the damage."""

    at: int


def read_tuple(cursor: Cursor, *, final: bool, most: int = sys.maxsize) -> Tuple | Broken:
    """Read the tuple at the cursor, which is before the opening parenthesis.

    Args:
        cursor: then after the tuple.
        final: whether the input ends with the cursor's data.
        most: number of values to return.

    Raises:
        IncompleteError: more has to be read.
    """
    cursor.any()
    values = _Values(most)
    before: Token | None = None
    for _ in range(_MAX_TOKENS):
        at = cursor.position
        try:
            token = cursor.any()
        except IncompleteError:
            if final:
                return Broken(len(cursor.data))
            raise
        if token.kind is Kind.SPACE or token.kind is Kind.COMMENT:
            continue
        if token.kind is Kind.END or token.text == b";" or (before is not None and touch(before, token)):
            return Broken(at)
        before = token
        if values.add(token):
            return Tuple(token.end, values.places)
    return Broken(cursor.position)


class _Values:
    """Values of a tuple, collected token by token."""

    __slots__ = ("_begin", "_depth", "_empty", "_end", "_most", "places")

    def __init__(self, most: int) -> None:
        self._most = most
        self._begin = self._end = -1
        self._depth = 1
        self._empty = True
        self.places = list[tuple[int, int]]()

    def add(self, token: Token) -> bool:
        """Add a token; return whether it ends the tuple."""
        if token.kind is Kind.MARK:
            if token.text in b"([":
                self._depth += 1
            elif token.text in b")]":
                self._depth -= 1
            if self._depth == 0 or (self._depth == 1 and token.text == b","):
                if self._begin >= 0 or self._depth or not self._empty:  # `()` has none
                    self._close(token.start)
                return self._depth == 0
        if self._begin < 0:
            self._begin = token.start
        self._end = token.end
        return False

    def _close(self, at: int) -> None:
        self._empty = False
        if len(self.places) < self._most:
            self.places.append((self._begin, self._end) if self._begin >= 0 else (at, at))
        self._begin = -1


def read_usual(cursor: Cursor, syntax: Syntax, *, most: int) -> Tuple | None:
    """Return the result of `read_tuple` for a common tuple; else None, and the cursor has not moved."""
    whole, cell = _usual_patterns(syntax)
    found = whole.match(cursor.data, cursor.position)
    if found is None:
        return None
    places = list[tuple[int, int]]()
    if most:
        places = [one.span(1) for one in islice(cell.finditer(cursor.data, found.start() + 1, found.end() - 1), most)]
    cursor.advance(found.end())
    return Tuple(found.end(), places)


def touch(before: Token, token: Token) -> bool:
    """Return whether a string and a word, or two strings, touch in a way that no tool writes."""
    if before.end != token.start:
        return False
    if token.kind in STRINGS:
        if before.kind is Kind.WORD:
            return not (before.text.startswith(b"_") or before.word in _SPACED_PREFIXES)
        return before.kind in STRINGS
    return token.kind is Kind.WORD and before.kind in STRINGS


@cache
def _usual_patterns(syntax: Syntax) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Return (pattern of a tuple of any width, pattern of a value and the comma behind it)."""
    value = _value_pattern(syntax)
    whole = rb"\(\s*+" + value + rb"(?:\s*+,\s*+" + value + rb")*+\s*+\)"
    return re.compile(whole, re.DOTALL), re.compile(rb"\s*+(" + value + rb")\s*+(?:,|\Z)", re.DOTALL)


@cache
def _value_pattern(syntax: Syntax) -> bytes:
    """Return the pattern of a value without comments, semicolons, brackets, or deep or unusual parentheses."""
    string = ESCAPED_STRING if syntax.escapes else PLAIN_STRING
    quoted = ESCAPED_QUOTED if syntax.escapes else PLAIN_QUOTED
    alone = rb"(?![`\"'" + WORD_BYTES + rb"])"  # nothing touches it
    prefixed = (
        rb"(?:[eE]"
        + ESCAPED_STRING
        + rb"|(?:[nNxXbB]|_\w++[ ]?+|(?i:date|time|timestamp)[ ]?+)"
        + string
        + rb")"
        + alone
    )
    letter = rb"\w@.\x80-\xff"
    word = rb"(?:[" + letter + rb"]++(?:(?<=[0-9.][eE])[-+][0-9]++)?+)"
    words = rb"(?:[-+]?+" + word + rb"(?:[ ]++" + word + rb")*+(?![`\"'$#]))"
    inside = rb"(?!)"
    for _ in range(_PATTERN_DEPTH):
        inside = (
            rb"\((?:\s++|[nN]?+" + string + alone + rb"|" + words
            + rb"|[,+*|:=<>%]|-(?!-)|/(?!\*)|" + inside + rb")*+\)" + alone
        )  # fmt: skip
    # The most frequent first: a plain string, a number or NULL.
    terms = (string + alone, prefixed, words + rb"(?:" + inside + rb")?+", quoted + alone, inside)
    term = rb"(?:" + rb"|".join(terms) + rb")"
    return rb"(?>" + term + rb"(?:\s*+(?:\|\||::|\+)\s*+" + term + rb")*+)"


def run_pattern(context: Context | None, syntax: Syntax) -> re.Pattern[bytes]:
    """Return a pattern that matches consecutive tuples of `context`, or else the rest of the text.

    A match includes the head of the statement before a tuple, if it has one, and the comma or semicolon behind it, if
    another tuple follows. Group 1 is the whole match (empty: not a tuple). Two groups per wanted column follow, in the
    order of their positions: the contents of a plain string, or else the whole value.

    Without a context, the pattern matches tuples of any table except the last of a statement, and has only group 1.
    """
    if context is None:
        return _run_pattern(b"", (), 0, syntax)
    order = sorted({position for position in context.positions if position is not None})
    return _run_pattern(context.head, tuple(order), context.width, syntax)


@lru_cache(64)
def _run_pattern(head: bytes, order: tuple[int, ...], width: int, syntax: Syntax) -> re.Pattern[bytes]:
    value = _value_pattern(syntax)
    string = ESCAPED_STRING if syntax.escapes else PLAIN_STRING
    kept = rb"(?:(?:[nN]|_\w++[ ]?+)?+'(" + string[1:-1] + rb")'(?=\s*+[,)])|(" + value + rb"))"
    comma = rb"\s*+,\s*+"
    if width:
        parts, at = list[bytes](), 0
        for position in (*order, width):
            if position > at:
                parts.append(_times(value, position - at, comma))
            if position < width:
                parts.append(kept)
            at = position + 1
        cells = comma.join(parts)
    else:
        cells = value + rb"(?:" + comma + value + rb")*+"
    before, after = b"", rb",\s*+(?=\()"
    if head:
        again = re.escape(head)
        before, after = rb"(?:" + again + rb")?+", after + rb"|;?+\s*+(?=" + again + rb"\()"
    return re.compile(
        rb"(" + before + rb"\(\s*+" + cells + rb"\s*+\)\s*+(?:" + after + rb"))()|.+",
        re.DOTALL,
    )


def _times(value: bytes, count: int, comma: bytes) -> bytes:
    if count == 1:
        return value
    return rb"(?:" + value + comma + rb"){%d}+" % (count - 1) + value
