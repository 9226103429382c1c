"""What a sample says of all items: each key is as likely to be in it as any other, however often it comes."""

from __future__ import annotations

import numpy as np
import pytest

from ingest_cli.commands.table_reader import Key
from ingest_cli.commands.verify import _Sampling
from ingest_cli.commands.verify_result import Differences, Scope, Verification
from ingest_cli.items.batching import batches
from ingest_cli.report.distinct import DistinctCounter
from tests.support.synthetic_items import items

KEYS = 400
RANDOM = np.random.default_rng(7)
HASHES = RANDOM.integers(0, 1 << 64, KEYS, np.uint64)


class Table:
    """Stands for a `Reader` of a table that holds nothing, and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[Key] = []

    def items(self, keys: list[Key], *, consistent: bool) -> dict[Key, object]:
        if consistent:
            self.asked += keys
        return {}


def verification(seed: int, size: int | None) -> Verification:
    return Verification("verify", "demo", "Demo", scope=Scope(size), seed=seed)


def drawn(seed: int, size: int) -> set[int]:
    """Numbers of the keys in a sample; the first hundred keys come ten times as often as the others."""
    found, table = verification(seed, size), Table()
    sampling = _Sampling(table, found, size)  # type: ignore[arg-type] # as far as it is asked
    for numbers in ([*range(100)] * 5, [*range(KEYS)], [*range(100)] * 4):
        for first in range(0, len(numbers), 100):
            for batch in batches(items([f"k1.{number}" for number in numbers[first : first + 100]], ["demo#x"] * 100)):
                assert sampling.put(batch).acknowledged == len(batch)
    sampling.finish()
    assert found.compared == found.missing.count == len(table.asked)
    return {int(pk.removeprefix("k1.")) for pk, _ in table.asked}


def test_a_sample_has_its_size_and_no_key_twice() -> None:
    assert [len(drawn(1, size)) for size in (1, 99, KEYS - 1, KEYS, 5 * KEYS)] == [1, 99, KEYS - 1, KEYS, KEYS]


@pytest.mark.slow
def test_every_key_is_as_likely_as_any_other() -> None:
    draws, size = 300, 40
    times = np.zeros(KEYS)
    for seed in range(draws):
        times[list(drawn(seed, size))] += 1
    expected = draws * size / KEYS
    assert times.min() > 0
    # Of the keys that come ten times as often, 3,000 are expected; the standard deviation of that is about 50.
    assert abs(times[:100].sum() - 100 * expected) < 250


def test_refused_items_are_left_out_of_a_sample_and_no_other() -> None:
    """Of each batch several are too large for any table: the others keep the distances that are their own."""
    large = [*range(10, 100, 10)]
    size = 40

    def sampled(numbers: list[int], wcu: list[int]) -> list[Key]:
        found, table = verification(1, size), Table()
        sampling = _Sampling(table, found, size)  # type: ignore[arg-type] # as far as it is asked
        keys, sks = [f"k1.{number}" for number in numbers], ["demo#x"] * len(numbers)
        for batch in batches(items(keys, sks, wcu)):
            sampling.put(batch)
        sampling.finish()
        return sorted(table.asked)

    others = [number for number in range(100) if number not in large]
    wcu = [500 if number in large else 1 for number in range(100)]
    assert sampled([*range(100)], wcu) == sampled(others, [1] * len(others))


@pytest.mark.parametrize(("compared", "words"), [(10_000, "≤ 0.03 %"), (100_000, "≤ 0.003 %"), (700, "≤ 0.43 %")])
def test_the_rule_of_three(compared: int, words: str) -> None:
    found = verification(1, compared)
    found.compared = compared
    found.distinct.add(RANDOM.integers(0, 1 << 64, compared + 1, np.uint64))
    assert found.confidence == f"{words} missing at 95 %"
    found.compared = 3
    assert found.confidence is None  # so few say nothing
    found.compared = compared
    found.missing.add(("k1.x", "demo#x"))
    assert found.confidence is None


@pytest.mark.parametrize(("off", "agrees"), [(0, True), (1, False), (-1, False)])
def test_an_exact_count_has_to_be_met_exactly(off: int, *, agrees: bool) -> None:
    found = verification(1, None)
    found.distinct.add(HASHES)
    found.counted = KEYS + off
    assert found.counts_agree is agrees


@pytest.mark.parametrize(("off", "agrees"), [(0.0, True), (0.1, True), (-0.1, True), (0.3, False), (-0.3, False)])
def test_an_estimated_one_within_its_error(off: float, *, agrees: bool) -> None:
    found = verification(1, None)
    found.distinct = DistinctCounter(400)  # a standard error of 6 %
    found.distinct.add(RANDOM.integers(0, 1 << 64, 5_000, np.uint64))
    assert found.distinct.relative_error == pytest.approx(0.06)
    found.counted = int(found.distinct.count() * (1 + off))
    assert found.counts_agree is agrees


def test_keys_are_counted_beyond_those_that_are_kept() -> None:
    differences = Differences()
    for number in range(1_000):
        differences.add((f"k1.{number}", "demo#x"))
    assert (differences.count, len(differences.keys)) == (1_000, 20)
