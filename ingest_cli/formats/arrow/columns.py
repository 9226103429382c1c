"""Locate the wanted columns in a schema.

A column is wanted by its name, or by a path into structs and lists as `json_paths` has it: the same people in JSON
and in Parquet are read with the same manifest. A name that is there as it stands is no path, whatever is in it.
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
"""Lists and structs inside of each other; nobody's data is deeper, and Python's stack is not much."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where a wanted column is.

    Attributes:
        name: what the manifest calls it.
        top: name of the column of the file it is, or is in.
        fields: names of the structs' fields on the way down, as far as there is one value only.
        rest: the rest of its path, through lists and maps.
        steps: all of its path behind `top`.
    """

    name: str
    top: str
    fields: tuple[str, ...] = ()
    rest: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def rest_path(self) -> str:
        """The rest of the path, beneath a name `v`."""
        return "v" + "".join(_written(step) for step in self.rest)

    def reach(self, batch: pa.RecordBatch) -> pa.Array:
        """The array in `batch` at which the rest of the path begins."""
        array = storage(batch.column(batch.schema.names.index(self.top)))
        for name in self.fields:
            array = storage(array.flatten()[array.type.get_field_index(name)])
        return array


def storage(array: pa.Array) -> pa.Array:
    """What an extension type is made of; any other array as it is."""
    while isinstance(array, pa.ExtensionArray):
        array = array.storage
    return array


def find_columns(schema: pa.Schema, wanted: Sequence[str], optional: Collection[str] = ()) -> tuple[Column, ...]:
    """The wanted columns, without those of the `optional` ones that are not there.

    Raises:
        ManifestError: one is not there, is there several times, or is of a type that has no text.
        SourceError: one is of a type nested too deeply.
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
    """(first, after) of the positions that `column` takes among the columns without inside, where all are counted."""
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
    """How many columns there are without anything inside."""
    return sum(_count(field.type) for field in schema)


def _find(name: str, names: Sequence[str], schema: pa.Schema) -> Column:
    if name in names:
        steps: tuple[Step, ...] = ()
        top = name
    else:
        try:
            first, *others = parse_path(name)
        except ManifestError:  # a name like any other, then
            raise _missing(name, names) from None
        if not isinstance(first, str) or first not in names:
            raise _missing(name, names)
        top, steps = first, tuple(others)
    if (found := names.count(top)) > 1:
        raise ManifestError(
            f'the file has {found} columns named "{shown(top)}", and there is no telling which is meant; '
            "name them apart in a copy of it"
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
    """The names that lead through structs alone, and the type at the end of a path."""
    fields = list[str]()
    for place, step in enumerate(steps):
        kind = plain(kind)
        if len(fields) == place and isinstance(step, str) and pt.is_struct(kind):
            fields.append(step)
        if isinstance(step, str):
            kind = _element(kind)
            if pt.is_map(kind):
                kind = plain(kind).item_type  # whatever its keys are
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
    """Whether its values are lists of some sort."""
    return bool(
        pt.is_list(kind)
        or pt.is_large_list(kind)
        or pt.is_fixed_size_list(kind)
        or pt.is_list_view(kind)
        or pt.is_large_list_view(kind)
    )


def plain(kind: pa.DataType) -> pa.DataType:
    """What an extension type is made of."""
    while isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return kind


def _element(kind: pa.DataType) -> pa.DataType:
    """What is in a list, or in the lists of a list: a name applies to each."""
    kind = plain(kind)
    while is_list(kind):
        kind = plain(kind.value_type)
    return kind


def _inside(kind: pa.DataType) -> list[pa.DataType]:
    """The types that a type is made of."""
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
    """How deep a type is, or a little more than is allowed."""
    level, depth = [kind], 0
    while level and depth <= MAX_DEPTH:
        level = [part for each in level for part in _inside(plain(each))]
        depth += 1
    return depth


_NOT_READ = ((pt.is_union, "union"), (pt.is_run_end_encoded, "run-end-encoded"), (pt.is_interval, "interval"))


def unreadable(kind: pa.DataType) -> str | None:
    """Name of a type in `kind`, or the type itself, whose values are not read; None: there is none."""
    kind = plain(kind)
    if pt.is_dictionary(kind) and pt.is_nested(plain(kind.value_type)):
        return "dictionary-encoded nested"
    for is_of, name in _NOT_READ:
        if is_of(kind):
            return name
    return next((odd for part in _inside(kind) if (odd := unreadable(part)) is not None), None)
