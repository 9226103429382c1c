"""User names: one canonical form for all spellings that a site treats as equal.

NFKC and case folding, repeated until nothing changes, without invisible characters, is Unicode's NFKC_Casefold
(Unicode Standard section 3.13). A bracket may be part of a name (`[CLAN]name`), so only a complete list is parsed as
one; an apostrophe is removed where a spreadsheet or an exporter adds it, i.e. before a formula or a number. E-mail
addresses in a column of user names are rejected, so that the manifest gets corrected. So are names with an ASCII
control character, which no site accepts: in a record tag, such characters separate the hashed parts.
"""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.two_speed import CellResult, Decided, decided, of_unwrapped, truth
from ingest_cli.identifiers.wrapping import unwrapped

REASONS = ("email_shaped", "empty", "too_long", "control_character")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMAIL_SHAPED = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
# Printable ASCII with nothing to trim, no @, and no apostrophe in front.
_COMMON = r"^[!-&(-?A-~](?:[ -?A-~]*[!-?A-~])?$"
_GUARDED = re.compile(r"'+(?=[-+=@0-9])")
_MOST_ROUNDS = 4


def canonical_username(text: str) -> CellResult:
    """Return the user name of a cell, by the careful rule."""
    if len(text) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=("too_long",))
    value = text
    for _ in range(_MOST_ROUNDS):
        value, before = unicodedata.normalize("NFKC", value).casefold().strip(), value
        if guard := _GUARDED.match(value):
            value = value[guard.end() :]
        if value == before:
            break
    if not value:
        return CellResult(reasons=("empty",))
    if len(value) > spreadsheet.LONGEST_CELL:
        return CellResult(reasons=("too_long",))
    if _CONTROL.search(value):
        return CellResult(reasons=("control_character",))
    if _EMAIL_SHAPED.fullmatch(value):
        return CellResult(reasons=("email_shaped",))
    return CellResult(values=((value, 0),))


def _decide(cells: pa.StringArray) -> Decided:
    taken = truth(pc.match_substring_regex(cells, _COMMON))
    taken &= truth(pc.less_equal(pc.binary_length(cells), spreadsheet.LONGEST_CELL))
    fast = decided(cells, taken, 0)
    return fast._replace(value=pc.ascii_lower(fast.value))


class Username:
    """Kind `username`."""

    kind: str = "username"
    labels: tuple[str, ...] = ("username",)
    reasons: tuple[str, ...] = REASONS

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - names have none
        """Convert `cells` to case-folded NFKC."""
        return of_unwrapped(unwrapped(cells, keeps_broken=True), _decide, canonical_username)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """Return masks of the first letter, if it is an ASCII letter or digit, and eleven stars."""
        first = masks.first_letter(values)
        mask = pc.binary_join_element_wise(first, "*" * 11, "")
        return masks.stars_unless_hidden(mask, masks.alphanumeric_counts(values), masks.alphanumeric_counts(first))
