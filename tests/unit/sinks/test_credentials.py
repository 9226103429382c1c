"""Credentials are renewed beside the requests: one attempt for all, seldom, and who need not wait does not."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    UnauthorizedSSOTokenError,
)

from ingest_cli.errors import ExitCode, TryAgainError
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.sinks.transports.credentials import AGAIN_S, Renewing
from tests.support.fake_clock import FakeClock

EPOCH = dt.datetime(2024, 2, 28, 23, 50, tzinfo=dt.UTC)
MINUTE_S = 60
LONG_S = 60.0
"""What a test that hangs is waited for."""


class Issuer:
    """Issues credentials with numbered keys.

    Attributes:
        calls: how often it was asked.
        lasts_s: seconds that those it issues are good for.
        fault: raised instead.
        is_open: it answers only while that is set.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.calls = 0
        self.lasts_s = 60.0 * MINUTE_S
        self.fault: Exception | None = None
        self.is_open = threading.Event()
        self.is_open.set()
        self._clock = clock

    def __call__(self) -> dict[str, str]:
        self.calls += 1
        assert self.is_open.wait(LONG_S)
        if self.fault is not None:
            raise self.fault
        ends = self.now() + dt.timedelta(seconds=self.lasts_s)
        return {"access_key": f"A{self.calls}", "secret_key": "s", "token": "t", "expiry_time": ends.isoformat()}

    def now(self) -> dt.datetime:
        """The time of day."""
        return EPOCH + dt.timedelta(seconds=self._clock())

    def first(self, left_s: float) -> RefreshableCredentials:
        """Credentials with the key A0 that end in so many seconds."""
        ends = self.now() + dt.timedelta(seconds=left_s)
        return RefreshableCredentials("A0", "s", "t", ends, self, "test", time_fetcher=self.now)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuer(clock: FakeClock) -> Issuer:
    return Issuer(clock)


@pytest.fixture
def fibers() -> Iterator[Fibers]:
    with closing(Fibers()) as made:
        yield made


def run(fibers: Fibers, *programs: Callable[[], object]) -> list[Any]:
    """Run fibers to their end; what each returned, or raised, in the order of their ends."""
    ended: list[Any] = []

    def wrapped(program: Callable[[], object]) -> None:
        try:
            ended.append(program())
        except TryAgainError as error:
            ended.append(error)

    for program in programs:
        fibers.start(lambda program=program: wrapped(program))  # type: ignore[misc] # a default binds it
    fibers.run_until(lambda: len(ended) == len(programs))
    return ended


def key_of(renewing: Renewing) -> Callable[[], str | None]:
    return lambda: renewing.current().access_key


class _Counting(Credentials):
    asked = 0

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        self.asked += 1
        return super().get_frozen_credentials()


def test_those_without_an_end_are_asked_for_once(clock: FakeClock, fibers: Fibers) -> None:
    known = _Counting("A", "s")
    renewing = Renewing(known, fibers, clock)
    first = renewing.current()
    clock.advance(3600.0)
    assert renewing.current() is first
    assert known.asked == 1
    assert not renewing.replaced(first)


def test_while_they_are_good_nobody_is_asked(clock: FakeClock, fibers: Fibers, issuer: Issuer) -> None:
    renewing = Renewing(issuer.first(60 * MINUTE_S), fibers, clock)
    for _ in range(40):
        assert run(fibers, key_of(renewing)) == ["A0"]
        clock.advance(MINUTE_S)
    assert issuer.calls == 0


def test_before_their_end_is_near_others_go_on_while_they_are_renewed(
    clock: FakeClock, fibers: Fibers, issuer: Issuer
) -> None:
    renewing = Renewing(issuer.first(16 * MINUTE_S), fibers, clock)
    assert run(fibers, key_of(renewing)) == ["A0"]
    clock.advance(2 * MINUTE_S)
    issuer.is_open.clear()
    for _ in range(5):
        clock.advance(1.0)
        assert run(fibers, *[key_of(renewing)] * 3) == ["A0"] * 3, "while somebody else waits for the answer"
    issuer.is_open.set()
    fibers.run_until(lambda: renewing.current().access_key != "A0")
    assert issuer.calls == 1


