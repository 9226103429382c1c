"""Parse JSON (RFC 8259), and the output of MongoDB's shell, with numbers as the text they were written as.

Of two members with one name the last one counts, as in most parsers (RFC 8259 §4). `NaN` and `Infinity` are not JSON.
The shell's notation of a value, like `NumberLong(60123456789)` or `ObjectId("…")`, is read as the text in parentheses,
of `BinData` as the bytes (MongoDB manual, "Extended JSON").
"""

from __future__ import annotations

import json
import re

BROKEN_JSON = "broken_json"
NOT_AN_OBJECT = "not_an_object"
TOO_LONG = "record_too_long"

MAX_VALUES = 1 << 18
"""Limit on the values in a row, including objects and arrays: an object of one member takes 200 bytes of memory."""

BROKEN_VALUE = object()
"""Result of `parse_value` for text that is not JSON."""

Row = dict[str, object] | list[object]

_BLANKS = " \t\r\n"  # RFC 8259 §2


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259 §6


DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)
"""Decoder of RFC 8259 only, with numbers as text."""

_SHELL_VALUE = re.compile(
    r'("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z))'  # `\Z`: an open string is matched once, not from every quote in it
    r"|\b(?:NumberLong|NumberInt|NumberDecimal|ObjectId|ISODate|Timestamp|BinData|UUID|HexData|MD5|DBRef)"
    r'\(([^()"]*+(?:"[^"\\]*+"[^()"]*+)*+)\)',
    re.DOTALL,
)


_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)', re.DOTALL)
_SEPARATORS = (b",", b"{", b"[")


def has_too_many_values(raw: bytes) -> bool:
    """Return whether `raw` may have more than `MAX_VALUES` values; the contents of strings are not counted."""
    if len(raw) <= MAX_VALUES or count_separators(raw) < MAX_VALUES:
        return False
    found = end = 0
    for string in _STRING.finditer(raw):
        found += count_separators(raw, end, string.start())
        end = string.end()
        if found >= MAX_VALUES:
            return True
    return found + count_separators(raw, end) >= MAX_VALUES


def count_separators(raw: bytes, start: int = 0, stop: int | None = None) -> int:
    """Count the bytes from `start` to `stop` that start or separate values: at least the number of values."""
    return sum(raw.count(sign, start, len(raw) if stop is None else stop) for sign in _SEPARATORS)


def without_shell_values(text: str) -> str:
    """Convert the output of MongoDB's shell to JSON."""
    return _SHELL_VALUE.sub(_without_shell_value, text)


def _without_shell_value(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    inside = found[2].partition(",")[2] if found[0].startswith("BinData") else found[2]  # behind the subtype
    return f"[{inside}]"


def parse_document(raw: bytes) -> Row | str:
    """Return the object or array in `raw`, or the reason of its rejection.

    Bytes that are not UTF-8 become lone surrogates (error handler `surrogateescape`).
    """
    if has_too_many_values(raw):
        return TOO_LONG
    value = parse_value(raw)
    if isinstance(value, dict | list):
        return value
    return BROKEN_JSON if value is BROKEN_VALUE else NOT_AN_OBJECT


def parse_value(raw: bytes) -> object:
    """Return the value in `raw`, or `BROKEN_VALUE`; see `parse_document`."""
    text = raw.decode("utf-8", "surrogateescape").strip(_BLANKS)
    value = _parse(text)
    if value is BROKEN_VALUE and "(" in text:
        value = _parse(without_shell_values(text))
    return value


def _parse(text: str) -> object:
    try:
        value, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return BROKEN_VALUE
    return value if end == len(text) else BROKEN_VALUE
