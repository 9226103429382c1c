"""Advice on rejected rows: the manifest key that fits each reason.

A larger `max_ratio` is no remedy for rows whose cells do not fit their columns, nor for numbers parsed for the
wrong country: their persons would be missing in the table. So it is not proposed where there are such rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "too_few_cells": 'if rows omit empty cells at their end, set `short_rows = "fill"` in [format]',
        "too_many_cells": (
            'if the surplus cells are empty, set `long_rows = "trim"` in [format]; if one column holds delimiters, '
            'set `overflow = "COLUMN"`'
        ),
        "unclosed_quote": (
            'if quotes are ordinary characters, set `quote = ""` in [format]; if a backslash escapes those that '
            'are, set `escape = "\\\\"`'
        ),
        "misaligned": (
            "the rules for rows in [format] put values into wrong columns; examine the file with "
            "`ingest-cli validate FILE`"
        ),
        "no_plus": 'if phone numbers begin with a country code, set `region = "international"` in [[fields]]',
        "too_many_identifiers": (
            "such a row usually merges several people; check `rows` in [format] and the columns with [] "
            "in them, or raise `max_identifiers` in [rejects]"
        ),
        "object_in_cell": (
            "an object is not a cell; name its values by a path like contact.email. If it holds other rows, set `rows` "
            'in [format], like rows = "users.*" for the values of an object; if it is a column, set layout = "columns"'
        ),
        "array_in_cell": (
            "an array is not a cell; append [] to its name, like contact.phones[], if it belongs to one person; if it "
            'is a column, set layout = "columns" in [format]'
        ),
        "not_an_object": "rows that are arrays need `columns` in [format], with a name for each of their elements",
        "not_an_array": "with `columns` in [format], rows are arrays; remove it where they are objects",
        "no_rows": "check `rows` in [format]; for the values of an object, add a *, like users.*",
        "duplicate_key": "a key occurs twice in one column, so its values are ambiguous",
    }
)
"""Reason → remedy, for rows that must not be tolerated."""

_MOST_NAMED = 3
_OTHER_REASONS = "For the other reasons, check [format] and [[fields]] with `validate`"


def advice(rejected: Mapping[str, int], otherwise: str) -> str:
    """Return advice on rejected rows.

    Args:
        rejected: reason → number of rows.
        otherwise: advice if no reason has its own remedy.
    """
    known = sorted((reason for reason in rejected if reason in ADVICE), key=lambda reason: -rejected[reason])
    if not known:
        return otherwise
    said = [f"{reason} ({rejected[reason]:,} rows): {ADVICE[reason]}" for reason in known[:_MOST_NAMED]]
    if rejected[known[0]] < max(rejected.values()):
        said.append(_OTHER_REASONS)
    return ". ".join(said).replace("(1 rows)", "(1 row)")
