"""The numbers that processes share: as exact as those of one process, whoever is killed while writing them."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.engines.worker_process import process_context
from ingest_cli.runtime.shared_state import RateState, SharedByProcesses
from ingest_cli.sinks.policies.pacing import Pacer
from ingest_cli.sinks.policies.retry import Progress
from tests.support.fake_clock import FakeClock

# A test runs in a process with threads of its own, and those that it forks use nothing of these.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

LONG_S = 60.0
NAMES = RateState._names


@pytest.fixture
def shared() -> SharedByProcesses:
    return SharedByProcesses()


def started(program: Callable[..., None], *arguments: object) -> BaseProcess:
    process = process_context().Process(target=program, args=arguments)  # type: ignore[attr-defined] # all have it
    process.start()
    made: BaseProcess = process
    return made


def ended(process: BaseProcess) -> int | None:
    """Its exit code; fails if it does not come to its end."""
    process.join(LONG_S)
    code = process.exitcode
    process.kill()
    return code


def numbers(state: RateState) -> dict[str, float]:
    with state as inside:
        return {name: getattr(inside, name) for name in NAMES}


STEPS = st.one_of(
    st.tuples(st.just("acquire"), st.floats(0.5, 200.0)),
    st.tuples(st.just("charge"), st.floats(-20.0, 20.0)),
    st.tuples(st.just("throttled"), st.just(0.0)),
    st.tuples(st.just("set_ceiling"), st.sampled_from([50.0, 400.0, 1000.0])),
    st.tuples(st.just("calm"), st.floats(0.0, 12.0)),
)


def take(pacer: Pacer, clock: FakeClock, step: tuple[str, float]) -> None:
    name, value = step
    match name:
        case "acquire":
            pacer.acquire(value)
        case "charge":
            pacer.charge(value)
        case "throttled":
            pacer.answered(25.0, 20.0)
        case "set_ceiling":
            pacer.set_ceiling(value)
        case _:
            clock.advance(value)


@pytest.mark.slow
@given(st.sampled_from([None, 100.0]), st.lists(st.tuples(STEPS, st.integers(0, 2)), max_size=40))
def test_any_number_of_pacers_are_one(ceiling: float | None, steps: list[tuple[tuple[str, float], int]]) -> None:
    """Whoever takes which step: the time, the rate and all that is remembered are those of a single one."""
    alone_clock, clock = FakeClock(), FakeClock()
    alone = Pacer.starting(alone_clock, ceiling, 100.0)
    shared = SharedByProcesses()
    first = Pacer.starting(clock, ceiling, 100.0, shared.rate)
    pacers = [first, Pacer(clock, pickled(shared).rate), Pacer(clock, pickled(shared).rate)]
    for step, who in steps:
        take(alone, alone_clock, step)
        take(pacers[who], clock, step)
        assert clock() == alone_clock()
        assert numbers(pacers[who].state) == pytest.approx(numbers(alone.state), nan_ok=True, rel=0, abs=0)
        assert [one.rate_wcu_per_s for one in pacers] == [alone.rate_wcu_per_s] * 3
        assert [one.ceiling_wcu_per_s for one in pacers] == [alone.ceiling_wcu_per_s] * 3


class Carried(NamedTuple):
    """A file on its way to another process, as multiprocessing carries it."""

    file: int

    def detach(self) -> int:
        return os.dup(self.file)


def pickled(shared: SharedByProcesses) -> SharedByProcesses:
    """What another process has of it, in this one: the same memory and the same lock, and nothing else."""
    other = SharedByProcesses.__new__(SharedByProcesses)
    other.__setstate__(Carried(shared._file))
    return other


ACQUIRES, UNITS = 10_000, 5.0


def _acquire(shared: SharedByProcesses) -> None:
    """Reserve, as one of several; nobody waits, since each has a clock of its own."""
    pacer = Pacer(FakeClock(0.0), shared.rate)
    for _ in range(ACQUIRES):
        pacer.acquire(UNITS)


def test_what_processes_reserve_at_the_same_time_adds_up(shared: SharedByProcesses) -> None:
    Pacer.starting(FakeClock(0.0), 1000.0, state=shared.rate)
    processes = [started(_acquire, shared) for _ in range(3)]
    assert [ended(one) for one in processes] == [0, 0, 0]
    assert numbers(shared.rate)["ready_s"] == pytest.approx(3 * ACQUIRES * UNITS / 1000.0)


def _die_inside(shared: SharedByProcesses) -> None:
    with shared.rate:
        os.kill(os.getpid(), signal.SIGKILL)


def test_the_lock_of_one_who_was_killed_is_free(shared: SharedByProcesses) -> None:
    pacer = Pacer.starting(FakeClock(0.0), 10.0, state=shared.rate)
    assert ended(started(_die_inside, shared)) == -signal.SIGKILL
    pacer.acquire(10.0)
    processes = [started(_acquire, shared) for _ in range(2)]
    assert [ended(one) for one in processes] == [0, 0]
    assert numbers(shared.rate)["ready_s"] == pytest.approx(1.0 + 2 * ACQUIRES * UNITS / 10.0)


def _stop_inside(shared: SharedByProcesses, units: float) -> None:
    with shared.budget as state:
        os.kill(os.getpid(), signal.SIGSTOP)
        state.left_wcu -= units


def test_one_who_is_stopped_inside_undoes_nothing_when_it_goes_on(shared: SharedByProcesses) -> None:
    with shared.budget as state:
        state.left_wcu = 1000.0
    sleeper = started(_stop_inside, shared, 1.0)
    assert sleeper.pid is not None
    os.waitpid(sleeper.pid, os.WUNTRACED)
    other = started(_spend, shared, 10.0)
    other.join(0.2)
    assert other.is_alive(), "the lock is not taken from one who lives"
    os.kill(sleeper.pid, signal.SIGCONT)
    assert [ended(other), ended(sleeper)] == [0, 0]
    with shared.budget as state:
        assert state.left_wcu == 989.0


def _spend(shared: SharedByProcesses, units: float) -> None:
    with shared.budget as state:
        state.left_wcu -= units


def _spend_as_one_who_joined(shared: SharedByProcesses, units: float) -> None:
    shared.joined()
    _spend(shared, units)


def test_who_is_forked_while_a_thread_is_inside_does_not_wait_for_that_thread(shared: SharedByProcesses) -> None:
    """A thread that is not there in the fork could not leave."""
    with shared.budget:
        process = started(_spend_as_one_who_joined, shared, 10.0)
    assert ended(process) == 0


def test_a_failure_inside_gives_the_lock_back(shared: SharedByProcesses) -> None:
    with pytest.raises(ValueError, match="inside"), shared.rate:
        raise ValueError("inside")
    with shared.budget:
        pass
    with pickled(shared).rate:
        pass


def test_a_struct_leaves_the_others_alone(shared: SharedByProcesses) -> None:
    """What one writes of its own numbers changes nobody else's, even while that one is inside."""
    other = pickled(shared)
    with shared.rate as rate:
        rate.ready_s = 7.0
        other.lease.sure_until_s, other.progress.progress_s = 5.0, 3.0
        other.item_counts.begun[0] += 2
    with shared.budget as budget:
        budget.left_wcu = 9.0
    other.hot_key_paces.claim(1.0, lambda _: None)
    with other.rate as rate:
        assert rate.look() == pytest.approx((0.0, math.nan, 7.0), nan_ok=True)
    with other.budget as budget:
        assert budget.left_wcu == 9.0
    assert (shared.lease.sure_until_s, shared.progress.progress_s, shared.item_counts.begun[0]) == (5.0, 3.0, 2.0)
    assert (shared.hot_key_paces.cells[0], shared.stop.is_set) == (1.0, False)


