"""What to do about rejected rows: for each reason the key of the manifest that fits.

A larger `max_ratio` is no remedy for rows whose cells do not fit their columns, nor for numbers that are read in the
wrong country: whoever is in them would be missing in the table. So it is not proposed where there are such rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "too_few_cells": 'if empty cells are left out at the end of rows, set `short_rows = "fill"` in [format]',
        "too_many_cells": (
            'if the surplus cells are empty, set `long_rows = "trim"` in [format]; if one column holds delimiters, '
            'set `overflow = "COLUMN"`'
        ),
        "unclosed_quote": (
            'if quotes are ordinary characters, set `quote = ""` in [format]; if a backslash stands before those that '
            'are, set `escape = "\\\\"`'
        ),
        "misaligned": (
            "values are in other columns than the rules for rows in [format] make of it; look at the file with "
            "`ingest-cli validate FILE`"
        ),
        "no_plus": 'if phone numbers begin with a country code, set `region = "international"` in [[fields]]',
        "too_many_identifiers": "several people are read as one row; set `rows` in [format] to where the rows are",
    }
)
"""Reason → what helps, for rows that must not be put up with."""

_MOST_NAMED = 3


def advice(rejected: Mapping[str, int], otherwise: str) -> str:
    """What to do about rows that were rejected.

    Args:
        rejected: reason → number of rows.
        otherwise: what to say where no reason has a remedy of its own.
    """
    known = sorted((reason for reason in rejected if reason in ADVICE), key=lambda reason: -rejected[reason])
    if not known:
        return otherwise
    said = (f"{reason} ({rejected[reason]:,} rows): {ADVICE[reason]}" for reason in known[:_MOST_NAMED])
    return ". ".join(said).replace("(1 rows)", "(1 row)")
