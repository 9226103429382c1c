"""Put together what the compiled kernels decided and what is left for the careful rule.

A kind decides the common shape of a cell for the whole column at once, with kernels of Arrow or numpy, and leaves
every other cell to a Python function from one text to a `CellResult`. That function is the definition of
the kind; the kernels are a shortcut that must agree with it wherever they decide at all.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.columns import BoolArray
from ingest_cli.identifiers.interface import Canonicalized, CodeArray, IndexArray

if TYPE_CHECKING:
    from collections.abc import Callable


class CellResult(NamedTuple):
    """What the careful rule found in one cell.

    Attributes:
        values: canonical values with their label's position, no value twice.
        reasons: one per rejected value.
        flags: one name per oddity of a kept value.
        doubtful: those of the values that are kept in spite of a flag that casts doubt on them.
    """

    values: tuple[tuple[str, int], ...] = ()
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


def truth(mask: pa.BooleanArray) -> BoolArray:
    """Give a kernel's mask, shape (n,), as numpy has it, null being False."""
    if mask.null_count:
        mask = pc.fill_null(mask, False)  # noqa: FBT003 - Arrow's API
    array: BoolArray = mask.to_numpy(zero_copy_only=False)
    return array if array.flags.writeable else array.copy()


class Decided(NamedTuple):
    """What the kernels decided about a column of n cells.

    Attributes:
        taken: shape (n,): the cells decided; each holds at least one value, and no oddity.
        value: length k, no nulls: the values of the taken cells, in their order.
        label: shape (k,).
        cell: shape (k,), ascending: index of the cell each value came from. None: each taken cell has one.
    """

    taken: BoolArray
    value: pa.StringArray
    label: CodeArray
    cell: IndexArray | None = None


def decided(candidates: pa.StringArray, taken: BoolArray, label: int) -> Decided:
    """Take the candidates (length n) that are in `taken` (shape (n,)), all with one label."""
    value = candidates if taken.all() else candidates.filter(pa.array(taken))
    return Decided(taken, value, np.full(len(value), label, np.int8))


def complete(cells: pa.StringArray, fast: Decided, careful: Callable[[str], CellResult]) -> Canonicalized:
    """Apply the careful rule to the cells that `fast` left, and merge both in the order of the cells.

    Args:
        cells: length n, as the kind got them; null cells yield nothing.
        fast: what is decided already, about the same n cells.
        careful: total: it has a result for any text, and raises for none.
    """
    fast_cell = np.flatnonzero(fast.taken).astype(np.int32) if fast.cell is None else fast.cell
    left = np.flatnonzero(~fast.taken).astype(np.int32)
    if cells.null_count:
        left = left[truth(cells.is_valid())[left]]
    if not left.size:
        no_doubt = np.zeros(len(fast.value), np.bool_)
        return Canonicalized(fast_cell, fast.value, fast.label, np.empty(0, np.int32), [], no_doubt)

    results = [careful(text) for text in cells.take(pa.array(left)).to_pylist()]
    slow = [value for result in results for value in result.values]
    slow_cell = np.repeat(left, [len(result.values) for result in results])
    rejected_cell = np.repeat(left, [len(result.reasons) for result in results])

    every_cell = np.concatenate([fast_cell, slow_cell])
    in_order = np.argsort(every_cell, kind="stable")
    slow_value = pa.array([value for value, _ in slow], pa.string())
    slow_label = np.array([label for _, label in slow], np.int8)
    doubted = [value in result.doubtful for result in results for value, _ in result.values]
    return Canonicalized(
        cell=every_cell[in_order],
        value=pa.concat_arrays([fast.value, slow_value]).take(pa.array(in_order)),
        label=np.concatenate([fast.label, slow_label])[in_order],
        rejected_cell=rejected_cell,
        rejected_reason=[reason for result in results for reason in result.reasons],
        flagged=np.concatenate([np.zeros(len(fast.value), np.bool_), np.array(doubted, np.bool_)])[in_order],
        flags=dict(Counter(flag for result in results for flag in result.flags)),
    )
