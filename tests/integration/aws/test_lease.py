"""The lease: one run at a time, renewed while it lasts, taken over when its holder is gone and not before."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ingest_cli.aws import lease as lock
from ingest_cli.aws.lease import LEASE_S, Holder, Lease, unlock
from ingest_cli.aws.table import Table
from ingest_cli.errors import LockedError
from ingest_cli.runtime.fence import MARGIN_S, Fence
from ingest_cli.runtime.shared_state import SharedState
from tests.support.endpoint import Endpoint, faults
from tests.support.fake_clock import FakeClock

NOON_S = 1_900_000_000.0
ELSEWHERE = Holder("loader-7", "another-boot/pid:[1]", 4242, "123")


@pytest.fixture
def clock() -> FakeClock:
    """The time of day."""
    return FakeClock(NOON_S)


def lease_of(table: Table, clock: FakeClock, token: str, holder: Holder = ELSEWHERE) -> Lease:
    """A lease as the process `holder` would ask for it."""
    lease = Lease(table, "demo", token, clock)
    lease._holder = holder
    return lease


def test_the_second_is_told_who_holds_it_and_since_when(table: Table, clock: FakeClock) -> None:
    first = lease_of(table, clock, "run-1")
    first.acquire()
    clock.advance(15)
    first.renew()
    clock.advance(10)
    with pytest.raises(LockedError) as caught:
        lease_of(table, clock, "run-2").acquire()
    assert str(caught.value) == (
        '"demo" is locked by process 4242 on loader-7 since 2030-03-17T17:46:40+00:00; wait for it to end. If that '
        "process no longer exists, the lock expires in 50 s; `ingest-cli table unlock demo` with the same --table "
        "removes it at once"
    )
    first.renew()


def test_a_lock_is_of_one_dataset(table: Table, clock: FakeClock) -> None:
    lease_of(table, clock, "run-1").acquire()
    Lease(table, "other", "run-2", clock).acquire()


def test_what_was_given_back_can_be_taken(table: Table, clock: FakeClock) -> None:
    first = lease_of(table, clock, "run-1")
    first.acquire()
    first.release()
    lease_of(table, clock, "run-2").acquire()
    first.release()
    with pytest.raises(LockedError):
        lease_of(table, clock, "run-3").acquire()


def test_a_lease_that_has_expired_is_taken_over_and_the_old_holder_ends(table: Table, clock: FakeClock) -> None:
    first, second = lease_of(table, clock, "run-1"), lease_of(table, clock, "run-2")
    first.acquire()
    clock.advance(LEASE_S)
    with pytest.raises(LockedError, match="expires in 0 s"):
        second.acquire()
    clock.advance(0.01)
    second.acquire()
    with pytest.raises(LockedError, match='another run has taken over "demo"; this one ends'):
        first.renew()
    first.release()
    second.renew()


def test_a_renewed_lease_does_not_expire(table: Table, clock: FakeClock) -> None:
    first = lease_of(table, clock, "run-1")
    first.acquire()
    for _ in range(10):
        clock.advance(first.renew_every_s)
        first.renew()
        with pytest.raises(LockedError):
            lease_of(table, clock, "run-2").acquire()
    assert first.renew_every_s <= LEASE_S / 3, "a few renewals may fail"


def test_a_late_renewal_is_good_as_long_as_nobody_else_came(table: Table, clock: FakeClock) -> None:
    first = lease_of(table, clock, "run-1")
    first.acquire()
    clock.advance(LEASE_S * 10)
    first.renew()
    with pytest.raises(LockedError):
        lease_of(table, clock, "run-2").acquire()


def test_an_answer_that_was_lost_does_not_lock_us_out(table: Table, clock: FakeClock, endpoint: Endpoint) -> None:
    endpoint.script.add(faults.server_error(after=True), operation="PutItem", times=1)
    first = lease_of(table, clock, "run-1")
    first.acquire()
    first.acquire()
    first.renew()


def test_without_a_lock_there_is_nothing_to_renew(table: Table, clock: FakeClock) -> None:
    first = lease_of(table, clock, "run-1")
    with pytest.raises(LockedError):
        first.renew()
    first.release()


def dead_process() -> Holder:
    """A process of this machine that has just ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        started = lock._started(process.pid)
        process.communicate(b"\n")
    return Holder("here", lock._machine(), process.pid, started or "?")


@pytest.mark.skipif(not lock._machine(), reason="only Linux tells which processes see each other")
def test_the_lock_of_a_dead_process_of_this_machine_is_taken_over_at_once(table: Table, clock: FakeClock) -> None:
    lease_of(table, clock, "run-1", dead_process()).acquire()
    lease_of(table, clock, "run-2", Holder.this()).acquire()
    with pytest.raises(LockedError, match=f"process {os.getpid()} on"):
        lease_of(table, clock, "run-3", Holder.this()).acquire()


@pytest.mark.skipif(not lock._machine(), reason="only Linux tells which processes see each other")
def test_a_process_id_that_was_given_again_is_not_mistaken_for_its_holder(table: Table, clock: FakeClock) -> None:
    this = Holder.this()
    assert not this.is_gone()
    before = Holder(this.host, this.machine, this.pid, "1")
    assert before.is_gone()
    lease_of(table, clock, "run-1", before).acquire()
    lease_of(table, clock, "run-2", this).acquire()


def test_a_process_of_another_machine_is_never_taken_for_dead(table: Table, clock: FakeClock) -> None:
    dead = dead_process()
    for holder in (Holder("there", "another-boot/pid:[1]", dead.pid, dead.started), Holder("there", "", dead.pid, "")):
        assert not holder.is_gone()
    lease_of(table, clock, "run-1", Holder("there", "", dead.pid, "")).acquire()
    with pytest.raises(LockedError, match="on there"):
        lease_of(table, clock, "run-2", Holder.this()).acquire()


def test_unlocking_by_hand_ends_the_run_that_held_it(table: Table, clock: FakeClock) -> None:
    first = lease_of(table, clock, "run-1")
    first.acquire()
    assert unlock(table, "demo")
    assert not unlock(table, "demo")
    with pytest.raises(LockedError):
        first.renew()
    lease_of(table, clock, "run-2").acquire()


def test_the_lock_is_ours_for_sure_from_when_it_was_asked_for_and_no_longer(table: Table, clock: FakeClock) -> None:
    fence = Fence(SharedState().lease, clock)
    assert fence.is_sure(), "without a lease there is nothing to hold to"
    lease = Lease(table, "demo", "run-1", clock, fence=fence)
    lease.acquire()
    clock.advance(LEASE_S - MARGIN_S - 1)
    assert fence.is_sure()
    clock.advance(2)
    assert not fence.is_sure()
    lease.renew()
    assert fence.is_sure()


def test_a_renewal_that_fails_extends_nothing(table: Table, clock: FakeClock) -> None:
    fence = Fence(SharedState().lease, clock)
    Lease(table, "demo", "run-1", clock, fence=fence).acquire()
    clock.advance(LEASE_S + 1)
    lease_of(table, clock, "run-2").acquire()
    late = Lease(table, "demo", "run-1", clock, fence=fence)
    with pytest.raises(LockedError):
        late.renew()
    assert not fence.is_sure()
