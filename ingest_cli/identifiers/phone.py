"""Phone numbers: E.164 with `+`, as ITU-T Recommendation E.164 and Google's libphonenumber have it.

The library (`phonenumbers`) is the definition: what a number is, which one, and whether its length is
possible (`canonical_phones`). It costs 50-100 µs a number, so two shortcuts stand before it, both built from its own
metadata and both tested to be equal to it: `phone_columns` decides the ways in which a region's own numbers are mostly
written, a column at a time; `numbering_plan` reads any number of which nothing is left but digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
import phonenumbers
import pyarrow as pa

from ingest_cli.columns import Bytes, bytes_of, compacted, gathered
from ingest_cli.identifiers import masks, numbering_plan, phone_columns, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.numbering_plan import IMPOSSIBLE, LONGEST_TEXT, Number
from ingest_cli.identifiers.two_speed import CellResult, complete

NOT_A_PHONE = "not_a_phone"
REASONS = (NOT_A_PHONE, IMPOSSIBLE.reason, spreadsheet.PRECISION_LOST)
NOT_VALID_TODAY = "not_valid_today"

# A semicolon belongs to the number where RFC 3966 puts a parameter behind it.
_SEPARATOR = re.compile(r"[/,&|\r\n]|;(?!ext=|isub=|phone-context=)|(?<![a-z])or(?![a-z])", re.IGNORECASE)
_DIGIT = re.compile(r"\d")  # of any script: the library knows them all

_MOST_NUMBERS_REMEMBERED = 65_536
_MOST_ROUNDS = 4
_MOST_CODE_DIGITS = 3
_SHOWN_DIGITS_BEHIND = 2

_NOT_A_NUMBER = Number(None, NOT_A_PHONE)
_DAMAGED = Number(None, spreadsheet.PRECISION_LOST)

ReadNumber = Callable[[str, str], Number]
"""From the text of one number, and the region in which it is dialled, to what became of it."""


def number_by_library(text: str, region: str) -> Number:
    """Give the one number in `text`, by the careful rule."""
    restored = spreadsheet.restore(text)
    return _DAMAGED if restored is None else _by_library(restored, region)


def _by_library(text: str, region: str) -> Number:
    # Again until nothing changes: +60 0 12… loses its trunk prefix only when it is read a second time, and a
    # canonical form must be its own canonical form.
    for _ in range(_MOST_ROUNDS):
        number = _parsed(text, region)
        if isinstance(number, Number):
            return number
        value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if value == text:
            return Number(value, is_valid=phonenumbers.is_valid_number(number))
        text = value
    return _NOT_A_NUMBER


def _parsed(text: str, region: str) -> phonenumbers.PhoneNumber | Number:
    """Read `text` once; what is no number is the `Number` that says why."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        no_number = {error.NOT_A_NUMBER, error.INVALID_COUNTRY_CODE}
        return _NOT_A_NUMBER if error.error_type in no_number else IMPOSSIBLE
    return number if phonenumbers.is_possible_number(number) else IMPOSSIBLE


@lru_cache(maxsize=_MOST_NUMBERS_REMEMBERED)
def _by_library_once(text: str, region: str) -> Number:
    """Do what `_by_library` does, remembering it, and reading E.164 again without the library where that is enough."""
    number = _parsed(text, region)
    if isinstance(number, Number):
        return number
    value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    digits = numbering_plan.bare(value)
    return (digits and numbering_plan.read(digits, region)) or _by_library(value, region)


def _number(text: str, region: str) -> Number:
    """Do what `number_by_library` does, in the cheapest way that is open."""
    restored = spreadsheet.restore(text)
    if restored is None:
        return _DAMAGED
    if not _DIGIT.search(restored):
        return _NOT_A_NUMBER
    digits = numbering_plan.bare(restored.replace(".", ""))  # punctuation, now that no float is left
    return (digits and numbering_plan.read(digits, region)) or _by_library_once(restored, region)


def _parts(text: str) -> list[str]:
    """Split a cell into its numbers; pieces without a letter or digit are none."""
    restored = spreadsheet.restore(text)
    if restored is None or restored != text:
        return [text]  # one number, damaged: its comma is a decimal point
    pieces = (piece.strip() for piece in _SEPARATOR.split(text))
    return [piece for piece in pieces if any(map(str.isalnum, piece))]


