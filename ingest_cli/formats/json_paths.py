"""What a column name means in a JSON document: the path to a value, or to several.

A path is made of names with dots between them: `contact.email`. Behind a name, `[]` stands for all elements
of an array and `[0]` for one of them. A name with a dot, a bracket or a quote in it is written as a JSON
string: `"e.mail".work`. Documents of one dump differ, so a path is read with some tolerance: a name applied to
an array is applied to its elements (as MongoDB does), and what is no array is taken for an array of one.

What is found becomes the text of one cell:

* strings are themselves, numbers the digits that were written, and truth values `true` and `false`;
* null, what is missing, and what is empty is an empty cell;
* several values, and everything inside of an array or object, are joined with `;`, which cells of phone
  numbers and e-mail addresses may have between their values. An ID with a `;` in it is none: name one place.

By the last rule the one value inside of `{"$oid": …}`, `{"$numberLong": …}`, `{"$date": …}` and the like is taken out
of them. These are of MongoDB Extended JSON (v2; its document of 2020 in the `mongodb/specifications`); of
`$binary` only the bytes count, not their subtype, and `$undefined` is nothing. What the shell prints in their stead,
like `NumberLong(60123456789)` or `ObjectId("…")`, is read as what is between its parentheses (the list is of the
Extended JSON page of the MongoDB manual); of a `BinData` that is the subtype and the bytes.

Of two members of one name the last one counts, as in most parsers (RFC 8259 §4). `NaN` and `Infinity` are no JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import Enum

import pyarrow as pa

from ingest_cli.errors import ManifestError

SEPARATOR = ";"
"""What stands between several values in one cell."""

BROKEN_JSON = "broken_json"
NOT_AN_OBJECT = "not_an_object"

_NAME = re.compile(r'[^.\[\]"\s](?:[^.\[\]"]*[^.\[\]"\s])?')
_INDEX = re.compile(r"\[([0-9]{0,9})\]")
_BLANKS = " \t\r\n"  # RFC 8259 §2


class Every(Enum):
    """All elements of an array."""

    ELEMENT = "[]"


Step = str | int | Every


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259 §6


DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_refuse)
"""Reads RFC 8259 and nothing else; numbers stay the text they were written as. Of equal names the last counts."""


_SHELL_VALUE = re.compile(
    r'("[^"\\]*+(?:\\.[^"\\]*+)*+")'
    r"|\b(?:NumberLong|NumberInt|NumberDecimal|ObjectId|ISODate|Timestamp|BinData|UUID|HexData|MD5|DBRef)"
    r'\(([^()"]*+(?:"[^"\\]*+"[^()"]*+)*+)\)',
    re.DOTALL,
)


def _without_shell_values(text: str) -> str:
    """The JSON that is meant where MongoDB's shell printed `text`."""
    return _SHELL_VALUE.sub(lambda found: found[1] or f"[{found[2]}]", text)


def parse_document(raw: bytes) -> dict[str, object] | str:
    """The object in `raw`, or the reason why there is none.

    Bytes that are not UTF-8 stand as the lone surrogates of the `surrogateescape` error handler.
    """
    text = raw.decode("utf-8", "surrogateescape").strip(_BLANKS)
    document = _parse(text)
    if document == BROKEN_JSON and "(" in text:
        document = _parse(_without_shell_values(text))
    return document


def _parse(text: str) -> dict[str, object] | str:
    try:
        value, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError):  # the latter: nested deeper than anybody's data
        return BROKEN_JSON
    if end < len(text):
        return BROKEN_JSON
    return value if isinstance(value, dict) else NOT_AN_OBJECT


def parse_path(text: str) -> tuple[Step, ...]:
    """The steps of a path.

    Raises:
        ManifestError: it is none.
    """
    steps, at = list[Step](), 0
    while True:
        if text.startswith('"', at):
            try:
                name, at = DECODER.raw_decode(text, at)
            except ValueError:
                raise _not_a_path(text, "a quote is not closed") from None
            steps.append(name)
        elif found := _NAME.match(text, at):
            steps.append(found[0])
            at = found.end()
        else:
            raise _not_a_path(text, "a name is missing")
        while found := _INDEX.match(text, at):
            steps.append(int(found[1]) if found[1] else Every.ELEMENT)
            at = found.end()
        if at == len(text):
            return tuple(steps)
        if text[at] != ".":
            raise _not_a_path(text, "something stands where a dot, [] or [0] should")
        at += 1