def test_where_that_fails_it_is_tried_again_now_and_then(clock: FakeClock, fibers: Fibers, issuer: Issuer) -> None:
    renewing = Renewing(issuer.first(16 * MINUTE_S), fibers, clock)
    run(fibers, key_of(renewing))
    clock.advance(1.5 * MINUTE_S)
    issuer.fault = OSError("nobody there")
    for _ in range(4 * MINUTE_S):
        assert run(fibers, key_of(renewing)) == ["A0"]
        fibers.run_until(lambda: not renewing._is_renewing)
        clock.advance(1.0)
    assert issuer.calls == -(-4 * MINUTE_S // int(AGAIN_S))


def test_shortly_before_their_end_all_wait_for_the_same_new_ones(
    clock: FakeClock, fibers: Fibers, issuer: Issuer
) -> None:
    renewing = Renewing(issuer.first(60 * MINUTE_S), fibers, clock)
    run(fibers, key_of(renewing))
    clock.advance(51 * MINUTE_S)
    assert run(fibers, *[key_of(renewing)] * 5) == ["A1"] * 5
    assert issuer.calls == 1


FAULTS = {
    "a role refused": ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole"),
    "a program that is gone": FileNotFoundError(2, "No such file or directory"),
    "a program that fails": CredentialRetrievalError(provider="custom-process", error_msg="exit 1"),
    "no login": UnauthorizedSSOTokenError(),
    "no connection": EndpointConnectionError(endpoint_url="https://sts.amazonaws.com/"),
    "no sense": KeyError("Credentials"),
}


@pytest.mark.parametrize("fault", [*FAULTS, "too old"])
@pytest.mark.parametrize("is_first", [True, False])
def test_where_there_are_none_then_all_that_wait_are_told(
    clock: FakeClock, fibers: Fibers, issuer: Issuer, fault: str, *, is_first: bool
) -> None:
    renewing = Renewing(issuer.first(60 * MINUTE_S), fibers, clock)
    if not is_first:
        run(fibers, key_of(renewing))
    clock.advance(51 * MINUTE_S)
    issuer.fault, issuer.lasts_s = FAULTS.get(fault), -1.0
    told = run(fibers, *[key_of(renewing)] * 3)
    assert [type(one) for one in told] == [TryAgainError] * 3
    assert all("cannot be renewed" in str(one) and one.exit_code is ExitCode.TRY_AGAIN for one in told)
    assert issuer.calls == 1


def test_those_that_never_have_much_time_are_not_renewed_at_each_request(
    clock: FakeClock, fibers: Fibers, issuer: Issuer
) -> None:
    issuer.lasts_s = 5.0 * MINUTE_S
    renewing = Renewing(issuer.first(0), fibers, clock)
    for _ in range(2 * int(AGAIN_S)):
        run(fibers, key_of(renewing))
        clock.advance(1.0)
    assert issuer.calls == 2
    issuer.lasts_s = 10.0
    clock.advance(AGAIN_S)
    run(fibers, key_of(renewing))
    clock.advance(11.0)
    run(fibers, key_of(renewing))
    assert issuer.calls == 4, "but not used beyond their end"


def test_what_somebody_else_has_renewed_is_taken_over(clock: FakeClock, fibers: Fibers, issuer: Issuer) -> None:
    known = issuer.first(60 * MINUTE_S)
    renewing = Renewing(known, fibers, clock)
    run(fibers, key_of(renewing))
    clock.advance(46 * MINUTE_S)
    known.get_frozen_credentials()
    assert run(fibers, key_of(renewing)) == ["A1"]
    assert issuer.calls == 1


def test_those_called_expired_are_replaced_once(clock: FakeClock, fibers: Fibers, issuer: Issuer) -> None:
    renewing = Renewing(issuer.first(60 * MINUTE_S), fibers, clock)
    [used] = run(fibers, renewing.current)
    assert run(fibers, *[lambda: renewing.replaced(used)] * 4) == [True] * 4
    assert run(fibers, lambda: renewing.replaced(used)) == [True], "an answer that took longer"
    assert issuer.calls == 1
    [second] = run(fibers, renewing.current)
    assert second.access_key == "A1"
    assert run(fibers, lambda: renewing.replaced(second)) == [False]
    assert issuer.calls == 1
    clock.advance(AGAIN_S)
    assert run(fibers, lambda: renewing.replaced(second)) == [True]


def test_those_called_expired_that_somebody_else_has_renewed_just_now_are_not_renewed_again(
    clock: FakeClock, fibers: Fibers, issuer: Issuer
) -> None:
    known = issuer.first(60 * MINUTE_S)
    renewing = Renewing(known, fibers, clock)
    [used] = run(fibers, renewing.current)
    clock.advance(46 * MINUTE_S)
    issuer.fault = FAULTS["a role refused"]
    assert run(fibers, key_of(renewing)) == [used.access_key]
    fibers.run_until(lambda: not renewing._is_renewing)
    issuer.fault = None
    known.get_frozen_credentials()
    calls = issuer.calls
    assert run(fibers, lambda: renewing.replaced(used)) == [True]
    assert issuer.calls == calls


def test_those_called_expired_may_have_no_others(clock: FakeClock, fibers: Fibers, issuer: Issuer) -> None:
    renewing = Renewing(issuer.first(60 * MINUTE_S), fibers, clock)
    [used] = run(fibers, renewing.current)
    issuer.fault = FAULTS["a role refused"]
    [told] = run(fibers, lambda: renewing.replaced(used))
    assert "cannot be renewed" in str(told)
