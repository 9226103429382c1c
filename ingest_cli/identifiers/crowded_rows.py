"""Reject rows with too many identifiers of one kind: several people parsed as one would share one record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.model.chunks import IndexArray

REASON = "too_many_identifiers"


class CrowdedRows:
    """Rows of a chunk with more different identifiers of one kind than allowed.

    Attributes:
        mask: shape (rows,): whether the row is one of them.
    """

    def __init__(self, rows: int, most: int) -> None:
        """Initialise without any such rows.

        Args:
            most: maximum number of different identifiers of one kind per row.
        """
        self.mask: npt.NDArray[np.bool_] = np.zeros(rows, np.bool_)
        self._most = most
        self._column: dict[int, str] = {}

    def check(self, column: str, several: Sequence[Canonicalized]) -> None:
        """Check all identifiers of one kind.

        Args:
            column: first column of that kind, as named in rejects.
            several: canonical values of its columns.
        """
        if len(several) <= self._most and all(_has_one_each(one.cell) for one in several):
            return
        cell = np.concatenate([one.cell for one in several])
        many = np.bincount(cell, minlength=len(self.mask)) > self._most
        if not many.any():
            return
        chosen = many[cell]
        value = pa.concat_arrays([one.value for one in several]).filter(pa.array(chosen)).dictionary_encode()
        different = len(value.dictionary)
        pairs = np.unique(cell[chosen] * np.int64(different) + value.indices.to_numpy(zero_copy_only=False))
        crowded = np.bincount(pairs // different, minlength=len(self.mask)) > self._most
        self.mask |= crowded
        for row in np.flatnonzero(crowded).tolist():
            self._column.setdefault(row, column)

    def rejected(self, index: IndexArray) -> list[tuple[int, str, str]]:
        """Return (record index, reason, column) of each such row, given the record index of every row."""
        return [(int(index[row]), REASON, column) for row, column in sorted(self._column.items())]


def _has_one_each(cell: IndexArray) -> bool:
    """Return whether every cell has at most one value."""
    return len(cell) < 2 or bool((cell[1:] > cell[:-1]).all())  # noqa: PLR2004 - a pair
