"""Merge the results of compiled kernels with those of the careful rule.

A kind decides the common form of a cell for the whole column, with kernels of Arrow or numpy, and leaves every other
cell to a Python function from one text to a `CellResult`. That function is the definition of the kind; the kernels are
a shortcut that must agree with it wherever they decide.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers.interface import Canonicalized, CodeArray, IndexArray
from ingest_cli.identifiers.lists import BROKEN_LIST
from ingest_cli.identifiers.wrapping import Unwrapped, unwrapped
from ingest_cli.model.arrow_bytes import BoolArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class CellResult(NamedTuple):
    """Result of the careful rule for one cell.

    Attributes:
        values: canonical values with the position of their label, without duplicates.
        reasons: one per rejected value.
        flags: one name per oddity of a kept value.
        doubtful: values kept despite a flag that casts doubt on them.
    """

    values: tuple[tuple[str, int], ...] = ()
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


def together(results: Sequence[CellResult]) -> CellResult:
    """Merge the results of a cell's pieces into one."""
    return CellResult(
        values=tuple(dict.fromkeys(value for result in results for value in result.values)),
        reasons=tuple(reason for result in results for reason in result.reasons),
        flags=tuple(flag for result in results for flag in result.flags),
        doubtful=tuple(value for result in results for value in result.doubtful),
    )


def truth(mask: pa.BooleanArray) -> BoolArray:
    """Return a kernel's mask, shape (n,), as a numpy array with False for null."""
    if mask.null_count:
        mask = pc.fill_null(mask, False)  # noqa: FBT003 - Arrow's API
    array: BoolArray = mask.to_numpy(zero_copy_only=False)
    return array if array.flags.writeable else array.copy()


class Decided(NamedTuple):
    """Result of the kernels for a column of n cells.

    Attributes:
        taken: shape (n,): whether the cell is decided; each such cell holds at least one value, and no oddity.
        value: length k, no nulls: values of the taken cells, in their order.
        label: shape (k,).
        cell: shape (k,), ascending: index of the cell of each value. None: each taken cell has one.
    """

    taken: BoolArray
    value: pa.StringArray
    label: CodeArray
    cell: IndexArray | None = None


def decided(candidates: pa.StringArray, taken: BoolArray, label: int) -> Decided:
    """Return the candidates (length n) in `taken` (shape (n,)) as decided, all with one label."""
    value = candidates if taken.all() else candidates.filter(pa.array(taken))
    return Decided(taken, value, np.full(len(value), label, np.int8))


def complete(cells: pa.StringArray, fast: Decided, careful: Callable[[str], CellResult]) -> Canonicalized:
    """Apply the careful rule to the cells undecided in `fast`, and merge both in the order of the cells.

    Args:
        cells: length n, as passed to the kind; null cells yield nothing.
        fast: decided part of the same n cells.
        careful: total function: returns a result for any text, and never raises.
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


def canonicalized(
    cells: pa.StringArray, decide: Callable[[pa.StringArray], Decided], careful: Callable[[str], CellResult]
) -> Canonicalized:
    """Unwrap `cells`, and apply both rules to their content.

    Args:
        cells: length n, as passed to the kind.
        decide: the kernels.
        careful: as for `complete`.
    """
    return of_unwrapped(unwrapped(cells), decide, careful)


def of_unwrapped(
    plain: Unwrapped, decide: Callable[[pa.StringArray], Decided], careful: Callable[[str], CellResult]
) -> Canonicalized:
    """Apply both rules to unwrapped cells; the result refers to the original cells."""
    found = complete(plain.cells, decide(plain.cells), careful)
    if plain.cell is None:
        return found
    found = _without_repeated(
        replace(found, cell=plain.cell[found.cell], rejected_cell=plain.cell[found.rejected_cell])
    )
    if not len(plain.broken):
        return found
    rejected_cell = np.concatenate([found.rejected_cell, plain.broken])
    reasons = found.rejected_reason + [BROKEN_LIST] * len(plain.broken)
    in_order = np.argsort(rejected_cell, kind="stable")
    return replace(
        found, rejected_cell=rejected_cell[in_order], rejected_reason=[reasons[place] for place in in_order.tolist()]
    )


def _without_repeated(found: Canonicalized) -> Canonicalized:
    """Remove values that occur earlier in the same cell."""
    value = found.value.dictionary_encode()
    pair = found.cell.astype(np.int64) * max(len(value.dictionary), 1) + value.indices.to_numpy()
    first = np.sort(np.unique(pair, return_index=True)[1])
    if len(first) == len(pair):
        return found
    return replace(
        found,
        cell=found.cell[first],
        value=found.value.take(pa.array(first)),
        label=found.label[first],
        flagged=found.flagged[first],
    )


def merged(parts: Sequence[tuple[Canonicalized, IndexArray]]) -> Canonicalized:
    """Merge the results of parts of a column.

    Args:
        parts: at least one; each with shape (k,): index in the column of each of its cells.
    """
    cell = np.concatenate([at[found.cell] for found, at in parts])
    rejected_cell = np.concatenate([at[found.rejected_cell] for found, at in parts])
    reasons = [reason for found, _ in parts for reason in found.rejected_reason]
    flags = Counter[str]()
    for found, _ in parts:
        flags.update(found.flags)
    in_order, rejects_in_order = np.argsort(cell, kind="stable"), np.argsort(rejected_cell, kind="stable")
    return Canonicalized(
        cell=cell[in_order],
        value=pa.concat_arrays([found.value for found, _ in parts]).take(pa.array(in_order)),
        label=np.concatenate([found.label for found, _ in parts])[in_order],
        rejected_cell=rejected_cell[rejects_in_order],
        rejected_reason=[reasons[place] for place in rejects_in_order.tolist()],
        flagged=np.concatenate([found.flagged for found, _ in parts])[in_order],
        flags=dict(flags),
    )
