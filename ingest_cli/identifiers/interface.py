"""What an identifier kind must offer: one column of cells in, canonical values out.

A kind never guesses from a value's shape what the value is: the manifest says which column holds
which kind, and the kind only says what the canonical form of a cell is, or why there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

IndexArray = npt.NDArray[np.int32]
CodeArray = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Canonicalized:
    """The canonical values of one column, in long form: a cell may yield none, one or several.

    Attributes:
        cell: shape (n,), ascending: index of the cell each value came from.
        value: length n, no nulls: the canonical values.
        label: shape (n,): position of each value's fine label in the kind's `labels`; a function of
            the value alone.
        rejected_cell: shape (m,), ascending: index of the cell each rejected value came from. A cell
            that holds two phones, one of them impossible, is in `cell` and in `rejected_cell`.
        rejected_reason: length m: why, one of the kind's `reasons`.
        flagged: shape (n,): whether a value was kept in spite of a flag that casts doubt on it, such as a phone number
            that is possible but in no range of today's numbering plan.
        flags: name of an oddity → number of values kept in spite of it (`not_valid_today`, …).
    """

    cell: IndexArray
    value: pa.StringArray
    label: CodeArray
    rejected_cell: IndexArray
    rejected_reason: list[str]
    flagged: npt.NDArray[np.bool_]
    flags: Mapping[str, int] = field(default_factory=dict)


class Identifier(Protocol):
    """One kind of identifier."""

    kind: str
    """Its name in a manifest's `kind`, and its namespace in the keyed hash."""

    labels: tuple[str, ...]
    """The fine labels its values can have."""

    reasons: tuple[str, ...]
    """Every reason for which it rejects a value."""

    exposes: str
    """The data class a column of this kind exposes unless the manifest says otherwise."""

    lookup: bool
    """Whether its values become items of their own unless the manifest says otherwise."""

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:
        """Bring `cells` to canonical form.

        Args:
            cells: valid UTF-8, in NFKC, white space trimmed; null where the dump has nothing.
            region: ISO 3166 two-letter region for numbers written without a country code.

        Never raises for what a cell holds: that is a value in `rejected_reason`.
        """
        ...

    def mask(self, values: pa.StringArray) -> pa.StringArray | pa.DictionaryArray:
        """One mask per canonical value, no nulls: a hint to its owner that is no help to anyone else.

        Only ASCII or printable letters, digits and the characters `+ * @ .`; never a quote, a
        backslash or a control character, so that a mask can be put into JSON as it is.
        """
        ...
