"""Numbers that are digits and nothing else: what libphonenumber makes of them, without the library's detours.

`phonenumbers.parse` spends most of its time on what may stand around a number: words, extensions, parameters.
Once nothing is left but digits, what it does is short, and is written down here over the library's own
metadata: take off the international prefix, find the calling code, take off the national prefix, compare the
length and the ranges in use. Each step names the function of `phonenumbers.phonenumberutil` that it repeats.
Where a plan rewrites numbers (Argentina, Mexico …), or anything else is unusual, there is no answer, and the
library has the word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

NUMBER_TYPES = (  # those that make a number valid: _number_type_helper
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

_CODES = frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
_MOST_ROUNDS = 3
_SHORTEST_NATIONAL, _LONGEST_NATIONAL = 2, 17
"""Digits: _MIN_LENGTH_FOR_NSN, _MAX_LENGTH_FOR_NSN."""

LONGEST_TEXT = 250
"""Characters, as the library itself limits a number with all that is around it: _MAX_INPUT_STRING_LENGTH."""

PUNCTUATION = "-() "
"""What stands between the digits of a number, and says nothing."""

# Two digits are a number only without punctuation: _VALID_PHONE_NUMBER.
_BARE = re.compile(r"\+?[0-9]{3,}")


class Reading(NamedTuple):
    """One number as the library reads it.

    Attributes:
        value: E.164, whether or not there can be such a number; "" where it has far too many digits or too few.
        reason: why there cannot be such a number: a constant of this module; else "".
        is_valid: whether it is in a range that is in use today.
        is_abroad: whether it was dialled with what stands before a calling code: `+` or an international prefix.
    """

    value: str
    reason: str = ""
    is_valid: bool = False
    is_abroad: bool = False


IMPOSSIBLE_LENGTH = "impossible_length"
LOCAL_ONLY = "local_only"


def bare(text: str) -> str | None:
    """Give the digits of a number, with its `+`, if there is nothing else but punctuation; else None."""
    digits = text
    for character in PUNCTUATION:
        digits = digits.replace(character, "")
    return digits if len(text) <= LONGEST_TEXT and _BARE.fullmatch(digits) else None


def read(digits: str, region: str) -> Reading | None:
    """Read a number as dialled in `region` (upper-case), as `parse` does; None where the library must.

    Args:
        digits: as `bare` gives them.
        region: any text; where it is no region, only numbers with `+` are read.
    """
    if digits[0] == "+":
        return _from_abroad(digits[1:])
    home = _home(region)
    if home is None:
        return None
    # _maybe_strip_i18n_prefix_and_normalize, _parse_prefix_as_idd
    if prefix := home.international_prefix.match(digits):
        behind = digits[prefix.end() :]
        if not behind.startswith("0"):
            return _from_abroad(behind)
    return _from_home(digits, home)


def _from_home(digits: str, home: Plan) -> Reading | None:
    """Read a number that is dialled without an international prefix."""
    plan = _main(home.code)
    if digits.startswith(home.code):  # _maybe_extract_country_code
        without_code = home.without_prefix(digits[len(home.code) :])
        if without_code is None:
            return None
        if home.reads_better(without_code, digits):
            return plan.settle(without_code)
    number = home.national(digits)
    if number is None:
        return None
    return plan.settle(number) if plan.is_possible(number) else plan.impossible(number)


def _from_abroad(digits: str) -> Reading | None:
    """Read a number that starts with its calling code: _extract_country_code."""
    for length in (1, 2, 3):
        if digits[:length] in _CODES:
            return _main(digits[:length]).settle(digits[length:], is_abroad=True)
    return None


class Plan:
    """How one region numbers its lines, or all regions of one calling code.

    Attributes:
        code: the calling code.
        international_prefix: what is dialled before a calling code.
    """

    def __init__(self, metadata: PhoneMetadata) -> None:
        """Compile what `metadata` has."""
        general = metadata.general_desc
        if general is None or general.national_number_pattern is None:
            raise ValueError(f"no general description of numbers in the metadata of {metadata.id}")
        self.code = str(metadata.country_code)
        self._general = re.compile(general.national_number_pattern)
        self.international_prefix = re.compile(metadata.international_prefix or "NonMatch")
        trunk = metadata.national_prefix_for_parsing
        self._prefix = re.compile(trunk) if trunk else None
        self._rewrites = bool(metadata.national_prefix_transform_rule)
        self._lengths = frozenset(general.possible_length)
        self._possible_lengths = self._lengths | frozenset(general.possible_length_local_only)
        self._longest = max(self._lengths)
        self._in_use: dict[int, re.Pattern[str]] = {}

    def is_possible(self, number: str) -> bool:
        """Whether it has a length of the plan's: is_possible_number."""
        return len(number) in self._possible_lengths

    def is_too_long(self, number: str) -> bool:
        """Whether it is longer than any: _test_number_length."""
        return len(number) > self._longest and len(number) not in self._possible_lengths

    def reads_better(self, shorter: str, number: str) -> bool:
        """Whether a number is one only without the calling code at its start: _maybe_extract_country_code."""
        if self.is_too_long(number):
            return True
        return not self._general.fullmatch(number) and self._general.fullmatch(shorter) is not None

    def without_prefix(self, number: str) -> str | None:
        """Take the national prefix off; None where the plan rewrites: _maybe_strip_national_prefix_carrier_code."""
        found = self._prefix.match(number) if self._prefix else None
        if found is None:
            return number
        if self._rewrites and found.groups()[-1] is not None:
            return None
        rest = number[found.end() :]
        if self._general.fullmatch(number) and not self._general.fullmatch(rest):
            return number
        return rest

    def national(self, number: str) -> str | None:
        """Give what is left of a number without its calling code: the end of parse."""
        rest = self.without_prefix(number)
        if rest is None or len(rest) in self._lengths or self.is_too_long(rest):
            return rest
        return number

    def impossible(self, number: str, *, is_abroad: bool = False) -> Reading | None:
        """Give a number of a length that is none of the plan's; None where `parse` itself refuses it."""
        is_parsed = _SHORTEST_NATIONAL <= len(number) <= _LONGEST_NATIONAL
        return Reading(f"+{self.code}{number}", IMPOSSIBLE_LENGTH, is_abroad=is_abroad) if is_parsed else None

    def settle(self, number: str, *, is_abroad: bool = False) -> Reading | None:
        """Read what follows the calling code, again and again until it no longer changes.

        For the plan of a calling code only.
        """
        for _ in range(_MOST_ROUNDS):
            rest = number
            if self._prefix and self._prefix.match(number):
                national = self.national(number)
                if national is None:
                    return None
                rest = national
            if len(rest) not in self._possible_lengths:
                return self.impossible(rest, is_abroad=is_abroad)
            if rest == number:
                reason = "" if len(number) in self._lengths else LOCAL_ONLY
                return Reading(f"+{self.code}{number}", reason, self._is_valid(number), is_abroad)
            number = rest
        return None

    def _is_valid(self, number: str) -> bool:
        length = len(number)
        in_use = self._in_use.get(length)
        if in_use is None:
            in_use = self._in_use[length] = re.compile(_in_use(self.code, length))
        return in_use.match(number) is not None


