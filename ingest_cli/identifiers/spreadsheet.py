"""Undo spreadsheet damage to long numbers.

Excel and pandas turn `60123456789` into `6.01E+10`, `60123456789.0` or `'60123456789`. The first is irreparable
unless every digit is present; the others are not. Every numeric kind starts here, so that the same damage has the
same outcome in every column.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.model.arrow_bytes import bytes_of

PRECISION_LOST = "precision_lost"
"""Reason for a number of which only the leading digits are left."""

LONGEST_CELL = 4096
"""Maximum number of characters. A longer cell is free text, and is not searched for identifiers."""

# An E must be followed by '+' or follow a decimal point: the passport 5E123 has neither. The comma is
# the decimal point of some locales.
_SCIENTIFIC = re.compile(r"([+-]?)([0-9]+)(?:[.,]([0-9]*)[Ee]([+-]?[0-9]+)|[Ee](\+[0-9]+))")
_LONGEST_EXPONENT = 6  # characters: no cell has a million decimals, and int() has a limit
_FLOAT = re.compile(r"([+-]?[0-9]+)\.0{1,2}")
_FLOAT_TAIL = b".0"
_FLOAT_IN_ARROW = r"^'*([+-]?[0-9]+)\.0$"


def restore(text: str) -> str | None:
    """Return `text` as it was before the damage; None if digits are lost.

    Leading apostrophes (Excel's text marker) and a `.0` or `.00` after an integer are removed, and scientific
    notation is expanded if, and only if, its mantissa has every digit of the integer. Anything else is unchanged.
    """
    text = text.lstrip("'").strip()
    if whole := _FLOAT.fullmatch(text):
        return whole[1]
    if number := _SCIENTIFIC.fullmatch(text):
        return _written_out(number)
    return text


def _written_out(number: re.Match[str]) -> str | None:
    sign, integer, fraction, exponent = number[1], number[2], number[3] or "", number[4] or number[5]
    if len(exponent) > _LONGEST_EXPONENT:
        return None
    shift = int(exponent)
    # A shift beyond the decimals: digits were rounded away. A smaller shift: not an integer.
    if not 0 <= shift <= len(fraction) or fraction[shift:].strip("0"):
        return None
    return sign + integer + fraction[:shift]


def drop_float_tail(cells: pa.StringArray) -> pa.StringArray:
    """Apply `restore` to the commonest damage, `60123456789.0`, for a whole column.

    Args:
        cells: length n, nulls stay nulls.

    Returns:
        Length n. Cells with any other damage are unchanged, not rejected.
    """
    offsets, data = bytes_of(cells)
    ends = offsets[1:][np.diff(offsets) >= len(_FLOAT_TAIL)]
    if not ((data[ends - 2] == _FLOAT_TAIL[0]) & (data[ends - 1] == _FLOAT_TAIL[1])).any():
        return cells
    return pc.replace_substring_regex(cells, _FLOAT_IN_ARROW, r"\1", max_replacements=1)
