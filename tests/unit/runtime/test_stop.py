"""A wish to stop: the first reason counts, and everybody hears of it."""

from __future__ import annotations

import pytest

from ingest_cli.errors import ExitCode, LockedError, TryAgainError
from ingest_cli.runtime.stop import StopRequest


def test_nobody_asked() -> None:
    stop = StopRequest()
    stop.check()
    assert not stop.requested
    assert not stop.event.is_set()


def test_the_first_reason_counts() -> None:
    stop = StopRequest()
    stop.request("stopped by SIGTERM")
    stop.request("stopped by SIGINT")
    stop.fail(LockedError("taken over"))
    assert stop.requested
    assert stop.event.is_set()
    for _ in range(2):
        with pytest.raises(
            TryAgainError, match=r"^stopped by SIGTERM; run the same command again to resume$"
        ) as caught:
            stop.check()
        assert caught.value.exit_code == ExitCode.TRY_AGAIN


def test_a_failure_is_raised_as_it_is() -> None:
    stop = StopRequest()
    fault = LockedError("taken over")
    stop.fail(fault)
    with pytest.raises(LockedError) as caught:
        stop.check()
    assert caught.value is fault


def test_who_wants_to_hear_of_it_is_told_once() -> None:
    stop, heard = StopRequest(), list[str]()
    stop.on_request(lambda: heard.append("before"))
    stop.request("stopped by SIGTERM")
    stop.request("stopped by SIGINT")
    stop.on_request(lambda: heard.append("after"))
    assert heard == ["before", "after"]
