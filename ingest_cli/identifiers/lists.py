"""Parse lists in one cell: `{a,b}` of PostgreSQL, `["a","b"]` of JSON, DuckDB and Hive, `('a', 'b')` of Python.

Exporters without nested rows write an array into one cell. The common syntax is parsed: entries are separated by
commas, may be quoted, and may be lists themselves
(PostgreSQL documentation, "Array Input and Output Syntax"; RFC 8259 §5; Python's `repr`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from enum import Enum

NULL_LIKE = ("", "null", "\\n", "-", "n/a", "n.a", "n.a.", "nan", "none")
"""Cells and list entries that mean "no value", in lower case and trimmed."""

BROKEN_LIST = "broken_list"
"""Reason for a cell that starts like a list, but is truncated or malformed."""

_CLOSING = {"{": "}", "[": "]", "(": ")"}
_ENTRY = re.compile(
    r'"((?:[^"\\]|\\.)*)"'  # "a", with backslash escapes
    r"|'((?:[^'\\]|\\.)*)'(?=\s*[,\]})])"  # 'a'; an apostrophe may also start a name
    r'|([^,{}\[\]"]+)',
    re.DOTALL,
)
_TUPLE_ENTRY = re.compile(r"\(\s*['\"]")
"""A parenthesis alone starts a phone number."""
_BOUNDS = re.compile(r"(?:\[[+-]?[0-9]+:[+-]?[0-9]+\])+=(?=\{)")
"""PostgreSQL prefix of an array whose indices do not start with 1: `[0:1]={a,b}`."""
_DOUBLED_QUOTES = re.compile(r'[\[{(]\s*""[^",\]})]')
"""Quotes doubled for a CSV file and not undoubled."""
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class NoList(Enum):
    """Classification of a text that is not a list."""

    PLAIN = "it does not begin like a list, or has text after one"
    BROKEN = "it begins like a list, and is cut off or malformed"


def entries_of(text: str) -> list[str] | NoList:
    """Return the entries of the list in `text`, with nested lists flattened and NULL-like entries removed."""
    if _DOUBLED_QUOTES.match(text):
        text = text.replace('""', '"')
    if bounds := _BOUNDS.match(text):
        text = text[bounds.end() :]
    if text[:1] not in _CLOSING or (text[0] == "(" and not _TUPLE_ENTRY.match(text)):
        return NoList.PLAIN
    return _entries(text)


def _entries(text: str) -> list[str] | NoList:
    open_lists, found = list[str](), list[str]()
    at, is_between = 0, True
    while at < len(text):
        character = text[at]
        if character in _CLOSING and is_between:
            open_lists.append(_CLOSING[character])
        elif character == open_lists[-1]:
            open_lists.pop()
            is_between = False
            if not open_lists:
                return NoList.PLAIN if text[at + 1 :].strip() else [each for each in found if not is_null_like(each)]
        elif character == ",":
            is_between = True
        elif not character.isspace():
            entry = _ENTRY.match(text, at) if is_between else None
            if entry is None:
                return NoList.BROKEN
            found.append(_text_of(entry))
            at, is_between = entry.end() - 1, False
        at += 1
    return NoList.BROKEN


def _text_of(entry: re.Match[str]) -> str:
    quoted = entry[1] if entry[1] is not None else entry[2]
    if quoted is None:
        return entry[3].strip()
    if "\\" not in quoted:
        return quoted.strip()
    text = _ESCAPE.sub(_unescaped, quoted)
    # Two escapes may form a surrogate pair; a lone surrogate is replaced.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFKC", text).strip()


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1]
    if len(code) > 1:
        return str(json.loads(f'"\\{code}"'))
    return _CONTROLS.get(code, code)


def is_null_like(text: str) -> bool:
    """Return whether a text means "no value"."""
    return text.strip().lower() in NULL_LIKE
