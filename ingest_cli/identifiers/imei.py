"""IMEI: number of a handset, its first 14 digits (3GPP TS 23.003 section 6.2).

The 15th digit is a Luhn check digit on the label and 0 in signalling; a 16-digit IMEISV has a software version
instead. The first 14 are the same in all three, so they identify the handset.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import digits, masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.lists import BROKEN_LIST
from ingest_cli.identifiers.two_speed import CellResult, Decided, canonicalized, decided, together, truth

LENGTH = 14
WITH_CHECK_DIGIT = 15
WITH_SOFTWARE_VERSION = 16

_UNCHECKED = f"^(?:[0-9]{{{LENGTH}}}0?|[0-9]{{{WITH_SOFTWARE_VERSION}}})$"

# One repeated digit, and digits in keyboard order.
_DUMMIES = [digit * LENGTH for digit in "0123456789"] + ["12345678901234", "01234567890123"]


def canonical_imei(text: str) -> CellResult:
    """Return the IMEI of a cell, or several joined ones, by the careful rule."""
    return together(digits.each(text, _canonical))


def _canonical(text: str) -> CellResult:
    value, reason = digits.bare(text)
    if reason is None:
        reason = _reason_against(value)
    return CellResult(values=((value[:LENGTH], 0),)) if reason is None else CellResult(reasons=(reason,))


def _reason_against(value: str) -> str | None:
    if not digits.is_digits(value):
        return digits.NOT_DIGITS
    if not LENGTH <= len(value) <= WITH_SOFTWARE_VERSION:
        return digits.WRONG_LENGTH
    if value[:LENGTH] in _DUMMIES:
        return "dummy"
    if len(value) == WITH_CHECK_DIGIT and value[-1] != "0" and not digits.passes_luhn(value):
        return "luhn_failure"
    return None


def _decide(cells: pa.StringArray) -> Decided:
    """Decide 15 digits with their check digit or a zero, 14 without, and 16."""
    value = digits.bare_column(cells)
    taken = digits.column_passes_luhn(value, WITH_CHECK_DIGIT) | truth(pc.match_substring_regex(value, _UNCHECKED))
    fast = decided(value, taken, 0)
    identity = pc.utf8_slice_codeunits(fast.value, 0, LENGTH)
    real = ~truth(pc.is_in(identity, pa.array(_DUMMIES)))
    taken[taken] = real
    return Decided(taken, identity.filter(pa.array(real)), fast.label[real])


class Imei:
    """Kind `imei`."""

    kind: str = "imei"
    labels: tuple[str, ...] = ("imei",)
    reasons: tuple[str, ...] = (
        digits.NOT_DIGITS,
        digits.WRONG_LENGTH,
        "dummy",
        "luhn_failure",
        spreadsheet.PRECISION_LOST,
        BROKEN_LIST,
    )

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - handsets have none
        """Convert `cells` to 14 digits."""
        return canonicalized(cells, _decide, canonical_imei)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """Return masks of ten stars and the last two digits."""
        return masks.last_two(values)
