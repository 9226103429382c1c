"""Convert the value at the end of a path to the text of one cell.

Documents of one dump differ, so a path treats a value that is not an array like an array of one element, and an array
of one element like that element.

* Strings are unchanged, numbers are the digits as written, booleans are `true` and `false`.
* Null, missing and empty values are empty cells.
* Elements of an array share a cell only where the path has `[]`; see `several_values`.
* `{"$oid": …}`, `{"$numberLong": …}`, `{"$date": …}` and similar objects of one value are that value (MongoDB Extended
  JSON v2, `mongodb/specifications`, 2020). The subtype of `$binary` is ignored, and `$undefined` is empty.

An object, or an array of several elements without `[]`, is never a cell, since it may hold data of several people: the
row is rejected, `object_in_cell` or `array_in_cell`. The value of a presence column is not stored, so its text may be
everything inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import pyarrow as pa

from ingest_cli.formats.json_paths import Paths, Step
from ingest_cli.formats.json_values import NOT_AN_OBJECT, Row
from ingest_cli.formats.several_values import cell_of

_BETWEEN_MEMBERS = ";"
"""Separator of the values of one object in a presence column."""

NOT_AN_ARRAY = "not_an_array"
OBJECT_IN_CELL = "object_in_cell"
ARRAY_IN_CELL = "array_in_cell"
TOO_FEW_CELLS = "too_few_cells"
TOO_MANY_CELLS = "too_many_cells"
REPEATED_HEADER = "repeated_header"

# Keys of MongoDB Extended JSON, v1 and v2, whose objects are one value.
_TYPED = frozenset(
    {
        *("$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal"),
        *("$uuid", "$symbol", "$code", "$minKey", "$maxKey"),
    }
)


class Cells:
    """Cells of rows, collected row by row so that no document is kept."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._texts: list[list[str]] = [[] for _ in paths.names]
        self._fault: str | None = None
        columns = [
            (name, steps, texts.append)
            for name, steps, texts in zip(paths.names, paths.steps, self._texts, strict=True)
            if name != paths.key
        ]
        # Most paths are one name, which is looked up without walking a path.
        self._names = [
            (steps[0], append, name in paths.presence)
            for name, steps, append in columns
            if len(steps) == 1 and isinstance(steps[0], str)
        ]
        self._paths_on = [
            (steps, append, name in paths.presence)
            for name, steps, append in columns
            if len(steps) > 1 or not isinstance(steps[0], str)
        ]
        self._keys = None if paths.key is None else self._texts[paths.names.index(paths.key)]

    def add(self, row: Row, key: str = "") -> str | None:
        """Add the cells of one row; return the reason if it is rejected."""
        document = row if isinstance(row, dict) and not self._paths.columns else self._named(row)
        if isinstance(document, str):
            return document
        for name, append, is_presence in self._names:
            value = document.get(name)
            if type(value) is not str:
                value = _everything(value) if is_presence else self._text(value)
            append("" if is_presence and value.isspace() else value)
        for steps, append, is_presence in self._paths_on:
            append(_everything(_find(document, steps, strict=False)) if is_presence else self._joined(document, steps))
        if self._keys is not None:
            self._keys.append(key)
        return None if self._fault is None else self._undo()

    def columns(self) -> dict[str, pa.BinaryArray]:
        """Return column name → binary array of shape (rows,)."""
        return {name: column_of(texts) for name, texts in zip(self._paths.names, self._texts, strict=True)}

    def _named(self, row: Row) -> dict[str, object] | str:
        """Return the elements of an array row by name, or the reason why the row is rejected."""
        columns = self._paths.columns
        if not columns:
            return NOT_AN_OBJECT
        if not isinstance(row, list):
            return NOT_AN_ARRAY
        if len(row) != len(columns):
            return TOO_FEW_CELLS if len(row) < len(columns) else TOO_MANY_CELLS
        if all(name in ("", cell) for name, cell in zip(columns, row, strict=True)):
            return REPEATED_HEADER
        return dict(zip(columns, row, strict=True))

    def _undo(self) -> str | None:
        """Remove the cells of the last row."""
        fault, self._fault = self._fault, None
        for texts in self._texts:
            texts.pop()
        return fault

    def _text(self, value: object) -> str:
        """Return the text of a value that is not a string; set the fault if it has none."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        found = _scalar(value)
        if isinstance(found, Fault):
            self._fault = self._fault or found.reason
            return ""
        return found

    def _joined(self, row: object, steps: tuple[Step, ...]) -> str:
        found = _find(row, steps)
        if isinstance(found, Fault):
            self._fault = self._fault or found.reason
            return ""
        if len(found) == 1:
            return found[0] if isinstance(found[0], str) else self._text(found[0])
        texts = [value if isinstance(value, str) else self._text(value) for value in found]
        return cell_of([text for text in texts if text.strip()])


class Fault(Enum):
    """Reason why a value is not a cell."""

    OBJECT = OBJECT_IN_CELL
    ARRAY = ARRAY_IN_CELL

    @property
    def reason(self) -> str:
        """Reason as in a reject."""
        return self.value


def column_of(texts: Sequence[str]) -> pa.BinaryArray:
    """Return the texts as a column; lone surrogates become bytes that are not UTF-8."""
    try:
        return pa.array(texts, pa.string()).cast(pa.binary())
    except UnicodeEncodeError:
        return pa.array([_encoded(text) for text in texts], pa.binary())


def _find(row: object, steps: tuple[Step, ...], *, strict: bool = True) -> list[object] | Fault:
    """Return the values at the end of a path.

    Args:
        row: start of the path.
        steps: the path.
        strict: whether a name applies to the only filled element of an array instead of to each element.
    """
    values: list[object] = [row]
    for step in steps:
        found: list[object] = []
        for value in values:
            if isinstance(step, str):
                one = _only(value) if strict else value
                if one is Fault.ARRAY:
                    return Fault.ARRAY
                elements = one if isinstance(one, list) else [one]
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


def _only(value: object) -> object:
    """Return the only filled element of an array, through nested arrays; a fault if there are several."""
    while isinstance(value, list):
        filled = [each for each in value if not _is_empty(each)]
        if len(filled) > 1:
            return Fault.ARRAY
        value = filled[0] if filled else None
    return value


def _is_empty(value: object) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _scalar(value: object) -> str | Fault:
    while isinstance(value, list | dict):
        value = _only(value) if isinstance(value, list) else _inside(value)
    if isinstance(value, Fault | str):
        return value
    return "" if value is None else "true" if value else "false"


def _inside(value: dict[str, object]) -> object:
    """Return the value of an object of Extended JSON; a fault for any other object."""
    if not value or "$undefined" in value:
        return None
    if "$binary" in value:
        binary = value["$binary"]
        return binary.get("base64") if isinstance(binary, dict) else binary  # a string in version 1
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name in _TYPED:
            return inner
    return Fault.OBJECT


def _everything(values: object) -> str:
    """Return all filled values inside `values`, in order; the contents of an object are one value."""
    texts, ahead = list[str](), [values]
    while ahead:
        value = ahead.pop()
        if isinstance(value, list):
            ahead += reversed(value)
        elif text := _whole(value):
            texts.append(text)
    return cell_of(texts)


def _whole(value: object) -> str:
    texts, ahead = list[str](), [value]
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
            inside = _inside(value)
            ahead += reversed(value.values()) if inside is Fault.OBJECT else [inside]
    return _BETWEEN_MEMBERS.join(texts)


def _encoded(text: str) -> bytes:
    """Encode `text`; lone surrogates, from bytes or escapes, become bytes that are not UTF-8."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
        raw.decode()
    except UnicodeEncodeError:  # from an escape such as "\\ud800"
        return text.encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # from bytes that are not UTF-8
        return raw
    # From escapes that look like such bytes, or without any surrogate.
    return text.encode("utf-8", "surrogatepass")
