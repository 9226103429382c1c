"""What a kill had written again, as the campaigns count it."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fault.rewrites import AHEAD_ITEMS, Cost, Run, costs
from tests.support.endpoint import WriteRecord


def log(*keys: str, time_s: float = 0.0) -> list[WriteRecord]:
    """Puts of these keys, numbered from 1."""
    return [WriteRecord(n, time_s, "put", "t", key, "", "", n) for n, key in enumerate(keys, 1)]


def again(keys: Iterable[str], *runs: Run) -> list[int]:
    return [cost.again for cost in costs(log(*keys), runs, 1)]


def test_an_item_counts_for_the_run_that_wrote_it_last() -> None:
    assert again("abcbcdcde", Run(0, 9.0), Run(3, 9.0), Run(6, 9.0)) == [2, 2, 0]
    assert again("abcaabcd", Run(0, 9.0), Run(3, 9.0), Run(4, 9.0)) == [3, 1, 0]


def test_a_run_that_wrote_nothing_costs_nothing() -> None:
    assert again("abcabc", Run(0, 9.0), Run(3, 9.0), Run(3, 9.0)) == [3, 0, 0]


def test_what_one_run_writes_twice_is_no_cost_of_a_kill() -> None:
    assert again("aabbb", Run(0, 9.0), Run(3, 9.0)) == [1, 0]


def test_what_follows_a_restart_is_no_cost_of_what_was_before() -> None:
    assert again("abcabcc", Run(0, 9.0), Run(3, 9.0, is_restart=True), Run(6, 9.0)) == [0, 1, 0]


def test_reserved_rows_and_deletes_do_not_count() -> None:
    writes = log("_run#x", "a", "_run#x", "a")
    writes[3].action = "delete"
    assert [cost.again for cost in costs(writes, [Run(0, 9.0), Run(2, 9.0)], 1)] == [0, 0]


def test_the_bound_is_made_of_what_was_in_flight_and_of_the_last_seconds() -> None:
    early, late = log(*"abcd", time_s=1.0), log(*"efg", time_s=8.5)
    for number, write in enumerate(late, len(early) + 1):
        write.sequence = number
    (cost,) = costs([*early, *late], [Run(0, 10.0)], concurrency=4)
    assert cost == Cost(again=0, in_flight=100, recent=3)
    assert cost.bound == 100 + AHEAD_ITEMS + 3
    assert Cost(cost.bound, 100, 3).is_within
    assert not Cost(cost.bound + 1, 100, 3).is_within
