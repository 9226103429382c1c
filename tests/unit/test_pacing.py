"""The rate: never above the ceiling, down on a throttle of the table, up again in calm."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import UsageError
from ingest_cli.policies.pacing import MIN_WCU_PER_S, Ceiling, Pacer, Rules
from tests.support.fake_clock import FakeClock


def sent_by(pacer: Pacer, clock: FakeClock, units: list[float]) -> list[tuple[float, float]]:
    """(time, units) of writes one after the other."""
    sent = []
    for one in units:
        pacer.acquire(one)
        sent.append((clock(), one))
    return sent


@given(st.floats(1.0, 5000.0), st.lists(st.floats(0.1, 500.0), min_size=1, max_size=60))
def test_no_second_gets_more_than_the_ceiling_and_one_write(ceiling: float, units: list[float]) -> None:
    clock = FakeClock(0.0)
    sent = sent_by(Pacer.starting(clock, ceiling), clock, units)
    for first, (at_s, _) in enumerate(sent):
        inside = sum(one for when_s, one in sent[first:] if when_s < at_s + 1.0 - 1e-9)
        assert inside <= ceiling + max(units) + 1e-6
    assert clock() == pytest.approx(sum(units[:-1]) / ceiling), "and it is made use of"


def test_time_not_used_is_not_saved_up() -> None:
    clock = FakeClock(0.0)
    pacer = Pacer.starting(clock, 10.0)
    clock.advance(3600.0)
    sent = sent_by(pacer, clock, [5.0] * 6)
    assert [when_s - 3600.0 for when_s, _ in sent] == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.5])


def test_what_was_not_consumed_is_given_back_and_what_was_beyond_is_waited_for() -> None:
    clock = FakeClock(0.0)
    pacer = Pacer.starting(clock, 10.0)
    pacer.acquire(10.0)
    pacer.charge(-10.0)
    pacer.acquire(10.0)
    assert clock() == 0.0
    pacer.charge(20.0)
    pacer.acquire(1.0)
    assert clock() == pytest.approx(3.0)


def test_threads_share_one_rate() -> None:
    clock = FakeClock(0.0)
    pacer = Pacer.starting(clock, 100.0)

    def write() -> None:
        for _ in range(50):
            pacer.acquire(1.0)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    pacer.acquire(1.0)
    assert clock() >= 2.0 - 1e-6, "200 units at 100 a second"


def test_a_throttle_takes_a_share_off_and_its_echoes_do_not() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    pacer.throttled()
    assert pacer.rate_wcu_per_s == pytest.approx(800.0)
    clock.advance(0.4)
    pacer.throttled()
    assert pacer.rate_wcu_per_s == pytest.approx(800.0)
    clock.advance(0.2)
    pacer.throttled()
    assert pacer.rate_wcu_per_s < 700.0


def test_the_rate_never_falls_to_nothing() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    for _ in range(200):
        clock.advance(0.6)
        pacer.throttled()
    assert pacer.rate_wcu_per_s == pytest.approx(MIN_WCU_PER_S)


def rate_after(pacer: Pacer, clock: FakeClock, seconds: float) -> float:
    """The rate after so many seconds in which all of it is used."""
    until_s = clock() + seconds
    while clock() < until_s:
        pacer.acquire(pacer.rate_wcu_per_s / 20)
    return pacer.rate_wcu_per_s


def test_it_recovers_quickly_to_near_the_rate_that_was_throttled_and_slowly_beyond() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, None, 1000.0)
    pacer.acquire(1.0)
    pacer.throttled()
    assert rate_after(pacer, clock, 0.5) == pytest.approx(800.0, rel=0.01), "echoes are waited for"
    assert 930.0 < rate_after(pacer, clock, 1.6) < 970.0
    assert 960.0 < rate_after(pacer, clock, 1.0) < 990.0


def test_it_settles_near_what_the_table_takes() -> None:
    clock = FakeClock(0.0)
    pacer = Pacer.starting(clock, 4000.0)
    taken = level = filled_s = 0.0
    while clock() < 120.0:
        pacer.acquire(10.0)
        level = min(level + (clock() - filled_s) * 500.0, 50.0)
        filled_s = clock()
        if level >= 10.0:
            level -= 10.0
            taken += 10.0
        else:
            pacer.throttled()
    assert taken / 120.0 > 0.85 * 500.0


def test_after_a_table_took_nothing_for_minutes_the_old_rate_is_soon_back() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    for _ in range(300):
        clock.advance(1.0)
        pacer.throttled()
    assert pacer.rate_wcu_per_s < 2.0
    assert rate_after(pacer, clock, 30.0) == 1000.0


def test_without_a_ceiling_it_climbs_while_it_is_used_and_only_then() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, None, 100.0)
    assert rate_after(pacer, clock, 3.0) > 500.0
    before = pacer.rate_wcu_per_s
    for _ in range(10):
        clock.advance(1.0)
        pacer.acquire(1.0)
    assert pacer.rate_wcu_per_s <= before * Rules().climb_per_s


@given(st.lists(st.sampled_from(["acquire", "throttled", "calm", "raise", "lower"]), max_size=60))
def test_the_rate_stays_between_its_bounds(events: list[str]) -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 100.0)
    ceilings = itertools.cycle([400.0, 50.0, 1000.0])
    for event in events:
        if event == "acquire":
            pacer.acquire(30.0)
        elif event == "throttled":
            pacer.throttled()
        elif event == "calm":
            clock.advance(7.0)
        else:
            pacer.set_ceiling(next(ceilings))
        assert pacer.ceiling_wcu_per_s is not None
        assert MIN_WCU_PER_S <= pacer.rate_wcu_per_s <= pacer.ceiling_wcu_per_s


def test_a_changed_ceiling_counts_at_once() -> None:
    clock = FakeClock(0.0)
    pacer = Pacer.starting(clock, 1.0)
    pacer.acquire(3600.0)  # worth an hour at the old rate
    pacer.set_ceiling(1000.0)
    pacer.acquire(1.0)
    assert clock() <= 1.0
    clock.advance(2.0)
    pacer.throttled()
    pacer.set_ceiling(1000.0)
    assert pacer.rate_wcu_per_s < 1000.0, "the same ceiling again is no news"
    pacer.set_ceiling(10.0)
    assert pacer.rate_wcu_per_s == 10.0


@pytest.mark.parametrize(
    ("asked", "provisioned", "expected"),
    [
        (Ceiling(), None, None),
        (Ceiling(), 500.0, 500.0),
        (Ceiling(wcu_per_s=100.0), None, 100.0),
        (Ceiling(wcu_per_s=100.0), 500.0, 100.0),
        (Ceiling(wcu_per_s=900.0), 500.0, 500.0),
        (Ceiling(share=0.5), 500.0, 250.0),
        (Ceiling(share=1.0), 500.0, 500.0),
    ],
)
def test_the_ceiling_of_a_table(asked: Ceiling, provisioned: float | None, expected: float | None) -> None:
    assert asked.of(provisioned) == expected


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="50% is a share of provisioned capacity, but the table is on-demand"):
        Ceiling(share=0.5).of(None)


def test_throttles_of_what_was_reserved_before_are_echoes() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 100.0)
    pacer.acquire(0.0)
    pacer.charge(300.0)  # three seconds' worth, reserved at the full rate
    pacer.throttled()
    assert pacer.rate_wcu_per_s == 80.0
    clock.advance(2.9)
    pacer.throttled()
    assert pacer.rate_wcu_per_s == 80.0
    clock.advance(0.7)
    pacer.throttled()
    assert pacer.rate_wcu_per_s < 80.0


def test_throttles_right_after_a_change_of_the_ceiling_are_echoes() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 500.0)
    pacer.acquire(400.0)
    pacer.set_ceiling(100.0)
    pacer.throttled()
    assert pacer.rate_wcu_per_s == 100.0
