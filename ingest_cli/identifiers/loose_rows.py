"""What is believed of a row whose cells fit its columns only by a rule: nothing that is not borne out.

Such a row may have a value one column off. It is misaligned unless every filled cell of a kind that can be checked is
valid; what cannot be checked, a user name or an id that is no MyKad, is left out of it. So a password that slipped into
another column is no identifier, unless it is a valid one of a checked kind. A row that held identifiers, none of
which is left, is misaligned as well.
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
"""The reason for which a loose row is rejected."""

_CHECKED = frozenset({"email", "phone", "imsi", "imei", "iccid"})
_MYKAD = LABELS.index("mykad")


class LooseRows:
    """The loose rows of a chunk.

    Attributes:
        any: whether there are any.
        mask: shape (rows,): which rows they are.
        misaligned: shape (rows,): those of them in which a cell is none of its column's kind.
    """

    def __init__(self, index: IndexArray, loose: IndexArray) -> None:
        """Find the rows.

        Args:
            index: record index of each row.
            loose: record indices of the loose ones.
        """
        self.any = bool(len(loose))
        self.mask: BoolArray = np.isin(index, loose) if self.any else np.zeros(len(index), np.bool_)
        self.misaligned = np.zeros(len(index), np.bool_)
        self._index = index
        self._wrong: list[tuple[str, BoolArray]] = []
        self._filled: list[tuple[str, BoolArray]] = []

    def check(self, field: Field, present: BoolArray, canonical: Canonicalized) -> None:
        """Look at a column.

        Args:
            field: says what it holds.
            present: shape (rows,): whether its cell is filled.
            canonical: what its cells are, by row.
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
        """Leave out what is not believed, once all columns were looked at.

        Args:
            kind: of the column.
            canonical: what its cells are, by row.
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
        """(record index, reason, column) of the loose rows among those of `lost`, shape (rows,).

        The column is the first one with a wrong value in it, else the first one that is filled.
        """
        return [
            (int(self._index[row]), MISALIGNED, next(name for name, rows in (*self._wrong, *self._filled) if rows[row]))
            for row in np.flatnonzero(lost & self.mask)
        ]
