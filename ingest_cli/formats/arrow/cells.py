"""Format values as cells, as in a CSV file.

Strings and bytes are unchanged, whether or not they are UTF-8. Integers are digits; booleans `true` and `false`; dates,
times and timestamps as in ISO 8601 (`2017-10-19T12:34:56`, with `Z` if the type is UTC). A float is written as Python
and pandas write it, `60123456789.0`, so that a number which a spreadsheet or data frame converted is treated as in
text. A decimal whose places are all zeros is an integer: decimals are exact, and databases export integers as decimals.
Null is an empty cell. For nested values see `json_paths`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from ingest_cli.errors import HandledError
from ingest_cli.formats.arrow.columns import Column, is_list, storage
from ingest_cli.formats.json_cells import Cells
from ingest_cli.formats.json_paths import Every, Paths
from ingest_cli.formats.several_values import cells_of

Sizes = npt.NDArray[np.int64]

_FIXED_BYTES = 16  # approximate text size of a number, a date or a container
_EXACT_BITS = {pa.float16(): 11, pa.float32(): 24, pa.float64(): 53}  # of the significand (IEEE 754-2019, table 3.5)
_BINARY = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


MAX_VALUES = 1 << 20
"""Limit on the values in the lists of rows read together: lists may refer to one value many times, or to nulls, which
take no space."""


class TooManyValuesError(HandledError):
    """The lists have more than `MAX_VALUES` values."""


def sizes(array: pa.Array) -> Sizes:
    """Return the approximate bytes of each value as text without formatting it. Shape (values,).

    The sizes of strings are exact, so that a layout in which all rows refer to one long string takes no memory.

    Raises:
        ArrowInvalid: an index is outside its dictionary.
        TooManyValuesError: as described there.
    """
    array = storage(array)
    kind = array.type
    if pt.is_dictionary(kind):
        inside = sizes(array.dictionary)
        at = pc.fill_null(array.indices, 0).to_numpy(zero_copy_only=False)
        if len(at) and (at.min() < 0 or at.max() >= max(1, len(inside))):
            raise pa.ArrowInvalid("an index points out of its dictionary")
        found = inside[at] if len(inside) else np.zeros(len(array), np.int64)
    elif pt.is_string_view(kind) or pt.is_binary_view(kind):
        # The first 4 of the 16 bytes of a view are the length: "Variable-size Binary View Layout" of Arrow's format.
        views = np.frombuffer(array.buffers()[1] or b"", np.int32)[::4]
        found = views[array.offset : array.offset + len(array)].astype(np.int64)
    elif pt.is_nested(kind):
        return _FIXED_BYTES + _nested_sizes(array)
    elif pt.is_string(kind) or pt.is_binary(kind) or pt.is_large_string(kind) or pt.is_large_binary(kind):
        found = np.asarray(pc.fill_null(pc.binary_length(array), 0).to_numpy(zero_copy_only=False), np.int64)
    else:
        found = np.full(len(array), kind.byte_width if pt.is_fixed_size_binary(kind) else _FIXED_BYTES, np.int64)
    return np.where(array.is_null().to_numpy(zero_copy_only=False), 0, found) if array.null_count else found


def _nested_sizes(array: pa.Array) -> Sizes:
    """Return the sizes of the contents of each value."""
    if pt.is_struct(array.type):
        return sum((sizes(part) for part in array.flatten()), start=np.zeros(len(array), np.int64))
    if pt.is_map(array.type):
        edges = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        low, high = int(edges[0]), int(edges[-1])
        if high - low > MAX_VALUES:
            raise TooManyValuesError
        inside, edges = sizes(array.keys[low:high]) + sizes(array.items[low:high]), edges - low
    else:
        lengths = _lengths(array)
        if lengths.sum() > MAX_VALUES:
            raise TooManyValuesError
        inside, edges = sizes(array.flatten()), _running(lengths)
    out: Sizes = np.diff(_running(inside)[edges]) + _FIXED_BYTES * np.diff(edges)  # nulls take time as well
    return out


def cells(column: Column, array: pa.Array) -> pa.BinaryArray:
    """Return the cells of a column without nulls, given the result of `Column.reach` or a slice of it."""
    if not column.rest and not pt.is_nested(array.type):
        return texts(array)
    if column.rest in {(), (Every.ELEMENT,)} and is_list(array.type) and not pt.is_nested(array.type.value_type):
        joined = _joined(array)
        if joined is not None:
            return joined
    path = column.rest_path
    found = Cells(Paths([path], presence=[path]))  # a presence column, whose value may be nested
    for value in _values(array):
        found.add({"v": value})
    return found.columns()[path]


def texts(array: pa.Array) -> pa.BinaryArray:
    """Return the text of each value of a type that is not nested, without nulls."""
    array = storage(array)
    kind = array.type
    if pt.is_dictionary(kind):
        return texts(array.dictionary.take(array.indices))
    if kind in _BINARY:
        array = array.view(_BINARY[kind])
    elif pt.is_floating(kind):
        array = _floats(array)
    elif pt.is_decimal(kind):
        array = _decimals(array)
    elif pt.is_timestamp(kind):
        array = pc.replace_substring(
            array.cast(pa.timestamp(kind.unit)).cast(pa.string()), " ", "T", max_replacements=1
        )
        if kind.tz is not None:
            array = pc.binary_join_element_wise(array, "Z", "")
    elif not (pt.is_fixed_size_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind)):
        array = array if pt.is_binary(kind) or pt.is_null(kind) else array.cast(pa.string())
    return pc.fill_null(array.cast(pa.binary()), b"")


def as_bytes(array: pa.Array) -> pa.Array:
    """Return strings as bytes without validation: one that is not UTF-8 is a bad cell, not a broken file.

    Args:
        array: without an offset, as read.
    """
    array = storage(array)
    kind = array.type
    if kind in _BINARY:
        return array.view(_BINARY[kind])
    if pt.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(array.indices, as_bytes(array.dictionary), safe=False)
    if pt.is_list(kind) or pt.is_large_list(kind):
        inside = as_bytes(array.values)
        made = pa.list_(inside.type) if pt.is_list(kind) else pa.large_list(inside.type)
        return pa.Array.from_buffers(made, len(array), array.buffers()[:2], children=[inside])
    if pt.is_struct(kind):
        parts = [as_bytes(array.field(i)) for i in range(kind.num_fields)]
        made = pa.struct([(field.name, part.type) for field, part in zip(kind, parts, strict=True)])
        return pa.Array.from_buffers(made, len(array), array.buffers()[:1], children=parts)
    return array


def _joined(array: pa.Array) -> pa.BinaryArray | None:
    """Return the cells of lists of texts as in `json_cells`; None if a text is not UTF-8."""
    try:
        inside = texts(array.flatten()).cast(pa.string())
        filled = pc.not_equal(pc.utf8_trim_whitespace(inside), "")
    except pa.ArrowInvalid:
        return None
    lengths = _running(filled.to_numpy(zero_copy_only=False))[_running(_lengths(array))]
    lists = pa.ListArray.from_arrays(pa.array(lengths, pa.int32()), inside.filter(filled))
    return cells_of(lists)


def _values(array: pa.Array) -> list[object]:
    """Return the values as strings, lists and dicts, as from JSON. Null is an empty string."""
    array = storage(array)
    kind = array.type
    if pt.is_struct(kind):
        parts = [_values(part) for part in array.flatten()]
        names = [field.name for field in kind]
        return [dict(zip(names, row, strict=True)) for row in zip(*parts, strict=True)] or [{}] * len(array)
    if pt.is_map(kind):
        edges = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        low, high = int(edges[0]), int(edges[-1])
        keys, items = _values(array.keys[low:high]), _values(array.items[low:high])
        bounds = (edges - low).tolist()
        return [dict(zip(map(str, keys[a:b]), items[a:b], strict=True)) for a, b in pairwise(bounds)]
    if pt.is_nested(kind):
        inside = _values(array.flatten())
        return [inside[begin:end] for begin, end in pairwise(_running(_lengths(array)).tolist())]
    return [text.decode("utf-8", "surrogateescape") for text in texts(array).to_pylist()]


def _lengths(array: pa.Array) -> Sizes:
    """Return the number of elements of each list; 0 for null."""
    found = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return np.asarray(found, np.int64)


def _running(lengths: Sizes) -> Sizes:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)))


def _floats(array: pa.Array) -> pa.Array:
    """Format floats like `repr`."""
    whole = 2.0 ** _EXACT_BITS[array.type]
    values = pc.fill_null(array, float("nan")).to_numpy(zero_copy_only=False)
    integral = (np.abs(values) < whole) & (np.trunc(values) == values) & ~((values == 0) & np.signbit(values))
    if integral.all():
        return pc.binary_join_element_wise(pa.array(values.astype(np.int64)).cast(pa.string()), ".0", "")
    out = pc.binary_join_element_wise(
        pa.array(np.where(integral, values, 0).astype(np.int64)).cast(pa.string()), ".0", ""
    )
    missing = array.is_null().to_numpy(zero_copy_only=False)
    odd = np.flatnonzero(~integral)
    others = ["" if missing[i] else str(values[i]) for i in odd]
    return pc.replace_with_mask(out, pa.array(~integral), pa.array(others, pa.string()))


def _decimals(array: pa.Array) -> pa.Array:
    found = array.cast(pa.string())
    if pc.any(pc.match_substring(found, "E")).as_py():
        found = pa.array([None if value is None else f"{value:f}" for value in array.to_pylist()], pa.string())
    return pc.replace_substring_regex(found, r"\.0+$", "")
