"""Validate rows that fit the columns only by a repair rule.

Such a row may be shifted by one column. It is misaligned unless every filled cell of a checkable kind is valid;
uncheckable values, i.e. user names and ids that are no MyKad, are dropped. So a password in a wrong column becomes no
identifier, unless it is a valid one of a checked kind. A row that loses all of its identifiers is misaligned as well.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from ingest_cli.identifiers.interface import Canonicalized, IndexArray
from ingest_cli.identifiers.national_id import LABELS
from ingest_cli.model.arrow_bytes import BoolArray
from ingest_cli.model.manifest import Field

MISALIGNED = "misaligned"
"""Reason for rejecting a loose row."""

_CHECKED = frozenset({"email", "phone", "imsi", "imei", "iccid"})
_MYKAD = LABELS.index("mykad")


class LooseRows:
    """Loose rows of a chunk.

    Attributes:
        mask: shape (rows,): whether the row is loose.
        misaligned: shape (rows,): whether the row is loose and has a cell invalid for its column's kind.
    """

    def __init__(self, index: IndexArray, loose: IndexArray) -> None:
        """Find the loose rows.

        Args:
            index: record index of each row.
            loose: record indices of the loose rows.
        """
        self.mask: BoolArray = np.isin(index, loose)
        self.misaligned = np.zeros(len(index), np.bool_)
        self._index = index
        self._wrong: list[tuple[str, BoolArray]] = []
        self._filled: list[tuple[str, BoolArray]] = []

    def check(self, field: Field, present: BoolArray, canonical: Canonicalized) -> None:
        """Check a column.

        Args:
            field: field of the column.
            present: shape (rows,): whether its cell is filled.
            canonical: canonical values of its cells, by row.
        """
        filled = self.mask & present
        self._filled.append((field.columns[0], filled))
        if field.kind not in _CHECKED:
            return
        valid = np.zeros(len(present), np.bool_)
        valid[canonical.cell] = True
        valid[canonical.cell[canonical.flagged]] = False
        valid[canonical.rejected_cell] = False
        wrong = filled & ~valid
        self._wrong.append((field.columns[0], wrong))
        self.misaligned |= wrong

    def believed(self, kind: str, canonical: Canonicalized) -> Canonicalized:
        """Remove unverified values, once all columns were checked.

        Args:
            kind: kind of the column.
            canonical: canonical values of its cells, by row.
        """
        out = self.misaligned[canonical.cell]
        if kind == "username":
            out |= self.mask[canonical.cell]
        elif kind == "id":
            out |= self.mask[canonical.cell] & ((canonical.label != _MYKAD) | canonical.flagged)
        if not out.any():
            return canonical
        keep = ~out
        return replace(
            canonical,
            cell=canonical.cell[keep],
            value=canonical.value.filter(pa.array(keep)),
            label=canonical.label[keep],
            flagged=canonical.flagged[keep],
        )

    def rejected(self, lost: BoolArray) -> list[tuple[int, str, str]]:
        """Return (record index, reason, column) of the loose rows among those of `lost`, shape (rows,).

        The column is the first one with an invalid value, else the first filled one.
        """
        return [
            (int(self._index[row]), MISALIGNED, next(name for name, rows in (*self._wrong, *self._filled) if rows[row]))
            for row in np.flatnonzero(lost & self.mask)
        ]
