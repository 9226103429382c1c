"""What a load is said to take and cost, what it then does, and that it stops before it costs too much."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest_cli.model.keys import ephemeral_pepper
from tests.e2e.harness import KID, OTHER_LINE, SAMPLES, Cli, Place, small_dump

EPHEMERAL_KID = ephemeral_pepper().kid
PER_MILLION, WCU_HOUR = 0.625, 0.00065
PRICES = """\
dated = {dated}
currency = "USD"
[free_tier]
wcu = 25
[regions.us-east-1]
write_request_million = {price}
wcu_hour = 0.00065
rcu_hour = 0.00013
storage_gb_month = 0.25
import_gb = 0.15
"""


def people(folder: Path, count: int, repeated: int) -> Path:
    """A dump of so many people, the first `repeated` of whom are in it twice, far apart."""
    rows = [
        (f"KENARI {n}", f"{n:06d}-10-4{n % 1000:03d}", f"01{2 + n % 7}-{1000000 + n}", f"kenari.{n}@example.org")
        for n in range(count)
    ]
    return small_dump(folder, rows + rows[:repeated], dataset="demo-people")


def import_bytes(place: Place) -> int:
    """The size of the file that an import of the table's items would read."""
    lines = (json.dumps({"Item": item}, separators=(",", ":"), ensure_ascii=False) for item in place.items.values())
    return sum(len(line.encode()) + 1 for line in lines)


def data_wcu(place: Place) -> float:
    """What the items consumed, as the endpoint counted it."""
    return sum(one.wcu for one in place.requests if one.operation == "BatchWriteItem")


def test_the_prediction_is_what_the_endpoint_then_counts(cli: Cli, table: Place, tmp_path: Path) -> None:
    dump = people(tmp_path, 4000, 200)
    (way, *_) = cli("validate", dump, "--output", "json").report["prediction"]
    report = cli("load", dump, *table.to, "--output", "json").report
    assert way["items"] == report["items"]["acknowledged"] > 8000
    assert way["wcu"] == pytest.approx(data_wcu(table), rel=0.02)
    assert report["wcu"]["consumed"] == data_wcu(table)
    overhead = sum(one.wcu for one in table.requests if one.operation == "PutItem")
    assert 0 < report["wcu"]["state"] <= overhead, "the saved state is told apart from the items"


def test_the_ways_and_their_arithmetic(cli: Cli, table: Place, tmp_path: Path) -> None:
    dump = small_dump(tmp_path)
    assert cli("load", dump, *table.to).code == 0
    report = cli("validate", dump, "--output", "json", "--max-wcu", "3").report
    ways = {way["way"]: way for way in report["prediction"]}
    assert [*ways] == ["on-demand", "provisioned", "free-tier", "import"]
    assert {way["items"] for way in ways.values()} == {9}
    assert {way["currency"] for way in ways.values()} == {"USD"}
    assert (ways["on-demand"]["wcu"], ways["on-demand"]["cost"]) == (9, pytest.approx(9 * PER_MILLION / 1e6, abs=1e-6))
    assert ways["provisioned"]["hours"] == pytest.approx(9 / 3 / 3600, abs=1e-6)
    assert ways["provisioned"]["cost"] == pytest.approx(3 * WCU_HOUR, abs=1e-6)
    assert (ways["free-tier"]["cost"], ways["free-tier"]["hours"]) == (0, pytest.approx(9 / 25 / 3600, abs=1e-6))
    said = int(ways["import"]["arithmetic"].partition(" bytes")[0].replace(",", ""))
    assert said - import_bytes(table) == 9 * (len(EPHEMERAL_KID) - len(KID)), "but for the key id, to the byte"
    assert (ways["import"]["hours"], ways["import"]["wcu"]) == (None, 0)
    text = cli("validate", dump, "--max-wcu", "3", "--region", "ap-southeast-1").out
    assert "9 WCU / 3 WCU/s" in text
    assert "1 started h x 3 WCU x 0.00074 USD" in text
    assert "(a price not confirmed)" in text


def test_prices_that_are_old_are_used_and_said_to_be_old(cli: Cli, tmp_path: Path) -> None:
    dump, prices = small_dump(tmp_path), tmp_path / "mine.toml"
    prices.write_text(PRICES.format(dated="2019-01-02", price=1000))
    result = cli("validate", dump, "--prices", prices, "--output", "json")
    (note,) = result.report["notes"]
    assert result.code == 0
    assert "are of 2019-01-02" in note
    assert "--prices" in note
    assert result.report["prediction"][0]["cost"] == pytest.approx(0.009)
    abroad = cli("validate", dump, "--prices", prices, "--region", "mars-north-1", "--output", "json").report
    assert any('no prices for the region "mars-north-1"' in note for note in abroad["notes"])


def test_a_price_list_with_a_mistake(cli: Cli, tmp_path: Path) -> None:
    prices = tmp_path / "mine.toml"
    prices.write_text(PRICES.format(dated="2026-01-01", price="-1"))
    cli("validate", small_dump(tmp_path), "--prices", prices).complains(2, "mine.toml", "must be a price")


