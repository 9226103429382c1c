"""Rows of an INSERT: `(value, value, …)`.

The rule is `read_tuple`, token by token: a value is strings, words, operators and parentheses up to the next comma
or closing parenthesis, and a tuple is broken where no value can go on, i.e. where

* a string and a word touch (`'O'Neil'`: a quote was lost, or not escaped),
* a semicolon stands, or
* a string has no end.

`run_pattern` is a regular expression for the tuples that practically all are, many at a time; where it does
not match, the rule decides. It matches nothing that the rule would read in another way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

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

_PATTERN_DEPTH = 3  # of parentheses: replace(replace('…','\n',char(10)),'\r',char(13))
_SPACED_PREFIXES = frozenset({"DATE", "TIME", "TIMESTAMP", "INTERVAL", "DATETIME"})


@dataclass(frozen=True, slots=True)
class Tuple:
    """A whole tuple: where it ends, and (begin, end) of each of its values."""

    end: int
    values: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Broken:
    """What is no tuple, and where that came out."""

    at: int


def read_tuple(cursor: Cursor, *, final: bool) -> Tuple | Broken:  # noqa: C901 - one loop over tokens
    """The tuple at the cursor, which is before its opening parenthesis.

    Raises:
        IncompleteError: more has to be read to tell.
    """
    cursor.any()
    values = list[tuple[int, int]]()
    begin = end = -1
    depth = 1
    before: Token | None = None
    while True:
        at = cursor.position
        try:
            token = cursor.any()
        except IncompleteError:
            if final:
                return Broken(len(cursor.data))
            raise
        if token.kind is Kind.SPACE or token.kind is Kind.COMMENT:
            continue
        text = token.text
        if token.kind is Kind.END or text == b";" or (before is not None and _touch(before, token)):
            return Broken(at)
        before = token
        if token.kind is Kind.MARK:
            if text in b"([":
                depth += 1
            elif text in b")]":
                depth -= 1
            if depth == 0 or (depth == 1 and text == b","):
                if begin >= 0 or depth or values:
                    values.append((begin, end) if begin >= 0 else (at, at))
                if depth == 0:
                    return Tuple(token.end, values)
                begin = -1
                continue
        if begin < 0:
            begin = at
        end = token.end


def _touch(before: Token, token: Token) -> bool:
    """Whether a string and a word, or two strings, stand side by side in a way that no tool writes."""
    if before.end != token.start:
        return False
    if token.kind in STRINGS:
        if before.kind is Kind.WORD:
            return not (before.text.startswith(b"_") or before.word in _SPACED_PREFIXES)
        return before.kind in STRINGS
    return token.kind is Kind.WORD and before.kind in STRINGS


@lru_cache(64)
def _value_pattern(syntax: Syntax) -> bytes:
    """A value as the rule has it, unless it holds comments, semicolons, brackets, or deep or unusual parentheses."""
    string = ESCAPED_STRING if syntax.escapes else PLAIN_STRING
    quoted = ESCAPED_QUOTED if syntax.escapes else PLAIN_QUOTED
    alone = rb"(?![`\"'" + WORD_BYTES + rb"])"  # what follows is not glued to it
    strings = (
        rb"(?:[eE]" + ESCAPED_STRING + alone + rb"|(?:[nNxXbB]|_\w++[ ]?+|(?i:date|time|timestamp)[ ]?+)?"
        + string + alone + rb"|" + quoted + alone + rb")"
    )  # fmt: skip
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
    term = rb"(?:" + string + alone + rb"|" + words + rb"(?:" + inside + rb")?+|" + strings + rb"|" + inside + rb")"
    return rb"(?:" + term + rb"(?:\s*+(?:\|\||::|\+)\s*+" + term + rb")*+)"


def run_pattern(context: Context, syntax: Syntax) -> re.Pattern[bytes]:
    """Matches tuples of `context` one after another, or, where there is none, whatever is left.

    A tuple is matched with what stands around it: the head of its statement before it, if it has one of its own,
    and the comma or semicolon after it, if another tuple follows. Group 1 is all of that (None: no tuple); then
    come two groups for each wanted column, in the order of their positions: what is inside a plain string, or
    else the whole value.
    """
    order = sorted({position for position in context.positions if position is not None})
    return _run_pattern(context.head, tuple(order), context.width, syntax)


@lru_cache(64)
def _run_pattern(head: bytes, order: tuple[int, ...], width: int, syntax: Syntax) -> re.Pattern[bytes]:
    value = _value_pattern(syntax)
    string = ESCAPED_STRING if syntax.escapes else PLAIN_STRING
    kept = rb"(?:[nN]?+'(" + string[1:-1] + rb")'(?=\s*+[,)])|(" + value + rb"))"
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
    again = re.escape(head)
    return re.compile(
        rb"((?:" + again + rb")?+\(\s*+" + cells + rb"\s*+\)\s*+(?:,\s*+(?=\()|;?+\s*+(?=" + again + rb"\()))()|.+",
        re.DOTALL,
    )


def _times(value: bytes, count: int, comma: bytes) -> bytes:
    if count == 1:
        return value
    return rb"(?:" + value + comma + rb"){%d}+" % (count - 1) + value
