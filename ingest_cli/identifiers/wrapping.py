"""Remove what surrounds the values of a cell, or is hidden between their characters.

* Invisible characters: formats (general category Cf, such as zero-width spaces, direction marks and the byte
  order mark), variation selectors and the other default ignorables of Unicode, and U+FFFC, the placeholder of a
  picture.
* A spreadsheet's text formula: `="0123"`. Its quotes keep the zeros.
* Brackets and quotes of a list; see `lists`.

Every kind unwraps its cells here, so that lookups and dumps are treated alike. For a column without any of it, the
cost is a check of each cell's first byte, and of whether all bytes are ASCII.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers.interface import IndexArray
from ingest_cli.identifiers.lists import NoList, entries_of, is_null_like
from ingest_cli.identifiers.spreadsheet import LONGEST_CELL
from ingest_cli.model.arrow_bytes import BoolArray, Bytes, bytes_of

_LAST_OF_ASCII = 0x7F
_BRACKET, _PARENTHESIS, _EQUALS, _QUOTE, _APOSTROPHE, _LAST_BLANK = b"[(=\"' "
_BRACES = 0xDF
"""Bit mask that turns a brace into a bracket."""

JOINERS = "\u200c\u200d"
"""Zero-width characters that are letters of some domain names (RFC 5892 appendix A)."""

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt) without Cf and the joiners, plus U+FFFC. Cf is also listed by
# ranges, because RE2 may know fewer characters than current Unicode.
_CATEGORIES = r"\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFFC}"
_FORMATS = (
    r"\x{00AD}\x{0600}-\x{0605}\x{061C}\x{06DD}\x{070F}\x{0890}\x{0891}\x{08E2}\x{200B}\x{200E}\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FEFF}\x{FFF0}-\x{FFFB}\x{110BD}\x{110CD}\x{13430}-\x{1343F}"
    r"\x{1BCA0}-\x{1BCA3}\x{1D173}-\x{1D17A}\x{E0000}-\x{E0FFF}"
)
_INVISIBLE_BUT_JOINERS = f"[{_CATEGORIES}{_FORMATS}]+"
_INVISIBLE = rf"[{_CATEGORIES}{_FORMATS}\x{{200C}}\x{{200D}}]+"

_RANGE = re.compile(r"\\x\{([0-9A-F]+)\}(?:-\\x\{([0-9A-F]+)\})?")
_LAST_OF_CONTINUATION = 0xBF

_FORMULA = re.compile(r'=\s*"((?:[^"]|"")*)"', re.DOTALL)
_DOUBLED_FORMULA = re.compile(r'=\s*""((?:[^"]|"""")*)""', re.DOTALL)


class Unwrapped(NamedTuple):
    """Content of n cells without its wrapping.

    Attributes:
        cells: length m: values, or texts that may still hold several.
        cell: shape (m,), ascending: index of the cell of each; None: m is n, and the order is the same.
        broken: ascending: cells that start like a list but are malformed; they are not in the other attributes.
    """

    cells: pa.StringArray
    cell: IndexArray | None
    broken: IndexArray


def unwrapped(cells: pa.StringArray, *, keeps_joiners: bool = False, keeps_broken: bool = False) -> Unwrapped:
    """Remove the wrapping of the values of `cells`, and split lists.

    Args:
        cells: length n, trimmed; nulls stay nulls.
        keeps_joiners: whether zero-width joiners are significant.
        keeps_broken: whether a text that starts like a list may still be a value.
    """
    nothing = np.empty(0, np.int32)
    offsets, data = bytes_of(cells)
    if not len(data):
        return Unwrapped(cells, None, nothing)
    if data.max() > _LAST_OF_ASCII:
        cells = visible(cells, keeps_joiners=keeps_joiners)
        offsets, data = bytes_of(cells)
    if not len(data) or not (starts := _starts(offsets, data)).any():
        return Unwrapped(cells, None, nothing)
    if cells.null_count:
        starts &= cells.is_valid().to_numpy(zero_copy_only=False)
    at = np.flatnonzero(starts).astype(np.int32)
    parts = [_parts(text, keeps_broken=keeps_broken) for text in cells.take(pa.array(at)).to_pylist()]
    count = np.ones(len(cells), np.int64)
    count[at] = [len(values) for values in parts]
    cell = np.repeat(np.arange(len(cells), dtype=np.int32), count)
    place = cell.copy()
    place[starts[cell]] = len(cells) + np.arange(count[at].sum())
    split = visible(pa.array([value for values in parts for value in values], pa.string()), keeps_joiners=keeps_joiners)
    return Unwrapped(pa.concat_arrays([cells, split]).take(pa.array(place)), cell, at[count[at] == 0])