def _not_a_path(text: str, problem: str) -> ManifestError:
    return ManifestError(
        f'column "{text}": {problem}; a column of JSON is a path like contact.phones[] or tags[0], with a name like '
        '"a.b" in double quotes if there is a dot in it'
    )


class Paths:
    """The columns wanted of documents."""

    def __init__(self, names: Sequence[str]) -> None:
        """Read the `names`.

        Raises:
            ManifestError: one is not a path.
        """
        self.names = tuple(names)
        self.steps = tuple(parse_path(name) for name in names)


class Cells:
    """Collects the cells of documents, one by one, so that no document has to be kept."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._texts: list[list[str]] = [[] for _ in paths.names]
        # Most paths are one name; those are looked up without further ado.
        self._plain = [
            (steps[0], texts.append)
            for steps, texts in zip(paths.steps, self._texts, strict=True)
            if len(steps) == 1 and isinstance(steps[0], str)
        ]
        self._others = [
            (steps, texts.append)
            for steps, texts in zip(paths.steps, self._texts, strict=True)
            if len(steps) > 1 or not isinstance(steps[0], str)
        ]

    def add(self, document: dict[str, object]) -> None:
        """Take the cells of one document."""
        for name, append in self._plain:
            value = document.get(name)
            append(value if type(value) is str else _text([value]))
        for steps, append in self._others:
            append(_text(_find(document, steps)))

    def columns(self) -> dict[str, pa.BinaryArray]:
        """Column name → binary array with one cell for each document."""
        return {name: _column(texts) for name, texts in zip(self._paths.names, self._texts, strict=True)}


def _column(texts: Sequence[str]) -> pa.BinaryArray:
    try:
        return pa.array(texts, pa.string()).cast(pa.binary())
    except UnicodeEncodeError:
        return pa.array([_encoded(text) for text in texts], pa.binary())


def _find(document: dict[str, object], steps: tuple[Step, ...]) -> list[object]:
    """The values at the end of a path."""
    values: list[object] = [document]
    for step in steps:
        found: list[object] = []
        for value in values:
            if isinstance(step, str):
                elements = value if isinstance(value, list) else [value]
                found += [each[step] for each in elements if isinstance(each, dict) and step in each]
            elif not isinstance(value, list):
                found += [] if isinstance(step, int) and step else [value]
            elif isinstance(step, int):
                found += value[step : step + 1]
            else:
                found += value
        values = found
        if not values:
            break
    return values


def _text(values: Sequence[object]) -> str:
    """Everything inside of `values` that is not empty, in order."""
    texts, ahead = list[str](), list(reversed(values))
    while ahead:
        value = ahead.pop()
        if isinstance(value, str):
            if value.strip():
                texts.append(value)
        elif isinstance(value, bool):
            texts.append("true" if value else "false")
        elif isinstance(value, list):
            ahead += reversed(value)
        elif isinstance(value, dict):
            ahead += _inside(value)
    return SEPARATOR.join(texts)


def _inside(value: dict[str, object]) -> list[object]:
    """The values of an object, last one first."""
    if "$undefined" in value:
        return []
    binary = value.get("$binary")
    if binary is None:
        return list(reversed(value.values()))
    return [binary.get("base64") if isinstance(binary, dict) else binary]  # the latter is how version 1 has it


def _encoded(text: str) -> bytes:
    """The bytes of `text`; not UTF-8 if there are lone surrogates in it, whatever they come from."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
        raw.decode()
    except UnicodeEncodeError:  # from an escape such as "\\ud800"
        return text.encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # from bytes that are not UTF-8: as they were
        return raw
    # From escapes that only look like such bytes, or from no surrogate at all.
    return text.encode("utf-8", "surrogatepass")
