"""Threads in virtual time take their turns in one order, and nobody is left behind."""

from __future__ import annotations

import queue

import pytest

from tests.support.virtual_time import StuckError, VirtualEvent, VirtualQueue, VirtualThread, VirtualTime


def test_whose_moment_comes_first_is_next() -> None:
    time, seen = VirtualTime(), list[tuple[float, str]]()

    def step(name: str, every_s: float) -> None:
        for _ in range(2):
            time.sleep(every_s)
            seen.append((time(), name))

    def program() -> None:
        for name, every_s in (("slow", 3.0), ("quick", 1.5), ("too", 1.5)):
            VirtualThread(time, lambda name=name, every_s=every_s: step(name, every_s), name, daemon=True).start()  # type: ignore[misc] # mypy does not infer defaults of lambdas

    time.run(program)
    assert seen == [(1.5, "quick"), (1.5, "too"), (3.0, "slow"), (3.0, "quick"), (3.0, "too"), (6.0, "slow")]


def test_what_is_waited_for_ends_the_wait_and_otherwise_the_time_does() -> None:
    time = VirtualTime()
    event, jobs = VirtualEvent(time), VirtualQueue[int](time, 1)

    def other() -> None:
        time.sleep(2.0)
        event.set()
        jobs.put(7, timeout=1.0)

    def program() -> list[object]:
        VirtualThread(time, other, "other", daemon=True).start()
        found: list[object] = [event.wait(1.0), time(), event.wait(5.0), time(), jobs.get(timeout=1.0)]
        with pytest.raises(queue.Empty):
            jobs.get(timeout=4.0)
        return [*found, time()]

    assert time.run(program) == [False, 1.0, True, 2.0, 7, 6.0]


@pytest.mark.parametrize("finder", ["the first", "another"])
def test_threads_that_wait_for_each_other_are_found_out(finder: str) -> None:
    time = VirtualTime()
    never = VirtualEvent(time)

    def wait_after(delay_s: float) -> None:
        time.sleep(delay_s)
        never.wait()

    def program() -> None:
        VirtualThread(time, lambda: wait_after(2.0), "other", daemon=True).start()
        wait_after(3.0 if finder == "the first" else 1.0)

    with pytest.raises(StuckError):
        time.run(program)
    assert not any(thread.real.is_alive() for thread in time.threads)


def test_what_a_thread_raises_is_raised_in_the_end() -> None:
    time = VirtualTime()

    def broken() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        time.run(VirtualThread(time, broken, "broken", daemon=True).start)


def test_a_program_that_fails_leaves_nobody_behind() -> None:
    time = VirtualTime()

    def program() -> None:
        VirtualThread(time, lambda: time.sleep(5.0), "sleeper", daemon=True).start()
        time.sleep(1.0)
        raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        time.run(program)
    assert not any(thread.real.is_alive() for thread in time.threads)
    assert time() == 1.0
