"""A raise that nobody has undone is undone by the next load, whatever that is to do and whatever becomes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import identity_of, make_table
from tests.e2e.harness import PEPPER_LINE, SMALL_ROWS, Cli, Place, small_dump
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint, faults
from tests.support.endpoint.clients import Client
from tests.support.state_mac import signed_row

WAS, RAISED = 25, 500
LEFT = ("_capacity", "_")
ACTIVE = dict.fromkeys(("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False)


@pytest.fixture(name="cli")
def telling(cli: Cli) -> Cli:
    """The command, which says on stderr what it raised and lowered, as on a terminal."""
    return cli.telling()


@pytest.fixture
def place(endpoint: Endpoint, admin: Client) -> Place:
    """A table of 25 write and 5 read units."""
    found = make_table(Place(endpoint), admin)
    provision(found, WAS)
    return found


def provision(place: Place, wcu: int) -> None:
    place.endpoint.table(place.name).set_throughput({"WriteCapacityUnits": wcu, "ReadCapacityUnits": 5})


def units(place: Place) -> int:
    found = place.endpoint.table(place.name).provisioned
    assert found is not None
    return int(found["WriteCapacityUnits"])


def leave_raised(
    place: Place, admin: Client, suspended: dict[str, bool] | None = None, expires_in_s: float = -1
) -> None:
    """What a command on another machine leaves that is killed while the capacity is raised."""
    item: dict[str, Any] = {
        "pk": {"S": "_capacity"},
        "sk": {"S": "_"},
        "wcu": {"N": str(WAS)},
        "rcu": {"N": "5"},
        "raised_wcu": {"N": str(RAISED)},
        "began": {"N": f"{time.time() - 60:.3f}"},
        "token": {"S": "theirs"},
        "host": {"S": "elsewhere"},
        "machine": {"S": "-"},
        "pid": {"N": "1"},
        "started": {"S": "-"},
        "expires": {"N": f"{time.time() + expires_in_s:.3f}"},
    }
    if suspended is not None:
        item["suspended"] = {"M": {name: {"BOOL": value} for name, value in suspended.items()}}
    admin.put_item(TableName=place.name, Item=signed_row(item, PEPPER_LINE, identity_of(place, admin)))
    provision(place, RAISED)


def loaded(cli: Cli, place: Place, folder: Path) -> list[str]:
    """Of a dump that was loaded before: there is nothing to be written."""
    dump = small_dump(folder)
    assert cli("load", dump, *place.to).code == 0
    return [str(dump), "--scale-to", str(RAISED)]


def too_dear(_cli: Cli, _place: Place, folder: Path) -> list[str]:
    return [str(small_dump(folder)), "--scale-to", "5000", "--max-cost", "0.5"]


def beyond_the_quota(_cli: Cli, _place: Place, folder: Path) -> list[str]:
    return [str(small_dump(folder)), "--scale-to", "50000"]


def changed(cli: Cli, place: Place, folder: Path) -> list[str]:
    """Of a dump that is another one than when its load was broken off."""
    dump = small_dump(folder)
    place.goes_wrong(faults.error("AccessDeniedException"), "BatchWriteItem")
    assert cli("load", dump, *place.to).code == 4
    place.endpoint.script.clear()
    small_dump(folder, SMALL_ROWS[1:])
    return [str(dump), "--scale-to", str(RAISED)]


def without_a_source(_cli: Cli, _place: Place, folder: Path) -> list[str]:
    return [str(small_dump(folder, source="gone.csv")), "--scale-to", str(RAISED)]


def without_a_manifest(_cli: Cli, _place: Place, folder: Path) -> list[str]:
    return [str(small_dump(folder, dataset="Not An Id"))]


ENDS: dict[str, tuple[Callable[[Cli, Place, Path], list[str]], int]] = {
    "unchanged": (loaded, 0),
    "too dear": (too_dear, 2),
    "beyond the quota": (beyond_the_quota, 4),
    "another dump": (changed, 2),
    "no source": (without_a_source, 4),
    "no manifest": (without_a_manifest, 2),
}


@pytest.mark.parametrize("end", ENDS)
def test_whatever_becomes_of_the_next_load_it_is_lowered(
    cli: Cli, place: Place, admin: Client, tmp_path: Path, end: str
) -> None:
    prepare, code = ENDS[end]
    arguments = prepare(cli, place, tmp_path)
    leave_raised(place, admin)
    result = cli("load", *arguments, *place.to)
    assert (result.code, units(place)) == (code, WAS), result
    assert "lowered from 500 to 25 WCU/s again" in result.err
    assert LEFT not in place.everything


def test_of_another_command_that_goes_on_it_is_left_alone(
    cli: Cli, place: Place, admin: Client, tmp_path: Path
) -> None:
    arguments = loaded(cli, place, tmp_path)
    leave_raised(place, admin, expires_in_s=600)
    for options in (arguments, [*arguments[:1], "--scale-to", "10", "--restart"]):
        assert cli("load", *options, *place.to).code == 0
    assert (units(place), place.reserved("_capacity")["token"]) == (RAISED, {"S": "theirs"})


def test_a_lower_wish_than_what_it_was_at_first_lowers_nothing_further(
    cli: Cli, place: Place, admin: Client, tmp_path: Path
) -> None:
    leave_raised(place, admin)
    result = cli("load", small_dump(tmp_path), *place.to, "--scale-to", "10")
    assert (result.code, units(place)) == (0, WAS)
    assert "lowered from 500 to 25 WCU/s again" in result.err
    assert "the table has 25 WCU/s already; --scale-to 10 changes nothing" in result.err


def test_a_lower_wish_than_what_is_left_raises_from_what_it_was(
    cli: Cli, place: Place, admin: Client, tmp_path: Path
) -> None:
    leave_raised(place, admin)
    result = cli("load", small_dump(tmp_path), *place.to, "--scale-to", "100")
    assert (result.code, units(place)) == (0, WAS)
    said = [line.removeprefix("ingest-cli: ") for line in result.err.splitlines() if "WCU/s" in line]
    assert said[:3] == [
        "the capacity was lowered from 500 to 25 WCU/s again",
        "the capacity was raised from 25 to 100 WCU/s",
        "the capacity was lowered from 100 to 25 WCU/s again",
    ]


def test_what_somebody_has_changed_since_is_what_it_goes_back_to(
    cli: Cli, place: Place, admin: Client, tmp_path: Path
) -> None:
    leave_raised(place, admin)
    provision(place, 1000)
    result = cli("load", small_dump(tmp_path), *place.to, "--scale-to", "2000")
    assert (result.code, units(place)) == (0, 1000), result
    assert "raised from 1,000 to 2,000 WCU/s" in result.err


# What could not be lowered


def exit_code(metrics: Path) -> float:
    return next(
        sample.value
        for family in text_string_to_metric_families(metrics.read_text())
        for sample in family.samples
        if sample.name == "ingest_cli_exit_code"
    )


def test_a_lowering_that_is_refused_is_told_everywhere_and_made_up_for(cli: Cli, place: Place, tmp_path: Path) -> None:
    metrics, report = tmp_path / "load.prom", tmp_path / "report.json"
    line = ["load", small_dump(tmp_path), *place.to, "--scale-to", str(RAISED), "--metrics-file", metrics]
    line += ["--report", report]
    place.goes_wrong(faults.error("AccessDeniedException"), "UpdateTable", nth=2, times=1)
    first = cli(*line)
    assert (first.code, units(place)) == (75, RAISED), first
    assert "the capacity is still raised" in first.err
    told = json.loads(report.read_text())
    assert (exit_code(metrics), told["exit_code"], told["runs"][0]["exit_code"]) == (75, 75, 0)
    assert "the capacity is still raised" in told["message"]

    place.endpoint.script.clear()
    second = cli(*line)
    assert (second.code, units(place), exit_code(metrics)) == (0, WAS, 0), second
    assert json.loads(report.read_text())["message"] is None
    assert LEFT not in place.everything


# Autoscaling that may not be touched


@pytest.fixture
def autoscaled(place: Place) -> Iterator[Callable[[], dict[str, bool]]]:
    """A table with autoscaling, and what of it is suspended."""
    scaling = boto3.client(
        "application-autoscaling",
        endpoint_url=place.endpoint.url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )
    names = {
        "ServiceNamespace": "dynamodb",
        "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
    }
    scaling.register_scalable_target(**names, ResourceId=f"table/{place.name}", MinCapacity=5, MaxCapacity=200)

    def suspended() -> dict[str, bool]:
        (target,) = scaling.describe_scalable_targets(**names, ResourceIds=[f"table/{place.name}"])["ScalableTargets"]
        state: dict[str, bool] = target["SuspendedState"]
        return state

    yield suspended
    scaling.close()


def there(place: Place) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": place.endpoint.url}


def may_not_suspend(place: Place, **conditions: Any) -> None:
    place.endpoint.script.add(faults.error("AccessDeniedException"), operation="RegisterScalableTarget", **conditions)


def test_a_raise_that_never_was_leaves_nothing(
    cli: Cli, place: Place, autoscaled: Callable[[], dict[str, bool]], tmp_path: Path
) -> None:
    dump = small_dump(tmp_path)
    may_not_suspend(place)
    refused = cli("load", dump, *place.to, "--scale-to", str(RAISED), env=there(place))
    assert (refused.code, "still raised" in refused.err) == (4, False), refused
    assert "application-autoscaling:RegisterScalableTarget" in refused.err
    assert (units(place), LEFT in place.everything, autoscaled()) == (WAS, False, ACTIVE)


@pytest.mark.parametrize("command", [["load"], ["table", "restore"]])
def test_autoscaling_that_goes_on_need_not_be_resumed(
    cli: Cli,
    place: Place,
    autoscaled: Callable[[], dict[str, bool]],
    admin: Client,
    tmp_path: Path,
    command: list[str],
) -> None:
    leave_raised(place, admin, suspended=autoscaled())
    may_not_suspend(place)
    arguments = [small_dump(tmp_path), *place.to] if command == ["load"] else place.at
    result = cli(*command, *arguments, env=there(place))
    assert (result.code, units(place), LEFT in place.everything) == (0, WAS, False), result


def test_autoscaling_that_cannot_be_resumed_is_what_is_told_of(
    cli: Cli, place: Place, autoscaled: Callable[[], dict[str, bool]], tmp_path: Path
) -> None:
    may_not_suspend(place, nth=2)
    result = cli("load", small_dump(tmp_path), *place.to, "--scale-to", str(RAISED), env=there(place))
    assert (result.code, units(place)) == (75, WAS), result
    assert "lowered from 500 to 25 WCU/s again, but autoscaling of the write capacity may still be" in result.err
    assert "the capacity is still raised" not in result.err
    place.endpoint.script.clear()
    assert cli("table", "restore", *place.at, env=there(place)).code == 0
    assert (autoscaled(), LEFT in place.everything) == (ACTIVE, False)


@pytest.mark.parametrize("is_put_back", [True, False])
def test_a_change_by_hand_that_is_refused_leaves_autoscaling_as_it_was(
    cli: Cli,
    place: Place,
    autoscaled: Callable[[], dict[str, bool]],
    is_put_back: bool,  # noqa: FBT001 - a case
) -> None:
    place.goes_wrong(faults.error("AccessDeniedException"), "UpdateTable")
    if not is_put_back:
        may_not_suspend(place, nth=2)
    result = cli("table", "capacity", *place.at, "--wcu", "600", env=there(place))
    result.complains(4, "AccessDeniedException")
    assert ("`ingest-cli table restore` resumes it" in result.err) != is_put_back
    assert (("_capacity#autoscaling", "_") in place.everything) != is_put_back
    place.endpoint.script.clear()
    if not is_put_back:
        assert cli("table", "restore", *place.at, env=there(place)).code == 0
    assert autoscaled() == ACTIVE
