"""Rows with more identifiers of one kind than a person has: several people read as one, who would share one record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.identifiers.interface import Canonicalized
from ingest_cli.model.chunks import IndexArray

REASON = "too_many_identifiers"


class CrowdedRows:
    """The rows of a chunk with more different identifiers of one kind than there may be.

    Attributes:
        mask: shape (rows,): which they are.
    """

    def __init__(self, rows: int, most: int) -> None:
        """Begin with none.

        Args:
            rows: of the chunk.
            most: how many different identifiers of one kind a row may have.
        """
        self.mask: npt.NDArray[np.bool_] = np.zeros(rows, np.bool_)
        self._most = most
        self._column: dict[int, str] = {}

    def check(self, column: str, several: Sequence[Canonicalized]) -> None:
        """Look at all identifiers of one kind.

        Args:
            column: the first column of that kind, as rejects name it.
            several: what its columns hold.
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
        """(record index, reason, column) of each, given the record index of every row."""
        return [(int(index[row]), REASON, column) for row, column in sorted(self._column.items())]


def _has_one_each(cell: IndexArray) -> bool:
    """Whether no cell has yielded two values."""
    return len(cell) < 2 or bool((cell[1:] > cell[:-1]).all())  # noqa: PLR2004 - a pair
