"""What an item says about the other identifiers of its record: their masks, by class.

Also the bytes of a record that its tag is computed from. Both are needed once per row and taken for
each of its items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers.email import email_base
from ingest_cli.records import Identified, IndexArray, OffsetArray

_MAP_BYTES, _ELEMENT_BYTES = 3, 1
"""Overhead of a map, and of each element in it (AWS, "DynamoDB item sizes and formats")."""


def record_parts(one: Identified, rows: int) -> pa.StringArray:
    """For each of `rows` rows, `class 00 canonical 00` of its identifiers of one class; "" without any."""
    part = pc.binary_join_element_wise(one.kind + "\0", one.value, "\0", "")
    if _is_dense(one.row, rows):
        return part
    return pc.binary_join(_lists(one.row, part, rows), "")


class Hints:
    """The masks of all identifiers of some rows, to be had without those of one identifier."""

    def __init__(self, identifiers: Sequence[Identified], rows: int) -> None:
        self._classes = {one.kind: _Class.of(one, rows) for one in identifiers}

    def of(self, own: Identified, chosen: npt.NDArray[np.int64]) -> tuple[pa.StringArray, OffsetArray]:
        """The attribute `hints` of the items of some identifiers of one class.

        Args:
            own: the class; `email_base` stands for the addresses it derives from.
            chosen: positions in `own` of the identifiers that become items.

        Returns:
            Length n: `,"hints":{"M":{…}}`, or "" where a record has no other identifier; and shape
            (n,): bytes it adds to the item by DynamoDB's rules.
        """
        row = own.row[chosen]
        own_class = "email" if own.kind == "email_base" else own.kind
        at = pa.array(row)
        fragments = [one.fragment.take(at) for kind, one in self._classes.items() if kind != own_class]
        sizes = sum(
            (one.size_bytes[row] for kind, one in self._classes.items() if kind != own_class),
            start=np.zeros(len(row), np.int64),
        )
        if self._classes[own_class].several.any():
            fragment, size = self._classes[own_class].without(own, chosen)
            fragments.append(fragment)
            sizes += size
        if not fragments:
            return pa.array([""]).take(pa.array(np.zeros(len(row), np.int8))), sizes
        inner = pc.binary_join_element_wise(*fragments, "")
        some = pc.greater(pc.binary_length(inner), 0)
        whole = pc.binary_join_element_wise(',"hints":{"M":{', pc.utf8_ltrim(inner, characters=","), "}}", "")
        present = some.to_numpy(zero_copy_only=False)
        return pc.if_else(some, whole, ""), np.where(present, sizes + len("hints") + _MAP_BYTES, 0)


@dataclass(frozen=True, slots=True)
class _Class:
    """The masks of the identifiers of one class.

    Attributes:
        one: the identifiers.
        fragment: length rows: `,"class":{"SS":[…]}`; "" where a row has no such identifier.
        size_bytes: shape (rows,): what the fragment adds to an item.
        several: shape (rows,): whether a row has more than one such identifier.
    """

    one: Identified
    fragment: pa.StringArray
    size_bytes: OffsetArray
    several: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, one: Identified, rows: int) -> _Class:
        counts = np.bincount(one.row, minlength=rows)
        several = counts > 1
        row, mask = one.row, one.mask
        if several.any():
            row, mask = _unique(row, mask)
        quoted = pc.binary_join_element_wise('"', mask, '"', "")
        if not _is_dense(row, rows):
            quoted = pc.binary_join(_lists(row, quoted, rows), ",")
        fragment = pc.binary_join_element_wise(f',"{one.kind}":{{"SS":[', quoted, "]}", "")
        present = counts > 0
        if not present.all():
            fragment = pc.if_else(pa.array(present), fragment, "")
        lengths = pc.binary_length(mask).to_numpy(zero_copy_only=False)
        masks_bytes = np.bincount(row, lengths, minlength=rows).astype(np.int64)
        size = np.where(present, masks_bytes + len(one.kind) + _ELEMENT_BYTES, 0)
        return cls(one, fragment, size, several)

    def without(self, own: Identified, chosen: npt.NDArray[np.int64]) -> tuple[pa.StringArray, OffsetArray]:
        """Like `fragment` and `size_bytes`, per item, of the identifiers that are not the item's own."""
        keys = self.one.value
        if own.kind == "email_base":
            keys = pc.coalesce(email_base(keys), keys)
        fragments = [""] * len(chosen)
        sizes = np.zeros(len(chosen), np.int64)
        for i in np.flatnonzero(self.several[own.row[chosen]]):
            row, value = own.row[chosen[i]], own.value[chosen[i]].as_py()
            first, after = np.searchsorted(self.one.row, [row, row + 1])
            masks = sorted({self.one.mask[k].as_py() for k in range(first, after) if keys[k].as_py() != value})
            if masks:
                listed = ",".join(f'"{mask}"' for mask in masks)
                fragments[i] = f',"{self.one.kind}":{{"SS":[{listed}]}}'
                sizes[i] = sum(len(mask.encode()) for mask in masks) + len(self.one.kind) + _ELEMENT_BYTES
        return pa.array(fragments, pa.string()), sizes


def _is_dense(row: IndexArray, rows: int) -> bool:
    """Whether each row has exactly one; `row` is ascending."""
    return len(row) == rows and bool((np.diff(row) == 1).all())


def _lists(row: IndexArray, values: pa.StringArray, rows: int) -> pa.ListArray:
    """`values` grouped by `row`, which is ascending. Length rows."""
    offsets = np.searchsorted(row, np.arange(rows + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _unique(row: IndexArray, mask: pa.StringArray) -> tuple[IndexArray, pa.StringArray]:
    """The distinct pairs, sorted."""
    table = pa.table({"row": row, "mask": mask})
    order = pc.sort_indices(table, [("row", "ascending"), ("mask", "ascending")])
    row, mask = row[order.to_numpy()], mask.take(order)
    fresh = np.ones(len(row), np.bool_)
    fresh[1:] = (row[1:] != row[:-1]) | pc.not_equal(mask[1:], mask[:-1]).to_numpy(zero_copy_only=False)
    return row[fresh], mask.filter(pa.array(fresh))
