"""Check the type and range of values read from a table or a file.

A value of the wrong type is noticed late: `1.5` compares with `1`, a negative count makes a sum balance, NaN makes
every comparison false. Therefore each value is checked where it is read.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_WHOLE = (1 << 63) - 1
"""Largest count or offset: that of a 64-bit integer, as for file offsets."""

MAX_SECONDS = 253_402_300_800.0
"""End of the year 9999 as Unix time, the last that a calendar date can represent."""

_DIGITS = re.compile(r"[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,38})?")


def whole(value: Any, most: int = MAX_WHOLE) -> int:
    """Return a whole number from 0 to `most`.

    Raises:
        ValueError: `value` is anything else; the message omits the value.
    """
    if type(value) is not int or not 0 <= value <= most:  # a bool is an int, but not a number
        raise ValueError(f"is not a whole number from 0 to {most}")
    return value


def amount(value: Any) -> float:
    """Return a finite number of 0 or more.

    Raises:
        ValueError: `value` is anything else.
    """
    if type(value) not in {int, float} or not 0 <= value <= MAX_WHOLE or not math.isfinite(value):
        raise ValueError("is not a number of 0 or more")
    return float(value)


def text(value: Any, most: int) -> str:
    """Return a text of up to `most` characters.

    Raises:
        ValueError: `value` is anything else.
    """
    if type(value) is not str:
        raise ValueError("is not a text")
    if len(value) > most:
        raise ValueError(f"has more than {most:,} characters")
    return value


def flag(value: Any) -> bool:
    """Return a boolean.

    Raises:
        ValueError: `value` is anything else.
    """
    if type(value) is not bool:
        raise ValueError("is neither true nor false")
    return value


def whole_of_text(value: Any, most: int = MAX_WHOLE) -> int:
    """Return a whole number from 0 to `most`, given in digits as in DynamoDB's numbers.

    Raises:
        ValueError: `value` is anything else.
    """
    if type(value) is not str or not _DIGITS.fullmatch(value):
        raise ValueError(f"is not a whole number from 0 to {most}")
    return whole(int(value), most)


def seconds_of_text(value: Any) -> float:
    """Return a time in seconds since 1970, up to the year 9999, given in digits; earlier ones count as 1970.

    Raises:
        ValueError: `value` is anything else.
    """
    if type(value) is not str or not _DECIMAL.fullmatch(value) or float(value) > MAX_SECONDS:
        raise ValueError("is not a time in seconds")
    return max(float(value), 0.0)


def parsed_json(data: bytes) -> Any:
    """Parse a JSON document that this program wrote: NaN and infinity, which JSON does not have, are refused.

    Raises:
        ValueError: it is not JSON, or is nested deeper than Python's parser supports (about a thousand levels).
    """
    try:
        return json.loads(data, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"holds {name}, which is no number")
