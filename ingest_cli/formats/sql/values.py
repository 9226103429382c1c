r"""Evaluate SQL literals.

Strings lose their quotes and escapes, NULL and DEFAULT are empty, hexadecimal literals become bytes, numbers and
booleans are unchanged. Only expressions that dump tools write are evaluated: casts and conversions, concatenation,
`replace(…, '\n', char(10))` of SQLite, `TO_DATE` and `TO_CLOB` of Oracle. Values that the database computes at an
INSERT (times, sequences, random numbers) are empty. Any other expression is reported as unknown; nothing is executed.

Sources: MySQL manual "String Literals" and "Hexadecimal Literals"; PostgreSQL manual §4.1.2 and COPY, "Text
Format"; the documentation of each function in the manual of the system that has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest_cli.formats.sql.dialect import Family, Syntax
from ingest_cli.formats.sql.tokens import ALTERNATIVE_STRING, NAMES, Cursor, IncompleteError, Kind, Token

_MAX_DEPTH = 16
_MAX_SUBSTITUTED_BYTES = 256 << 10
_MAX_CODE_POINT = 0x10FFFF

_NUMBER_OR_WORD = re.compile(rb"[-+]?[\w.]++(?:(?<=[eE])[-+]\d+)?")
_PLAIN = re.compile(rb"[nN]?+'([^'\\]*+)'")
_HEX = re.compile(rb"0[xX]([0-9a-fA-F]*)|[xX]'([0-9a-fA-F]*)'")
_ALTERNATIVE = re.compile(ALTERNATIVE_STRING, re.DOTALL)
_NOTHING = frozenset(
    [
        *(b"NULL", b"DEFAULT", b"CURRENT_DATE", b"CURRENT_TIME", b"CURRENT_TIMESTAMP", b"CURRENT_USER"),
        *(b"LOCALTIME", b"LOCALTIMESTAMP", b"SYSDATE", b"SYSTIMESTAMP"),
    ]
)
_NEXT_NUMBER = b".NEXTVAL"
_MADE_UP = frozenset({"NEXTVAL", "CURRVAL", "NOW", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIMESTAMP", "RAND"})

# MySQL manual, "Special Character Escape Sequences"; \Z is the end of a file on Windows.
_MYSQL = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a"}
_POSTGRESQL = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_COPY = {**_POSTGRESQL, b"v": b"\v"}
_MYSQL_ESCAPE = re.compile(rb"\\(.)|''", re.DOTALL)
_MYSQL_QUOTED_ESCAPE = re.compile(rb'\\(.)|""', re.DOTALL)
_NUMERIC_ESCAPE = rb"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9a-fA-F]{1,2})|"
_COPY_ESCAPE = re.compile(_NUMERIC_ESCAPE + rb"(?P<other>.))", re.DOTALL)
_POSTGRESQL_ESCAPE = re.compile(
    _NUMERIC_ESCAPE + rb"u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8})|(?P<other>.))|''", re.DOTALL
)
# A character beyond U+FFFF as two surrogates of UTF-16, each encoded separately.
_HALVES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
_UNISTR = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6})|U([0-9a-fA-F]{8})|([0-9a-fA-F]{4})|(\\))")

_FIRST_ARGUMENT = frozenset(
    [
        *("TO_DATE", "TO_TIMESTAMP", "TO_TIMESTAMP_TZ", "TO_CHAR", "TO_NCHAR", "TO_CLOB", "TO_NCLOB"),
        *("TO_NUMBER", "STR_TO_DATE", "DATE", "DATETIME", "TIMESTAMP", "RTRIM", "CONVERT", "TRY_CONVERT"),
    ]
)
_TYPED = frozenset({"DATE", "TIME", "TIMESTAMP", "DATETIME"})


@dataclass(frozen=True, slots=True)
class _Text:
    """A value, and whether it is a string, for which `+` means concatenation."""

    text: bytes
    is_string: bool = True


class _UnknownError(Exception):
    """Expression that is not evaluated."""


def strings(contents: Sequence[bytes], syntax: Syntax) -> list[bytes]:
    """Return the values of strings, given the text between their quotes."""
    return [
        text if b"\\" not in text and b"''" not in text else _unescape(text, syntax, escapes=syntax.escapes)
        for text in contents
    ]


def value(raw: bytes, syntax: Syntax) -> tuple[bytes, bool]:
    """Return (value of a literal or expression, True); (`raw`, False) if it cannot be evaluated."""
    if found := _PLAIN.fullmatch(raw):
        return found[1], True
    if raw.upper() in _NOTHING:
        return b"", True
    if found := _HEX.fullmatch(raw):
        return _unhex(found[1] or found[2] or b""), True
    if _NUMBER_OR_WORD.fullmatch(raw):
        return b"" if raw.upper().endswith(_NEXT_NUMBER) else raw, True
    cursor = Cursor(raw, 0, syntax, final=True)
    try:
        found_text = _Reader(cursor, syntax).expression(0).text
        if cursor.next().kind is Kind.END:
            return found_text, True
    except (_UnknownError, IncompleteError):
        pass
    return raw, False


def copied(cell: bytes) -> bytes:
    """Return the value of a cell of a COPY in text format; NULL is empty."""
    if cell == rb"\N":
        return b""
    return _replaced(_COPY_ESCAPE, lambda found: _escaped(found, _COPY), cell)


def _unescape(text: bytes, syntax: Syntax, *, escapes: bool) -> bytes:
    if not escapes:
        return text.replace(b"''", b"'")
    if syntax.family in {Family.MYSQL, Family.UNKNOWN}:
        return _replaced(_MYSQL_ESCAPE, _mysql_escaped, text)
    return _postgresql_unescape(text)


def _postgresql_unescape(text: bytes) -> bytes:
    return _joined(_replaced(_POSTGRESQL_ESCAPE, lambda found: _escaped(found, _POSTGRESQL), text))


def _replaced(pattern: re.Pattern[bytes], make: Callable[[re.Match[bytes]], bytes], text: bytes) -> bytes:
    """Apply `pattern.sub`, which takes 80 bytes of memory per match, in less memory if the text is long."""
    if len(text) <= _MAX_SUBSTITUTED_BYTES:
        return pattern.sub(make, text)
    made, at = bytearray(), 0
    for found in pattern.finditer(text):
        made += text[at : found.start()]
        made += make(found)
        at = found.end()
    return bytes(made + text[at:])


def _mysql_escaped(found: re.Match[bytes]) -> bytes:
    if found[1] is None:  # a doubled quote
        return found[0][:1]
    if found[1] in b"%_":  # escapes in patterns of LIKE only
        return found[0]
    return _MYSQL.get(found[1], found[1])


def _escaped(found: re.Match[bytes], letters: dict[bytes, bytes]) -> bytes:
    match found.lastgroup:
        case "octal":
            return bytes([int(found["octal"], 8) & 0xFF])
        case "hex":
            return bytes([int(found["hex"], 16)])
        case "short" | "long":
            return _code_point(int(found[found.lastgroup], 16), found[0])
        case "other":
            return letters.get(found["other"], found["other"])
    return b"'"


def _code_point(number: int, otherwise: bytes) -> bytes:
    return chr(number).encode("utf-8", "surrogatepass") if number <= _MAX_CODE_POINT else otherwise


def _joined(text: bytes) -> bytes:
    """Combine surrogate pairs that are encoded separately."""
    return _HALVES.sub(
        lambda found: (
            found[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode()
        ),
        text,
    )


def _unhex(digits: bytes) -> bytes:
    return bytes.fromhex((b"0" * (len(digits) % 2) + digits).decode("ascii"))


def _unistr(found: re.Match[bytes]) -> bytes:
    return b"\\" if found[5] else _code_point(int(found[found.lastindex or 0], 16), b"")


class _Reader:
    """Recursive descent evaluator of an expression."""

    def __init__(self, cursor: Cursor, syntax: Syntax) -> None:
        self._cursor = cursor
        self._syntax = syntax

    def expression(self, depth: int) -> _Text:
        """Evaluate terms joined by `||` or, if they are strings, by `+`."""
        first = self._term(depth)
        parts = [first.text]
        while (mark := self._cursor.peek().text) in {b"||", b"+"}:
            self._cursor.next()
            other = self._term(depth)
            if mark == b"+" and not (first.is_string and other.is_string):
                raise _UnknownError
            parts.append(other.text)
        return first if len(parts) == 1 else _Text(b"".join(parts))

    def _term(self, depth: int) -> _Text:
        if depth > _MAX_DEPTH:
            raise _UnknownError
        token = self._cursor.next()
        if token.kind is Kind.WORD:
            found = self._word(token, depth)
        elif token.text == b"(":
            found = self.expression(depth + 1)
            self._expect(b")")
        elif token.text in {b"-", b"+"}:
            number = self._term(depth + 1)
            if number.is_string:
                raise _UnknownError
            found = _Text(token.text + number.text, is_string=False)
        else:
            found = self._string(token)
        parts = [found.text]
        while True:
            following = self._cursor.peek()
            if following.kind is Kind.STRING and found.is_string:  # 'a' 'b' is 'ab'
                parts.append(self._string(self._cursor.next()).text)
            elif following.text == b"::":
                self._cursor.next()
                self._type()
            elif following.word == "COLLATE":
                self._cursor.next()
                self._cursor.next()
            else:
                return found if len(parts) == 1 else _Text(b"".join(parts))

    def _string(self, token: Token) -> _Text:
        text = token.text
        if token.kind is Kind.STRING:
            opened = text.index(b"'")
            return _Text(self._prefixed(text, text[:opened].upper(), text[opened + 1 : -1]))
        if token.kind is Kind.DOLLAR:
            tag = text.index(b"$", 1) + 1
            return _Text(text[tag:-tag])
        if token.kind is not Kind.QUOTED:
            raise _UnknownError
        if self._syntax.escapes:
            return _Text(_replaced(_MYSQL_QUOTED_ESCAPE, _mysql_escaped, text[1:-1]))
        return _Text(text[1:-1].replace(b'""', b'"'))

    def _prefixed(self, text: bytes, prefix: bytes, inside: bytes) -> bytes:
        """Return the value of a string with the letters before it."""
        if prefix.endswith(b"Q"):
            found = _ALTERNATIVE.fullmatch(text)
            width = len(found["delimiter"] or b"[") if found else 0
            return inside[width : len(inside) - width]
        if prefix == b"X":
            if not (digits := _HEX.fullmatch(text)):
                raise _UnknownError
            return _unhex(digits[2])
        if prefix == b"E":
            return _postgresql_unescape(inside)
        return _unescape(inside, self._syntax, escapes=self._syntax.escapes)

    def _word(self, token: Token, depth: int) -> _Text:
        word, following = token.word, self._cursor.peek()
        if following.text == b"(":
            self._cursor.next()
            return self._function(word, depth + 1)
        if following.kind is Kind.STRING and (word in _TYPED or word.startswith("_")):
            return self._string(self._cursor.next())
        if word.startswith("_") and following.kind is Kind.WORD:  # _binary 0x…
            return self._term(depth + 1)
        if found := _HEX.fullmatch(token.text):
            return _Text(_unhex(found[1] or b""))
        if token.text.upper() in _NOTHING:
            return _Text(b"")
        text = token.text
        if following.text == b".":  # the fraction of a number
            text += self._cursor.next().text
            if self._cursor.peek().kind is Kind.WORD:
                text += self._cursor.next().text
        return _Text(text, is_string=False)

    def _function(self, name: str, depth: int) -> _Text:
        """Evaluate a function whose opening parenthesis has been read."""
        if name in _MADE_UP:
            self._skip_to_end()
            return _Text(b"")
        if self._cursor.peek().text == b")":  # uuid(), getdate(), empty_clob()
            self._cursor.next()
            return _Text(b"")
        if name in {"CONVERT", "TRY_CONVERT"} and self._syntax.family is Family.SQL_SERVER:  # the type comes first
            self._type()
            self._expect(b",")
        first = self.expression(depth)
        if name in {"CAST", "TRY_CAST"} and self._cursor.next().word == "AS":
            self._skip_to_end()
            return first
        if name in _FIRST_ARGUMENT:  # the others are formats or types
            self._skip_to_end()
            return first
        arguments = [first]
        while self._cursor.peek().text == b",":
            self._cursor.next()
            arguments.append(self.expression(depth))
        if name == "CHAR" and self._cursor.peek().word == "USING":
            self._skip_to_end()
        else:
            self._expect(b")")
        return _Text(_apply(name, [one.text for one in arguments]))

    def _type(self) -> None:
        """Skip a type: words, a length in parentheses, brackets of an array."""
        if self._cursor.next().kind not in NAMES:
            raise _UnknownError
        while (token := self._cursor.peek()).kind is Kind.WORD or token.text in {b"(", b"[", b"."}:
            self._cursor.next()
            if token.text == b"(":
                self._skip_to_end()
            elif token.text == b"[":
                self._expect(b"]")

    def _skip_to_end(self) -> None:
        """Skip the rest of the current parentheses."""
        depth = 1
        while depth:
            token = self._cursor.next()
            if token.kind is Kind.END:
                raise _UnknownError
            depth += {b"(": 1, b")": -1}.get(token.text, 0)

    def _expect(self, text: bytes) -> None:
        if self._cursor.next().text != text:
            raise _UnknownError


def _apply(name: str, arguments: list[bytes]) -> bytes:
    """Return the result of a function of strings and numbers."""
    match name, arguments:
        case (("CHAR" | "CHR" | "NCHAR"), [_, *_]) if all(one.isdigit() and len(one) < 8 for one in arguments):  # noqa: PLR2004 - digits of a code point
            return b"".join(_code_point(int(one), b"") for one in arguments)
        case "REPLACE", [text, old, new] if 0 < len(new) <= len(old):  # the result is not longer than the dump
            return text.replace(old, new)
        case "CONCAT", _:
            return b"".join(arguments)
        case (("HEXTORAW" | "UNHEX"), [digits]) if found := _HEX.fullmatch(b"0x" + digits):
            return _unhex(found[1])
        case "UNISTR", [text]:
            return _joined(_replaced(_UNISTR, _unistr, text))
    raise _UnknownError