def _fail(shared: SharedByProcesses, at_s: float, expected_s: float) -> None:
    os._exit(0 if Progress(FakeClock(at_s), shared.progress).failed() == expected_s else 1)


def _make(shared: SharedByProcesses) -> None:
    Progress(FakeClock(0.0), shared.progress).made()


def test_progress_is_that_of_all(shared: SharedByProcesses) -> None:
    ours = Progress(FakeClock(50.0), shared.progress)
    assert ended(started(_fail, shared, 10.0, 0.0)) == 0
    assert ours.failed() == 40.0
    assert ended(started(_fail, shared, 70.0, 60.0)) == 0
    Pacer.starting(FakeClock(80.0), 10.0, state=shared.rate).acquire(1.0)
    assert ours.failed() == 40.0, "what the pace is has nothing to do with it"
    assert ended(started(_make, shared)) == 0
    assert ours.failed() == 0.0
    ours.made()
    assert math.isnan(pickled(shared).progress.failing_since_s)


def _stop(shared: SharedByProcesses) -> None:
    shared.stop.set()


def test_a_wish_to_stop_is_heard_by_all(shared: SharedByProcesses) -> None:
    other = pickled(shared)
    Pacer.starting(FakeClock(0.0), 10.0, state=shared.rate)
    assert [shared.stop.is_set, other.stop.is_set] == [False, False]
    assert ended(started(_stop, shared)) == 0
    assert [shared.stop.is_set, other.stop.is_set] == [True, True]
    with shared.rate:
        pass
    assert other.stop.is_set, "who writes the other numbers leaves it alone"


@pytest.mark.slow
def test_it_travels_to_processes_that_begin_with_nothing() -> None:
    """As they do where a fork is not safe."""
    spawn = multiprocessing.get_context("spawn")
    shared = SharedByProcesses()
    Pacer.starting(FakeClock(0.0), 1000.0, state=shared.rate)
    process = spawn.Process(target=_acquire, args=[shared])
    process.start()
    assert ended(process) == 0
    assert numbers(shared.rate)["ready_s"] == pytest.approx(ACQUIRES * UNITS / 1000.0)
