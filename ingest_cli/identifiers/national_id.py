"""Government-issued ids: MyKad, old identity card, passport, army, police and company numbers.

They share one kind, because the `ICNUM` column of a dump holds all of them and a lookup must find each. Sources of
the patterns:

* MyKad: National Registration Department of Malaysia (JPN), `YYMMDD PB NNNN`, no check digit; birthplace
  codes from its lists of states and of countries (those python-stdnum's `my/bp.dat` was made from).
* Old identity card: seven digits (1948), later a letter and seven digits, until 1990 (JPN).
* Passport: Malaysia a letter (A peninsula, H Sabah, K Sarawak) and eight digits; the other patterns are those
  of the region's passports (Singapore, Indonesia, Thailand, the Philippines, China, India). All have the nine
  or fewer characters of ICAO Doc 9303-4.
* Company number: Companies Commission of Malaysia (SSM), since 11 October 2019: year of registration, type of
  entity 01-06, six digits.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import digits, masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.lists import BROKEN_LIST
from ingest_cli.identifiers.two_speed import CellResult, Decided, canonicalized, together
from ingest_cli.model.arrow_bytes import BoolArray, Bytes, lengths_of

LABELS = ("mykad", "old_ic", "passport", "other_id")
_MYKAD, _OLD_IC, _PASSPORT, _OTHER_ID = range(len(LABELS))

SHORTEST, LONGEST = 5, 20
"""Maximum number of characters of a canonical id: the longest document or register number in use."""

_DATE = (  # 29 February where 19YY or 20YY is a leap year; 2000 is one, so 00 counts
    "(?:[0-9]{2}(?:"
    "(?:0[13578]|1[02])(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)(?:0[1-9]|[12][0-9]|30)"
    "|02(?:0[1-9]|1[0-9]|2[0-8]))"
    "|(?:[02468][048]|[13579][26])0229)"
)
_BIRTHPLACE = "(?:0[1-9]|1[0-6]|2[1-9]|[345][0-9]|6[0-8]|7[124-9]|8[2-9]|9[0-389])"
MYKAD = f"{_DATE}{_BIRTHPLACE}[0-9]{{4}}"
COUNTRY_PASSPORT = "[A-Z][0-9]{8}|[A-Z]{2}[0-9]{6,7}"

_IS_MYKAD = re.compile(MYKAD)
_IS_COMPANY = re.compile("(?:18|19|20)[0-9]{2}0[1-6][0-9]{6}")
_IS_OLD_IC = re.compile("[A-Z]?[0-9]{7}")
_IS_PASSPORT = re.compile(f"{COUNTRY_PASSPORT}|[A-Z][0-9]{{7}}[A-Z]")
_IS_PADDABLE = re.compile("[0-9]{10,11}")
_IS_TWELVE_DIGITS = re.compile("[0-9]{12}")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")

# Placeholders typed where an id is mandatory: digits in keyboard order, up or down.
_ROWS = tuple(row * 2 for row in ("1234567890", "0123456789", "9876543210", "0987654321"))

REASONS = ("dummy", "too_short", "too_long", "non_ascii", spreadsheet.PRECISION_LOST, BROKEN_LIST)


def label_of(value: str) -> int:
    """Return the position in `LABELS` of a canonical id's label; MyKad takes precedence over a company number."""
    if _IS_MYKAD.fullmatch(value):
        return _MYKAD
    if _IS_OLD_IC.fullmatch(value):
        return _OLD_IC
    return _PASSPORT if _IS_PASSPORT.fullmatch(value) else _OTHER_ID


def _is_dummy(value: str) -> bool:
    """Return whether the id is a placeholder: rows with the same one would be merged into one person."""
    if value.startswith("TEST") or len(set(value)) == 1 < len(value):
        return True
    if value.isalpha():  # NONE, UNKNOWN, TIADA: a document number has a digit
        return len(value) >= SHORTEST
    return len(value) >= SHORTEST and any(row.startswith(value) for row in _ROWS)


def canonical_id(text: str) -> CellResult:
    """Return the id of a cell, by the careful rule, or several joined ones if each is long enough."""
    results = digits.each(text, _canonical)
    if len(results) == 1:
        return results[0]
    whole_values = all(result.reasons != ("too_short",) for result in results)
    return together(results) if whole_values else _canonical(text)


def _canonical(text: str) -> CellResult:
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=("too_long",))
    restored = spreadsheet.restore(text)
    if restored is None:
        return CellResult(reasons=(spreadsheet.PRECISION_LOST,))
    value = _NOT_ALPHANUMERIC.sub("", restored)
    if not value.isascii():  # before upper(), which converts a sharp s to SS
        return CellResult(reasons=("non_ascii",))
    value = value.upper()
    reason = _reason_against(value)
    if reason is not None:
        return CellResult(reasons=(reason,))
    flags: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    if _IS_PADDABLE.fullmatch(value) and _IS_MYKAD.fullmatch(value.zfill(12)):
        value, flags = value.zfill(12), ("padded",)
        doubtful = (value,)
    label = label_of(value)
    if label == _OTHER_ID and _IS_TWELVE_DIGITS.fullmatch(value) and not _IS_COMPANY.fullmatch(value):
        flags = ("other_id_12_digits",)
    return CellResult(values=((value, label),), flags=flags, doubtful=doubtful)


