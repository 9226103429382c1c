"""JSON as it is read here: RFC 8259, or what MongoDB's shell prints. Numbers stay the text they were written as.

Of two members of one name the last one counts, as in most parsers (RFC 8259 §4). `NaN` and `Infinity` are no JSON. What
the shell prints in place of MongoDB's own values, like `NumberLong(60123456789)` or `ObjectId("…")`, is read as what is
between its parentheses, of a `BinData` the bytes (the list is of the Extended JSON page of the MongoDB manual).
"""

from __future__ import annotations

import json
import re

BROKEN_JSON = "broken_json"
NOT_AN_OBJECT = "not_an_object"
TOO_LONG = "record_too_long"

MAX_VALUES = 1 << 18
"""Values in a row, with the objects and arrays in it: in memory an object of one member takes 200 bytes and more."""

BROKEN_VALUE = object()
"""What `parse_value` makes of what is no JSON."""

Row = dict[str, object] | list[object]

_BLANKS = " \t\r\n"  # RFC 8259 §2


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259 §6


DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)
"""Reads RFC 8259 and nothing else; numbers stay the text they were written as. Of equal names the last counts."""

_SHELL_VALUE = re.compile(
    r'("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z))'  # one without an end is looked at once, not from each quote in it
    r"|\b(?:NumberLong|NumberInt|NumberDecimal|ObjectId|ISODate|Timestamp|BinData|UUID|HexData|MD5|DBRef)"
    r'\(([^()"]*+(?:"[^"\\]*+"[^()"]*+)*+)\)',
    re.DOTALL,
)


_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)', re.DOTALL)
_SEPARATORS = (b",", b"{", b"[")


def has_too_many_values(raw: bytes) -> bool:
    """Whether there may be more than `MAX_VALUES` values in `raw`; what is in strings does not count."""
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
    """The signs from `start` to `stop` that begin a value, or stand between two: no fewer than there are values."""
    return sum(raw.count(sign, start, len(raw) if stop is None else stop) for sign in _SEPARATORS)


def without_shell_values(text: str) -> str:
    """The JSON that is meant where MongoDB's shell printed `text`."""
    return _SHELL_VALUE.sub(_without_shell_value, text)


def _without_shell_value(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    inside = found[2].partition(",")[2] if found[0].startswith("BinData") else found[2]  # the bytes, not their subtype
    return f"[{inside}]"


def parse_document(raw: bytes) -> Row | str:
    """The object or array in `raw`, or the reason why there is none.

    Bytes that are not UTF-8 stand as the lone surrogates of the `surrogateescape` error handler.
    """
    if has_too_many_values(raw):
        return TOO_LONG
    value = parse_value(raw)
    if isinstance(value, dict | list):
        return value
    return BROKEN_JSON if value is BROKEN_VALUE else NOT_AN_OBJECT


def parse_value(raw: bytes) -> object:
    """The value in `raw`, or `BROKEN_VALUE`; see `parse_document`."""
    text = raw.decode("utf-8", "surrogateescape").strip(_BLANKS)
    value = _parse(text)
    if value is BROKEN_VALUE and "(" in text:
        value = _parse(without_shell_values(text))
    return value


def _parse(text: str) -> object:
    try:
        value, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError):  # the latter: nested deeper than anybody's data
        return BROKEN_VALUE
    return value if end == len(text) else BROKEN_VALUE
