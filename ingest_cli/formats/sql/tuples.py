"""Rows of an INSERT: `(value, value, …)`.

The rule is `read_tuple`, token by token: a value is strings, words, operators and parentheses up to the next comma
or closing parenthesis, and a tuple is broken where no value can go on, i.e. where

* a string and a word touch (`'O'Neil'`: a quote was lost, or not escaped),
* a semicolon stands,
* a string has no end, or
* there are more tokens than any row has.

Two regular expressions know the tuples that practically all are: `read_usual` one of them, whatever its table,
and `run_pattern` many at a time, for one table. Where they do not match, the rule decides. They match nothing
that the rule would read in another way.
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
"""Cells of a tuple for which a pattern is compiled."""

_MAX_TOKENS = 100_000
"""Far more than a row has, even with each line of its texts put in as an expression of its own."""

_PATTERN_DEPTH = 3  # of parentheses: replace(replace('…','\n',char(10)),'\r',char(13))
_SPACED_PREFIXES = frozenset({"DATE", "TIME", "TIMESTAMP", "INTERVAL", "DATETIME"})


@dataclass(frozen=True, slots=True)
class Tuple:
    """A whole tuple: where it ends, and (begin, end) of each of its values, of the first few if there are many."""

    end: int
    values: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Broken:
    """What is no tuple, and where that came out."""

    at: int


def read_tuple(cursor: Cursor, *, final: bool, most: int = sys.maxsize) -> Tuple | Broken:
    """The tuple at the cursor, which is before its opening parenthesis.

    Args:
        cursor: where to read; it is left behind the tuple.
        final: whether nothing follows what the cursor sees.
        most: values to be kept; the others are read past.

    Raises:
        IncompleteError: more has to be read to tell.
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
    """The values of a tuple, while its tokens come in."""

    __slots__ = ("_begin", "_depth", "_empty", "_end", "_most", "places")

    def __init__(self, most: int) -> None:
        self._most = most
        self._begin = self._end = -1
        self._depth = 1
        self._empty = True
        self.places = list[tuple[int, int]]()

    def add(self, token: Token) -> bool:
        """Whether the tuple is over with `token`."""
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
    """What `read_tuple` would say, if it can be told quickly; else None, and the cursor has not moved."""
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
    """Whether a string and a word, or two strings, stand side by side in a way that no tool writes."""
    if before.end != token.start:
        return False
    if token.kind in STRINGS:
        if before.kind is Kind.WORD:
            return not (before.text.startswith(b"_") or before.word in _SPACED_PREFIXES)
        return before.kind in STRINGS
    return token.kind is Kind.WORD and before.kind in STRINGS


@cache
def _usual_patterns(syntax: Syntax) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """(a tuple of any width, one value of it and the comma behind)."""
    value = _value_pattern(syntax)
    whole = rb"\(\s*+" + value + rb"(?:\s*+,\s*+" + value + rb")*+\s*+\)"
    return re.compile(whole, re.DOTALL), re.compile(rb"\s*+(" + value + rb")\s*+(?:,|\Z)", re.DOTALL)


@cache
def _value_pattern(syntax: Syntax) -> bytes:
    """A value as the rule has it, unless it holds comments, semicolons, brackets, or deep or unusual parentheses."""
    string = ESCAPED_STRING if syntax.escapes else PLAIN_STRING
    quoted = ESCAPED_QUOTED if syntax.escapes else PLAIN_QUOTED
    alone = rb"(?![`\"'" + WORD_BYTES + rb"])"  # what follows is not glued to it
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
    # The commonest first: a plain string, a number or NULL.
    terms = (string + alone, prefixed, words + rb"(?:" + inside + rb")?+", quoted + alone, inside)
    term = rb"(?:" + rb"|".join(terms) + rb")"
    return rb"(?>" + term + rb"(?:\s*+(?:\|\||::|\+)\s*+" + term + rb")*+)"


def run_pattern(context: Context | None, syntax: Syntax) -> re.Pattern[bytes]:
    """Matches tuples of `context` one after another, or, where there is none, whatever is left.

    A tuple is matched with what stands around it: the head of its statement before it, if it has one of its own,
    and the comma or semicolon after it, if another tuple follows. Group 1 is all of that (None: no tuple); then
    come two groups for each wanted column, in the order of their positions: what is inside a plain string, or
    else the whole value.

    Without a context it matches tuples of any table, each but the last of its statement, and has no such groups.
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
