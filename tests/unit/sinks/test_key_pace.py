"""The pace of a key: what its partition takes, whoever writes it, and whatever else is throttled."""

from __future__ import annotations

import math
from random import Random

import pytest

from ingest_cli.runtime.shared_state import MAX_PACES, HotKeyPaces, KeyPaceState, SharedByProcesses, SharedState
from ingest_cli.sinks.policies.hot_keys.pace import PARTITION_WCU_PER_S, START_WCU_PER_S, KeyPace
from tests.support.endpoint.capacity import Bucket
from tests.support.fake_clock import FakeClock

BATCH = 25


def taken(paces: list[KeyPace], clock: FakeClock, capacity: float, seconds: float, noise: float = 0.0) -> float:
    """WCU a second that a partition takes, in the second half of so many seconds."""
    random, bucket, began_s, late = Random(1), Bucket(capacity, 1.0, clock), clock(), 0
    bucket.level = 0.0
    while clock() < began_s + seconds:
        for pace in paces:
            at_s = pace.reserve(BATCH)
            clock.advance(max(at_s - clock(), 0.0))
            left = BATCH if random.random() < noise else 0
            for _ in range(BATCH - left):
                if bucket.admits(1.0):
                    bucket.take(1.0)
                else:
                    left += 1
            pace.answered(BATCH, left, at_s)
            late += (BATCH - left) * (clock() >= began_s + seconds / 2)
    return late / (seconds / 2)


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("capacity", [20, 100, 600])
def test_what_a_partition_takes_is_found_and_used(capacity: int, noise: float) -> None:
    clock = FakeClock()
    pace = KeyPace(clock, SharedState().hot_key_paces, "a")
    assert taken([pace], clock, capacity, 240.0, noise) >= 0.9 * (1 - noise) * capacity


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.0, 0.025, 0.1, 0.3])
def test_noise_does_not_lower_it(noise: float) -> None:
    clock = FakeClock()
    pace = KeyPace(clock, SharedState().hot_key_paces, "a")
    assert taken([pace], clock, 10_000.0, 240.0, noise) >= 0.85 * (1 - noise) * PARTITION_WCU_PER_S


def test_it_never_exceeds_what_a_partition_takes() -> None:
    clock = FakeClock()
    pace = KeyPace(clock, SharedState().hot_key_paces, "a")
    taken([pace], clock, 10_000.0, 60.0)
    assert pace.rate_wcu_per_s == PARTITION_WCU_PER_S


@pytest.mark.parametrize(
    "slots", [SharedState().hot_key_paces, SharedByProcesses().hot_key_paces], ids=["alone", "shared"]
)
def test_all_who_write_a_key_have_one_pace(slots: HotKeyPaces) -> None:
    clock = FakeClock()
    paces = [KeyPace(clock, slots, "a"), KeyPace(clock, slots, "a")]
    other = KeyPace(clock, slots, "b")
    assert 90 <= taken(paces, clock, 100.0, 240.0) <= 105
    paces[0].reserve(0.0)
    paces[1].reserve(0.0)
    assert paces[0].rate_wcu_per_s == paces[1].rate_wcu_per_s != other.rate_wcu_per_s == START_WCU_PER_S


def test_where_there_is_no_room_a_key_has_a_pace_of_its_own() -> None:
    clock, slots = FakeClock(), SharedState().hot_key_paces
    many = [KeyPace(clock, slots, f"k{n}") for n in range(MAX_PACES)]
    alone = [KeyPace(clock, slots, "more"), KeyPace(clock, slots, "more")]
    alone[0].reserve(100.0)
    assert alone[1].reserve(1.0) == clock()
    many[0].reserve(100.0)
    assert KeyPace(clock, slots, "k0").reserve(1.0) > clock()


def test_a_process_that_is_killed_while_it_begins_with_a_key_leaves_nothing_half_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slots = SharedState().hot_key_paces

    class Killed(BaseException):
        pass

    def killed(_: KeyPaceState) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(KeyPaceState, "store", killed)
        with pytest.raises(Killed):
            KeyPace(FakeClock(), slots, "k1.hot")
    first, second = (KeyPace(FakeClock(), slots, "k1.hot") for _ in range(2))
    assert first.reserve(25.0) < second.reserve(25.0)


@pytest.mark.parametrize("rate", [0.0, math.nan])
def test_numbers_that_were_left_half_stored_are_replaced(rate: float) -> None:
    slots, clock = SharedState().hot_key_paces, FakeClock()
    KeyPace(clock, slots, "k1.hot")
    slots.cells[1] = rate
    first, second = (KeyPace(clock, slots, "k1.hot") for _ in range(2))
    slots.cells[1] = rate
    assert first.reserve(25.0) < second.reserve(25.0)
    assert slots.cells[1] == START_WCU_PER_S
