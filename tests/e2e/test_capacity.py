"""`table capacity`, `table restore` and `load --scale-to`: raised when it is wanted, and lowered whatever happens."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ingest_cli.aws.capacity.restore import NOT_AUTHENTICATED
from tests.e2e.conftest import make_table
from tests.e2e.harness import SAMPLES, Cli, Place, small_dump
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint, faults
from tests.support.endpoint.clients import Client
from tests.support.waiting import until

TELCO = SAMPLES / "telco.toml"
DIMENSION = "dynamodb:table:WriteCapacityUnits"


@pytest.fixture(name="cli")
def telling(cli: Cli) -> Cli:
    """The command, which says on stderr what it raised and lowered, as on a terminal."""
    return cli.telling()


@pytest.fixture
def provisioned(endpoint: Endpoint, admin: Client) -> Place:
    """A table of 100 write and 7 read units."""
    place = make_table(Place(endpoint), admin)
    admin.update_table(
        TableName=place.name,
        BillingMode="PROVISIONED",
        ProvisionedThroughput={"WriteCapacityUnits": 100, "ReadCapacityUnits": 7},
    )
    return place


def units(place: Place) -> tuple[int, int] | None:
    found = place.endpoint.table(place.name).provisioned
    return None if found is None else (found["WriteCapacityUnits"], found["ReadCapacityUnits"])


def used_up_its_decreases(place: Place) -> None:
    table = place.endpoint.table(place.name)
    table.decreases, table.last_decrease_s = 4, time.time()


# Changing it by hand


def test_it_is_shown_and_changed(cli: Cli, provisioned: Place) -> None:
    shown = cli("table", "capacity", *provisioned.at, "--output", "json").report
    assert (shown["billing"], shown["wcu"], shown["rcu"], shown["status"]) == ("provisioned", 100, 7, "ACTIVE")
    assert (shown["quota_wcu"], shown["lowered_today"], shown["autoscaling"]) == (40_000, 0, None)
    assert shown["decreases_left_today"] >= 4
    assert shown["per_hour"]["amount"] == pytest.approx(100 * 0.00065 + 7 * 0.00013)
    result = cli("table", "capacity", *provisioned.at, "--wcu", "300", "--output", "json")
    assert (result.code, result.report["wcu"], result.report["rcu"]) == (0, 300, 7)
    assert units(provisioned) == (300, 7)
    again = cli("table", "capacity", *provisioned.at, "--wcu", "300")
    assert (again.code, again.err) == (0, "ingest-cli: the table has this capacity already; nothing was changed\n")
    lowered = cli("table", "capacity", *provisioned.at, "--wcu", "50", "--rcu", "3", "--output", "json").report
    assert (lowered["wcu"], lowered["rcu"], lowered["lowered_today"]) == (50, 3, 1)


def test_from_provisioned_to_on_demand_and_warm_and_back(cli: Cli, provisioned: Place) -> None:
    changed = cli("table", "capacity", *provisioned.at, "--on-demand", "--warm", "9000", "--output", "json")
    assert (changed.code, changed.report["billing"], changed.report["warm_wcu"]) == (0, "on-demand", 9000)
    assert units(provisioned) is None
    cli("table", "capacity", *provisioned.at, "--warm", "8000").complains(2, "can only be raised", "9,000")
    cli("table", "capacity", *provisioned.at, "--rcu", "8").complains(2, "give --wcu as well")
    assert cli("table", "capacity", *provisioned.at, "--wcu", "20").code == 0
    assert units(provisioned) == (20, 5)


@pytest.mark.parametrize("arguments", [["--wcu", "300"], ["--warm", "30000"]])
def test_it_waits_until_the_table_is_active(cli: Cli, arguments: list[str]) -> None:
    with Endpoint(transition_s=0.6) as slow:
        place = Place(slow)
        assert cli("table", "create", *place.at, *(arguments if "--wcu" in arguments else [])).code == 0
        if "--wcu" in arguments:
            arguments = ["--wcu", "301"]
        changed = cli("table", "capacity", *place.at, *arguments, "--output", "json")
        assert (changed.code, changed.report["status"]) == (0, "ACTIVE")
        operations = [one.operation for one in place.requests]
        after = operations[operations.index("UpdateTable") :]
        assert after.count("DescribeTable") >= 3, "once ACTIVE at the end, and before that while it was not"


def test_what_cannot_be_is_said_and_not_tried(cli: Cli, provisioned: Place) -> None:
    cli("table", "capacity", *provisioned.at, "--wcu", "40001").complains(4, "quota of 40,000")
    cli("table", "capacity", *provisioned.at, "--wcu", "4000", "--max-cost", "5", "--for", "90m").complains(
        2, "5.20182 USD", "2 started h", "--max-cost 5"
    )
    cli("table", "capacity", *provisioned.at, "--on-demand", "--wcu", "5").complains(2, "excludes provisioned capacity")
    used_up_its_decreases(provisioned)
    cli("table", "capacity", *provisioned.at, "--wcu", "50").complains(75, "lowered 4 times", "once an hour", "UTC")
    assert "UpdateTable" not in {one.operation for one in provisioned.requests[2:]}
    assert cli("table", "capacity", *provisioned.at, "--wcu", "101").code == 0, "it can still be raised"


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("LimitExceededException", 4, "quota"),
        ("AccessDeniedException", 4, "AccessDeniedException"),
        ("ValidationException", 4, "does not accept this capacity"),
        ("ResourceInUseException", 75, "is being changed"),
    ],
)
def test_what_aws_refuses_is_a_sentence(cli: Cli, provisioned: Place, fault: str, code: int, words: str) -> None:
    provisioned.goes_wrong(faults.error(fault), "UpdateTable")
    provisioned.goes_wrong(faults.error("AccessDeniedException"), "DescribeLimits")  # which is a courtesy
    cli("table", "capacity", *provisioned.at, "--wcu", "150").complains(code, words)


# Autoscaling


@pytest.fixture
def scaling(endpoint: Endpoint) -> Iterator[Any]:
    client = boto3.client(
        "application-autoscaling",
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    yield client
    client.close()


def register(scaling: Any, place: Place) -> None:
    """With scheduled scaling suspended already."""
    scaling.register_scalable_target(
        ServiceNamespace="dynamodb",
        ResourceId=f"table/{place.name}",
        ScalableDimension=DIMENSION,
        MinCapacity=5,
        MaxCapacity=200,
        SuspendedState={"ScheduledScalingSuspended": True},
    )


def suspended(scaling: Any, place: Place) -> dict[str, bool]:
    (target,) = scaling.describe_scalable_targets(
        ServiceNamespace="dynamodb", ResourceIds=[f"table/{place.name}"], ScalableDimension=DIMENSION
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (5, 200), "its limits are left alone"
    state: dict[str, bool] = target["SuspendedState"]
    return state


AS_IT_WAS = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": True,
}
ALL = dict.fromkeys(AS_IT_WAS, True)


def test_autoscaling_is_suspended_until_it_is_restored(cli: Cli, provisioned: Place, scaling: Any) -> None:
    register(scaling, provisioned)
    there = {"AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": provisioned.endpoint.url}
    for wcu in ("600", "700"):
        changed = cli("table", "capacity", *provisioned.at, "--wcu", wcu, env=there)
        assert changed.code == 0
        assert suspended(scaling, provisioned) == ALL
    assert "5 to 200 WCU/s, suspended" in changed.out
    restored = cli("table", "restore", *provisioned.at, env=there)
    assert (restored.code, restored.out) == (0, f"autoscaling of the write capacity is resumed{NOT_AUTHENTICATED}\n")
    assert suspended(scaling, provisioned) == AS_IT_WAS
    assert cli("table", "restore", *provisioned.at, env=there).out.startswith("no capacity is raised")


def test_autoscaling_is_suspended_while_a_load_lasts(cli: Cli, provisioned: Place, scaling: Any) -> None:
    register(scaling, provisioned)
    there = {"AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": provisioned.endpoint.url}
    result = cli("load", TELCO, *provisioned.to, "--scale-to", "2000", env=there)
    assert result.code == 0
    assert "autoscaling of the write capacity was suspended for the load" in result.err
    operations = [one.operation for one in provisioned.requests]
    first, last = (i for i, name in enumerate(operations) if name == "RegisterScalableTarget" and i > 5)
    changes = [i for i, name in enumerate(operations) if name == "UpdateTable"]
    assert first < changes[-2] < changes[-1] < last, "suspended before the raise, resumed after the lowering"
    assert suspended(scaling, provisioned) == AS_IT_WAS


def test_autoscaling_that_may_not_be_touched(cli: Cli, provisioned: Place, scaling: Any) -> None:
    register(scaling, provisioned)
    there = {"AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": provisioned.endpoint.url}
    provisioned.endpoint.script.add(faults.error("AccessDeniedException"), operation="RegisterScalableTarget", times=1)
    cli("table", "capacity", *provisioned.at, "--wcu", "600", env=there).complains(
        4, "application-autoscaling:RegisterScalableTarget"
    )
    assert units(provisioned) == (100, 7)


def test_a_stand_in_for_dynamodb_has_no_autoscaling_unless_it_is_configured(
    cli: Cli, provisioned: Place, scaling: Any
) -> None:
    register(scaling, provisioned)
    assert cli("table", "capacity", *provisioned.at, "--wcu", "600").code == 0
    assert "DescribeScalableTargets" not in provisioned.operations()
    assert suspended(scaling, provisioned) == AS_IT_WAS


# For the length of a load


def all_rejected(folder: Path) -> Path:
    return small_dump(folder, [("A", "123456", "1", "nobody")] * 3, dataset="demo-hopeless")


def no_load(_: Place) -> None:
    """Nothing goes wrong."""


ENDS: dict[str, tuple[Callable[[Place], None], list[str], int]] = {
    "done": (no_load, [], 0),
    "rejects": (no_load, [], 3),
    "stopped": (no_load, ["--max-cost", "1.3", "--give-up-after", "2"], 75),
    "failed": (lambda place: place.goes_wrong(faults.error("AccessDeniedException"), "BatchWriteItem"), [], 4),
}


@pytest.mark.timed
@pytest.mark.parametrize("end", ENDS)
def test_the_capacity_is_raised_first_and_lowered_however_it_ends(
    cli: Cli, provisioned: Place, tmp_path: Path, end: str
) -> None:
    prepare, options, code = ENDS[end]
    prepare(provisioned)
    if end == "stopped":
        provisioned.goes_wrong(faults.unavailable(), "BatchWriteItem")
    dump = all_rejected(tmp_path) if end == "rejects" else TELCO
    before = len(provisioned.requests)
    result = cli("load", dump, *provisioned.to, "--scale-to", "2000", *options)
    assert result.code == code, result
    assert "raised from 100 to 2,000 WCU/s" in result.err
    assert "lowered from 2,000 to 100 WCU/s again" in result.err
    assert units(provisioned) == (100, 7)
    assert ("_capacity", "_") not in provisioned.everything
    requests = provisioned.requests[before:]
    raised = next(one.number for one in requests if one.operation == "UpdateTable")
    (noted,) = [write.request for write in provisioned.writes if write.pk == "_capacity" and write.action == "put"]
    assert noted < raised, "what it was is in the table before it is raised"
    assert all(raised < one.number for one in requests if one.operation == "BatchWriteItem")


def test_an_unchanged_dump_raises_nothing_and_many_manifests_raise_once(
    cli: Cli, provisioned: Place, tmp_path: Path
) -> None:
    dumps = [TELCO, small_dump(tmp_path)]
    assert cli("load", *dumps, *provisioned.to, "--scale-to", "500").code == 0
    assert [one.operation for one in provisioned.requests].count("UpdateTable") == 3, "one of them is the fixture's"
    assert cli("load", *dumps, *provisioned.to, "--scale-to", "500").code == 0
    assert [one.operation for one in provisioned.requests].count("UpdateTable") == 3


def test_what_a_load_cannot_have_is_said_before_the_first_item(cli: Cli, provisioned: Place, table: Place) -> None:
    cli_says = {
        (provisioned, "--scale-to", "50000"): (4, "quota of 40,000"),
        (table, "--scale-to", "500"): (2, "on-demand"),
        (provisioned, "--warm", "500"): (2, "--scale-to"),
    }
    for (place, *arguments), (code, words) in cli_says.items():
        result = cli("load", TELCO, *place.to, *arguments)
        assert (result.code, words in result.err, place.items) == (code, True, {}), result
    dear = cli("load", TELCO, *provisioned.to, "--scale-to", "4100", "--max-cost", "2.5")
    assert (dear.code, "first hour" in dear.err) == (2, True), dear
    used_up_its_decreases(provisioned)
    late = cli("load", TELCO, *provisioned.to, "--scale-to", "500")
    assert (late.code, "could not be lowered again before" in late.err) == (75, True), late
    assert units(provisioned) == (100, 7)
    less = cli("load", TELCO, *provisioned.to, "--scale-to", "60")
    assert (less.code, "changes nothing" in less.err, units(provisioned)) == (0, True, (100, 7))


def test_warm_throughput_for_a_load(cli: Cli, table: Place) -> None:
    dear = cli("load", TELCO, *table.to, "--warm", "20000", "--max-cost", "5")
    assert (dear.code, "--warm 20000 costs 13 USD" in dear.err, table.items) == (2, True, {})
    result = cli("load", TELCO, *table.to, "--warm", "20000")
    assert (result.code, "raised to 20,000 WCU/s, permanently" in result.err) == (0, True)
    assert table.endpoint.table(table.name).definition["WarmThroughput"] == {"WriteUnitsPerSecond": 20000}


def test_a_capacity_that_stays_raised_is_no_success(cli: Cli, provisioned: Place) -> None:
    for _ in range(4):  # the raise is seen by all; botocore asks four times for the lowering, and each is for one
        provisioned.goes_wrong(faults.error("LimitExceededException"), "UpdateTable", nth=2)
    result = cli("load", TELCO, *provisioned.to, "--scale-to", "2000")
    assert (result.code, units(provisioned)) == (75, (2000, 7))
    assert "the capacity is still raised" in result.err
    assert "ingest-cli table restore" in result.err
    provisioned.endpoint.script.clear()
    again = cli("load", TELCO, *provisioned.to)
    assert (again.code, units(provisioned)) == (0, (100, 7))
    assert "lowered from 2,000 to 100 WCU/s again" in again.err


@pytest.fixture
def killed(cli: Cli, provisioned: Place) -> Place:
    """A table that a load has raised, which then was killed."""
    provisioned.goes_wrong(faults.hang(), "BatchWriteItem")
    with cli.started("load", TELCO, *provisioned.to, "--scale-to", "2000", "--workers", "1") as process:
        until(lambda: "BatchWriteItem" in provisioned.operations(), process)
        os.kill(process.pid, signal.SIGKILL)
    provisioned.endpoint.script.clear()
    assert units(provisioned) == (2000, 7)
    return provisioned


def test_restore_undoes_what_a_killed_load_left(cli: Cli, killed: Place) -> None:
    result = cli("table", "restore", *killed.at)
    assert (result.code, result.out) == (
        0,
        f"the capacity was lowered from 2,000 to 100 WCU/s again{NOT_AUTHENTICATED}\n",
    )
    assert units(killed) == (100, 7)
    assert ("_capacity", "_") not in killed.everything


def test_the_next_load_undoes_what_a_killed_one_left(cli: Cli, killed: Place, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path), *killed.to)
    assert (result.code, units(killed)) == (0, (100, 7))
    assert "lowered from 2,000 to 100 WCU/s again" in result.err


def test_the_next_load_that_scales_goes_back_to_what_it_was_at_first(cli: Cli, killed: Place) -> None:
    result = cli("load", TELCO, *killed.to, "--scale-to", "3000")
    assert (result.code, units(killed)) == (0, (100, 7))
    assert "raised from 100 to 3,000 WCU/s" in result.err


def test_what_somebody_changed_meanwhile_is_left_alone(cli: Cli, killed: Place) -> None:
    killed.endpoint.table(killed.name).set_throughput({"WriteCapacityUnits": 77, "ReadCapacityUnits": 7})
    result = cli("table", "restore", *killed.at)
    assert (result.code, units(killed)) == (0, (77, 7))
    assert "the capacity has been changed since" in result.out


def test_a_second_run_beside_one_that_has_raised(cli: Cli, provisioned: Place, tmp_path: Path) -> None:
    provisioned.goes_wrong(faults.hang(), "BatchWriteItem", times=1)
    small = small_dump(tmp_path)
    with cli.started("load", TELCO, *provisioned.to, "--scale-to", "2000", "--concurrency", "1") as process:
        until(lambda: "BatchWriteItem" in provisioned.operations(), process)
        more = cli("load", small, *provisioned.to, "--scale-to", "2001")
        assert (more.code, "--scale-to 2000 or less" in more.err) == (5, True), more
        cli("table", "restore", *provisioned.at).complains(5, "while it loads")
        joined = cli("load", small, *provisioned.to, "--scale-to", "2000")
        assert (joined.code, "another run has raised" in joined.err) == (0, True), joined
        assert units(provisioned) == (2000, 7), "whoever raised it lowers it"
        process.send_signal(signal.SIGTERM)
        stopped = cli.finish(process)
    assert (stopped.code, units(provisioned)) == (75, (100, 7)), stopped
