"""Split SQL text into tokens.

A token that extends to the end of a block may continue in the next one. It is distinguished from complete tokens, so
that the same bytes are the same tokens wherever a block ends.

The patterns read each byte only a few times: repetitions are possessive, and no two alternatives
start with the same text.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from ingest_cli.errors import HandledError
from ingest_cli.formats import record_stream
from ingest_cli.formats.sql.dialect import Family, Syntax

PLAIN_STRING = rb"'[^']*+(?:''[^']*+)*+'"
ESCAPED_STRING = rb"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"
PLAIN_QUOTED = rb'"[^"]*+(?:""[^"]*+)*+"'
ESCAPED_QUOTED = rb'"[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+"'
# Oracle manual, "Text Literals": q'[…]', three other pairs, or any character except space on both sides.
ALTERNATIVE_STRING = (
    rb"[nN]?+[qQ]'(?:\[.*?\]|\{.*?\}|\(.*?\)|<.*?>"
    rb"|(?P<delimiter>(?>[\xc2-\xf4][\x80-\xbf]{1,3}+|[^\s\[{(<])).*?(?P=delimiter))'"
)
WORD_BYTES = rb"\w@$#\x80-\xff"
"""Bytes of words and numbers; a dot is a separate token."""


class Kind(StrEnum):
    """Kind of a token, which is the name of its group in the pattern."""

    SPACE = "space"
    COMMENT = "comment"
    STRING = "string"
    QUOTED = "quoted"  # "…": a string in MySQL, a name elsewhere
    BACKTICK = "backtick"
    BRACKET = "bracket"  # [name]
    DOLLAR = "dollar"  # $tag$…$tag$
    WORD = "word"
    MARK = "mark"  # ( ) , ; and operators
    END = "end"  # of the input


STRINGS = frozenset({Kind.STRING, Kind.QUOTED, Kind.BACKTICK, Kind.DOLLAR})
NAMES = frozenset({Kind.WORD, Kind.QUOTED, Kind.BACKTICK, Kind.BRACKET})


_KINDS = {kind.value: kind for kind in Kind}


class Token(NamedTuple):
    """A token and its place."""

    kind: Kind
    text: bytes
    start: int
    end: int

    @property
    def word(self) -> str:
        """The text in upper case."""
        return self.text.decode("latin-1").upper()


class IncompleteError(HandledError):
    """The text ends in a token that may continue."""


class TooLongError(HandledError):
    """The text is longer than a record may be."""


@cache
def token_pattern(syntax: Syntax) -> re.Pattern[bytes]:
    """Return the pattern of a token; it does not match a string or comment without an end."""
    string = ESCAPED_STRING if syntax.escapes else PLAIN_STRING
    comment = rb"--[^\r\n]*+|/\*.*?\*/"
    special, bracket = rb"\-/'\"`", b""
    prefixes, alternative = rb"(?![eEnNxXbB]')", b""
    if syntax.family in {Family.ORACLE, Family.UNKNOWN}:
        prefixes, alternative = rb"(?![eEnNxXbB]'|[nN]?[qQ]'(?!\s))", rb"|" + ALTERNATIVE_STRING
    groups = [(Kind.SPACE, rb"\s++")]
    if syntax.family is Family.MYSQL:
        comment += rb"|\#[^\r\n]*+"
    groups += [
        (Kind.COMMENT, comment),
        (Kind.STRING, rb"[eE]" + ESCAPED_STRING + rb"|(?:[nNxXbB]?+)" + string + alternative),
        (Kind.QUOTED, ESCAPED_QUOTED if syntax.escapes else PLAIN_QUOTED),
        (Kind.BACKTICK, rb"`[^`]*+(?:``[^`]*+)*+`"),
    ]
    if syntax.family in {Family.SQL_SERVER, Family.SQLITE, Family.UNKNOWN}:
        groups.append((Kind.BRACKET, rb"\[[^\[\]\n]*+(?:\]\][^\[\]\n]*+)*+\]"))
        bracket = rb"|\[(?=[^\[\]\n]*+(?:\]\][^\[\]\n]*+)*+[\[\n])"  # not closed on its line: not a name
        special += rb"\["
    word = prefixes + rb"[" + WORD_BYTES + rb"]++"
    if syntax.family in {Family.POSTGRESQL, Family.UNKNOWN}:
        groups.append((Kind.DOLLAR, rb"(?P<tag>\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*+)?\$).*?(?P=tag)"))
        word = prefixes + rb"(?!\$[\w\x80-\xff]*+\$)[" + WORD_BYTES + rb"]++"
    groups += [
        (Kind.WORD, word),
        (Kind.MARK, rb"\|\||::|-(?!-)|/(?!\*)|[^\s" + WORD_BYTES + special + rb"]" + bracket),
    ]
    return re.compile(b"|".join(b"(?P<%s>%s)" % (kind.encode(), text) for kind, text in groups), re.DOTALL)


class Cursor:
    """Reader of tokens."""

    __slots__ = ("_final", "_match", "data", "position", "seen")

    def __init__(self, data: bytes, position: int, syntax: Syntax, *, final: bool) -> None:
        """Start at `position`; `final` is whether the input ends with `data`."""
        self.data = data
        self.position = position
        self.seen = position  # end of the last token read
        self._match = token_pattern(syntax).match
        self._final = final

    def any(self) -> Token:
        """Read the next token of any kind.

        Raises:
            IncompleteError: the token may continue, or is a string or comment without an end.
        """
        start = self.position
        found = self._match(self.data, start)
        if found is None or found.lastgroup is None:
            if start == len(self.data) and self._final:
                return Token(Kind.END, b"", start, start)
            raise IncompleteError
        end = found.end()
        if end == len(self.data) and not self._final:
            raise IncompleteError
        self.advance(end)
        return Token(_KINDS[found.lastgroup], found[0], start, end)

    def next(self) -> Token:
        """Read the next token that is neither space nor comment; raises like `any`."""
        while (token := self.any()).kind in {Kind.SPACE, Kind.COMMENT}:
            pass
        return token

    def advance(self, position: int) -> None:
        """Continue at `position`."""
        self.position = position
        self.seen = max(self.seen, position)

    def peek(self) -> Token:
        """Return the token that `next` will read; raises like `any`."""
        position = self.position
        token = self.next()
        self.position = position
        return token


def name_of(token: Token) -> str:
    """Return the name in a word or quoted identifier."""
    text = token.text
    if token.kind is Kind.BACKTICK:
        text = text[1:-1].replace(b"``", b"`")
    elif token.kind is Kind.QUOTED:
        text = text[1:-1].replace(b'""', b'"')
    elif token.kind is Kind.BRACKET:
        text = text[1:-1].replace(b"]]", b"]")
    elif token.kind is Kind.STRING:
        text = text[text.index(b"'") + 1 : -1].replace(b"''", b"'")
    return text.decode("utf-8", "replace")


def check_size(start: int, end: int) -> None:
    """Check the length of a record, so that the limit does not depend on the size of blocks.

    Raises:
        TooLongError: it exceeds `MAX_RECORD_BYTES`.
    """
    if end - start > record_stream.MAX_RECORD_BYTES:
        raise TooLongError
