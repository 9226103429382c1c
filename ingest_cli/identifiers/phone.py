"""Phone numbers: E.164 with `+`, as ITU-T Recommendation E.164 and Google's libphonenumber have it.

The library (`phonenumbers`) is the definition: what a number is, which one, and whether its length is
possible. It costs 20-60 µs a number, so the shapes in which a region's own numbers are mostly written are
decided by two regular expressions that are built from the library's own metadata. They take a number only
where the library calls it valid; anything else is the library's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.two_speed import CellResult, Decided, complete, decided, truth

REASONS = ("not_a_phone", "impossible_length", spreadsheet.PRECISION_LOST)
NOT_VALID_TODAY = "not_valid_today"

LONGEST_PART = 250
"""Characters of one number, as the library itself limits it."""

# A semicolon belongs to the number where RFC 3966 puts a parameter behind it.
_SEPARATOR = re.compile(r"[/,&|\r\n]|;(?!ext=|isub=|phone-context=)|(?<![a-z])or(?![a-z])", re.IGNORECASE)

_MOST_NUMBERS_REMEMBERED = 65_536
_MOST_ROUNDS = 4

_TYPES = (  # those that make a number valid: libphonenumber's getNumberTypeHelper
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)

_SHOWN_DIGITS_BEHIND = 2


class _Number(NamedTuple):
    value: str | None
    reason: str
    is_valid: bool


@lru_cache(maxsize=_MOST_NUMBERS_REMEMBERED)
def _number(text: str, region: str) -> _Number:
    """Give the one number in `text`, remembering it: a dump repeats its switchboards and its dummies."""
    restored = spreadsheet.restore(text)
    if restored is None:
        return _Number(None, spreadsheet.PRECISION_LOST, is_valid=False)
    # Again until nothing changes: +60 0 12… loses its trunk prefix only when it is read a second time, and a
    # canonical form must be its own canonical form.
    written = restored
    for _ in range(_MOST_ROUNDS):
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException as error:
            no_number = {error.NOT_A_NUMBER, error.INVALID_COUNTRY_CODE}
            reason = "not_a_phone" if error.error_type in no_number else "impossible_length"
            return _Number(None, reason, is_valid=False)
        if not phonenumbers.is_possible_number(number):
            return _Number(None, "impossible_length", is_valid=False)
        value = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if value == written:
            return _Number(value, "", phonenumbers.is_valid_number(number))
        written = value
    return _Number(None, "not_a_phone", is_valid=False)


def _parts(text: str) -> list[str]:
    """Split a cell into its numbers; pieces without a letter or digit are none."""
    restored = spreadsheet.restore(text)
    if restored is None or restored != text:
        return [text]  # one number, damaged: its comma is a decimal point
    pieces = (piece.strip() for piece in _SEPARATOR.split(text))
    return [piece for piece in pieces if any(map(str.isalnum, piece))]


def canonical_phones(text: str, region: str) -> CellResult:
    """Give every number of a cell, by the careful rule; `region` is where numbers without `+` are dialled."""
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=("impossible_length",))
    values: dict[str, bool] = {}
    reasons: list[str] = []
    for part in _parts(text):
        if len(part) > LONGEST_PART:
            reasons.append("impossible_length")
            continue
        number = _number(part, region)
        if number.value is None:
            reasons.append(number.reason)
        else:
            values[number.value] = number.is_valid
    if not values and not reasons:
        reasons.append("not_a_phone")
    flags = tuple(NOT_VALID_TODAY for is_valid in values.values() if not is_valid)
    return CellResult(tuple((value, 0) for value in values), tuple(reasons), flags)


class _FastRule(NamedTuple):
    """How a region's own numbers are mostly written, as RE2 expressions over text without `-` and blank.

    Attributes:
        shape: country code, trunk prefix or nothing, then a number that does not start with 0; only where
            the library cannot take one for the other.
        valid: the same, and the number is in a range that is in use today.
        prefix: what to replace by the country code.
    """

    shape: str
    valid: str
    prefix: str
    country_code: str


@lru_cache(maxsize=512)
def _fast_rule(region: str) -> _FastRule | None:
    """Build the rule from the library's metadata; None for a region whose prefixes are not plain.

    Plain: a country code of its own, trunk prefix 0 or none without carrier codes or rewriting, and
    international prefix 00, so that no number can be mistaken for another with a prefix.
    """
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.country_code is None or metadata.general_desc is None:
        return None
    trunk = metadata.national_prefix
    if (
        phonenumbers.COUNTRY_CODE_TO_REGION_CODE[metadata.country_code] != (region,)
        or trunk not in {None, "0"}
        or metadata.national_prefix_for_parsing != trunk
        or metadata.national_prefix_transform_rule is not None
        or not re.fullmatch(r"00(\[[^\]]+\])?", metadata.international_prefix or "")
    ):
        return None
    descriptions = [getattr(metadata, name) for name in _TYPES]
    patterns = [item.national_number_pattern for item in descriptions if item is not None]
    valid = "|".join(pattern for pattern in patterns if pattern)
    lengths = metadata.general_desc.possible_length
    code = str(metadata.country_code)
    # Without a +, a country code is one only if the whole is too long for a national number, and a
    # national number is one only if it does not start like the country code.
    with_code = f"{code}[1-9][0-9]{{{max(max(lengths) - len(code), 0)},}}"
    starts = [f"{code[:n]}[{_digits_except(digit)}]" for n, digit in enumerate(code)]
    bare = f"(?:{'|'.join(starts)})[0-9]*"
    forms = [rf"\+{code}[1-9][0-9]*", with_code, bare] + (["0[1-9][0-9]*"] if trunk else [])
    prefix = rf"^(?:\+{code}|{code}|0)?"
    return _FastRule(f"^(?:{'|'.join(forms)})$", f"{prefix}(?:{valid})$", prefix, code)


def _digits_except(digit: str) -> str:
    return "123456789".replace(digit, "")


def _decide(cells: pa.StringArray, region: str) -> Decided:
    rule = _fast_rule(region)
    if rule is None:
        return decided(cells, np.zeros(len(cells), np.bool_), 0)
    text = pc.replace_substring(spreadsheet.drop_float_tail(cells), "-", "")
    text = pc.replace_substring(text, " ", "")
    taken = truth(pc.match_substring_regex(text, rule.shape))
    taken &= truth(pc.match_substring_regex(text, rule.valid))
    fast = decided(text, taken, 0)
    value = pc.replace_substring_regex(fast.value, rule.prefix, f"+{rule.country_code}", max_replacements=1)
    return fast._replace(value=value)


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
        return complete(cells, _decide(cells, region), lambda text: canonical_phones(text, region))

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """Country code, seven stars and the last two digits."""
        start = pc.utf8_slice_codeunits(values, 0, 4).dictionary_encode()  # + and at most three digits
        codes = [_country_code(text) for text in start.dictionary.to_pylist()]
        which = start.indices.to_numpy()
        code = pa.array(codes, pa.string()).take(start.indices)
        ending = pc.utf8_slice_codeunits(values, -_SHOWN_DIGITS_BEHIND)
        mask = pc.binary_join_element_wise("+", code, "*" * 7, ending, "")
        shown = np.array([len(text) for text in codes], np.int64)[which] + _SHOWN_DIGITS_BEHIND
        digits = pc.binary_length(values).to_numpy().astype(np.int64) - 1
        return masks.stars_unless_hidden(mask, digits, shown)


def _country_code(start: str) -> str:
    """Give the country code at the start of an E.164 number, `+` and three digits of which are given."""
    digits = start.removeprefix("+")
    known = (digits[:length] for length in (1, 2, 3))
    return next((code for code in known if int(code) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), digits)
