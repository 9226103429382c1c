"""What the kinds share that are nothing but digits on a device or a card: IMSI, IMEI and ICCID."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import spreadsheet
from ingest_cli.identifiers.two_speed import BoolArray, bytes_of, count_before, truth

NOT_DIGITS = "not_digits"
WRONG_LENGTH = "wrong_length"

_SEPARATORS = re.compile(r"[\W_]+")

_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.uint8)
"""Twice a digit, its two digits added."""


def bare(text: str) -> tuple[str, str | None]:
    """Give the letters and digits of a cell, upper-case, or "" and why they cannot be had."""
    if len(text) > spreadsheet.LONGEST_CELL:
        return "", WRONG_LENGTH
    restored = spreadsheet.restore(text)
    if restored is None:
        return "", spreadsheet.PRECISION_LOST
    value = _SEPARATORS.sub("", restored)
    return (value.upper(), None) if value.isascii() else ("", NOT_DIGITS)


def is_digits(value: str) -> bool:
    """Whether `value` is ASCII digits and nothing else; "" is not."""
    return value.isascii() and value.isdecimal()


def without(cells: pa.StringArray, characters: str) -> pa.StringArray:
    """Delete ASCII `characters` from every cell: length n in and out, nulls stay nulls."""
    offsets, data = bytes_of(cells)
    deleted = np.zeros(len(data), np.bool_)
    for character in characters.encode("ascii"):
        deleted |= data == character
    if not deleted.any():
        return cells
    starts = (offsets - count_before(deleted, offsets)).astype(np.int32)
    rest = pa.StringArray.from_buffers(len(cells), pa.py_buffer(starts), pa.py_buffer(data[~deleted]))
    return pc.if_else(cells.is_valid(), rest, pa.scalar(None, pa.string())) if cells.null_count else rest


def bare_column(cells: pa.StringArray) -> pa.StringArray:
    """Do what `bare` does to the commonest separators, `-` and blank, to a whole column at once."""
    return without(spreadsheet.drop_float_tail(cells), "- ")


def passes_luhn(value: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1 annex B)."""
    numbers = [ord(character) - ord("0") for character in reversed(value)]
    doubled = (number * 2 - 9 * (number > 4) for number in numbers[1::2])  # noqa: PLR2004 - 2 x 5 has two digits
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0


def column_passes_luhn(values: pa.StringArray, length: int) -> BoolArray:
    """Do what `passes_luhn` does to a column: n values in, shape (n,) out.

    False for nulls and for anything but `length` digits, of which there may be 28: their sum is a byte.
    """
    right = truth(pc.and_(pc.ascii_is_decimal(values), pc.equal(pc.binary_length(values), length)))
    _, data = bytes_of(values if right.all() else values.filter(pa.array(right)))
    # One row per position, the last one first: adding rows is what numpy does fastest.
    numbers = np.ascontiguousarray(data.reshape(-1, length).T[::-1]) - np.uint8(ord("0"))
    totals = numbers[::2].sum(axis=0, dtype=np.uint8) + _DOUBLED[numbers[1::2]].sum(axis=0, dtype=np.uint8)
    right[right] = totals % 10 == 0
    return right
