"""Put together what the compiled kernels decided and what is left for the careful rule.

A kind decides the common shape of a cell for the whole column at once, with Arrow kernels, and leaves
every other cell to a Python function from one text to a `CellResult`. That function is the definition of
the kind; the kernels are a shortcut that must agree with it wherever they decide at all.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers.interface import Canonicalized, CodeArray

if TYPE_CHECKING:
    from collections.abc import Callable

BoolArray = npt.NDArray[np.bool_]


class CellResult(NamedTuple):
    """What the careful rule found in one cell.

    Attributes:
        values: canonical values with their label's position, no value twice.
        reasons: one per rejected value.
        flags: one name per oddity of a kept value.
    """

    values: tuple[tuple[str, int], ...] = ()
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def truth(mask: pa.BooleanArray) -> BoolArray:
    """Give a kernel's mask, shape (n,), as numpy has it, null being False."""
    array: BoolArray = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - Arrow's API
    return array


class Decided(NamedTuple):
    """What the kernels decided about a column of n cells.

    Attributes:
        taken: shape (n,): the cells decided; each holds exactly one value and no oddity.
        value: length k, no nulls: the values of the k taken cells, in their order.
        label: shape (k,).
    """

    taken: BoolArray
    value: pa.StringArray
    label: CodeArray


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
    fast_cell = np.flatnonzero(fast.taken).astype(np.int32)
    left = np.flatnonzero(truth(cells.is_valid()) & ~fast.taken)
    if not left.size:
        return Canonicalized(fast_cell, fast.value, fast.label, np.empty(0, np.int32), [])

    texts = cells.take(pa.array(left)).to_pylist()
    slow_cell: list[int] = []
    slow: list[tuple[str, int]] = []
    rejected_cell: list[int] = []
    rejected_reason: list[str] = []
    flags: Counter[str] = Counter()
    for cell, text in zip(left.tolist(), texts, strict=True):
        result = careful(text)
        slow.extend(result.values)
        slow_cell.extend([cell] * len(result.values))
        rejected_reason.extend(result.reasons)
        rejected_cell.extend([cell] * len(result.reasons))
        flags.update(result.flags)

    every_cell = np.concatenate([fast_cell, np.array(slow_cell, np.int32)])
    in_order = np.argsort(every_cell, kind="stable")
    slow_value = pa.array([value for value, _ in slow], pa.string())
    slow_label = np.array([label for _, label in slow], np.int8)
    return Canonicalized(
        cell=every_cell[in_order],
        value=pa.concat_arrays([fast.value, slow_value]).take(pa.array(in_order)),
        label=np.concatenate([fast.label, slow_label])[in_order],
        rejected_cell=np.array(rejected_cell, np.int32),
        rejected_reason=rejected_reason,
        flags=dict(flags),
    )
