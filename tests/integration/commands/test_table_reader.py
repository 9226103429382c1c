"""Reading at a pace: no second gets more than was asked for, and what goes wrong is asked for again."""

from __future__ import annotations

import pytest

from ingest_cli.aws.table import Capacity, Table
from ingest_cli.commands.table_reader import Reading, Selection, TableReader, read_ceiling, reader
from ingest_cli.errors import TableError, TryAgainError, UsageError
from ingest_cli.model.ceiling import Ceiling
from ingest_cli.model.settings import Target
from ingest_cli.runtime.stop import StopRequest
from tests.support.endpoint import Endpoint, faults
from tests.support.fake_clock import FakeClock

ITEMS = 400
KEYS = [(f"k1.{number:04}", "demo#x") for number in range(ITEMS)]
HALF = Selection.of_dataset("demo", "pk", "sk", consistent=True)


@pytest.fixture
def table(table: Table) -> Table:
    """400 items of 1 KB of one dataset, and as many of another whose id begins with the same letters."""
    for first in range(0, ITEMS, 25):
        for dataset in ("demo", "demo-2"):
            puts = [
                {"PutRequest": {"Item": {"pk": {"S": pk}, "sk": {"S": f"{dataset}#x"}, "fat": {"S": "x" * 1000}}}}
                for pk, _ in KEYS[first : first + 25]
            ]
            table.client.batch_write_item(RequestItems={"people": puts})  # type: ignore[dict-item] # literals
    return table


def found(source: TableReader) -> int:
    return sum(len(page) for page in source.scan(HALF))


@pytest.mark.parametrize("rcu_per_s", [5, 40])
def test_a_scan_keeps_to_its_rate(table: Table, endpoint: Endpoint, rcu_per_s: int) -> None:
    clock, asked = FakeClock(), len(endpoint.audit.requests)
    began_s = clock()
    with reader(table, table.describe(), Reading(60, Ceiling(units_per_s=rcu_per_s)), StopRequest(), clock) as source:
        assert found(source) == ITEMS
        spent = source.rcu
    assert spent >= 2 * ITEMS / 4  # of both datasets: what the filter leaves out was read, too
    assert spent / (clock() - began_s) <= rcu_per_s * 1.3  # the first page comes at once, and is a guess
    pages = [one for one in endpoint.audit.requests[asked:] if one.operation == "Scan"]
    assert max(page.rcu for page in pages) <= rcu_per_s * 2


def test_keys_are_read_at_the_rate(table: Table, endpoint: Endpoint) -> None:
    clock, asked = FakeClock(), len(endpoint.audit.requests)
    began_s = clock()
    with reader(table, table.describe(), Reading(60, read_ceiling("10")), StopRequest(), clock) as source:
        assert len(source.items(KEYS[:100], consistent=False)) == 100
        assert source.rcu == 50
    assert clock() - began_s >= 50 / 10 - 2
    gets = [one for one in endpoint.audit.requests[asked:] if one.operation == "BatchGetItem"]
    assert max(one.items for one in gets) == 20


def test_provisioned_capacity_is_left_to_others_by_half(table: Table) -> None:
    other = Table(Target("provisioned", "us-east-1", endpoint_url=table.target.endpoint_url))
    other.create(Capacity(wcu_per_s=5, rcu_per_s=30))
    described, clock = other.describe(), FakeClock()
    for text, rcu_per_s in ((None, 15), ("20", 20), ("99", 30), ("10%", 3)):
        assert Reading(60, text and read_ceiling(text)).pace(described, clock).ceiling_wcu_per_s == rcu_per_s
    assert Reading(60).pace(table.describe(), clock).ceiling_wcu_per_s is None
    with pytest.raises(UsageError, match="--max-rcu 10% is a share of provisioned capacity"):
        Reading(60, read_ceiling("10%")).pace(table.describe(), clock)
    other.drop()
    other.client.close()


def test_a_scan_goes_on_where_it_was(table: Table, endpoint: Endpoint) -> None:
    asked = len(endpoint.audit.requests)
    bad = (faults.empty_object(), faults.throttle(), faults.server_error(), faults.cut_json(), faults.reset())
    for place, fault in enumerate(bad, 2):
        endpoint.script.add(fault, operation="Scan", nth=place)
    with reader(table, table.describe(), Reading(60, read_ceiling("30")), StopRequest(), FakeClock()) as source:
        assert found(source) == ITEMS
    scans = [one for one in endpoint.audit.requests[asked:] if one.operation == "Scan"]
    assert sum(bool(one.fault) for one in scans) == len(bad)


def test_it_gives_up_in_the_end(table: Table, endpoint: Endpoint) -> None:
    endpoint.script.add(faults.throttle(), operation="Scan")
    with (
        reader(table, table.describe(), Reading(90), StopRequest(), FakeClock()) as source,
        pytest.raises(TryAgainError, match=r"nothing could be read for 90 s \(last reason: BusyError\)"),
    ):
        found(source)


def test_it_stops_when_it_is_asked_to(table: Table) -> None:
    stop = StopRequest()
    with reader(table, table.describe(), Reading(60), stop, FakeClock()) as source:
        stop.request("stopped by SIGTERM")
        with pytest.raises(TryAgainError, match="stopped by SIGTERM"):
            found(source)


def test_what_is_of_no_use_to_try_again_ends_it(table: Table, endpoint: Endpoint) -> None:
    endpoint.script.add(faults.error("AccessDeniedException"), operation="BatchGetItem")
    with (
        reader(table, table.describe(), Reading(60), StopRequest(), FakeClock()) as source,
        pytest.raises(TableError, match="AccessDeniedException"),
    ):
        source.items(KEYS[:3], consistent=True)
