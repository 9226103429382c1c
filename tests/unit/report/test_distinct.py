"""How many different keys there were."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.report.distinct import DistinctCounter

HASHES = np.random.default_rng(1).integers(0, 1 << 64, 100_000, np.uint64)


def counter(hashes: npt.NDArray[np.uint64], *, capacity: int, chunk: int = 1000) -> DistinctCounter:
    made = DistinctCounter(capacity)
    for at in range(0, len(hashes), chunk):
        made.add(hashes[at : at + chunk])
    return made


def test_nothing_is_none() -> None:
    made = DistinctCounter()
    made.add(np.empty(0, np.uint64))
    assert (made.count(), made.is_exact) == (0, True)


@given(st.lists(st.integers(0, (1 << 64) - 1), max_size=200), st.integers(1, 50))
def test_it_is_exact_as_long_as_the_keys_fit(values: list[int], chunk: int) -> None:
    made = counter(np.array(values, np.uint64), capacity=200, chunk=chunk)
    assert (made.count(), made.is_exact) == (len(set(values)), True)


@pytest.mark.parametrize("chunk", [1, 777, 100_000])
def test_keys_seen_again_are_not_counted_again(chunk: int) -> None:
    hashes = HASHES[:5000]
    again = np.concatenate([hashes, hashes[::-1], hashes[:17]])
    assert counter(again, capacity=5000, chunk=chunk).count() == 5000
    assert counter(again, capacity=5000, chunk=chunk).is_exact
    assert not counter(again, capacity=4999, chunk=chunk).is_exact


@pytest.mark.parametrize("capacity", [1024, 4096, 16384])
def test_above_its_capacity_it_estimates(capacity: int) -> None:
    made = counter(np.concatenate([HASHES, HASHES]), capacity=capacity)
    assert not made.is_exact
    # Between capacity / 2 and capacity hashes are kept; the error is that of so many coin tosses: 5 sigma.
    assert abs(made.count() - len(HASHES)) < 5 * len(HASHES) / (capacity / 2) ** 0.5


def test_the_order_of_the_keys_makes_no_difference() -> None:
    shuffled = np.random.default_rng(2).permutation(np.concatenate([HASHES, HASHES[:1000]]))
    counts = {
        counter(hashes, capacity=1000, chunk=chunk).count() for hashes in (HASHES, shuffled) for chunk in (50, 9999)
    }
    assert len(counts) == 1


def test_it_keeps_no_more_than_it_may() -> None:
    made = counter(HASHES, capacity=1000, chunk=10)
    made.count()
    assert made._kept.nbytes <= 2 * 8 * 1000
