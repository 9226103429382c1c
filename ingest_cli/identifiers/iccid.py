"""ICCID: the number printed on a SIM card, 18 to 20 digits (ITU-T E.118: at most 19; 20 are in use).

A card stores it in ten bytes of two digits, padded with F (ETSI TS 102 221 section 13.2); dumps of cards
keep the F.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import digits, masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.lists import BROKEN_LIST
from ingest_cli.identifiers.two_speed import CellResult, Decided, canonicalized, decided, together

SHORTEST, USUAL, LONGEST = 18, 19, 20


def canonical_iccid(text: str) -> CellResult:
    """Return the ICCID of a cell, or several joined ones, by the careful rule."""
    return together(digits.each(text, _canonical))


def _canonical(text: str) -> CellResult:
    value, reason = digits.bare(text)
    value = value.rstrip("F")
    if reason is None and not digits.is_digits(value):
        reason = digits.NOT_DIGITS
    if reason is None and not SHORTEST <= len(value) <= LONGEST:
        reason = digits.WRONG_LENGTH
    if reason is not None:
        return CellResult(reasons=(reason,))
    if digits.passes_luhn(value):
        return CellResult(values=((value, 0),))
    return CellResult(values=((value, 0),), flags=("luhn_failure",), doubtful=(value,))


def _decide(cells: pa.StringArray) -> Decided:
    """Decide 19 digits with their check digit, with or without the filler."""
    value = pc.ascii_rtrim(digits.bare_column(cells), "Ff")
    return decided(value, digits.column_passes_luhn(value, USUAL), 0)


class Iccid:
    """Kind `iccid`."""

    kind: str = "iccid"
    labels: tuple[str, ...] = ("iccid",)
    reasons: tuple[str, ...] = (digits.NOT_DIGITS, digits.WRONG_LENGTH, spreadsheet.PRECISION_LOST, BROKEN_LIST)

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - the digits say it
        """Convert `cells` to 18-20 digits. Flag: `luhn_failure` (kept: not every issuer uses a check digit)."""
        return canonicalized(cells, _decide, canonical_iccid)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """Return masks of ten stars and the last two digits."""
        return masks.last_two(values)
