"""What is repeated beside a run goes on through faults, and ends with the run."""

from __future__ import annotations

import threading

import pytest

from ingest_cli.runtime.background import Repeater, within

WAIT_S = 30.0


def test_an_action_is_repeated_whatever_it_raises_until_the_block_ends() -> None:
    times, faults, enough = 0, list[Exception](), threading.Event()

    def action() -> None:
        nonlocal times
        times += 1
        if times >= 5:
            enough.set()
        if times % 2:
            raise ValueError(f"the {times}. time")

    with Repeater("test", 0.0, action, faults.append) as repeater:
        assert enough.wait(WAIT_S)
    repeater._thread.join(WAIT_S)
    assert not repeater._thread.is_alive()
    assert [str(fault) for fault in faults[:2]] == ["the 1. time", "the 3. time"]


def test_it_waits_before_the_first_time() -> None:
    happened = threading.Event()
    with Repeater("test", 3600.0, happened.set, lambda _: None) as repeater:
        pass
    repeater._thread.join(WAIT_S)
    assert not repeater._thread.is_alive(), "it does not sit out its hour"
    assert not happened.is_set()


def test_the_end_does_not_wait_for_an_action_that_hangs() -> None:
    entered, release = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        release.wait(WAIT_S)

    with Repeater("test", 0.0, hang, lambda _: None) as repeater:
        assert entered.wait(WAIT_S)
    assert repeater._thread.is_alive()
    release.set()
    repeater._thread.join(WAIT_S)
    assert not repeater._thread.is_alive()


def test_within_says_whether_it_was_done() -> None:
    done = threading.Event()
    assert within(WAIT_S, done.set)
    assert done.is_set()
    release = threading.Event()

    def hang() -> None:
        release.wait(WAIT_S)

    assert not within(0.0, hang)
    release.set()


def test_within_raises_what_was_raised() -> None:
    def fail() -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        within(WAIT_S, fail)
