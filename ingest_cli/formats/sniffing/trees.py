"""Parse JSON that may be cut off, and find the places in it that may hold rows.

A JSON parser rejects a sample that ends at an arbitrary byte. A tokenizer finds the last place where closing all open
brackets makes it valid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ingest_cli.formats.json_paths import Each, RowStep
from ingest_cli.formats.json_values import DECODER, without_shell_values
from ingest_cli.formats.sniffing.keys import identifier_in, is_by_column, is_extended, is_map

Path = tuple[RowStep, ...]

_T = TypeVar("_T")

_MAX_DEPTH = 64
_MAX_ROWS = 1_000
_MAX_PLACES = 200
_MAX_NAMES = 1_000
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:"]|[^\s"{}\[\],:]++', re.DOTALL)
_CLOSING = {"{": "}", "[": "]"}
_BLANKS = re.compile(r"[ \t\r\n]*+")


def parse_sample(text: str) -> list[object]:
    """Return the documents in `text`, the last one as far as it goes; the rest after a syntax error is ignored."""
    found, end = _documents(_closed(text))
    if end is not None and "(" in text:
        text = without_shell_values(text)
        found, end = _documents(_closed(text))
    if end is None:
        return found
    before, end = _documents(_closed(text[:end]))
    return before if end is None else found


def _documents(text: str) -> tuple[list[object], int | None]:
    """Return the documents in `text`, and the offset of a syntax error, if any."""
    found, at = list[object](), _end_of_blanks(text, 0)
    while at < len(text):
        try:
            value, at = DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            return found, error.pos
        except (ValueError, RecursionError):
            return found, at
        found.append(value)
        at = _end_of_blanks(text, at)
    return found, None


def _end_of_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _closed(text: str) -> str:
    """Return the longest prefix of `text` that can be completed, with all brackets closed."""
    stack, end, depth = list[str](), 0, 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign == '"':  # a string cut off by the sample
            break
        if sign in "{[":
            if len(stack) == _MAX_DEPTH:
                break
            stack.append(sign)
        elif sign in "}]":
            if not stack or _CLOSING[stack.pop()] != sign:
                break
            end, depth = token.end(), len(stack)
        elif sign == ",":
            end, depth = token.start(), len(stack)
    else:
        if not stack:
            return text
    return text[:end] + "".join(_CLOSING[sign] for sign in reversed(stack[:depth]))


@dataclass(slots=True)
class Places:
    """Places of possible rows, by the path to them, in order of appearance.

    Attributes:
        rows: objects that are elements of arrays, members of an object, or documents.
        keys: keys of the rows that are members of an object.
        arrays: arrays in arrays.
        by_column: objects with a separate array or object of values for each column.
    """

    rows: dict[Path, list[dict[str, object]]] = field(default_factory=dict)
    keys: dict[Path, list[str]] = field(default_factory=dict)
    arrays: dict[Path, list[list[object]]] = field(default_factory=dict)
    by_column: dict[Path, dict[str, object]] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Sequence[object]) -> Places:
        """Search all documents."""
        found = cls()
        found._look((), list(documents), are_rows=True)
        return found

    def _look(self, path: Path, nodes: list[object], *, are_rows: bool, keys: Sequence[str] = ()) -> None:
        """Search the `nodes` at one place.

        `are_rows`: they are elements of arrays, members of an object (with these `keys`), or documents.
        """
        objects = [node for node in nodes if isinstance(node, dict) and not is_extended(node)]
        arrays = [node for node in nodes if isinstance(node, list)]
        if are_rows:
            _put(self.rows, path, objects)
            _put(self.arrays, path, [node for node in arrays if _is_row(node)])
            if keys:
                _put(self.keys, path, [key for key, node in zip(keys, nodes, strict=True) if isinstance(node, dict)])
        if len(objects) == 1 and is_by_column(objects[0]):
            self.by_column.setdefault(path, objects[0])
        elif objects and is_map(objects):
            members = [member for node in objects for member in node.items()]
            inner = [value for _, value in members]
            self._look((*path, Each.MEMBER), inner, are_rows=True, keys=[key for key, _ in members])
        else:
            for name in names_of(objects):
                inner = [node[name] for node in objects if name in node]
                self._look((*path, name), inner, are_rows=False)
        elements = [element for node in arrays for element in node]
        if any(isinstance(element, dict | list) for element in elements):
            self._look(path, elements, are_rows=True)


def _put(places: dict[Path, list[_T]], path: Path, found: list[_T]) -> None:
    known = places.get(path, [])
    if found and (known or len(places) < _MAX_PLACES):
        places[path] = (known + found)[:_MAX_ROWS]


def _is_row(node: list[object]) -> bool:
    return len(node) > 1 and not any(isinstance(each, dict | list) for each in node)


def names_of(objects: Sequence[dict[str, object]]) -> Iterator[str]:
    """Yield the names in some objects, in order of appearance, without possible identifiers."""
    names = dict.fromkeys(name for each in objects for name in each)
    return (name for name in list(names)[:_MAX_NAMES] if identifier_in(name) is None)