def _in_use(code: str, length: int) -> str:
    """Give the expression of the numbers of one length that are in use: is_valid_number.

    Regions that share a calling code are asked in their order (_region_code_for_number_from_list). One that
    has leading digits has the last word on numbers that start with them.
    """
    expression = "(?!)"
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)]
    for region in reversed(regions):
        metadata = _metadata(int(code), region)
        own = _in_use_of(metadata, length)
        leading = metadata.leading_digits if len(regions) > 1 else None
        if leading is None:
            expression = rf"{own}|{expression}"
        else:
            expression = rf"(?={leading})(?:{own})|(?!{leading})(?:{expression})"
    return expression


def _in_use_of(metadata: PhoneMetadata, length: int) -> str:
    """Give the same for one region: _number_type_helper."""

    def pattern(name: str) -> str | None:
        description = getattr(metadata, name)  # _is_number_matching_desc
        if description is None or (description.possible_length and length not in description.possible_length):
            return None
        return description.national_number_pattern or None

    general = pattern("general_desc")
    types = dict.fromkeys(filter(None, map(pattern, NUMBER_TYPES)))
    return rf"(?=(?:{general})\Z)(?:{'|'.join(types)})\Z" if general and types else "(?!)"


def _metadata(code: int, region: str) -> PhoneMetadata:
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if metadata is None:
        raise LookupError(f"the library names a plan without having it: +{code}, {region}")
    return metadata


@lru_cache(maxsize=512)
def _main(code: str) -> Plan:
    """Give the plan of a calling code: that of the first of its regions, as the library has it."""
    return Plan(_metadata(int(code), phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)][0]))


@lru_cache(maxsize=512)
def _home(region: str) -> Plan | None:
    """Give the plan of a region, None if there is no such region."""
    metadata = PhoneMetadata.metadata_for_region(region) if region in phonenumbers.SUPPORTED_REGIONS else None
    return None if metadata is None else Plan(metadata)
