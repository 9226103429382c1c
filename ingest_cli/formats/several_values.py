"""Encode several values in one cell as a JSON list, so that they stay separate.

A separator would not do: it may be part of a user name, and a kind that does not split at it would read all values as
one. Every kind of identifier parses lists (`identifiers.lists`).
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

_BETWEEN = '","'
# A quote or a backslash, including characters that NFKC, in which cells are read, converts to one.
_QUOTES, _BACKSLASHES = '"\uff02', "\\\uff3c\ufe68"
_ESCAPED = str.maketrans({**dict.fromkeys(_QUOTES, '\\"'), **dict.fromkeys(_BACKSLASHES, "\\\\")})
_QUOTE_PATTERN, _BACKSLASH_PATTERN = f"[{_QUOTES}]", f"[\\{_BACKSLASHES}]"


def cell_of(values: Sequence[str]) -> str:
    """Return the cell for some values; a single value is its own cell."""
    if len(values) < 2:  # noqa: PLR2004 - several
        return values[0] if values else ""
    return f'["{_BETWEEN.join(value.translate(_ESCAPED) for value in values)}"]'


def cell_of_bytes(values: Sequence[bytes]) -> bytes:
    """Apply `cell_of` to values that need not be UTF-8."""
    if len(values) == 1:
        return values[0]
    return cell_of([value.decode("utf-8", "surrogateescape") for value in values]).encode("utf-8", "surrogateescape")


def cells_of(lists: pa.ListArray) -> pa.BinaryArray:
    """Apply `cell_of` to a column of lists of strings, without nulls at either level."""
    joined = pc.binary_join(lists, _BETWEEN)
    several = pc.greater(pc.list_value_length(lists), 1)
    if pc.any(several, min_count=0).as_py():
        values = pc.replace_substring_regex(lists.flatten(), _BACKSLASH_PATTERN, r"\\\\")
        values = pc.replace_substring_regex(values, _QUOTE_PATTERN, r'\\"')
        lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False).cumsum()
        escaped = pa.ListArray.from_arrays(pa.array([0, *lengths.tolist()], pa.int32()), values)
        quoted = pc.binary_join_element_wise('["', pc.binary_join(escaped, _BETWEEN), '"]', "")
        joined = pc.if_else(several, quoted, joined)
    return joined.cast(pa.binary())
