"""Locate the wanted columns in a schema.

A wanted column is a name, or a path into structs and lists as in `json_paths`, so that the same data in JSON and in
Parquet is read with the same manifest. The exact name of a column is not parsed as a path.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import pyarrow as pa
import pyarrow.types as pt

from ingest_cli.errors import ManifestError, MissingColumnError, SourceError
from ingest_cli.formats.absent import none_of
from ingest_cli.formats.json_paths import Every, Step, parse_path
from ingest_cli.formats.sniffing.keys import identifier_in
from ingest_cli.formats.sniffing.names import shown

MAX_DEPTH = 64
"""Limit on the depth of nested lists and structs, because of Python's stack."""


@dataclass(frozen=True, slots=True)
class Column:
    """Location of a wanted column.

    Attributes:
        name: path in the manifest.
        top: name of the column of the file.
        fields: names of the fields of structs, up to the first list or map.
        rest: rest of the path, through lists and maps.
        steps: whole path behind `top`.
    """

    name: str
    top: str
    fields: tuple[str, ...] = ()
    rest: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def rest_path(self) -> str:
        """The rest of the path, below a name `v`."""
        return "v" + "".join(_written(step) for step in self.rest)

    def reach(self, batch: pa.RecordBatch) -> pa.Array:
        """Return the array in `batch` at which the rest of the path starts."""
        array = storage(batch.column(batch.schema.names.index(self.top)))
        for name in self.fields:
            array = storage(array.flatten()[array.type.get_field_index(name)])
        return array


def storage(array: pa.Array) -> pa.Array:
    """Return the storage of an extension array; any other array unchanged."""
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array


def find_columns(schema: pa.Schema, wanted: Sequence[str], optional: Collection[str] = ()) -> tuple[Column, ...]:
    """Return the wanted columns, without the `optional` ones that are missing.

    Raises:
        ManifestError: a column is missing, exists several times, or has a type that is not read.
        SourceError: the type of a column is nested too deeply.
    """
    names, found = schema.names, list[Column]()
    for name in wanted:
        try:
            found.append(_find(name, names, schema))
        except MissingColumnError:
            if name not in optional:
                raise
    if wanted and not found:
        raise none_of(wanted, f"in the file of {len(names)} columns")
    return tuple(found)


def leaves(schema: pa.Schema, column: Column) -> tuple[int, int]:
    """Return (first, after) of the numbers of the leaf columns of `column`."""
    top = schema.names.index(column.top)
    first = sum(_count(field.type) for field in list(schema)[:top])
    kind = schema.field(top).type
    for step in column.steps:
        kind = _element(kind)
        if not isinstance(step, str) or not pt.is_struct(kind):
            continue
        at = kind.get_field_index(step)
        first += sum(_count(kind.field(i).type) for i in range(at))
        kind = kind.field(at).type
    return first, first + _count(kind)


def count_leaves(schema: pa.Schema) -> int:
    """Return the number of leaf columns."""
    return sum(_count(field.type) for field in schema)


def _find(name: str, names: Sequence[str], schema: pa.Schema) -> Column:
    if name in names:
        steps: tuple[Step, ...] = ()
        top = name
    else:
        try:
            first, *others = parse_path(name)
        except ManifestError:  # not a path
            raise _missing(name, names) from None
        if not isinstance(first, str) or first not in names:
            raise _missing(name, names)
        top, steps = first, tuple(others)
    if (found := names.count(top)) > 1:
        raise ManifestError(
            f'the file has {found} columns named "{shown(top)}"; write it again with a different name for each'
        )
    kind = schema.field(names.index(top)).type
    if _depth(kind) > MAX_DEPTH:
        raise SourceError(f'the column "{shown(top)}" holds more than {MAX_DEPTH} lists and structs inside each other')
    fields, end = _walk(name, kind, steps)
    if (odd := unreadable(end)) is not None:
        raise ManifestError(
            f'the column "{shown(name)}" holds {odd} values, which are not read; write the file again with another '
            "type of column, or leave it out of [[fields]]"
        )
    return Column(name, top, fields, steps[len(fields) :], steps)


