"""Undo what a spreadsheet does to a long number before it reaches a dump.

Excel and pandas turn `60123456789` into `6.01E+10`, `60123456789.0` or `'60123456789`. The first is
beyond repair unless every digit was printed; the others are not. Every kind whose values are numbers
starts here, so that the same damage has the same outcome in every column.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.model.arrow_bytes import bytes_of

PRECISION_LOST = "precision_lost"
"""The reason for a number of which only the leading digits are left."""

LONGEST_CELL = 4096
"""Characters. A cell longer than this is free text: no identifier is looked for in it."""

# An E needs a '+' behind it or a decimal point before it: the passport 5E123 has neither. The comma is
# the decimal point of a spreadsheet in another language.
_SCIENTIFIC = re.compile(r"([+-]?)([0-9]+)(?:[.,]([0-9]*)[Ee]([+-]?[0-9]+)|[Ee](\+[0-9]+))")
_LONGEST_EXPONENT = 6  # characters: no cell has a million decimals, and int() has a limit
_FLOAT = re.compile(r"([+-]?[0-9]+)\.0{1,2}")
_FLOAT_TAIL = b".0"
_FLOAT_IN_ARROW = r"^'*([+-]?[0-9]+)\.0$"


def restore(text: str) -> str | None:
    """Give `text` as it was before a spreadsheet had it; None where digits are lost for good.

    Leading apostrophes (Excel's mark for "this is text") are removed, `.0` and `.00` behind an integer
    are removed, and scientific notation is written out if, and only if, its mantissa shows every digit of
    the integer. Anything else comes back as it is.
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
    # A shift beyond the decimals: digits were rounded away. One short of them: not an integer.
    if not 0 <= shift <= len(fraction) or fraction[shift:].strip("0"):
        return None
    return sign + integer + fraction[:shift]


def drop_float_tail(cells: pa.StringArray) -> pa.StringArray:
    """Do what `restore` does to the commonest damage, `60123456789.0`, to a whole column at once.

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
