"""The rate: never above the ceiling, and below it what the table takes, whatever else is throttled."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import UsageError
from ingest_cli.model.ceiling import Ceiling
from ingest_cli.sinks.policies.pacing import MIN_WCU_PER_S, Pacer, Rules
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


def sends(pacer: Pacer, clock: FakeClock, seconds: float, taken: Callable[[float], float], wcu: float = 25.0) -> float:
    """Send requests for so many seconds; returns the units per second that were taken.

    Args:
        pacer: keeps the rate.
        clock: tells the time.
        seconds: for how long.
        taken: how many of the units of a request the table takes.
        wcu: units of a request.
    """
    began_s, total = clock(), 0.0
    while clock() < began_s + seconds:
        pacer.acquire(wcu)
        got = taken(wcu)
        total += got
        pacer.answered(wcu, wcu - got)
    return total / (clock() - began_s)


def everything(wcu: float) -> float:
    return wcu


def nothing(_wcu: float) -> float:
    return 0.0


def noise(share: float, seed: int = 1) -> Callable[[float], float]:
    """A table that throttles a share of the requests, whatever the rate."""
    random = Random(seed)
    return lambda wcu: 0.0 if random.random() < share else wcu


def capacity(clock: FakeClock, wcu_per_s: float) -> Callable[[float], float]:
    """A table that takes so many units a second, and keeps none for later."""
    level, filled_s = 0.0, clock()

    def taken(wcu: float) -> float:
        nonlocal level, filled_s
        level, filled_s = min(level + (clock() - filled_s) * wcu_per_s, wcu_per_s * 0.1), clock()
        got = min(wcu, level)
        level -= got
        return got

    return taken


def test_a_throttle_now_and_then_changes_nothing() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    sends(pacer, clock, 600.0, noise(0.01))
    assert pacer.rate_wcu_per_s == 1000.0


def test_many_throttles_lower_the_rate_to_just_below_what_was_acknowledged() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    sends(pacer, clock, 1.0, lambda wcu: 0.4 * wcu)
    assert pacer.rate_wcu_per_s == pytest.approx(380.0, rel=0.05)


def test_answers_to_what_was_reserved_before_say_nothing_about_the_new_rate() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    sends(pacer, clock, 0.5, nothing)
    lowered = pacer.rate_wcu_per_s
    for _ in range(100):
        pacer.answered(25.0, 25.0)
    assert pacer.rate_wcu_per_s == lowered
    assert lowered < 1000.0


def test_throttles_that_do_not_depend_on_the_rate_are_tolerated_once_a_lower_one_was_tried() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    sends(pacer, clock, 1.0, noise(0.3))
    assert pacer.rate_wcu_per_s < 800.0, "a lower rate is tried"
    sends(pacer, clock, 5.0, noise(0.3, seed=2))
    assert pacer.rate_wcu_per_s == 1000.0
    sends(pacer, clock, 20.0, noise(0.3, seed=3))
    assert pacer.rate_wcu_per_s == 1000.0


def test_throttles_that_cease_at_a_lower_rate_tell_the_capacity() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    table = capacity(clock, 400.0)
    sends(pacer, clock, 5.0, table)
    assert pacer.rate_wcu_per_s == pytest.approx(390.0, rel=0.05)
    assert sends(pacer, clock, 60.0, table) >= 0.95 * 400.0
    sends(pacer, clock, 25.0, everything)
    assert pacer.rate_wcu_per_s == 1000.0, "and that it is a larger one now"


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_the_rate_does_not_sink_for_throttles_that_do_not_depend_on_it(share: float, seed: int) -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1400.0)
    table = noise(share, seed)
    sends(pacer, clock, 30.0, table)
    assert sends(pacer, clock, 570.0, table) >= 0.9 * (1 - share) * 1400.0


def test_noise_does_not_hide_a_capacity() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    random, table = Random(1), capacity(clock, 300.0)
    sends(pacer, clock, 20.0, noise(0.1))
    assert pacer.rate_wcu_per_s == 1000.0
    sends(pacer, clock, 10.0, lambda wcu: 0.0 if random.random() < 0.1 else table(wcu))
    assert pacer.rate_wcu_per_s < 400.0
    assert sends(pacer, clock, 60.0, lambda wcu: 0.0 if random.random() < 0.1 else table(wcu)) >= 0.8 * 300.0


def test_the_rate_never_falls_to_nothing() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 20.0)
    sends(pacer, clock, 600.0, nothing, wcu=1.0)
    assert pacer.rate_wcu_per_s >= MIN_WCU_PER_S


def test_after_a_table_took_nothing_for_minutes_the_old_rate_is_soon_back() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 1000.0)
    sends(pacer, clock, 300.0, nothing)
    assert pacer.rate_wcu_per_s < 20.0
    sends(pacer, clock, 30.0, everything)
    assert pacer.rate_wcu_per_s == 1000.0


def rate_after(pacer: Pacer, clock: FakeClock, seconds: float) -> float:
    """The rate after so many seconds in which all of it is used."""
    until_s = clock() + seconds
    while clock() < until_s:
        pacer.acquire(pacer.rate_wcu_per_s / 20)
    return pacer.rate_wcu_per_s


def test_without_a_ceiling_it_climbs_while_it_is_used_and_only_then() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, None, 100.0)
    assert rate_after(pacer, clock, 3.0) > 500.0
    before = pacer.rate_wcu_per_s
    for _ in range(10):
        clock.advance(1.0)
        pacer.acquire(1.0)
    assert pacer.rate_wcu_per_s <= before * Rules().climb_per_s


@given(st.lists(st.sampled_from(["acquire", "throttled", "taken", "calm", "raise", "lower"]), max_size=60))
def test_the_rate_stays_between_its_bounds(events: list[str]) -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 100.0)
    ceilings = itertools.cycle([400.0, 50.0, 1000.0])
    for event in events:
        if event == "acquire":
            pacer.acquire(30.0)
        elif event in {"throttled", "taken"}:
            clock.advance(0.3)
            for _ in range(20):
                pacer.answered(25.0, 25.0 if event == "throttled" else 0.0)
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
    clock.advance(6.0)
    sends(pacer, clock, 1.0, lambda wcu: wcu / 2)
    pacer.set_ceiling(1000.0)
    assert pacer.rate_wcu_per_s < 1000.0, "the same ceiling again is no news"
    pacer.set_ceiling(10.0)
    assert pacer.rate_wcu_per_s == 10.0


@pytest.mark.parametrize(
    ("asked", "provisioned", "expected"),
    [
        (Ceiling(), None, None),
        (Ceiling(), 500.0, 500.0),
        (Ceiling(units_per_s=100.0), None, 100.0),
        (Ceiling(units_per_s=100.0), 500.0, 100.0),
        (Ceiling(units_per_s=900.0), 500.0, 500.0),
        (Ceiling(share=0.5), 500.0, 250.0),
        (Ceiling(share=1.0), 500.0, 500.0),
    ],
)
def test_the_ceiling_of_a_table(asked: Ceiling, provisioned: float | None, expected: float | None) -> None:
    assert asked.of(provisioned) == expected


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="50% is a share of provisioned capacity, but the table is on-demand"):
        Ceiling(share=0.5).of(None)


def test_throttles_right_after_a_change_of_the_ceiling_are_echoes() -> None:
    clock = FakeClock()
    pacer = Pacer.starting(clock, 500.0)
    pacer.acquire(400.0)
    pacer.set_ceiling(100.0)
    for _ in range(100):
        pacer.answered(25.0, 25.0)
    assert pacer.rate_wcu_per_s == 100.0