def _walk(name: str, kind: pa.DataType, steps: Sequence[Step]) -> tuple[tuple[str, ...], pa.DataType]:
    """Return (fields of structs before the first list or map, type at the end of a path)."""
    fields = list[str]()
    for place, step in enumerate(steps):
        kind = plain(kind)
        if len(fields) == place and isinstance(step, str) and pt.is_struct(kind):
            fields.append(step)
        if isinstance(step, str):
            kind = _element(kind)
            if pt.is_map(kind):
                kind = plain(kind).item_type
                continue
            inside = [field.name for field in kind] if pt.is_struct(kind) else []
            if inside.count(step) != 1:
                raise _missing(name, inside, step)
            kind = kind.field(inside.index(step)).type
        elif is_list(kind):
            kind = kind.value_type
    return tuple(fields), plain(kind)


def _missing(name: str, names: Sequence[str], step: str | None = None) -> MissingColumnError:
    word = name if step is None else step
    near = get_close_matches(word.casefold()[:200], [other.casefold() for other in names], 1, 0.5)
    meant = next((other for other in names if [other.casefold()] == near and identifier_in(other) is None), None)
    hint = "" if meant is None else f'; did you mean "{shown(meant)}"?'
    inside = "" if step is None else f': nothing is called "{shown(step)}" there'
    where = f"in the file of {len(names)} columns" if step is None else "in the file"
    return MissingColumnError(f'there is no column "{shown(name)}" {where}{inside}{hint}')


def _written(step: Step) -> str:
    if isinstance(step, str):
        return "." + json.dumps(step)
    return "[]" if isinstance(step, Every) else f"[{step}]"


def is_list(kind: pa.DataType) -> bool:
    """Return whether the type is any kind of list."""
    return bool(
        pt.is_list(kind)
        or pt.is_large_list(kind)
        or pt.is_fixed_size_list(kind)
        or pt.is_list_view(kind)
        or pt.is_large_list_view(kind)
    )


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the storage type of an extension type; any other type unchanged."""
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return kind


def _element(kind: pa.DataType) -> pa.DataType:
    """Return the element type of nested lists, to each element of which a name applies."""
    kind = plain(kind)
    while is_list(kind):
        kind = plain(kind.value_type)
    return kind


def _inside(kind: pa.DataType) -> list[pa.DataType]:
    """Return the child types of a type."""
    if is_list(kind) or pt.is_dictionary(kind):
        return [kind.value_type]
    if pt.is_map(kind):
        return [kind.key_type, kind.item_type]
    return [field.type for field in kind] if pt.is_struct(kind) else []


def _count(kind: pa.DataType) -> int:
    kind = plain(kind)
    if pt.is_dictionary(kind) or not (pt.is_nested(kind)):
        return 1
    return sum(_count(part) for part in _inside(kind))


def _depth(kind: pa.DataType) -> int:
    """Return the depth of a type, at most `MAX_DEPTH` + 1."""
    level, depth = [kind], 0
    while level and depth <= MAX_DEPTH:
        level = [part for each in level for part in _inside(plain(each))]
        depth += 1
    return depth


_NOT_READ = ((pt.is_union, "union"), (pt.is_run_end_encoded, "run-end-encoded"), (pt.is_interval, "interval"))


def unreadable(kind: pa.DataType) -> str | None:
    """Return the name of a type in `kind` whose values are not read, if there is one."""
    kind = plain(kind)
    if pt.is_dictionary(kind) and pt.is_nested(plain(kind.value_type)):
        return "dictionary-encoded nested"
    for is_of, name in _NOT_READ:
        if is_of(kind):
            return name
    return next((odd for part in _inside(kind) if (odd := unreadable(part)) is not None), None)
