"""Read digits-only phone numbers as libphonenumber does, without the library's overhead.

`phonenumbers.parse` spends most of its time on what may surround a number: words, extensions, parameters. For digits
alone its algorithm is short, and is implemented here over the library's own metadata: remove the international
prefix, find the calling code, remove the national prefix, compare the length and the ranges in use. Each step names
the function of `phonenumbers.phonenumberutil` that it repeats. Where a plan rewrites numbers (Argentina, Mexico …),
or anything else is unusual, there is no answer, and the library must be used.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata

NUMBER_TYPES = (  # types of valid numbers: _number_type_helper
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
"""Maximum length of a number and its surroundings in the library: _MAX_INPUT_STRING_LENGTH."""

PUNCTUATION = "-() "
"""Punctuation between the digits of a number."""

# Two digits are a number only without punctuation: _VALID_PHONE_NUMBER.
_BARE = re.compile(r"\+?[0-9]{3,}")


class Reading(NamedTuple):
    """One number as read by the library.

    Attributes:
        value: E.164, possible or not; "" if it has far too many or too few digits.
        reason: why the number is impossible: a constant of this module; else "".
        is_valid: whether the number is in a range in use today.
        is_abroad: whether a `+` or an international prefix precedes the calling code.
    """

    value: str
    reason: str = ""
    is_valid: bool = False
    is_abroad: bool = False


IMPOSSIBLE_LENGTH = "impossible_length"
LOCAL_ONLY = "local_only"


def bare(text: str) -> str | None:
    """Return the digits of a number, with its `+`, if there is only punctuation besides; else None."""
    digits = text
    for character in PUNCTUATION:
        digits = digits.replace(character, "")
    return digits if len(text) <= LONGEST_TEXT and _BARE.fullmatch(digits) else None


def read(digits: str, region: str) -> Reading | None:
    """Read a number dialled in `region` (upper-case) as `parse` does; return None if the library is needed.

    Args:
        digits: result of `bare`.
        region: any text; if it is no region, only numbers with `+` are read.
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
    """Read a number dialled without an international prefix."""
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
    """Numbering plan of one region, or of all regions of one calling code.

    Attributes:
        code: calling code.
        international_prefix: prefix dialled before a calling code.
    """

    def __init__(self, metadata: PhoneMetadata) -> None:
        """Compile the patterns of `metadata`."""
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
        """Return whether the length is in the plan: is_possible_number."""
        return len(number) in self._possible_lengths

    def is_too_long(self, number: str) -> bool:
        """Return whether the number is longer than any in the plan: _test_number_length."""
        return len(number) > self._longest and len(number) not in self._possible_lengths

    def reads_better(self, shorter: str, number: str) -> bool:
        """Return whether a number is valid only without its calling code: _maybe_extract_country_code."""
        if self.is_too_long(number):
            return True
        return not self._general.fullmatch(number) and self._general.fullmatch(shorter) is not None

    def without_prefix(self, number: str) -> str | None:
        """Remove the national prefix; None if the plan rewrites: _maybe_strip_national_prefix_carrier_code."""
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
        """Return the reading of a number without its calling code: the end of parse."""
        rest = self.without_prefix(number)
        if rest is None or len(rest) in self._lengths or self.is_too_long(rest):
            return rest
        return number

    def impossible(self, number: str, *, is_abroad: bool = False) -> Reading | None:
        """Return a number of a length outside the plan; None if `parse` refuses it."""
        is_parsed = _SHORTEST_NATIONAL <= len(number) <= _LONGEST_NATIONAL
        return Reading(f"+{self.code}{number}", IMPOSSIBLE_LENGTH, is_abroad=is_abroad) if is_parsed else None

    def settle(self, number: str, *, is_abroad: bool = False) -> Reading | None:
        """Read what follows the calling code, repeatedly until it no longer changes.

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
    """Return the expression of the numbers of one length in use: is_valid_number.

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
    """Return the same for one region: _number_type_helper."""

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
    """Return the plan of a calling code: that of the first of its regions, as in the library."""
    return Plan(_metadata(int(code), phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)][0]))


@lru_cache(maxsize=512)
def _home(region: str) -> Plan | None:
    """Return the plan of a region; None if there is no such region."""
    metadata = PhoneMetadata.metadata_for_region(region) if region in phonenumbers.SUPPORTED_REGIONS else None
    return None if metadata is None else Plan(metadata)
