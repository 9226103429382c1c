"""Shared rules of the kinds that consist of digits only: IMSI, IMEI and ICCID."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import spreadsheet
from ingest_cli.identifiers.two_speed import CellResult
from ingest_cli.model.arrow_bytes import BoolArray, Bytes, bytes_of, count_before, gathered, text

NOT_DIGITS = "not_digits"
WRONG_LENGTH = "wrong_length"

_SEPARATORS = re.compile(r"[\W_]+")
_BETWEEN_VALUES = re.compile(r"[;\r\n]+")

_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9], np.uint8)
"""Digit sum of twice a digit."""

_NINE = 9


def bare(text: str) -> tuple[str, str | None]:
    """Return the letters and digits of a cell in upper case, or "" and the reason for the failure."""
    if len(text) > spreadsheet.LONGEST_CELL:
        return "", WRONG_LENGTH
    restored = spreadsheet.restore(text)
    if restored is None:
        return "", spreadsheet.PRECISION_LOST
    value = _SEPARATORS.sub("", restored)
    return (value.upper(), None) if value.isascii() else ("", NOT_DIGITS)


def each(text: str, canonical: Callable[[str], CellResult]) -> list[CellResult]:
    """Apply the rule for one value to every value of a cell; `;` and line ends separate values."""
    if (";" in text or "\n" in text or "\r" in text) and len(text) <= spreadsheet.LONGEST_CELL:
        pieces = [piece.strip() for piece in _BETWEEN_VALUES.split(text) if any(map(str.isalnum, piece))]
        return [canonical(piece) for piece in pieces] or [canonical(text)]
    return [canonical(text)]


def is_digits(value: str) -> bool:
    """Return whether `value` consists of ASCII digits and is not empty."""
    return value.isascii() and value.isdecimal()


def without(cells: pa.StringArray, characters: str) -> pa.StringArray:
    """Delete ASCII `characters` from every cell: length n in and out, nulls stay nulls."""
    offsets, data = bytes_of(cells)
    deleted = np.zeros(len(data), np.bool_)
    for character in characters.encode("ascii"):
        deleted |= data == character
    if not deleted.any():
        return cells
    rest = text((offsets - count_before(deleted, offsets)).astype(np.int32), data[~deleted])
    return pc.if_else(cells.is_valid(), rest, pa.scalar(None, pa.string())) if cells.null_count else rest


def bare_column(cells: pa.StringArray) -> pa.StringArray:
    """Apply `bare` to the commonest separators, `-` and blank, for a whole column."""
    return without(spreadsheet.drop_float_tail(cells), "- ")


def passes_luhn(value: str) -> bool:
    """Return whether the last digit is the check digit of the others (ISO/IEC 7812-1 annex B)."""
    numbers = [ord(character) - ord("0") for character in reversed(value)]
    doubled = (number * 2 - 9 * (number > 4) for number in numbers[1::2])  # noqa: PLR2004 - 2 x 5 has two digits
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0


def of_length(values: pa.StringArray, length: int) -> tuple[npt.NDArray[np.int64], Bytes]:
    """Return the values of `length` bytes, without nulls.

    Returns:
        Shape (k,): their indices; shape (length, k): their bytes minus `0`, so that a digit is its value. One row
            per position: adding rows is what numpy does fastest.
    """
    offsets, data = bytes_of(values)
    fitting = np.diff(offsets) == length
    if values.null_count:
        fitting &= values.is_valid().to_numpy(zero_copy_only=False)
    at = np.flatnonzero(fitting)
    return at, np.ascontiguousarray(gathered(data, offsets[at], length).T) - np.uint8(ord("0"))


def all_digits(numbers: Bytes) -> BoolArray:
    """Return whether each column of `numbers`, shape (length, k), is all digits. Shape (k,)."""
    largest: Bytes = numbers.max(axis=0, initial=0)
    return largest <= _NINE


def column_passes_luhn(values: pa.StringArray, length: int) -> BoolArray:
    """Apply `passes_luhn` to a column: n values in, shape (n,) out.

    False for nulls and anything but `length` digits; `length` is at most 28, since the sum is a byte.
    """
    at, numbers = of_length(values, length)
    passed = np.zeros(len(values), np.bool_)
    right = all_digits(numbers)
    numbers = numbers[::-1] * right  # the last one first; non-digits cannot be doubled
    totals = numbers[::2].sum(axis=0, dtype=np.uint8) + _DOUBLED[numbers[1::2]].sum(axis=0, dtype=np.uint8)
    passed[at] = right & (totals % 10 == 0)
    return passed
