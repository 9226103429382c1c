"""Interface of an identifier kind: one column of cells in, canonical values out.

A kind never guesses a value's kind from its form: the manifest assigns kinds to columns, and the kind returns the
canonical form of a cell, or the reason why there is none.
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
        cell: shape (n,), ascending: index of the cell of each value.
        value: length n, no nulls: the canonical values.
        label: shape (n,): index of the value's fine label in the kind's `labels`; a function of the
            value alone.
        rejected_cell: shape (m,), ascending: index of the cell of each rejected value. A cell that holds
            a valid and an impossible phone number is in both `cell` and `rejected_cell`.
        rejected_reason: length m: one of the kind's `reasons`.
        flagged: shape (n,): whether a value was kept despite a flag that casts doubt on it, such as a phone number
            that is possible but in no range of today's numbering plan.
        flags: name of an oddity → number of values kept despite it (`not_valid_today`, …).
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
    """Name in a manifest's `kind`, and namespace in the keyed hash."""

    labels: tuple[str, ...]
    """Fine labels of the values."""

    reasons: tuple[str, ...]
    """All reasons for rejecting a value."""

    def canonicalize(self, cells: pa.StringArray, region: str) -> Canonicalized:
        """Convert `cells` to canonical form.

        Args:
            cells: valid UTF-8 in NFKC, trimmed; null if the dump has no value.
            region: ISO 3166 two-letter region for numbers written without a country code.

        Never raises for a cell's content: invalid values are in `rejected_reason`.
        """
        ...

    def mask(self, values: pa.StringArray) -> pa.StringArray | pa.DictionaryArray:
        """Return one mask per canonical value, without nulls: recognisable to its owner, useless to anyone else.

        Only ASCII or printable letters, digits and the characters `+ * @ .`; never a quote, a backslash or a control
        character, so that a mask needs no escaping in JSON.
        """
        ...
