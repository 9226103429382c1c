"""SQL text cut into tokens, and the one question asked of every token: is it whole?

Only as much of a stream is in memory as has been looked at, so a token that reaches to the end of what there is
may go on behind it, and one that has no end may have it there. Both are told from tokens that are whole, so
that the same bytes are the same tokens wherever a block happens to end.

The patterns never look at a byte more than a few times, whatever the bytes: repetitions are possessive, and no
two alternatives begin alike.
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
# Oracle's manual, "Text Literals": q'[…]', three other pairs, or any character before and behind that is no space.
ALTERNATIVE_STRING = (
    rb"[nN]?+[qQ]'(?:\[.*?\]|\{.*?\}|\(.*?\)|<.*?>"
    rb"|(?P<delimiter>(?>[\xc2-\xf4][\x80-\xbf]{1,3}+|[^\s\[{(<])).*?(?P=delimiter))'"
)
WORD_BYTES = rb"\w@$#\x80-\xff"
"""Bytes of words and numbers; a dot is a token of its own."""


class Kind(StrEnum):
    """What a token is; the names are those of the groups of the pattern."""

    SPACE = "space"
    COMMENT = "comment"
    STRING = "string"
    QUOTED = "quoted"  # "…": a string in MySQL, a name elsewhere
    BACKTICK = "backtick"
    BRACKET = "bracket"  # [name]
    DOLLAR = "dollar"  # $tag$…$tag$
    WORD = "word"
    MARK = "mark"  # ( ) , ; and operators
    END = "end"  # nothing more will come


STRINGS = frozenset({Kind.STRING, Kind.QUOTED, Kind.BACKTICK, Kind.DOLLAR})
NAMES = frozenset({Kind.WORD, Kind.QUOTED, Kind.BACKTICK, Kind.BRACKET})


_KINDS = {kind.value: kind for kind in Kind}


class Token(NamedTuple):
    """One token and where it lies."""

    kind: Kind
    text: bytes
    start: int
    end: int

    @property
    def word(self) -> str:
        """A word in upper case; anything else as itself."""
        return self.text.decode("latin-1").upper()


class IncompleteError(HandledError):
    """What there is ends before it can be told what it is."""


class TooLongError(HandledError):
    """What there is, is longer than a record may be."""


@cache
def token_pattern(syntax: Syntax) -> re.Pattern[bytes]:
    """One token at a time; no match where a string or comment begins that has no end."""
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
        bracket = rb"|\[(?=[^\[\]\n]*+(?:\]\][^\[\]\n]*+)*+[\[\n])"  # closed by nothing on its line: no name
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
    """Reads tokens one after another."""

    __slots__ = ("_final", "_match", "data", "position", "seen")

    def __init__(self, data: bytes, position: int, syntax: Syntax, *, final: bool) -> None:
        """Set up.

        Args:
            data: what there is.
            position: where to begin.
            syntax: how it is written.
            final: whether nothing follows.
        """
        self.data = data
        self.position = position
        self.seen = position  # the end of the last token that was looked at
        self._match = token_pattern(syntax).match
        self._final = final

    def any(self) -> Token:
        """The next token of any kind.

        Raises:
            IncompleteError: there may be more of it, or it is a string or comment without an end.
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
        """The next token that is neither space nor comment.

        Raises:
            IncompleteError: as `any`.
        """
        while (token := self.any()).kind in {Kind.SPACE, Kind.COMMENT}:
            pass
        return token

    def advance(self, position: int) -> None:
        """Go on from `position`, up to where somebody else has read."""
        self.position = position
        self.seen = max(self.seen, position)

    def peek(self) -> Token:
        """What `next` will return.

        Raises:
            IncompleteError: as `any`.
        """
        position = self.position
        token = self.next()
        self.position = position
        return token


def name_of(token: Token) -> str:
    """The name that a word or a quoted identifier spells."""
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
    """Make sure that what was looked at is not too long, even where all of it is there: blocks make no difference.

    Raises:
        TooLongError: it is.
    """
    if end - start > record_stream.MAX_RECORD_BYTES:
        raise TooLongError
