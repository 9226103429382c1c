"""Phone numbers: E.164 with `+`, as defined by ITU-T Recommendation E.164 and Google's libphonenumber.

The library (`phonenumbers`) is the reference for what a number is and whether its length is possible
(`canonical_phones`). It costs 50-100 µs a number, so two shortcuts precede it, both built from its own metadata and
tested to be equal to it: `phone_columns` decides the commonest notations of a region's own numbers, a column at a
time; `numbering_plan` reads any number that consists of digits only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import phonenumbers
import pyarrow as pa

from ingest_cli.identifiers import masks, numbering_plan, phone_columns, renumbering, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.lists import BROKEN_LIST
from ingest_cli.identifiers.numbering_plan import IMPOSSIBLE_LENGTH, LOCAL_ONLY, LONGEST_TEXT, Reading
from ingest_cli.identifiers.two_speed import CellResult, Decided, canonicalized, decided
from ingest_cli.model.arrow_bytes import Bytes, bytes_of, compacted, gathered
from ingest_cli.model.manifest import INTERNATIONAL

NOT_A_PHONE = "not_a_phone"
NO_PLUS = "no_plus"
NO_COUNTRY_CODE = "no_country_code"
UNKNOWN_REGION = "unknown_region"
REASONS = (
    NOT_A_PHONE,
    IMPOSSIBLE_LENGTH,
    LOCAL_ONLY,
    NO_PLUS,
    NO_COUNTRY_CODE,
    UNKNOWN_REGION,
    spreadsheet.PRECISION_LOST,
    BROKEN_LIST,
)
NOT_VALID_TODAY = "not_valid_today"
RENUMBERED = "renumbered"

# A semicolon is part of the number before a parameter of RFC 3966.
_SEPARATOR = re.compile(r"[/,&|\r\n]|;(?!ext=|isub=|phone-context=)|(?<![a-z])or(?![a-z])", re.IGNORECASE)
_DIGIT = re.compile(r"\d")  # of any script: the library knows them all

_MOST_NUMBERS_REMEMBERED = 65_536
_MOST_ROUNDS = 4
_MOST_CODE_DIGITS = 3
_SHOWN_DIGITS_BEHIND = 2

NO_REGION = "ZZ"
"""Placeholder for no region: only numbers with `+` are read (user-assigned code of ISO 3166-1)."""

_FIRST_DIGIT = re.compile(r"[+\d]")
_ABROAD = frozenset(
    {
        phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN,
        phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD,
    }
)


class Number(NamedTuple):
    """Result of one number.

    Attributes:
        value: E.164; None if there is none.
        reason: why there is no value, else "".
        flag: oddity of the number, else "".
    """

    value: str | None
    reason: str = ""
    flag: str = ""


ReadNumber = Callable[[str, str], Reading | str]
"""Maps the text of one number and its region to the number, or to the reason for rejecting it."""


def read_by_library(text: str, region: str) -> Reading | str:
    """Read the one number in `text`, by the careful rule."""
    # Repeated until nothing changes: +60 0 12… loses its trunk prefix only in the second pass, and canonicalization
    # must be idempotent.
    is_abroad = None
    for _ in range(_MOST_ROUNDS):
        number = _parsed(text, region)
        if isinstance(number, str):
            return number
        if is_abroad is None:
            is_abroad = number.country_code_source in _ABROAD
        value = _e164(number)
        reason = _reason_against(number)
        if value == text or reason == IMPOSSIBLE_LENGTH:
            return Reading(value, reason, phonenumbers.is_valid_number(number), is_abroad)
        text = value
    return NOT_A_PHONE


def _parsed(text: str, region: str) -> phonenumbers.PhoneNumber | str:
    """Read `text` once; return the reason if it is no number."""
    try:
        return phonenumbers.parse(text, region, keep_raw_input=True)
    except phonenumbers.NumberParseException as error:
        if error.error_type in {error.NOT_A_NUMBER, error.INVALID_COUNTRY_CODE}:
            return NOT_A_PHONE
        return IMPOSSIBLE_LENGTH


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return f"+{number.country_code}{phonenumbers.national_significant_number(number)}"


def _reason_against(number: phonenumbers.PhoneNumber) -> str:
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible == phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return LOCAL_ONLY if possible == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY else IMPOSSIBLE_LENGTH


@lru_cache(maxsize=_MOST_NUMBERS_REMEMBERED)
def _read_once(text: str, region: str) -> Reading | str:
    """Cached `read_by_library` that rereads E.164 without the library where possible."""
    number = _parsed(text, region)
    if isinstance(number, str) or _reason_against(number) == IMPOSSIBLE_LENGTH:
        return read_by_library(text, region)
    digits = numbering_plan.bare(_e164(number))
    reading = numbering_plan.read(digits, region) if digits else None
    if reading is None:
        return read_by_library(text, region)
    return reading._replace(is_abroad=number.country_code_source in _ABROAD)


def _read(text: str, region: str) -> Reading | str:
    """Return what `read_by_library` returns, by the cheapest method."""
    if not _DIGIT.search(text):
        return NOT_A_PHONE
    digits = numbering_plan.bare(text.replace(".", ""))  # only punctuation: floats were restored before
    return (digits and numbering_plan.read(digits, region)) or _read_once(text, region)


def number_of(text: str, region: str, read: ReadNumber = read_by_library) -> Number:
    """Return the one number in `text`.

    Args:
        text: one number, and its surroundings.
        region: upper-case region of numbers without `+`; or `INTERNATIONAL` or no region.
        read: reads the number.
    """
    restored = spreadsheet.restore(text)
    if restored is None:
        return Number(None, spreadsheet.PRECISION_LOST)
    if region == INTERNATIONAL:
        if (marked := with_plus(restored)) is None:
            return Number(None, NO_COUNTRY_CODE)
        return _judged(read(marked, NO_REGION), marked, read)
    if region not in phonenumbers.SUPPORTED_REGIONS and "+" not in restored and _DIGIT.search(restored):
        return Number(None, UNKNOWN_REGION)
    return _judged(read(restored, region), restored, read)


def with_plus(text: str) -> str | None:
    """Prepend `+` to a number that starts with its country code, or replace 00 by it; None if neither is there."""
    first = _FIRST_DIGIT.search(text)
    if first is None or first[0] == "+":
        return text
    at = first.start()
    if _is_zero(text[at]):
        return f"{text[:at]}+{text[at + 2 :]}" if _is_zero(text[at + 1 : at + 2]) else None
    return f"{text[:at]}+{text[at:]}"


def _is_zero(character: str) -> bool:
    return unicodedata.decimal(character, None) == 0 if character else False


def _judged(reading: Reading | str, text: str, read: ReadNumber) -> Number:
    """Decide whether to keep, convert or reject a number read from `text`."""
    if isinstance(reading, str):
        return Number(None, reading)
    if found := _in_use(reading, read):
        return found
    if reading.reason == LOCAL_ONLY:
        return Number(None, LOCAL_ONLY)
    if not reading.is_abroad and (found := _with_country_code(text, reading, read)):
        return found
    return Number(None, reading.reason) if reading.reason else Number(reading.value, flag=NOT_VALID_TODAY)


def _in_use(reading: Reading, read: ReadNumber) -> Number | None:
    """Return the number if it is valid today, or its renumbered form if that is; else None."""
    if reading.is_valid:
        return Number(reading.value)
    if (value := renumbering.today(reading.value)) is None:
        return None
    today = read(value, NO_REGION)
    is_valid = not isinstance(today, str) and today.is_valid and today.value == value
    return Number(value, flag=RENUMBERED) if is_valid else None


def _with_country_code(text: str, reading: Reading, read: ReadNumber) -> Number | None:
    """Interpret the first digits of a number invalid in its region as a country code.

    Returns:
        The number if the code is the region's own; a reject if it is that of another country; None if there is no
            such number either.
    """
    first = _FIRST_DIGIT.search(text)
    if first is None or first[0] == "+" or _is_zero(first[0]):
        return None
    marked = read(f"{text[: first.start()]}+{text[first.start() :]}", NO_REGION)
    if isinstance(marked, str):
        return None
    if _country_code(marked.value[1:4]) == _country_code(reading.value[1:4]):
        return _in_use(marked, read)
    return Number(None, NO_PLUS) if marked.is_valid else None


def _parts(text: str) -> list[str]:
    """Split a cell into its numbers; pieces without a letter or digit are dropped."""
    restored = spreadsheet.restore(text)
    if restored is None or restored != text:
        return [text]  # one number, damaged: its comma is a decimal point
    pieces = (piece.strip() for piece in _SEPARATOR.split(text))
    return [piece for piece in pieces if any(map(str.isalnum, piece))]


def canonical_phones(text: str, region: str, read: ReadNumber = read_by_library) -> CellResult:
    """Return every number of a cell, by the careful rule.

    Args:
        text: the cell.
        region: as for `number_of`.
        read: reads one number; must agree with the library.
    """
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=(IMPOSSIBLE_LENGTH,))
    flags: dict[str, str] = {}
    reasons: list[str] = []
    for part in _parts(text):
        number = number_of(part, region, read) if len(part) <= LONGEST_TEXT else Number(None, IMPOSSIBLE_LENGTH)
        if number.value is None:
            reasons.append(number.reason)
        elif flags.get(number.value, NOT_VALID_TODAY):  # written in two ways, the better one counts
            flags[number.value] = number.flag
    if not flags and not reasons:
        reasons.append(NOT_A_PHONE)
    return CellResult(
        tuple((value, 0) for value in flags),
        tuple(reasons),
        tuple(flag for flag in flags.values() if flag),
        tuple(value for value, flag in flags.items() if flag == NOT_VALID_TODAY),
    )


def quick_phones(text: str, region: str) -> CellResult:
    """Return what `canonical_phones` does, mostly without the library."""
    digits = numbering_plan.bare(text)
    reading = None
    if digits and region == INTERNATIONAL:
        digits = with_plus(digits)
        reading = numbering_plan.read(digits, NO_REGION) if digits else None
    elif digits:
        reading = numbering_plan.read(digits, region)
    if not digits or reading is None:
        return canonical_phones(text, region, _read)
    if reading.is_valid:
        return CellResult(((reading.value, 0),))
    return _result_of(_judged(reading, digits, _read))


def _result_of(number: Number) -> CellResult:
    """Return the result of a cell that holds one number."""
    if number.value is None:
        return CellResult(reasons=(number.reason,))
    values = ((number.value, 0),)
    if not number.flag:
        return CellResult(values)
    return CellResult(values, (), (number.flag,), (number.value,) if number.flag == NOT_VALID_TODAY else ())


class Phone:
    """Kind `phone`."""

    kind: str = "phone"
    labels: tuple[str, ...] = ("phone",)
    reasons: tuple[str, ...] = REASONS

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:
        """Convert `cells` to E.164; a cell with several numbers (`/ ; , & | or`) yields each once.

        Flags: `not_valid_today` (possible, but in no range of today's numbering plan), `renumbered` (of an older plan).
        """
        region = INTERNATIONAL if region.lower() == INTERNATIONAL else region.upper()
        return canonicalized(cells, partial(_decide, region=region), partial(quick_phones, region=region))

    def mask(self, values: pa.StringArray) -> pa.DictionaryArray:
        """Return masks of the country code, seven stars and the last two digits."""
        offsets, data = bytes_of(values)
        # Inputs of a mask, in rows of bytes: whether it hides enough, the first digits, the last two.
        seen = np.empty((len(values), 1 + _MOST_CODE_DIGITS + _SHOWN_DIGITS_BEHIND), np.uint8)
        seen[:, 1:4] = gathered(data, offsets[:-1] + 1, _MOST_CODE_DIGITS)
        seen[:, 4:] = gathered(data, offsets[1:] - _SHOWN_DIGITS_BEHIND, _SHOWN_DIGITS_BEHIND)
        starts, which = compacted(_number_of(seen[:, 1:4]))
        code_digits = np.array([len(_country_code(f"{start:03d}")) for start in starts.tolist()], np.int64)[which]
        digits = np.diff(offsets).astype(np.int64) - 1
        seen[:, 0] = masks.is_hidden(digits, code_digits + _SHOWN_DIGITS_BEHIND)
        return masks.of_few(seen, _mask)


def _number_of(numerals: Bytes) -> npt.NDArray[np.int64]:
    """Return the numbers written in `numerals`, shape (n, 3)."""
    number: npt.NDArray[np.int64] = (numerals - np.uint8(ord("0"))) @ np.array([100, 10, 1])
    return number


def _decide(cells: pa.StringArray, region: str) -> Decided:
    if region in phonenumbers.SUPPORTED_REGIONS:
        return phone_columns.decide(cells, region)
    return decided(cells, np.zeros(len(cells), np.bool_), 0)


@lru_cache(maxsize=masks.MOST_REMEMBERED)
def _mask(seen: bytes) -> str:
    text = seen[1:].decode()
    code, ending = _country_code(text[:_MOST_CODE_DIGITS]), text[_MOST_CODE_DIGITS:]
    return f"+{code}{'*' * 7}{ending}" if seen[0] else masks.STARS


def _country_code(digits: str) -> str:
    """Return the country code at the start of an E.164 number, given its first three digits."""
    known = (digits[:length] for length in (1, 2, 3))
    return next((code for code in known if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), digits)
