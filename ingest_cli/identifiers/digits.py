"""What the kinds share that are nothing but digits on a device or a card: IMSI, IMEI and ICCID."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import spreadsheet
from ingest_cli.identifiers.two_speed import BoolArray, truth

NOT_DIGITS = "not_digits"
WRONG_LENGTH = "wrong_length"

_SEPARATORS = re.compile(r"[\W_]+")


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


def bare_column(cells: pa.StringArray) -> pa.StringArray:
    """Do what `bare` does to the commonest separators, `-` and blank, to a whole column at once."""
    return pc.replace_substring(pc.replace_substring(spreadsheet.drop_float_tail(cells), "-", ""), " ", "")


def passes_luhn(value: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1 annex B)."""
    numbers = [ord(character) - ord("0") for character in reversed(value)]
    doubled = (number * 2 - 9 * (number > 4) for number in numbers[1::2])  # noqa: PLR2004 - 2 x 5 has two digits
    return (sum(numbers[::2]) + sum(doubled)) % 10 == 0


def column_passes_luhn(values: pa.StringArray, length: int) -> BoolArray:
    """Do what `passes_luhn` does to a column: n values in, shape (n,) out.

    False for nulls and for anything but `length` digits.
    """
    right = truth(pc.match_substring_regex(values, f"^[0-9]{{{length}}}$"))
    joined = "".join(values.filter(pa.array(right)).to_pylist()).encode("ascii")
    numbers = np.frombuffer(joined, np.uint8).reshape(-1, length)[:, ::-1].astype(np.int64) - ord("0")
    doubled = numbers[:, 1::2] * 2
    doubled -= 9 * (doubled > 9)  # noqa: PLR2004 - the sum of the two digits
    right[right] = (numbers[:, ::2].sum(axis=1) + doubled.sum(axis=1)) % 10 == 0
    return right
