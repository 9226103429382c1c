"""Compare what the compiled kernels of a kind decide with its careful rule."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from ingest_cli.identifiers import Canonicalized
from ingest_cli.identifiers.two_speed import CellResult, Decided, of_unwrapped
from ingest_cli.identifiers.wrapping import Unwrapped, unwrapped

DECIDED_PER_KIND = 100_000
"""Cells that the kernels decided: those they leave are the careful rule's anyway, and prove nothing."""

Fast = Callable[[pa.StringArray], Decided]
Careful = Callable[[str], CellResult]


def assert_one_rule(cells: list[str], fast: Fast, careful: Careful) -> int:
    """Compare every cell the kernels decide with the careful rule; return how many they decided."""
    decided = fast(pa.array(cells, pa.string()))
    taken = np.flatnonzero(decided.taken).tolist()
    found: dict[int, list[tuple[str, int]]] = {cell: [] for cell in taken}
    origin = taken if decided.cell is None else decided.cell.tolist()
    assert origin == sorted(origin)
    for cell, value, label in zip(origin, decided.value.to_pylist(), decided.label.tolist(), strict=True):
        found[cell].append((value, label))
    for cell, values in found.items():
        assert careful(cells[cell]) == CellResult(values=tuple(values)), cells[cell]
    return len(taken)


def assert_one_rule_for(count: int, make: Callable[[], str], fast: Fast, careful: Careful) -> None:
    """Compare until the kernels have decided `count` cells, and at least every fiftieth."""
    decided = made = 0
    while decided < count:
        decided += assert_one_rule([make() for _ in range(20_000)], fast, careful)
        made += 20_000
        assert decided * 50 > made


def careful_only(cells: list[str], careful: Careful, plain: Unwrapped | None = None) -> Canonicalized:
    """Results of the careful rule alone for cells, what stands around their values taken off as for every kind."""
    return of_unwrapped(plain or unwrapped(pa.array(cells, pa.string())), nothing_decided, careful)


def nothing_decided(cells: pa.StringArray) -> Decided:
    return Decided(np.zeros(len(cells), np.bool_), cells.slice(0, 0), np.empty(0, np.int8))


def digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))
