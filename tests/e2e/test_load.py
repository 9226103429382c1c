"""`load`: the table afterwards is exactly what the dumps give, and the report says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.harness import (
    KID,
    PEPPER_HEX,
    SAMPLE_MANIFESTS,
    SAMPLE_NAMES,
    SAMPLES,
    SMALL_ROWS,
    Cli,
    Place,
    Result,
    expected_counts,
    small_dump,
)
from tests.e2e.reference import Table, comparable, sample_tables
from tests.support.endpoint import faults


class Loaded(NamedTuple):
    """All samples in one table."""

    table: Place
    result: Result


@pytest.fixture(scope="module")
def loaded(shared_cli: Cli, shared_table: Place) -> Loaded:
    result = shared_cli("load", *SAMPLE_MANIFESTS, *shared_table.to, "--output", "json")
    assert result.code == 0, result
    return Loaded(shared_table, result)


@pytest.fixture(scope="module")
def sample_truth(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    return sample_tables(tmp_path_factory.mktemp("samples"))


def test_the_table_is_what_the_dumps_give(loaded: Loaded, sample_truth: dict[str, Table]) -> None:
    assert comparable(loaded.table.items) == _joined(sample_truth)


def _joined(tables: dict[str, Table]) -> Table:
    return {key: item for table in tables.values() for key, item in table.items()}


@pytest.mark.parametrize(("number", "name"), [*enumerate(SAMPLE_NAMES)])
def test_the_counts_are_the_expected_ones(loaded: Loaded, number: int, name: str) -> None:
    report, expected = loaded.result.reports[number], expected_counts(name)
    assert (report["outcome"], report["exit_code"], report["message"]) == ("complete", 0, None)
    assert {key: report[key] for key in ("rows", "rejected_by_reason", "skipped_by_reason")} == {
        key: expected[key] for key in ("rows", "rejected_by_reason", "skipped_by_reason")
    }
    assert {key: report["items"][key] for key in ("built", "distinct")} == expected["items"]


def test_the_reports_balance(loaded: Loaded) -> None:
    for report in loaded.result.reports:
        rows, items = report["rows"], report["items"]
        assert report["balances"]
        assert rows["read"] == rows["kept"] + rows["rejected"] + rows["skipped"]
        assert rows["rejected"] == sum(report["rejected_by_reason"].values())
        assert rows["skipped"] == sum(report["skipped_by_reason"].values())
        assert items["built"] == items["acknowledged"] + items["merged"] + items["refused"]
        assert items["built"] == items["merged"] + sum(report["items_by_kind"].values())
        assert items["duplicates"] == items["built"] - items["distinct"]
        assert report["wcu"]["consumed"] == report["wcu"]["predicted"]


def test_the_table_says_what_is_in_it(loaded: Loaded) -> None:
    row = loaded.table.reserved("_dataset#demo-telco-2017")
    assert row["title"] == {"S": "Demo telco breach 2017"}
    assert row["occurred_on"] == {"S": "2017-10-19"}
    assert row["state"] == {"S": "complete"}
    assert row["kid"] == {"S": KID}
    assert {item["src"]["S"] for key, item in loaded.table.items.items() if "telco" in key[1]} == {row["src"]["S"]}
    assert sorted(row["classes"]["SS"]) == [
        "Government issued IDs",
        "IMEI numbers",
        "IMSI numbers",
        "Names",
        "Phone numbers",
        "Physical addresses",
        "SIM card numbers",
    ]
    counts = {name: int(count["N"]) for name, count in row["counts"]["M"].items()}
    assert counts["rows_read"] == 140
    assert counts["items"] == 260


def test_the_table_knows_the_pepper_by_its_check_value(loaded: Loaded) -> None:
    row = loaded.table.reserved(f"_key#{KID}")
    assert row.keys() == {"pk", "sk", "kcv"}
    assert len(row["kcv"]["S"]) == 8
    assert row["kcv"]["S"] not in PEPPER_HEX


def test_a_second_load_writes_nothing(loaded: Loaded, shared_cli: Cli) -> None:
    table = loaded.table
    asked, written = len(table.requests), len(table.writes)
    result = shared_cli("load", *SAMPLE_MANIFESTS, *table.to, "--output", "json")
    assert result.code == 0
    assert [report["outcome"] for report in result.reports] == ["unchanged"] * len(SAMPLE_NAMES)
    assert table.operations(asked) <= {"DescribeTable", "GetItem", "Query"}
    assert len(table.writes) == written


def test_a_restart_makes_the_same_table_again(loaded: Loaded, shared_cli: Cli, sample_truth: dict[str, Table]) -> None:
    written = len(loaded.table.writes)
    result = shared_cli("load", SAMPLES / "telco.toml", *loaded.table.to, "--restart", "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "complete")
    rewritten = [write for write in loaded.table.writes[written:] if write.pk[0] != "_"]
    assert len(rewritten) == result.report["items"]["acknowledged"] == 260
    assert all(write.acknowledged for write in rewritten)
    assert comparable(loaded.table.items) == _joined(sample_truth)


def test_another_title_changes_the_catalog_only(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    assert cli("load", manifest, *table.to).code == 0
    items, before = table.items, len(table.writes)
    counts = table.reserved("_dataset#demo-small")["counts"]
    result = cli("load", small_dump(tmp_path, title="Demo of a new name"), *table.to, "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "unchanged")
    assert {write.pk for write in table.writes[before:]} == {"_dataset#demo-small", "_lock#demo-small"}
    assert ("_lock#demo-small", "_") not in table.everything
    row = table.reserved("_dataset#demo-small")
    assert (row["title"], row["state"], row["counts"]) == ({"S": "Demo of a new name"}, {"S": "complete"}, counts)
    assert table.items == items


def test_a_changed_dump_is_loaded_again_whole(cli: Cli, table: Place, tmp_path: Path) -> None:
    assert cli("load", small_dump(tmp_path, SMALL_ROWS[:2]), *table.to).code == 0
    before = table.items
    result = cli("load", small_dump(tmp_path), *table.to, "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "complete")
    assert table.items.keys() > before.keys()
    assert len({item["src"]["S"] for item in table.items.values()}) == 1


def test_the_text_report_balances_too(cli: Cli, table: Place) -> None:
    result = cli("load", SAMPLES / "dirty.toml", *table.to)
    assert result.code == 0
    assert "200 read = 149 kept + 46 rejected + 5 skipped" in result.out
    assert "449 built = 445 acknowledged + 4 merged before sending + 0 refused" in result.out
    assert "10 not_an_address" in result.out


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_what_is_left_unprocessed_is_sent_until_it_is_there(
    cli: Cli, table: Place, sample_truth: dict[str, Table], transport: str
) -> None:
    table.goes_wrong(faults.partial(), "BatchWriteItem", every=2)
    result = cli("load", SAMPLES / "dirty.toml", *table.to, "--output", "json", "--transport", transport)
    assert result.code == 0
    assert result.report["retries_by_reason"]["unprocessed"] == result.report["retries"] > 0
    assert result.report["items"]["acknowledged"] == 445
    assert comparable(table.items) == sample_truth["dirty"]


def test_a_window_of_rows_is_a_partial_load(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    result = cli("load", manifest, *table.to, "--skip", "1", "--limit", "1", "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "partial")
    assert result.report["rows"]["kept"] == 1
    assert len(table.items) == 3
    assert table.reserved("_dataset#demo-small")["state"] == {"S": "loading"}
    result = cli("load", manifest, *table.to, "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "complete")
    assert len(table.items) == 9


@pytest.mark.parametrize("command", ["load", "validate"])
def test_a_window_behind_the_last_row_is_a_failure(cli: Cli, table: Place, tmp_path: Path, command: str) -> None:
    to = table.to if command == "load" else []
    result = cli(command, small_dump(tmp_path), *to, "--skip", "3")
    result.complains(4, "not one of 3 rows counts", "--skip")
    assert not table.items


def test_rejects_that_name_no_row_there_is(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, rejects = small_dump(tmp_path), tmp_path / "rejects.jsonl"
    assert cli("load", manifest, *table.to).code == 0

    def named(*rows: int) -> Path:
        source = manifest.with_suffix(".csv").name
        lines = [json.dumps({"source": source, "shard": 0, "row": row, "reason": "dummy"}) for row in rows]
        rejects.write_text("\n".join(lines))
        return rejects

    cli("load", manifest, *table.to, "--replay", named(7, 8)).complains(4, "not one of 3 rows counts", "--replay")
    some = cli("load", manifest, *table.to, "--replay", named(3, 8), "--output", "json")
    assert (some.code, some.report["rows"]["kept"]) == (0, 1)
    assert some.report["notes"] == [
        "1 of the 2 rows that --replay names are not in the dump, and were not loaded again"
    ]


def test_a_dry_run_needs_and_touches_nothing(cli: Cli, nowhere: Place, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path), "--dry-run", "--output", "json", without=["PEPPER", "AWS_REGION"])
    assert (result.code, result.report["items"]["checked"]) == (0, 9)
    assert result.report["table"] is None
    assert nowhere.requests == []


def test_rejects_say_where_and_why_but_not_what(cli: Cli, table: Place, tmp_path: Path) -> None:
    file = tmp_path / "rejects.jsonl"
    result = cli("load", SAMPLES / "dirty.toml", *table.to, "--rejects", file)
    assert result.code == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(lines) == 46
    assert {tuple(line) for line in lines} == {("source", "shard", "row", "line", "stage", "reason", "field")}
    assert [line["row"] for line in lines] == sorted(line["row"] for line in lines)
    assert {line["source"] for line in lines} == {"dirty.csv"}
    assert {line["stage"] for line in lines} == {"parse", "normalize"}


def test_rejects_hold_the_record_if_that_is_asked_for(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path, (*SMALL_ROWS, ("SALAH", "1", "2", "three")))
    file = tmp_path / "rejects.jsonl"
    result = cli("load", manifest, *table.to, "--rejects", file, "--rejects-include-raw")
    assert result.code == 0
    (line,) = map(json.loads, file.read_text().splitlines())
    assert (line["row"], line["line"], line["raw"].strip()) == (4, 5, "SALAH,1,2,three")
    assert file.stat().st_mode & 0o777 == 0o600


def test_one_manifest_that_fails_does_not_stop_the_others(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifests = [
        small_dump(tmp_path, dataset="demo-first"),
        small_dump(tmp_path, dataset="demo-second", source="none.csv"),
        tmp_path / "none.toml",
        small_dump(tmp_path, dataset="demo-third"),
    ]
    result = cli("load", *manifests, *table.to, "--output", "json")
    assert result.code == 2
    assert [(report["dataset"], report["outcome"]) for report in result.reports] == [
        ("demo-first", "complete"),
        ("demo-second", "failed"),
        ("demo-third", "complete"),
    ]
    assert [line.split(": ")[0] for line in result.err.splitlines()] == ["ingest-cli"] * 2
    assert len(table.items) == 18
