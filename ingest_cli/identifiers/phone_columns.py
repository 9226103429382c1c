"""Decide the commonest notations of one region's phone numbers, a whole column at a time.

A table built from the metadata of `phonenumbers` accepts a number only if the library calls it valid and it is
unambiguous. Anything else is left to `phone`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import digits, spreadsheet
from ingest_cli.identifiers.automaton import Table, table_of
from ingest_cli.identifiers.numbering_plan import LONGEST_TEXT, NUMBER_TYPES, PUNCTUATION
from ingest_cli.identifiers.two_speed import Decided, decided, truth
from ingest_cli.model.arrow_bytes import BoolArray, Bytes, bytes_of, gathered, lengths_of, prefixed

# Plainly punctuated numbers with a separator; no spreadsheet damage, no blank at either end.
_SEPARATOR = r"[/,&|;]|[oO][rR]"
_SEPARATORS = np.frombuffer(b"/,&|;oO", np.uint8)
"""First characters of a separator."""
_PLAIN = r"-0-9+()/,&|;"
_SEVERAL = rf"^[0-9+(][{_PLAIN} ]*(?:[oO][rR][{_PLAIN} ]+)*[{_PLAIN}]$"

_PLUS = ord("+")
_MOST_PREFIX_DIGITS = len("00" + "999" + "0")
_MOST_DIGITS = _MOST_PREFIX_DIGITS + 17
"""No national number has more than 17: phonenumberutil._MAX_LENGTH_FOR_NSN."""


class Rule(NamedTuple):
    """Common notations of a region's own numbers, as text without punctuation.

    Attributes:
        table: accepts country code, trunk prefix or nothing, then a number in a range in use today that does not
            start with 0; only unambiguous ones.
        country_code: its digits.
        has_trunk: whether there is a trunk prefix, which is 0.
    """

    table: Table
    country_code: str
    has_trunk: bool


@lru_cache(maxsize=512)
def rule_of(region: str) -> Rule | None:
    """Build the rule from the library's metadata; return None for a region whose prefixes are not plain.

    Plain means an unshared country code, trunk prefix 0 or none without carrier codes or rewriting, and
    international prefix 00, so that a number cannot be mistaken for another with a prefix.
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
    descriptions = [getattr(metadata, name) for name in NUMBER_TYPES]
    patterns = [item.national_number_pattern for item in descriptions if item is not None]
    valid = "|".join(pattern for pattern in patterns if pattern)
    lengths = metadata.general_desc.possible_length
    code = str(metadata.country_code)
    # After a marked country code, a trunk prefix may follow: +60 (0)12.
    marked = r"(?:\+|00)" if metadata.international_prefix == "00" else r"\+"
    optional_trunk = "0?" if trunk else ""
    # Without a mark, digits are a country code only if the whole is too long for a national number, and a
    # national number only if they do not start like the country code.
    with_code = f"{code}[1-9][0-9]{{{max(max(lengths) - len(code), 0)},}}"
    starts = [f"{code[:n]}[{_digits_except(digit)}]" for n, digit in enumerate(code)]
    without_code = f"(?:{'|'.join(starts)})[0-9]*"
    forms = [f"{marked}{code}{optional_trunk}[1-9][0-9]*", with_code, without_code]
    forms += ["0[1-9][0-9]*"] if trunk else []
    prefix = f"(?:{marked}{code}{optional_trunk}|{code}|0)?"
    return Rule(table_of("|".join(forms), f"{prefix}(?:{valid})"), code, bool(trunk))


def _digits_except(digit: str) -> str:
    return "123456789".replace(digit, "")


def decide(cells: pa.StringArray, region: str) -> Decided:
    """Decide the plainly written valid numbers of `region` (upper-case), one or several in a cell."""
    rule = rule_of(region)
    if rule is None:
        return decided(cells, np.zeros(len(cells), np.bool_), 0)
    single = _decide_single(cells, rule)
    left = np.flatnonzero(~single.taken)
    texts = cells.take(pa.array(left))
    if not np.isin(bytes_of(texts)[1], _SEPARATORS).any():
        return single
    several = truth(pc.match_substring_regex(texts, _SEPARATOR)) & truth(pc.match_substring_regex(texts, _SEVERAL))
    several &= truth(pc.less_equal(pc.binary_length(texts), spreadsheet.LONGEST_CELL))
    return _with_several(cells, left[several], single, rule) if several.any() else single


