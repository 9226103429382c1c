"""Loads with hot keys, in virtual time: as fast as table and partitions allow, and cheap to resume at any moment.

What is written again after a kill is looked at whenever anything is written, and every tenth of a second besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from ingest_cli.engines import concurrent
from ingest_cli.runtime.run_ahead import RunAhead
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.hot_keys.pace import KeyPace
from tests.support.endpoint import Limits
from tests.support.virtual_load import Case, Seen, load
from tests.support.virtual_table import HOT

BOUND_ITEMS = 5_000
WIDE = Limits(partitions=64, partition_wcu_per_s=10_000)
FAST, SLOW = replace(WIDE, key_wcu_per_s=1_000), replace(WIDE, key_wcu_per_s=100)
THREE = Case(None, 1_000, limits=SLOW, hot=6, keys=3, rows=20_000, eta=True)

CASES = {
    "three keys, a partition each": Case(None, 3_000, limits=FAST, hot=2, keys=3, rows=40_000, eta=True),
    "one key, all of a partition": Case(None, 3_000, limits=FAST, hot=9, rows=30_000, eta=True, latency_s=(0.04, 0.06)),
    "three keys that decide": THREE,
    "one key that decides": replace(THREE, hot=2, keys=1),
    "two keys, for a while": replace(THREE, hot=4, keys=2, hot_between=(0.3, 0.5), rows=30_000),
    "two keys, and noise": replace(THREE, hot=3, keys=2, noise=0.1, noise_leaves=0.5),
    "two keys and two workers": replace(THREE, hot=3, keys=2, workers=2),
    "two keys, and states saved slowly": replace(THREE, hot=3, keys=2, save_s=3.0),
}


def dictated_s(case: Case) -> float:
    """Seconds that the table, or else a partition, needs."""
    assert case.wcu_per_s is not None
    assert case.limits.key_wcu_per_s is not None
    most = max(count for pk, count in Counter(row.pk for row in case.dump).items() if pk.startswith(HOT))
    return max(case.rows / case.wcu_per_s, most / case.limits.key_wcu_per_s)


def holds(case: Case) -> Seen:
    """Load it, and hold it against what is promised."""
    seen = load(case)
    assert seen.acknowledged == case.rows
    again, took_s = max(seen.again), seen.ended_s / dictated_s(case)
    assert again <= BOUND_ITEMS
    assert took_s <= 1.1
    wrong = [
        (at_s, left_s)
        for at_s, left_s in seen.eta
        if 10 <= at_s <= seen.ended_s - 3 and not 0.5 <= left_s / (seen.ended_s - at_s) <= 2
    ]
    assert wrong == []
    return seen


@pytest.mark.parametrize("name", CASES)
def test_a_load_with_hot_keys(name: str) -> None:
    holds(CASES[name])


@pytest.mark.parametrize("seed", range(2, 6))
def test_any_seed(seed: int) -> None:
    holds(replace(THREE, hot=3, keys=2, workers=1 + seed % 2, noise=0.05 * (seed % 3), noise_leaves=0.5, seed=seed))


def test_two_workers_are_rarely_throttled() -> None:
    case = Case(None, 1_000, limits=SLOW, hot=3, keys=2, rows=60_000, workers=2)
    first, second = load(replace(case, rows=20_000)), load(case)
    more = len(second.consumed) - len(first.consumed)
    assert second.throttled_requests - first.throttled_requests <= 0.1 * more, "after the paces have been found"


def test_batches_of_a_hot_key_are_full() -> None:
    case = CASES["one key that decides"]
    seen = load(case)
    assert len(seen.consumed) <= 1.3 * case.rows / 25


def run_ahead_unbounded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(RunAhead, "may_begin", lambda _run_ahead, _items: True)


def hot_keys_ordinary(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(HotKeys, "_add", lambda _hot_keys, _keys: None)


def one_request_of_hot_keys_at_a_time(patch: pytest.MonkeyPatch) -> None:
    make = concurrent.ConcurrentWriter.__init__

    def made(self: concurrent.ConcurrentWriter, *arguments: object, **named: object) -> None:
        make(self, *arguments, **named)  # type: ignore[arg-type] # whatever it is
        self._most_hot = 1

    patch.setattr(concurrent.ConcurrentWriter, "__init__", made)


def pace_of_a_key_never_raised(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(KeyPace, "_grow", lambda _pace, _state, _now_s: None)


MUTANTS: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    run_ahead_unbounded: "one key that decides",
    hot_keys_ordinary: "three keys that decide",
    one_request_of_hot_keys_at_a_time: "one key, all of a partition",
    pace_of_a_key_never_raised: "one key, all of a partition",
}


@pytest.mark.parametrize("breaks", MUTANTS, ids=lambda breaks: breaks.__name__)
def test_a_broken_program_is_noticed(
    breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks(monkeypatch)
    with pytest.raises(AssertionError, match="assert"):
        holds(replace(CASES[MUTANTS[breaks]], seconds=None))
