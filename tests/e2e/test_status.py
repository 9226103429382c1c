"""`status`: what is in a table, and what is being done to it, seen from another terminal."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.e2e.harness import SMALL_ROWS, Cli, Place, small_dump
from tests.fault.scenes import long_dump, under_way
from tests.support.endpoint import faults
from tests.support.endpoint.clients import Client
from tests.support.state_mac import as_bytes

DATASET, OTHER = "demo-small", "demo-other"


def test_all_datasets_are_listed(cli: Cli, table: Place, tmp_path: Path) -> None:
    for dataset in (DATASET, OTHER):
        assert cli("load", small_dump(tmp_path, dataset=dataset), *table.to).code == 0
    asked = len(table.requests)
    result = cli("status", *table.at, "--output", "json")
    assert (result.code, result.err) == (0, "")
    assert table.operations(asked) == {"GetItem"}
    assert [one["dataset"] for one in result.report["datasets"]] == [OTHER, DATASET]
    seen = result.report["datasets"][1]
    assert (seen["state"], seen["occurred_on"], seen["lock"], seen["progress"]) == (
        "complete",
        "2019-05-04",
        None,
        None,
    )
    assert (seen["counts"]["rows_read"], seen["counts"]["items"]) == (3, 9)
    assert seen["src"] == table.reserved(f"_dataset#{DATASET}")["src"]["S"]
    text = cli("status", DATASET, *table.at).out
    assert text.startswith("Demo of three rows (demo-small): complete\n  occurred    2019-05-04\n  loaded      20")
    assert "3 read = 3 kept + 0 rejected + 0 skipped" in text


def test_a_table_of_an_older_version(cli: Cli, table: Place, tmp_path: Path, admin: Client) -> None:
    manifest = small_dump(tmp_path)
    assert cli("load", manifest, *table.to).code == 0
    admin.delete_item(TableName=table.name, Key={"pk": {"S": "_datasets"}, "sk": {"S": "_"}})
    result = cli("status", *table.at)
    assert (result.code, result.out) == (0, "")
    assert "no datasets are listed" in result.err
    assert "--scan" in result.err
    for arguments in (["--scan"], [DATASET], [DATASET, "--scan"]):
        assert "(demo-small): complete" in cli("status", *arguments, *table.at).out
    table.goes_wrong(faults.error("AccessDeniedException"), "UpdateItem", times=1)  # of an older policy
    for _ in range(2):
        assert cli("load", manifest, *table.to, "--output", "json").report["outcome"] == "unchanged"
    assert "(demo-small): complete" in cli("status", *table.at).out


def test_an_unknown_dataset(cli: Cli, table: Place) -> None:
    result = cli("status", "demo-smal", *table.at)
    assert (result.code, 'has no dataset "demo-smal"' in result.err) == (2, True)


def test_a_load_under_way_is_followed_to_its_end(cli: Cli, table: Place, tmp_path: Path) -> None:
    with under_way(cli, table, long_dump(tmp_path, 400, 50), items=60, wcu_per_s=60) as process:
        seen = cli("status", *table.at, "--output", "json").report["datasets"][0]
        assert (seen["state"], seen["lock"]["pid"], seen["lock"]["expired"]) == ("loading", process.pid, False)
        assert 0 < seen["progress"]["rows_read"] <= 400
        assert seen["progress"]["rows_rejected"] > 0
        assert (seen["progress"]["sources_done"], seen["progress"]["sources"]) == (0, 1)
        followed = cli("status", *table.at, "--follow")
    assert followed.code == 0
    first, *_ = lines = followed.out.splitlines()
    assert first.startswith("demo-small: ")
    assert f"process {process.pid} on " in first
    assert "Demo of three rows (demo-small): complete" in lines


def test_a_load_that_was_broken_off(cli: Cli, table: Place, tmp_path: Path) -> None:
    with under_way(cli, table, long_dump(tmp_path, 800)) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    text = cli("status", DATASET, *table.at, "--follow").out
    assert "(demo-small): stopped" in text
    assert "it no longer exists; the lock has no effect" in text
    seen = cli("status", DATASET, *table.at, "--output", "json").report["datasets"][0]
    assert (seen["lock"]["expired"], seen["lock"]["gone"]) == (False, True)
    assert cli("table", "unlock", DATASET, *table.at).code == 0
    text = cli("status", DATASET, *table.at).out
    assert "(demo-small): stopped" in text
    assert "  broken off  " in text
    assert "lock" not in text


def test_a_registry_that_cannot_be_written_ends_the_load(cli: Cli, table: Place, tmp_path: Path) -> None:
    table.goes_wrong(faults.error("AccessDeniedException"), "UpdateItem")
    result = cli("load", small_dump(tmp_path, SMALL_ROWS), *table.to)
    assert (result.code, "AccessDeniedException" in result.err) == (4, True)
    assert not table.items


def test_a_damaged_row_is_named_and_the_others_are_shown(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    assert cli("load", small_dump(tmp_path, SMALL_ROWS), *table.to).code == 0
    row = as_bytes(table.reserved(f"_dataset#{DATASET}"))
    admin.put_item(
        TableName=table.name, Item={**row, "pk": {"S": "_dataset#demo-bad"}, "counts": {"S": "kenari@example.org"}}
    )
    admin.put_item(
        TableName=table.name, Item={"pk": {"S": "_datasets"}, "sk": {"S": "_"}, "ids": {"SS": ["demo-bad", DATASET]}}
    )
    result = cli("status", *table.at)
    result.complains(2, "_dataset#demo-bad", "`counts` is not of the type M", "--restart")
    assert "--key" not in result.err
    assert "demo-bad: cannot be read" in result.out
    assert f"({DATASET}): complete" in result.out
