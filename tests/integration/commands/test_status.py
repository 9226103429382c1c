"""Following loads from elsewhere: rates from one look to the next, until nobody is at work any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.catalog import COMPLETE, LOADING, Catalog, DatasetRow
from ingest_cli.aws.lease import LEASE_S, Lease
from ingest_cli.aws.table import Table
from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity
from ingest_cli.checkpoint.store import TableLedger
from ingest_cli.commands.status import FOLLOW_EVERY_S, Seen, Watch
from ingest_cli.model.chunks import Position, Span
from ingest_cli.model.keys import Pepper
from tests.support.fake_clock import FakeClock

PEPPER = Pepper("k1", bytes(range(32)))
KEY = StateKey.of(PEPPER)
NOON_S = 1_900_000_000.0


class Load:
    """A load as it looks in the table."""

    def __init__(self, table: Table, clock: FakeClock) -> None:
        self.rows, self.ledger = Catalog(table, PEPPER), TableLedger(table, "demo", "run-1", KEY)
        self.lease = Lease(table, "demo", "run-1", clock)
        self.row = DatasetRow("demo", "Demo", None, "", (), "0" * 8, LOADING, "k1", "", {})
        self.checkpoint = Checkpoint.new(Identity("demo", "", "", "", "k1", ""), 2)
        self.lease.acquire()
        self.rows.put_dataset(self.row)
        self.ledger.take_over(self.checkpoint.to_bytes())

    def read(self, rows: int) -> None:
        """Have so many more rows done."""
        before = self.checkpoint.account.rows_read
        span = Span(Position(before, before), Position(before + rows, before + rows))
        self.checkpoint.shards[0].add(0, span)
        self.checkpoint.account.rows_read += rows
        self.ledger.write(self.checkpoint.to_bytes())

    def complete(self) -> None:
        """End."""
        self.rows.put_dataset(replace(self.row, state=COMPLETE))
        self.ledger.clear()
        self.lease.release()


def test_rates_are_those_between_two_looks(table: Table) -> None:
    clock = FakeClock(NOON_S)
    load, watch, told = Load(table, clock), Watch(table, clock), list[list[Seen]]()
    load.read(100)

    def wait(duration_s: float) -> None:
        clock.advance(duration_s)
        if len(told) == 3:
            load.complete()
        else:
            load.read(600)

    (last,) = watch.follow(["demo"], told.append, wait)
    assert [one.rows_per_s for (one,) in told] == [None, 600 / FOLLOW_EVERY_S, 600 / FOLLOW_EVERY_S]
    assert [one.progress and one.progress.rows_read for (one,) in told] == [100, 700, 1300]
    assert {one.state for (one,) in told} == {"loading"}
    assert (last.state, last.progress, last.lock) == ("complete", None, None)


def test_a_load_that_died_elsewhere_is_not_waited_for_longer_than_its_lock_lasts(table: Table) -> None:
    clock, told = FakeClock(NOON_S), list[list[Seen]]()
    Load(table, clock).read(10)
    (last,) = Watch(table, clock).follow(["demo"], told.append, clock.advance)
    assert len(told) == LEASE_S / FOLLOW_EVERY_S
    assert last.state == "stopped"
    assert last.lock is not None
    assert last.lock.left_s == 0
    assert last.progress is not None
    assert (last.progress.sources_done, last.progress.sources, last.progress.spans) == (0, 2, 1)


def test_a_clock_that_goes_back_gives_no_rate(table: Table) -> None:
    clock = FakeClock(NOON_S)
    load, watch = Load(table, clock), Watch(table, clock)
    watch(["demo"])
    load.read(10)
    clock.advance(-5)
    assert watch(["demo"])[0].rows_per_s is None


def test_a_state_that_is_not_of_the_load_under_way_tells_nothing(table: Table) -> None:
    load = Load(table, FakeClock(NOON_S))
    load.read(100)
    (seen,) = Watch(table)(["demo"])
    assert seen.progress is not None
    load.rows.put_dataset(load.row.loading("of another state"))
    (seen,) = Watch(table)(["demo"])
    assert (seen.progress, seen.row and seen.row.state) == (None, LOADING)


@pytest.mark.parametrize("pepper", [None, PEPPER])
def test_a_row_that_cannot_be_read_hides_no_other_dataset(table: Table, pepper: Pepper | None) -> None:
    Load(table, FakeClock(NOON_S))
    key = {"pk": {"S": "_dataset#other"}, "sk": {"S": "_"}}
    table.client.put_item(TableName=table.target.table, Item=KEY.signed({**key, "state": {"N": "1"}}))
    bad, good = Watch(table, FakeClock(NOON_S), pepper)(["other", "demo"])
    assert (good.state, good.fault) == ("loading", None)
    assert (bad.state, bad.as_dict()["state"]) == ("unreadable", "unreadable")
    assert bad.fault is not None
    assert '"_dataset#other"' in bad.fault
    assert "`state` is not of the type S" in bad.fault
    assert "--restart" in bad.fault
    assert "--key" not in bad.fault