def _decide_single(cells: pa.StringArray, rule: Rule) -> Decided:
    """Decide the cells that hold one number."""
    text = digits.without(spreadsheet.drop_float_tail(cells), PUNCTUATION)
    offsets, data = bytes_of(text)
    data = np.append(data, np.zeros(_MOST_DIGITS, np.uint8))
    plus = data[offsets[:-1]] == _PLUS
    begin, ends = offsets[:-1] + plus, offsets[1:]
    count = np.maximum(ends - begin, 0)
    width = min(int(count.max(initial=0)), _MOST_DIGITS)
    numbers = np.ascontiguousarray(gathered(data, begin, max(width, _MOST_PREFIX_DIGITS)).T) - np.uint8(ord("0"))
    taken = rule.table.match(plus, numbers[:width], np.minimum(count, width)) & (count <= _MOST_DIGITS)
    taken &= lengths_of(cells) <= LONGEST_TEXT
    if cells.null_count:
        taken &= truth(cells.is_valid())
    if not taken.all():
        plus, begin, ends, numbers = plus[taken], begin[taken], ends[taken], numbers[:, taken]
    begin = begin + _prefix_digits(plus, numbers, rule)
    value = prefixed(f"+{rule.country_code}".encode(), data, begin, ends - begin)
    return Decided(taken, value, np.zeros(len(value), np.int8))


def _prefix_digits(plus: BoolArray, numbers: Bytes, rule: Rule) -> npt.NDArray[np.int64]:
    """Return the number of digits before the national number.

    Args:
        plus: shape (n,): whether a `+` precedes the digits.
        numbers: shape (width, n): digits of numbers that `rule` accepts.
        rule: rule of the region.
    """
    code = np.array([int(digit) for digit in rule.country_code], np.uint8)[:, np.newaxis]
    zeros = ~plus & (numbers[0] == 0) & (numbers[1] == 0)
    marks = np.where(zeros, len("00"), 0)
    marked = marks + len(code)
    if rule.has_trunk:
        marked += np.choose(zeros, (numbers[len(code)], numbers[len("00") + len(code)])) == 0
    has_code = (numbers[: len(code)] == code).all(axis=0)
    return np.where(plus | zeros, marked, np.where(has_code, len(code), numbers[0] == 0))


def _with_several(cells: pa.StringArray, held: npt.NDArray[np.int64], single: Decided, rule: Rule) -> Decided:
    """Add the cells of `held` (indices) all of whose numbers are decided."""
    pieces = pc.split_pattern_regex(cells.take(pa.array(held)), _SEPARATOR)
    holder = pc.list_parent_indices(pieces).to_numpy()
    parts = pieces.flatten()
    is_number = truth(pc.match_substring_regex(parts, "[0-9]"))
    holder, parts = holder[is_number], parts.filter(pa.array(is_number))
    part = _decide_single(parts, rule)
    whole = np.bincount(holder[part.taken], minlength=len(held)) == np.bincount(holder, minlength=len(held))
    whole &= np.bincount(holder, minlength=len(held)) > 0

    holder = holder[part.taken]
    # No duplicate value in a cell: keep the first of each (cell, value).
    value = part.value.dictionary_encode()
    pair = holder.astype(np.int64) * len(value.dictionary) + value.indices.to_numpy()
    first = np.zeros(len(pair), np.bool_)
    first[np.unique(pair, return_index=True)[1]] = True
    first &= whole[holder]

    taken = single.taken.copy()
    taken[held[whole]] = True
    cell = np.concatenate([np.flatnonzero(single.taken), held[holder[first]]]).astype(np.int32)
    in_order = np.argsort(cell, kind="stable")
    values = pa.concat_arrays([single.value, part.value.filter(pa.array(first))])
    return Decided(taken, values.take(pa.array(in_order)), np.zeros(len(cell), np.int8), cell[in_order])