def _reason_against(value: str) -> str | None:
    if _is_dummy(value):
        return "dummy"
    if len(value) < SHORTEST:
        return "too_short"
    return "too_long" if len(value) > LONGEST else None


_LETTERS = 26
_CASE = 0x20
_DAYS = np.zeros(256, np.uint8)
_DAYS[1:13] = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY, _LEAP = 2, 4
_IS_BIRTHPLACE = np.array([re.fullmatch(_BIRTHPLACE, f"{code:02d}") is not None for code in range(256)])
_NOTHING = -1


def _twelve(numbers: Bytes) -> npt.NDArray[np.int8]:
    """Label MyKad numbers: shape (12, k) in, as `digits.of_length` gives it, shape (k,) out."""
    year, month, day, place = numbers[0:8:2] * np.uint8(10) + numbers[1:8:2]
    days = _DAYS[month] + ((month == _FEBRUARY) & (year % _LEAP == 0))
    is_mykad = digits.all_digits(numbers) & (day > 0) & (day <= days) & _IS_BIRTHPLACE[place]
    is_mykad &= (numbers != 1).any(axis=0)
    return np.where(is_mykad, np.int8(_MYKAD), np.int8(_NOTHING))


def _seven(numbers: Bytes) -> npt.NDArray[np.int8]:
    """Label old identity cards of digits alone: shape (7, k) in, shape (k,) out."""
    step = numbers[2:] - numbers[1:-1]
    in_a_row = (step == step[0]).all(axis=0)  # 0987654 and the like; some valid ids take the careful path, too
    return np.where(digits.all_digits(numbers) & ~in_a_row, np.int8(_OLD_IC), np.int8(_NOTHING))


def _eight(numbers: Bytes) -> npt.NDArray[np.int8]:
    """Label two letters and six digits, and a letter and seven: shape (8, k) in, shape (k,) out."""
    letter, second = _is_letter(numbers[0]), _is_letter(numbers[1])
    label = np.where(second, np.int8(_PASSPORT), np.where(numbers[1] < 10, np.int8(_OLD_IC), np.int8(_NOTHING)))  # noqa: PLR2004 - a digit
    label[~(letter & digits.all_digits(numbers[2:]))] = _NOTHING
    return label


def _nine(numbers: Bytes) -> npt.NDArray[np.int8]:
    """Label two letters and seven digits, and a letter and eight: shape (9, k) in, shape (k,) out."""
    is_passport = _is_letter(numbers[0]) & (_is_letter(numbers[1]) | (numbers[1] < 10))  # noqa: PLR2004 - a digit
    return np.where(is_passport & digits.all_digits(numbers[2:]), np.int8(_PASSPORT), np.int8(_NOTHING))


def _is_letter(numbers: Bytes) -> BoolArray:
    upper = ((numbers + np.uint8(ord("0"))) & np.uint8(~_CASE & 0xFF)) - np.uint8(ord("A"))
    return upper < _LETTERS


_BY_LENGTH = {12: _twelve, 7: _seven, 8: _eight, 9: _nine}


def _decide(cells: pa.StringArray) -> Decided:
    """Decide MyKad numbers, old identity cards and the commonest passports, with or without `-` and blanks."""
    value = digits.bare_column(cells)
    label = np.full(len(cells), _NOTHING, np.int8)
    for length, label_of_length in _BY_LENGTH.items():
        at, numbers = digits.of_length(value, length)
        if len(at):
            label[at] = label_of_length(numbers)
    label[lengths_of(cells) > spreadsheet.LONGEST_CELL] = _NOTHING
    taken = label != _NOTHING
    if not taken.all():
        value, label = value.filter(pa.array(taken)), label[taken]
    return Decided(taken, value if (label == _MYKAD).all() else pc.ascii_upper(value), label)


class NationalId:
    """Kind `id`."""

    kind: str = "id"
    labels: tuple[str, ...] = LABELS
    reasons: tuple[str, ...] = REASONS

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - ids are of all regions
        """Convert `cells` to `[A-Z0-9]{5,20}`.

        Flags: `padded` (a MyKad of 10 or 11 digits, with its leading zeros restored),
        `other_id_12_digits` (twelve digits, neither a MyKad nor a company number).
        """
        return canonicalized(cells, _decide, canonical_id)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """Return masks of ten stars and the last two characters, which are never part of a date of birth."""
        return masks.last_two(values)
