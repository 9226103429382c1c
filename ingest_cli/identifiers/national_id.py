"""Government issued ids: MyKad, old identity card, passport, army, police and company numbers.

One kind for all of them, because a dump's `ICNUM` column holds them all and one person's lookup must find
each. Sources of the patterns:

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
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.two_speed import CellResult, Decided, complete, truth

LABELS = ("mykad", "old_ic", "passport", "other_id")
_MYKAD, _OLD_IC, _PASSPORT, _OTHER_ID = range(len(LABELS))

SHORTEST, LONGEST = 5, 20
"""Characters of a canonical id. Twenty: the longest of any document or register number in use."""

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

# What people type where an id is demanded: the keys of a keyboard in a row, up or down.
_ROWS = tuple(row * 2 for row in ("1234567890", "0123456789", "9876543210", "0987654321"))
_ONLY_DUMMY_MYKAD = "1" * 12

REASONS = ("dummy", "too_short", "too_long", "non_ascii", spreadsheet.PRECISION_LOST)


def label_of(value: str) -> int:
    """Position in `LABELS` of a canonical id's label; MyKad wins over a company number."""
    if _IS_MYKAD.fullmatch(value):
        return _MYKAD
    if _IS_OLD_IC.fullmatch(value):
        return _OLD_IC
    return _PASSPORT if _IS_PASSPORT.fullmatch(value) else _OTHER_ID


def _is_dummy(value: str) -> bool:
    """Whether nobody has this id: a thousand rows with one such value would be one person's in the table."""
    if value.startswith("TEST") or len(set(value)) == 1 < len(value):
        return True
    if value.isalpha():  # NONE, UNKNOWN, TIADA: a document number has a digit
        return len(value) >= SHORTEST
    return len(value) >= SHORTEST and any(row.startswith(value) for row in _ROWS)


def canonical_id(text: str) -> CellResult:
    """Give the one id of a cell, by the careful rule."""
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=("too_long",))
    restored = spreadsheet.restore(text)
    if restored is None:
        return CellResult(reasons=(spreadsheet.PRECISION_LOST,))
    value = _NOT_ALPHANUMERIC.sub("", restored)
    if not value.isascii():  # before upper(), which would turn a sharp s into SS
        return CellResult(reasons=("non_ascii",))
    value = value.upper()
    reason = _reason_against(value)
    if reason is not None:
        return CellResult(reasons=(reason,))
    flags: tuple[str, ...] = ()
    if _IS_PADDABLE.fullmatch(value) and _IS_MYKAD.fullmatch(value.zfill(12)):
        value, flags = value.zfill(12), ("padded",)
    label = label_of(value)
    if label == _OTHER_ID and _IS_TWELVE_DIGITS.fullmatch(value) and not _IS_COMPANY.fullmatch(value):
        flags = ("other_id_12_digits",)
    return CellResult(values=((value, label),), flags=flags)


def _reason_against(value: str) -> str | None:
    if _is_dummy(value):
        return "dummy"
    if len(value) < SHORTEST:
        return "too_short"
    return "too_long" if len(value) > LONGEST else None


def _decide(cells: pa.StringArray) -> Decided:
    """Decide MyKad numbers and the commonest passports, with or without `-` and blanks."""
    value = pc.replace_substring(spreadsheet.drop_float_tail(cells), "-", "")
    value = pc.ascii_upper(pc.replace_substring(value, " ", ""))
    is_mykad = truth(pc.match_substring_regex(value, f"^{MYKAD}$"))
    is_mykad &= truth(pc.not_equal(value, _ONLY_DUMMY_MYKAD))
    taken = is_mykad
    if not is_mykad.all():
        taken = is_mykad | truth(pc.match_substring_regex(value, f"^(?:{COUNTRY_PASSPORT})$"))
        value = value.filter(pa.array(taken))
    return Decided(taken, value, np.where(is_mykad[taken], _MYKAD, _PASSPORT).astype(np.int8))


class NationalId:
    """The kind `id`."""

    kind: str = "id"
    labels: tuple[str, ...] = LABELS
    reasons: tuple[str, ...] = REASONS
    exposes: str = "Government issued IDs"
    lookup: bool = True

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - ids are of all regions
        """Bring `cells` to `[A-Z0-9]{5,20}`.

        Flags: `padded` (10 or 11 digits that are a MyKad with its leading zeros back),
        `other_id_12_digits` (twelve digits that are neither MyKad nor company number).
        """
        return complete(cells, _decide(cells), canonical_id)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """Ten stars and the last two characters, which are never part of a date of birth."""
        return masks.last_two(values)
