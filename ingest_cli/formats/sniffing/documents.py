"""JSON: whether each line is a document, where the rows of one large document are, and which paths its values have.

A sample of a large document ends anywhere, so that no JSON parser takes it. A tokenizer walks through it, notes
where the objects of each array begin and end, and only those are parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ingest_cli.errors import ManifestError
from ingest_cli.formats.json_paths import Cells, Paths, parse_document, parse_path
from ingest_cli.formats.sniffing.columns import MAX_COLUMNS
from ingest_cli.formats.sniffing.guess import ColumnGuess, Finding
from ingest_cli.formats.sniffing.parsed import Parsed
from ingest_cli.formats.sniffing.wounds import counted

ROOT = "$"
"""What a manifest writes where the documents themselves are the rows, or arrays of them."""

_MAX_DOCUMENTS = 1_000
_MAX_DOCUMENT_CHARACTERS = 1 << 18
_MAX_DEPTH = 64
_MAX_PATH_STEPS = 8
_MAX_ARRAYS = 200
_JUDGED_LINES = 200
_LINES_SHARE = 0.8
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:"]|[^\s"{}\[\],:]++', re.DOTALL)

Path = tuple[str, ...]
Judge = Callable[[Parsed], Sequence[ColumnGuess]]


def find_documents(text: str, *, complete: bool, judge: Judge) -> Parsed | None:
    """The rows of JSON Lines, or of a JSON document; None if no object can be read.

    Args:
        text: the sample.
        complete: whether it is the whole file.
        judge: guesses what columns hold, by which the rows are chosen if there are several arrays of objects.
    """
    lines = text.splitlines()
    if not complete and len(lines) > 1:
        lines.pop()
    filled = [line for line in lines if line.strip()]
    head = [_document(line) for line in filled[:_JUDGED_LINES]]
    objects = [one for one in head if one is not None]
    arrays = _arrays(text)
    is_one_line = len(filled) == 1 and len(arrays) > 1
    if objects and len(objects) >= _LINES_SHARE * len(head) and not is_one_line:
        more = (_document(line) for line in filled[_JUDGED_LINES:_MAX_DOCUMENTS])
        rest = [one for one in more if one is not None]
        broken = min(len(filled), _MAX_DOCUMENTS) - len(objects) - len(rest)
        text_ = f"{counted(broken, 'line')} that cannot be read as JSON objects."
        findings = (Finding("broken_json", broken, text_),) if broken else ()
        return _parsed("jsonl", objects + rest, findings)
    return _rows(arrays, judge)


def _document(text: str) -> dict[str, object] | None:
    found = parse_document(text.encode("utf-8", "surrogatepass"))
    return found if isinstance(found, dict) else None


def _rows(arrays: dict[Path, list[dict[str, object]]], judge: Judge) -> Parsed | None:
    """Of several arrays of objects, that whose objects name most about a person; of equal ones the outermost."""
    if len(arrays) > 1 and len(arrays.get((), ())) == 1:
        del arrays[()]  # the one document that everything is in
    best: tuple[int, int, int] | None = None
    chosen: Parsed | None = None
    for path, objects in arrays.items():
        parsed = _parsed("json", objects, (), ".".join(step(name) for name in path) or ROOT)
        own = [column for column in judge(parsed) if "[]." not in column.title]
        rank = (sum(column.kind is not None for column in own), -len(path), len(objects))
        if parsed.names and (best is None or rank > best):
            best, chosen = rank, parsed
    return chosen


def _parsed(
    format_: str, documents: Sequence[dict[str, object]], findings: tuple[Finding, ...], rows: str = ""
) -> Parsed:
    names = _paths(documents)
    cells = Cells(Paths(names))
    for document in documents:
        cells.add(document)
    columns = [[cell.decode("utf-8", "replace") for cell in column.to_pylist()] for column in cells.columns().values()]
    return Parsed(format_, names, [list(row) for row in zip(*columns, strict=True)], findings=findings, rows=rows)


def _paths(documents: Sequence[dict[str, object]]) -> list[str]:
    """Every path that leads to a value in some of the documents, in order of appearance."""
    found: dict[str, None] = {}
    for document in documents:
        for path in _leaves(document, ""):
            found.setdefault(path)
        if len(found) > MAX_COLUMNS:
            break
    several = {path.removesuffix("[]") for path in found if path.endswith("[]")}  # a path with [] reads both
    return [path for path in found if path not in several][:MAX_COLUMNS]


def _leaves(value: dict[str, object], prefix: str, steps: int = 1) -> Iterator[str]:
    for name, inner in value.items():
        path = prefix + step(name)
        elements = inner if isinstance(inner, list) else [inner]
        if isinstance(inner, list):
            path += "[]"
        objects = [each for each in elements if isinstance(each, dict) and not _is_extended(each)]
        if objects and steps < _MAX_PATH_STEPS:
            for each in objects[:_JUDGED_LINES]:
                yield from _leaves(each, path + ".", steps + 1)
        elif elements:
            yield path


def _is_extended(value: dict[str, object]) -> bool:
    """Whether an object is a value with its type, as MongoDB writes it: `{"$oid": "…"}`."""
    return bool(value) and all(name.startswith("$") for name in value)


def step(name: str) -> str:
    """A name as a step of a path."""
    try:
        if parse_path(name) == (name,):
            return name
    except ManifestError:
        pass  # a name that is no step as it stands is written as a JSON string
    return json.dumps(name, ensure_ascii=False)


@dataclass(slots=True)
class _Open:
    """An object or array that is not closed yet."""

    is_object: bool
    start: int
    path: Path
    key: str = ""


@dataclass(slots=True)
class _Arrays:
    """The objects found so far, by the path of the array that they are elements of."""

    found: dict[Path, list[dict[str, object]]] = field(default_factory=dict)
    text: str = ""

    def add(self, closed: _Open, end: int) -> None:
        if end - closed.start > _MAX_DOCUMENT_CHARACTERS and closed.path:
            return
        known = self.found.get(closed.path)
        if known is None and len(self.found) >= _MAX_ARRAYS:
            return
        if known is not None and len(known) >= _MAX_DOCUMENTS:
            return
        document = _document(self.text[closed.start : end])
        if document is not None:
            self.found.setdefault(closed.path, []).append(document)


def _arrays(text: str) -> dict[Path, list[dict[str, object]]]:
    """The whole objects that are elements of arrays, or stand alone; by the names that lead there."""
    arrays, stack, last = _Arrays(text=text), list[_Open](), ""
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign == '"':  # a string that the sample cuts off
            break
        if sign in "{[":
            if len(stack) == _MAX_DEPTH:
                break
            outer = stack[-1] if stack else None
            path = () if outer is None else (*outer.path, outer.key) if outer.is_object else outer.path
            stack.append(_Open(sign == "{", token.start(), path))
        elif sign in "}]":
            if not stack or stack[-1].is_object is not (sign == "}"):
                break
            closed = stack.pop()
            if closed.is_object and (not stack or not stack[-1].is_object):
                arrays.add(closed, token.end())
        elif sign == ":" and stack:
            stack[-1].key = _name(last)
        last = sign
    return arrays.found


def _name(token: str) -> str:
    try:
        name = json.loads(token)
    except ValueError:
        return token
    return name if isinstance(name, str) else token
