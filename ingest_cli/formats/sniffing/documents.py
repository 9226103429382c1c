"""Inspect JSON: one document per line or one large document, the place of its rows, and the paths of their values.

No key that may identify a person is used as a name: see `keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
import pyarrow.compute as pc

from ingest_cli.errors import ManifestError
from ingest_cli.formats.json_cells import Cells
from ingest_cli.formats.json_paths import Each, Paths, step
from ingest_cli.formats.json_rows import JsonRows
from ingest_cli.formats.json_values import Row, parse_document
from ingest_cli.formats.sniffing.columns import MAX_COLUMNS
from ingest_cli.formats.sniffing.guess import ColumnGuess, Finding
from ingest_cli.formats.sniffing.header import Header, judge_header
from ingest_cli.formats.sniffing.keys import described, is_extended, is_map
from ingest_cli.formats.sniffing.names import counted
from ingest_cli.formats.sniffing.parsed import Judge, Parsed, count_kinds, texts
from ingest_cli.formats.sniffing.trees import Path, Places, names_of, parse_sample
from ingest_cli.model.manifest import ROW_KEY

ROOT = "$"
"""Path of rows that are the documents themselves, or the elements of an array at the top."""

BY_COLUMN, ARRAYS = "columns", "arrays"
"""Layouts other than rows as objects."""

_MAX_DOCUMENTS = 1_000
_MAX_PATH_STEPS = 8
_JUDGED_LINES = 200
_TRIED = 10
_LINES_SHARE = 0.8


def find_documents(text: str, *, complete: bool, judge: Judge) -> Parsed | None:
    """Return the rows of JSON Lines, or of a JSON document; None if none are readable.

    `complete` means that `text` is the whole file; `judge` is used to choose between several places of rows.
    """
    lines = text.splitlines()
    if not complete and len(lines) > 1:
        lines.pop()
    filled = [line for line in lines if line.strip()]
    head = [_document(line) for line in filled[:_JUDGED_LINES]]
    found = [one for one in head if one is not None]
    if found and len(found) >= _LINES_SHARE * len(head) and (len(filled) > 1 or not _has_rows(found[0])):
        more = (_document(line) for line in filled[_JUDGED_LINES:_MAX_DOCUMENTS])
        rest = [one for one in more if one is not None]
        broken = min(len(filled), _MAX_DOCUMENTS) - len(found) - len(rest)
        text_ = f"{counted(broken, 'line')} that cannot be read as JSON objects."
        findings = (Finding("broken_json", broken, text_),) if broken else ()
        return _lines(found + rest, findings, judge, text)
    return _best(Places.of(parse_sample(text)), judge, text)


def _document(text: str) -> Row | None:
    found = parse_document(text.encode("utf-8", "surrogatepass"))
    return None if isinstance(found, str) else found


def _has_rows(document: Row) -> bool:
    """Return whether the only document contains rows."""
    if isinstance(document, list):
        return True
    places = Places.of([document])
    return len(places.rows) > 1 or bool(places.arrays or places.by_column)


def _lines(documents: list[Row], findings: tuple[Finding, ...], judge: Judge, text: str) -> Parsed | None:
    objects = [each for each in documents if isinstance(each, dict)]
    arrays = [each for each in documents if isinstance(each, list)]
    if len(arrays) > len(objects):
        return replace(_of_arrays("jsonl", arrays), findings=findings)
    if is_map(objects):
        return _best(Places.of(objects), judge, text)
    parsed = _of_objects("jsonl", objects, findings=findings)
    if count_kinds(judge(parsed)):
        return parsed
    inside = _best(Places.of(objects), judge, text)
    return inside if inside and count_kinds(judge(inside)) else parsed


def _best(places: Places, judge: Judge, text: str) -> Parsed | None:
    """Return the rows of the place with most identifiers, of equal ones of the outermost.

    The format must be able to read them from the sample `text`.
    """
    rows = dict(places.rows)
    if len(rows) > 1 and len(rows.get((), ())) == 1:
        del rows[()]  # the document that contains everything
    candidates = [
        (path, len(found), _of_objects("json", found, path, places.keys.get(path, ()))) for path, found in rows.items()
    ]
    candidates += [(path, len(found), _of_columns(found, path)) for path, found in places.by_column.items()]
    candidates += [(path, len(found), _of_arrays("json", found, path, places)) for path, found in places.arrays.items()]
    ranked = list[tuple[tuple[int, int, int], Parsed, Sequence[ColumnGuess]]]()
    for path, count, parsed in candidates:
        columns = judge(parsed)
        own = [column for column in columns if "[]." not in column.title]
        if parsed.width:
            ranked.append(((count_kinds(own), -len(path), count), parsed, columns))
    ranked.sort(key=lambda one: one[0], reverse=True)
    return next((parsed for _, parsed, columns in ranked[:_TRIED] if _is_read(parsed, columns, text)), None)


def _is_read(parsed: Parsed, columns: Sequence[ColumnGuess], text: str) -> bool:
    """Return whether a manifest with these columns reads most of the rows, as far as a sample can show that."""
    places = [at for at, column in enumerate(columns) if column.kind is not None]
    if parsed.layout == BY_COLUMN or not places:
        return True
    is_array = parsed.layout == ARRAYS
    names = [f"C{at}" if is_array else column.title for at, column in enumerate(columns)]
    expected = sum(any(row[at : at + 1] not in ([], [""]) for at in places) for row in parsed.cells)
    filled = 0
    try:
        parser = JsonRows([names[at] for at in places], parsed.rows, names if is_array else ())
        for chunk in parser.read([text.encode("utf-8", "surrogateescape")]):
            lengths = [pc.binary_length(column).to_numpy() for column in chunk.cells.values()]
            filled += int(np.any([length > 0 for length in lengths], axis=0).sum())
    except ManifestError:
        return False
    return 2 * filled >= expected


def _of_objects(
    format_: str,
    documents: Sequence[dict[str, object]],
    path: Path = (),
    keys: Sequence[str] = (),
    findings: tuple[Finding, ...] = (),
) -> Parsed:
    """Return rows that are objects."""
    names, hidden = _Names.of(documents)
    if keys:
        names = [ROW_KEY, *names]
        findings += (_keyed(len(keys), keys),)
    if hidden:
        text = f"{counted(len(hidden), 'key')} in the rows, {described(hidden)}: no names of columns, and left out."
        findings += (Finding("keyed_values", len(hidden), text),)
    cells = Cells(Paths(names, keyed=bool(keys)))
    for document, key in zip_longest(documents, keys, fillvalue=""):
        if isinstance(document, dict):
            cells.add(document, str(key))
    columns = [texts(column) for column in cells.columns().values()]
    rows = _written(path) if format_ == "json" else ""
    return Parsed(format_, names, [list(row) for row in zip(*columns, strict=True)], findings=findings, rows=rows)


def _keyed(count: int, keys: Sequence[str]) -> Finding:
    text = f"The rows are the values of an object of {counted(count, 'object')}, keyed by {described(keys)}."
    return Finding("keyed_rows", count, text)


def _of_columns(node: dict[str, object], path: Path) -> Parsed:
    """Return the rows of an object with a separate array or object of values for each column."""
    names = list(node)[:MAX_COLUMNS]
    columns = [node[name] for name in names]
    keys = dict.fromkeys(
        key for column in columns for key in (column if isinstance(column, dict) else range(_length(column)))
    )
    cells = [[_cell(column, key) for column in columns] for key in list(keys)[:_MAX_DOCUMENTS]]
    finding = Finding(
        "by_column", len(names), "The document has the values of each column in one place, not those of each row."
    )
    rows = _written(path) if path else ""
    return Parsed("json", [step(name) for name in names], cells, findings=(finding,), rows=rows, layout=BY_COLUMN)


def _length(column: object) -> int:
    return len(column) if isinstance(column, list) else 0


def _cell(column: object, key: str | int) -> str:
    if isinstance(column, dict):
        value = column.get(str(key))
    else:
        value = column[key] if isinstance(column, list) and isinstance(key, int) and key < len(column) else None
    return value if isinstance(value, str) else ""


def _of_arrays(format_: str, found: Sequence[list[object]], path: Path = (), places: Places | None = None) -> Parsed:
    """Return rows that are arrays, named by the first of them or by an array beside them."""
    cells = [[value if isinstance(value, str) else "" for value in row] for row in found]
    beside = _names_beside(path, places) if places else None
    names = beside
    if beside is None and cells and judge_header(cells[0], cells[1:]) is Header.YES:
        names, cells = cells[0], cells[1:]
    rows = _written(path) if format_ == "json" else ""
    return Parsed(format_, names, cells, rows=rows, layout=ARRAYS)


def _names_beside(path: Path, places: Places) -> list[str] | None:
    """Return the names in `columns` beside the arrays, as pandas writes them."""
    around = places.rows.get(path[:-1], [])
    names = around[0].get("columns") if len(around) == 1 and path else None
    width = max(map(len, places.arrays[path]), default=0)
    if not isinstance(names, list) or len(names) != width:
        return None
    texts = [name for name in names if isinstance(name, str)]
    return texts if len(texts) == width and judge_header(texts, [[]]) is not Header.NO else None


def _written(path: Path) -> str:
    """Return a path to rows as written in a manifest."""
    return ".".join("*" if isinstance(one, Each) else step(one) for one in path) or ROOT


class _Names:
    """Collector of the paths to values in documents, and of keys that are no names."""

    def __init__(self) -> None:
        self.paths: dict[str, None] = {}
        self.hidden: dict[str, None] = {}

    @classmethod
    def of(cls, documents: Sequence[dict[str, object]]) -> tuple[list[str], list[str]]:
        """Return the paths in order of appearance, and the keys that are no names."""
        found = cls()
        found._look("", documents, 1)
        several = {path.removesuffix("[]") for path in found.paths if path.endswith("[]")}  # a path with [] reads both
        return [path for path in found.paths if path not in several][:MAX_COLUMNS], list(found.hidden)

    def _look(self, prefix: str, objects: Sequence[dict[str, object]], steps: int) -> None:
        if is_map(objects):
            self.hidden.update(dict.fromkeys(key for each in objects for key in each))
            return
        names = list(names_of(objects))
        self.hidden.update(dict.fromkeys(key for each in objects for key in each if key not in set(names)))
        for name in names:
            if len(self.paths) > MAX_COLUMNS:
                break
            self._value(prefix + step(name), [each[name] for each in objects if name in each], steps)

    def _value(self, path: str, values: list[object], steps: int) -> None:
        objects = [each for each in values if isinstance(each, dict) and not is_extended(each)]
        arrays = [each for each in values if isinstance(each, list)]
        if len(objects) + len(arrays) < len(values):
            self.paths.setdefault(path)
        if objects and steps < _MAX_PATH_STEPS:
            self._look(f"{path}.", objects[:_JUDGED_LINES], steps + 1)
        elements = [element for each in arrays for element in each]
        if elements:
            self._value(f"{path}[]", elements, steps)