def test_a_plan_checks_everything_and_writes_nothing(cli: Cli, table: Place, nowhere: Place, tmp_path: Path) -> None:
    dump, before = small_dump(tmp_path), len(table.requests)
    report = cli("load", dump, *table.to, "--plan", "--output", "json").report
    assert (report["command"], report["outcome"], report["prediction"][0]["wcu"]) == ("plan", "complete", 9)
    assert table.operations(before) <= {"DescribeTable", "GetItem"}
    assert table.everything == {}
    assert cli("load", dump, *nowhere.to, "--plan").code == 4
    hopeless = small_dump(tmp_path, [("A", "123456", "1", "nobody")] * 3, dataset="demo-hopeless")
    assert cli("load", hopeless, *table.to, "--plan").code == 3
    assert cli("load", dump, *table.to).code == 0
    refused = cli("load", dump, *table.to, "--plan", env={"PEPPER": OTHER_LINE})
    assert (refused.code, "another pepper" in refused.err) == (2, True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_load_stops_before_it_costs_more_than_it_may(cli: Cli, table: Place, tmp_path: Path, workers: str) -> None:
    dump, limit = people(tmp_path, 3000, 0), 0.003
    load = ["load", dump, *table.to, "--workers", workers, "--output", "json"]
    first = cli(*load, "--max-cost", str(limit))
    assert first.code == 75, first
    assert "stopped before it costs more than --max-cost 0.003" in first.err
    assert "higher --max-cost to resume it" in first.err
    consumed = sum(one.wcu for one in table.requests)
    assert 0.9 * limit < consumed * PER_MILLION / 1e6 <= limit
    assert first.report["cost"]["amount"] == pytest.approx(consumed * PER_MILLION / 1e6, rel=0.02)

    written = len(table.writes)
    second = cli(*load, "--max-cost", str(limit))
    assert (second.code, "in all of its runs" in second.err) == (75, True), second
    assert {write.pk[0] for write in table.writes[written:]} == {"_"}, "what is spent is spent"

    third = cli(*load, "--max-cost", "1")
    assert (third.code, third.report["outcome"]) == (0, "complete")
    assert third.report["items"]["acknowledged"] == len(table.items) == 9000
    assert third.report["cost"]["amount"] == pytest.approx(
        sum(one.wcu for one in table.requests) * PER_MILLION / 1e6, rel=0.02
    )


def test_the_limit_is_for_the_command_as_a_whole(cli: Cli, table: Place, tmp_path: Path) -> None:
    dumps, limit = [small_dump(tmp_path, dataset=f"demo-{n}") for n in range(3)], 0.0003
    dumps.insert(1, people(tmp_path, 200, 0))
    result = cli("load", *dumps, *table.to, "--max-cost", str(limit), "--output", "json")
    first, second, *others = result.reports
    assert (result.code, first["outcome"]) == (75, "complete"), result
    assert 0 < second["wcu"]["consumed"] < 480
    assert "those before it in this command up to 0.0000" in second["message"]
    assert [one["items"]["acknowledged"] for one in others] == [0, 0]
    assert all("stopped before it costs more than --max-cost 0.0003:" in one["message"] for one in others)
    assert sum(one.wcu for one in table.requests) * PER_MILLION / 1e6 <= limit
    assert ("_dataset#demo-2", "_") not in table.everything, "nothing is begun for which nothing is left"
    again = cli("load", *dumps, *table.to, "--max-cost", "1", "--output", "json")
    assert (again.code, [one["outcome"] for one in again.reports]) == (0, ["unchanged"] + ["complete"] * 3)


def test_what_is_pruned_costs_too_and_stops_as_well(cli: Cli, table: Place, tmp_path: Path) -> None:
    assert cli("load", people(tmp_path, 100, 0), *table.to).code == 0
    load = ["load", people(tmp_path, 60, 0), *table.to, "--prune", "--output", "json"]
    assert cli(*load[:-3], *load[-2:]).code == 0
    before, limit = len(table.requests), 0.0001
    first = cli(*load, "--max-cost", str(limit))
    assert first.code == 75, first
    assert "loaded, but not pruned: stopped before it costs more than --max-cost 0.0001: it has" in first.err
    deleted = sum(write.action == "delete" and not write.pk.startswith("_") for write in table.writes)
    assert 0 < first.report["pruned"]["items"]["removed"] == deleted < 120
    consumed = sum(one.wcu for one in table.requests[before:])
    assert consumed * PER_MILLION / 1e6 <= limit
    assert first.report["wcu"]["pruned"] >= deleted
    assert first.report["cost"]["amount"] == pytest.approx(first.report["wcu"]["pruned"] * PER_MILLION / 1e6, abs=1e-6)
    second = cli(*load, "--max-cost", "1")
    assert (second.code, second.report["pruned"]["items"]["removed"], len(table.items)) == (0, 120 - deleted, 180)


@pytest.mark.parametrize("amount", ["nan", "inf", "-1", "0", "five"])
def test_an_amount_that_is_none(cli: Cli, nowhere: Place, amount: str) -> None:
    result = cli("load", SAMPLES / "telco.toml", *nowhere.to, f"--max-cost={amount}")
    result.complains(2, "--max-cost", f"'{amount}' is not a positive amount")


def test_an_amount_is_quoted_as_it_was_typed(cli: Cli, table: Place) -> None:
    result = cli("load", SAMPLES / "telco.toml", *table.to, "--max-cost", "0.0000001")
    assert (result.code, table.everything) == (75, {})
    assert "--max-cost 0.0000001: it has cost 0 USD" in result.err


def test_a_limit_needs_prices(cli: Cli, table: Place) -> None:
    result = cli("load", SAMPLES / "telco.toml", *table.to, "--max-cost", "1", "--region", "mars-north-1")
    assert (result.code, 'none for the region "mars-north-1"' in result.err, table.everything) == (2, True, {})


def test_the_report_says_what_it_cost(cli: Cli, nowhere: Place) -> None:
    assert cli("table", "create", *nowhere.at, "--wcu", "3600").code == 0
    report = json.loads(cli("load", SAMPLES / "telco.toml", *nowhere.to, "--output", "json").out)
    consumed = report["wcu"]["consumed"] + report["wcu"]["state"]
    assert report["cost"]["amount"] == pytest.approx(consumed / 3600 * WCU_HOUR, abs=1e-6)
    assert "provisioned" in report["cost"]["arithmetic"]
