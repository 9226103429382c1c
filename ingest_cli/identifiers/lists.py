"""Lists in one cell: `{a,b}` of PostgreSQL, `["a","b"]` of JSON, DuckDB and Hive, `('a', 'b')` of Python.

An exporter that has no separate rows for the entries of an array writes the array into the cell. What stands between
the brackets is read as all of them write it: entries are separated by commas, may be quoted, and may be lists again
(PostgreSQL documentation, "Array Input and Output Syntax"; RFC 8259 §5; Python's `repr`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from enum import Enum

NULL_LIKE = ("", "null", "\\n", "-", "n/a", "n.a", "n.a.", "nan", "none")
"""Cells, and entries of lists, that say "nothing here", in lower case and trimmed."""

BROKEN_LIST = "broken_list"
"""The reason for a cell that begins like a list and is cut off, or is not written like one."""

_CLOSING = {"{": "}", "[": "]", "(": ")"}
_ENTRY = re.compile(
    r'"((?:[^"\\]|\\.)*)"'  # "a", with backslashes
    r"|'((?:[^'\\]|\\.)*)'(?=\s*[,\]})])"  # 'a'; an apostrophe may also begin a name
    r'|([^,{}\[\]"]+)',
    re.DOTALL,
)
_TUPLE_ENTRY = re.compile(r"\(\s*['\"]")
"""A parenthesis alone begins a phone number."""
_BOUNDS = re.compile(r"(?:\[[+-]?[0-9]+:[+-]?[0-9]+\])+=(?=\{)")
"""What PostgreSQL writes before an array whose indices do not begin with 1: `[0:1]={a,b}`."""
_DOUBLED_QUOTES = re.compile(r'[\[{(]\s*""[^",\]})]')
"""Quotes that were doubled for a CSV file, and never halved."""
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class NoList(Enum):
    """What a text is that is not a list."""

    PLAIN = "it does not begin like one, or goes on behind it"
    BROKEN = "it begins like one, and is cut off or written in another way"


def entries_of(text: str) -> list[str] | NoList:
    """Give the entries of the list that `text` is, those of lists in it in their place; NULL-like ones are left out."""
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
    # Two escapes may be the halves of one character; a half without the other is none.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFKC", text).strip()


def _unescaped(escape: re.Match[str]) -> str:
    code = escape[1]
    if len(code) > 1:
        return str(json.loads(f'"\\{code}"'))
    return _CONTROLS.get(code, code)


def is_null_like(text: str) -> bool:
    """Whether a text says that there is nothing."""
    return text.strip().lower() in NULL_LIKE