def may_say_nothing(first: Bytes) -> BoolArray:
    """Return whether a cell that starts with the byte must be checked by `says_nothing`; shape of `first`."""
    found: BoolArray = ((first & np.uint8(_BRACES)) == _BRACKET) | (first == _EQUALS)
    return found


def _starts(offsets: IndexArray, data: Bytes) -> BoolArray:
    """Return whether each cell starts with a possible wrapping. Shape (n,)."""
    first = data.take(offsets[:-1], mode="clip")
    starts, tuples = may_say_nothing(first), first == _PARENTHESIS
    if tuples.any():  # a phone number may start so; in a list, a quote or a blank follows
        second = data.take(offsets[:-1] + 1, mode="clip")
        starts |= tuples & ((second <= _LAST_BLANK) | (second == _QUOTE) | (second == _APOSTROPHE))
    if starts.any():
        starts &= np.diff(offsets) > 0
    return starts


def visible(cells: pa.StringArray, *, keeps_joiners: bool = False) -> pa.StringArray:
    """Remove invisible characters from `cells`, which are in NFKC, and white space that is then at an edge."""
    ascii_only = pc.string_is_ascii(cells)
    if pc.all(ascii_only, min_count=0).as_py():
        return cells
    if not _may_hide(bytes_of(cells)[1]):
        return cells
    others = pc.fill_null(pc.invert(ascii_only), False)  # noqa: FBT003 - Arrow's API
    pattern = _INVISIBLE_BUT_JOINERS if keeps_joiners else _INVISIBLE
    seen = pc.utf8_normalize(pc.replace_substring_regex(cells.filter(others), pattern, ""), "NFKC")
    return pc.replace_with_mask(cells, others, pc.utf8_trim_whitespace(seen))


def _may_hide(data: Bytes) -> bool:
    """Return whether UTF-8 may have an invisible character, judged by the first two bytes of characters."""
    lead = np.flatnonzero(data[:-1] > _LAST_OF_CONTINUATION)
    return bool(_hiding()[data[lead], data[lead + 1]].any())


@cache
def _hiding() -> BoolArray:
    """Return which first two bytes of a UTF-8 character may begin an invisible one. Shape (256, 256)."""
    found = np.zeros((256, 256), np.bool_)
    for first, last in _RANGE.findall(_INVISIBLE):
        for code in range(int(first, 16), int(last or first, 16) + 1):
            lead, second = chr(code).encode()[:2]
            found[lead, second] = True
    return found


def says_nothing(text: str) -> bool:
    """Return whether a text that starts with one of `{[=` holds only NULL-like values, as `{}` and `=""` do."""
    return all(map(is_null_like, _parts(text, keeps_broken=True)))


def _parts(text: str, *, keeps_broken: bool) -> list[str]:
    """Return the values in a cell, or texts that may hold several; none if a list is malformed."""
    if len(text) > LONGEST_CELL:
        return [text]
    text = _formula_value(text)
    entries = entries_of(text)
    if isinstance(entries, list):  # a quoted entry may be a list itself
        parts = [part for entry in entries for part in _parts(entry, keeps_broken=keeps_broken)]
        return list(dict.fromkeys(parts)) or [""]
    return [] if entries is NoList.BROKEN and not keeps_broken else [text]


def _formula_value(text: str) -> str:
    if formula := _FORMULA.fullmatch(text):
        return formula[1].replace('""', '"').strip()
    if formula := _DOUBLED_FORMULA.fullmatch(text):
        return formula[1].replace('""""', '"').strip()
    return text
