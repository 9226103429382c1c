"""IMSI: subscriber number of a SIM card, 15 digits (ITU-T E.212 allows fewer; unused)."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import digits, masks, spreadsheet
from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.identifiers.lists import BROKEN_LIST
from ingest_cli.identifiers.two_speed import CellResult, Decided, canonicalized, decided, together, truth

LENGTH = 15
HOME_COUNTRY = "502"
"""Malaysia's mobile country code: ITU-T E.212, list of mobile country codes."""


def canonical_imsi(text: str) -> CellResult:
    """Return the IMSI of a cell, or several joined ones, by the careful rule."""
    return together(digits.each(text, _canonical))


def _canonical(text: str) -> CellResult:
    value, reason = digits.bare(text)
    if reason is None and not digits.is_digits(value):
        reason = digits.NOT_DIGITS
    if reason is None and len(value) != LENGTH:
        reason = digits.WRONG_LENGTH
    if reason is not None:
        return CellResult(reasons=(reason,))
    flags = () if value.startswith(HOME_COUNTRY) else ("mcc_not_502",)
    return CellResult(values=((value, 0),), flags=flags)


def _decide(cells: pa.StringArray) -> Decided:
    value = digits.bare_column(cells)
    shape = f"^{HOME_COUNTRY}[0-9]{{{LENGTH - len(HOME_COUNTRY)}}}$"
    return decided(value, truth(pc.match_substring_regex(value, shape)), 0)


class Imsi:
    """Kind `imsi`."""

    kind: str = "imsi"
    labels: tuple[str, ...] = ("imsi",)
    reasons: tuple[str, ...] = (digits.NOT_DIGITS, digits.WRONG_LENGTH, spreadsheet.PRECISION_LOST, BROKEN_LIST)

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:  # noqa: ARG002 - the MCC says it
        """Convert `cells` to 15 digits. Flag: `mcc_not_502` (a subscriber of another country)."""
        return canonicalized(cells, _decide, canonical_imsi)

    def mask(self, values: pa.StringArray) -> pa.StringArray:
        """Return masks of ten stars and the last two digits."""
        return masks.last_two(values)