def canonical_phones(text: str, region: str, read: ReadNumber = number_by_library) -> CellResult:
    """Give every number of a cell, by the careful rule.

    Args:
        text: the cell.
        region: where numbers without `+` are dialled; upper-case.
        read: what reads one number; anything else than the library must agree with it.
    """
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=(IMPOSSIBLE.reason,))
    values: dict[str, bool] = {}
    reasons: list[str] = []
    for part in _parts(text):
        number = read(part, region) if len(part) <= LONGEST_TEXT else IMPOSSIBLE
        if number.value is None:
            reasons.append(number.reason)
        else:
            values[number.value] = number.is_valid
    if not values and not reasons:
        reasons.append(NOT_A_PHONE)
    doubtful = tuple(value for value, is_valid in values.items() if not is_valid)
    flags = (NOT_VALID_TODAY,) * len(doubtful)
    return CellResult(tuple((value, 0) for value in values), tuple(reasons), flags, doubtful)


def quick_phones(text: str, region: str) -> CellResult:
    """Do what `canonical_phones` does, but mostly without the library."""
    digits = numbering_plan.bare(text)
    number = numbering_plan.read(digits, region) if digits else None
    if number is None:
        return canonical_phones(text, region, _number)
    if number.value is None:
        return CellResult(reasons=(number.reason,))
    if number.is_valid:
        return CellResult(((number.value, 0),))
    return CellResult(((number.value, 0),), flags=(NOT_VALID_TODAY,), doubtful=(number.value,))


class Phone:
    """The kind `phone`."""

    kind: str = "phone"
    labels: tuple[str, ...] = ("phone",)
    reasons: tuple[str, ...] = REASONS
    exposes: str = "Phone numbers"
    lookup: bool = True

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:
        """Bring `cells` to E.164; a cell that holds several numbers (`/ ; , & | or`) yields each once.

        Flag: `not_valid_today` (possible, but in no range of today's numbering plan).
        """
        region = region.upper()
        return complete(cells, phone_columns.decide(cells, region), partial(quick_phones, region=region))

    def mask(self, values: pa.StringArray) -> pa.DictionaryArray:
        """Country code, seven stars and the last two digits."""
        offsets, data = bytes_of(values)
        # What a mask depends on, in rows of bytes: whether it hides enough, the first digits, the last two.
        seen = np.empty((len(values), 1 + _MOST_CODE_DIGITS + _SHOWN_DIGITS_BEHIND), np.uint8)
        seen[:, 1:4] = gathered(data, offsets[:-1] + 1, _MOST_CODE_DIGITS)
        seen[:, 4:] = gathered(data, offsets[1:] - _SHOWN_DIGITS_BEHIND, _SHOWN_DIGITS_BEHIND)
        starts, which = compacted(_number_of(seen[:, 1:4]))
        code_digits = np.array([len(_country_code(f"{start:03d}")) for start in starts.tolist()], np.int64)[which]
        digits = np.diff(offsets).astype(np.int64) - 1
        seen[:, 0] = masks.is_hidden(digits, code_digits + _SHOWN_DIGITS_BEHIND)
        return masks.of_few(seen, _mask)


def _number_of(numerals: Bytes) -> npt.NDArray[np.int64]:
    """What `numerals`, shape (n, 3), say."""
    number: npt.NDArray[np.int64] = (numerals - np.uint8(ord("0"))) @ np.array([100, 10, 1])
    return number


@lru_cache(maxsize=masks.MOST_REMEMBERED)
def _mask(seen: bytes) -> str:
    text = seen[1:].decode()
    code, ending = _country_code(text[:_MOST_CODE_DIGITS]), text[_MOST_CODE_DIGITS:]
    return f"+{code}{'*' * 7}{ending}" if seen[0] else masks.STARS


def _country_code(digits: str) -> str:
    """Give the country code at the start of an E.164 number, the first three digits of which are given."""
    known = (digits[:length] for length in (1, 2, 3))
    return next((code for code in known if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), digits)
