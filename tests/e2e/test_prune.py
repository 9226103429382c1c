"""`prune` and `load --prune`: what left the dump leaves the table; nothing else does, and never by surprise."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.e2e.conftest import filled
from tests.e2e.harness import SMALL_ROWS, Cli, Place, small_dump
from tests.e2e.reference import comparable
from tests.fault.scenes import under_way
from tests.support.endpoint import faults
from tests.support.endpoint.clients import Client
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.endpoint.items import Item

DATASET, OTHER = "demo-small", "demo-other"


def loaded(
    cli: Cli, table: Place, folder: Path, rows: Sequence[Sequence[str]] = SMALL_ROWS, dataset: str = DATASET
) -> Path:
    manifest = small_dump(folder, rows, dataset=dataset)
    result = cli("load", manifest, *table.to)
    assert result.code == 0, result
    return manifest


class Template(NamedTuple):
    """A table, and the dumps that it was loaded from."""

    folder: Path
    everything: dict[tuple[str, str], Item]


@pytest.fixture(scope="module")
def once(shared_cli: Cli, shared_table: Place, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A dump of three rows, then without the first; and another dataset, which is nobody's business."""
    folder = tmp_path_factory.mktemp("dumps")
    loaded(shared_cli, shared_table, folder)
    before = dict(shared_table.everything)
    loaded(shared_cli, shared_table, folder, dataset=OTHER)
    loaded(shared_cli, shared_table, folder, SMALL_ROWS[1:])
    return Template(folder, {**before, **shared_table.everything})


@pytest.fixture
def table(once: Template, new_table: Callable[[], Place], admin: Client) -> Place:
    """18 items, of which 3 have left their dump."""
    return filled(new_table(), admin, once.everything)


@pytest.fixture
def empty(new_table: Callable[[], Place]) -> Place:
    return new_table()


def test_what_left_the_dump_leaves_the_table(cli: Cli, table: Place) -> None:
    src = table.reserved(f"_dataset#{DATASET}")["src"]
    before = comparable(table.items)
    result = cli("prune", DATASET, *table.to, "--yes", "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "complete")
    assert result.report["items"] == {"found": 9, "stale": 3, "removed": 3}
    assert comparable(table.items) == {
        key: item for key, item in before.items() if key[1].startswith(OTHER) or item["src"] == src
    }
    assert len(table.items) == 6 + 9
    assert (f"_lock#{DATASET}", "_") not in table.everything
    again = cli("prune", DATASET, *table.to, "--yes")
    assert "6 in" in again.out
    assert "removed     0" in again.out


def test_counting_changes_nothing(cli: Cli, table: Place) -> None:
    asked, written = len(table.requests), len(table.writes)
    result = cli("prune", DATASET, *table.to, "--dry-run", "--output", "json")
    assert (result.code, result.report["outcome"], result.report["items"]["stale"]) == (0, "counted", 3)
    assert len(table.writes) == written
    assert table.operations(asked) == {"DescribeTable", "GetItem", "Scan"}


def test_somebody_is_asked_and_shown_what_goes(cli: Cli, table: Place) -> None:
    for typed, code, left in (("yes", 2, 18), (DATASET, 0, 15)):
        with cli.on_terminal("prune", DATASET, *table.to) as child:
            child.expect("3 of 9 items in")
            child.expect("Type the dataset id to confirm")
            child.sendline(typed)
            child.read()
        assert child.exitstatus == code
        assert len(table.items) == left


def test_a_prompt_can_be_left(cli: Cli, table: Place) -> None:
    with cli.on_terminal("prune", DATASET, *table.to) as child:
        child.expect("confirm")
        child.sendintr()
        said = child.read()
    assert child.exitstatus == 75
    assert "stopped by SIGINT" in said
    assert len(table.items) == 18
    assert (f"_lock#{DATASET}", "_") not in table.everything


def test_without_anybody_to_ask_it_refuses(cli: Cli, table: Place) -> None:
    asked = len(table.requests)
    cli("prune", DATASET, *table.to).complains(2, "--yes", "--dry-run")
    cli("prune", DATASET, *table.at, "--yes").complains(2, "Give a pepper with --key")
    assert len(table.requests) == asked


def test_never_before_the_load_is_complete(cli: Cli, empty: Place, tmp_path: Path) -> None:
    loaded(cli, empty, tmp_path)
    small_dump(tmp_path, SMALL_ROWS[1:])
    empty.goes_wrong(faults.error("AccessDeniedException"), "BatchWriteItem")
    assert cli("load", tmp_path / f"{DATASET}.toml", *empty.to).code == 4
    empty.endpoint.script.clear()
    held = dict(empty.items)
    result = cli("prune", DATASET, *empty.to, "--yes")
    assert result.code == 2
    assert "cannot be pruned: its load is not complete. Finish it first" in result.err
    assert empty.items == held


def test_an_unknown_dataset(cli: Cli, empty: Place) -> None:
    for extra in ([], ["--all"], ["--dry-run"]):
        result = cli("prune", "demo-smal", *empty.to, "--yes", *extra)
        assert result.code == 2
        assert 'has no dataset "demo-smal"' in result.err
    assert not empty.writes


def test_one_at_a_time(cli: Cli, table: Place, admin: Client) -> None:
    lock = {
        "pk": {"S": f"_lock#{DATASET}"},
        "sk": {"S": "_"},
        "token": {"S": "somebody"},
        "host": {"S": "loader-7"},
        "machine": {"S": "elsewhere"},
        "pid": {"N": "4711"},
        "started": {"S": "-"},
        "since": {"S": "2026-11-23T09:04:50+00:00"},
        "expires": {"N": str(time.time() + 3600)},
    }
    admin.put_item(TableName=table.name, Item=lock)  # type: ignore[arg-type] # a literal
    result = cli("prune", DATASET, *table.to, "--yes", "--output", "json")
    assert (result.code, result.report["outcome"]) == (5, "locked")
    assert "4711 on loader-7" in result.err
    assert len(table.items) == 18
    assert table.reserved(f"_lock#{DATASET}")["token"] == {"S": "somebody"}


def test_a_load_under_way_is_waited_for_not_judged(cli: Cli, empty: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path, [("N" * 500, "", "", f"kenari.{n}@example.org") for n in range(800)])
    with under_way(cli, empty, manifest, items=20, wcu_per_s=30) as process:
        for extra in ([], ["--dry-run"], ["--all"]):
            result = cli("prune", DATASET, *empty.to, "--yes", *extra, "--output", "json")
            assert (result.code, result.report["outcome"]) == (5, "locked")
            assert f"is locked by process {process.pid} on " in result.err
        process.send_signal(signal.SIGTERM)
        assert cli.finish(process).code == 75
    for extra in ([], ["--dry-run"]):
        cli("prune", DATASET, *empty.to, "--yes", *extra).complains(2, "its load is not complete")


def test_a_lock_that_is_lost_ends_it(cli: Cli, table: Place) -> None:
    """A load may have rewritten what was read: nothing may be deleted without the lock."""
    table.goes_wrong(faults.error("ConditionalCheckFailedException"), "PutItem", nth=2)
    result = cli("prune", DATASET, *table.to, "--yes", "--output", "json")
    assert (result.code, result.report["items"]["removed"]) == (5, 0)
    assert "another run has taken over" in result.err
    assert len(table.items) == 18


def test_bad_weather(cli: Cli, table: Place) -> None:
    for fault in (faults.empty_object(), faults.server_error(), faults.cut_json(), faults.throttle()):
        table.goes_wrong(fault, "Scan", times=1)
    for fault in (faults.partial(1), faults.reset(after=True), faults.empty_object(), faults.server_error()):
        table.goes_wrong(fault, "BatchWriteItem", times=1)
    result = cli("prune", DATASET, *table.to, "--yes", "--output", "json")
    assert (result.code, result.report["items"]["removed"]) == (0, 3), result
    assert len(table.items) == 15


def test_a_signal_stops_it_and_the_same_command_goes_on(cli: Cli, empty: Place, tmp_path: Path) -> None:
    rows = [("N", "", "", f"kenari.{n}@example.org") for n in range(400)]
    loaded(cli, empty, tmp_path, rows)
    loaded(cli, empty, tmp_path, rows[:10])
    with cli.started("prune", DATASET, *empty.to, "--yes", "--max-wcu", "40", "--output", "json") as process:
        until(lambda: len(empty.items) < 390, process)
        process.send_signal(signal.SIGTERM)
        stopped = cli.finish(process)
    assert (stopped.code, stopped.report["outcome"]) == (75, "stopped")
    removed = stopped.report["items"]["removed"]
    assert 0 < removed == 400 - len(empty.items) < 390
    assert (f"_lock#{DATASET}", "_") not in empty.everything
    result = cli("prune", DATASET, *empty.to, "--yes", "--output", "json")
    assert result.report["items"] == {"found": 400 - removed, "stale": 390 - removed, "removed": 390 - removed}
    assert len(empty.items) == 10


def test_recovery_that_is_off_is_mentioned(cli: Cli, table: Place) -> None:
    table.endpoint.service.state.recovery = "DISABLED"
    counted = cli("prune", DATASET, *table.to, "--dry-run", "--output", "json")
    assert counted.report["notes"] == [], "nothing was removed"
    with cli.on_terminal("prune", DATASET, *table.to) as child:
        child.expect("note: point-in-time recovery of the table is off")
        child.expect("confirm")
        child.sendline("no")
        assert "recovery" not in child.read(), "nothing was removed"
    pruned, again = (cli("prune", DATASET, *table.to, "--yes", "--output", "json") for _ in range(2))
    assert ["recovery of the table is off" in note for note in pruned.report["notes"]] == [True]
    assert (again.code, again.report["notes"]) == (0, []), "there was nothing left to remove"


def test_recovery_that_is_on_or_unknown_is_not(cli: Cli, table: Place) -> None:
    table.endpoint.service.state.recovery = "ENABLED"
    result = cli("prune", DATASET, *table.to, "--yes", "--output", "json")
    assert (result.code, result.report["notes"]) == (0, [])
    table.endpoint.script.add(faults.error("AccessDeniedException"), operation="DescribeContinuousBackups")
    table.endpoint.service.state.recovery = "DISABLED"
    result = cli("prune", OTHER, *table.to, "--all", "--yes", "--output", "json")
    assert (result.code, result.report["notes"]) == (0, [])


def test_some_rows_of_a_changed_dump_leave_a_complete_dataset_complete(cli: Cli, empty: Place, tmp_path: Path) -> None:
    """They may bear a new `src` without being of rows that left the dump: nobody may prune then."""
    manifest = loaded(cli, empty, tmp_path, SMALL_ROWS[:2])
    whole = dict(empty.items)
    src = empty.reserved(f"_dataset#{DATASET}")["src"]
    small_dump(tmp_path)
    partial = cli("load", manifest, *empty.to, "--limit", "1", "--output", "json")
    assert (partial.code, partial.report["outcome"]) == (0, "partial")
    row = empty.reserved(f"_dataset#{DATASET}")
    assert (row["state"], row["src"]) == ({"S": "complete"}, src)
    assert empty.items.keys() == whole.keys()
    assert empty.items != whole, "three of them bear the new src"

    seen = cli("status", DATASET, *empty.at, "--output", "json").report["datasets"][0]
    assert (seen["state"], seen["src"], seen["partial_srcs"]) == ("complete", src["S"], [partial.report["src"]])
    assert "some rows of another state of the dump" in cli("status", DATASET, *empty.at).out
    refused = cli("prune", DATASET, *empty.to, "--yes", "--output", "json")
    assert (refused.code, "it is unknown which items" in refused.err) == (2, True)
    assert empty.items.keys() == whole.keys()

    small_dump(tmp_path, SMALL_ROWS[:2])
    unchanged = cli("load", manifest, *empty.to, "--output", "json")
    assert (unchanged.code, unchanged.report["outcome"]) == (0, "unchanged")
    assert "some rows of another state of the dump" in unchanged.report["notes"][0]
    verified = cli("verify", manifest, *empty.to, "--output", "json")
    assert (verified.code, verified.report["different"]["count"]) == (4, 3)
    assert "load --restart" in verified.err
    assert cli("load", manifest, *empty.to, "--restart").code == 0
    assert empty.items == whole
    assert cli("verify", manifest, *empty.to).code == 0
    assert cli("prune", DATASET, *empty.to, "--yes").code == 0
    assert empty.items == whole


def test_a_load_prunes_behind_itself(cli: Cli, empty: Place, tmp_path: Path) -> None:
    loaded(cli, empty, tmp_path)
    manifest = small_dump(tmp_path, SMALL_ROWS[1:])
    result = cli("load", manifest, *empty.to, "--prune", "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "complete")
    assert result.report["pruned"]["items"] == {"found": 9, "stale": 3, "removed": 3}
    assert len(empty.items) == 6
    again = cli("load", manifest, *empty.to, "--prune")
    assert again.code == 0
    assert "nothing was written" in again.out
    assert "pruned      0 items removed of 6" in again.out


def test_a_load_of_an_unchanged_dump_prunes_what_was_left(cli: Cli, table: Place, once: Template) -> None:
    result = cli("load", once.folder / f"{DATASET}.toml", *table.to, "--prune", "--output", "json")
    assert (result.code, result.report["outcome"], result.report["pruned"]["items"]["removed"]) == (0, "unchanged", 3)


def test_a_dump_that_shrank_by_more_than_half(cli: Cli, empty: Place, tmp_path: Path) -> None:
    loaded(cli, empty, tmp_path)
    manifest = small_dump(tmp_path, SMALL_ROWS[2:])
    result = cli("load", manifest, *empty.to, "--prune", "--output", "json")
    assert (result.code, result.report["outcome"]) == (2, "complete")
    assert "6 of 9 items, more than half, are no longer in the dump" in result.err
    assert len(empty.items) == 9
    assert empty.reserved(f"_dataset#{DATASET}")["state"] == {"S": "complete"}
    with cli.on_terminal("load", manifest, *empty.to, "--prune") as child:
        child.expect("6 of 9 items in")
        child.sendline("no")
        child.read()
    assert child.exitstatus == 2
    assert cli("load", manifest, *empty.to, "--prune", "--yes").code == 0
    assert len(empty.items) == 3


@pytest.mark.parametrize("partial", [["--limit", "1"], ["--skip", "1"]])
def test_a_load_of_some_rows_is_not_pruned(cli: Cli, empty: Place, tmp_path: Path, partial: list[str]) -> None:
    result = cli("load", small_dump(tmp_path), *empty.to, "--prune", *partial)
    result.complains(2, "--prune requires a load of all rows")
    assert not empty.writes


def test_a_failed_load_is_not_pruned(cli: Cli, empty: Place, tmp_path: Path) -> None:
    loaded(cli, empty, tmp_path)
    manifest = small_dump(tmp_path, SMALL_ROWS[1:])
    empty.goes_wrong(faults.error("AccessDeniedException"), "BatchWriteItem")
    result = cli("load", manifest, *empty.to, "--prune", "--output", "json")
    assert (result.code, result.report["pruned"]) == (4, None)
    assert len(empty.items) == 9


def test_a_dataset_is_withdrawn(cli: Cli, table: Place, once: Template) -> None:
    written = len(table.writes)
    result = cli("prune", DATASET, *table.to, "--all", "--yes", "--output", "json")
    assert (result.code, result.report["items"]) == (0, {"found": 9, "stale": 9, "removed": 9})
    assert not [key for key in table.everything if DATASET in "".join(key)]
    assert DATASET not in json.dumps(table.everything["_datasets", "_"])
    assert len(table.items) == 9
    deleted = [
        (write.pk, write.sk) for write in table.writes[written:] if write.pk[0] != "_" or "_dataset#" in write.pk
    ]
    assert deleted[-1] == (f"_dataset#{DATASET}", "_")
    nobody = cli("lookup", *table.to, "--output", "json", stdin=f"{SMALL_ROWS[1][1]}\n").report
    assert [breach["dataset"] for breach in nobody["breaches"]] == [OTHER]
    assert cli("load", once.folder / f"{DATASET}.toml", *table.to).code == 0
    assert len(table.items) == 6 + 9


def test_a_withdrawal_takes_what_was_not_counted(cli: Cli, table: Place, admin: Client) -> None:
    """The count is eventually consistent: what was written a moment before may be missing from it."""
    late = {key: item for key, item in table.items.items() if key[1].startswith(f"{DATASET}#")}
    for pk, sk in late:
        admin.delete_item(TableName=table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    with cli.on_terminal("prune", DATASET, *table.to, "--all") as child:
        child.expect("all of 0 items in")
        filled(table, admin, late)
        child.sendline(DATASET)
        child.read()
    assert child.exitstatus == 0
    assert not [key for key in table.everything if DATASET in "".join(key)]
    assert len(table.items) == 9


def test_a_withdrawal_that_is_broken_off_leaves_nothing_that_looks_whole(
    cli: Cli, empty: Place, tmp_path: Path
) -> None:
    rows = [("N", "", "", f"kenari.{n}@example.org") for n in range(60)]
    manifest = loaded(cli, empty, tmp_path, rows)
    empty.goes_wrong(faults.error("AccessDeniedException"), "BatchWriteItem", nth=2)
    result = cli("prune", DATASET, *empty.to, "--all", "--yes", "--output", "json")
    assert (result.code, result.report["items"]["removed"]) == (4, 25)
    assert empty.reserved(f"_dataset#{DATASET}")["state"] == {"S": "withdrawing"}
    assert "withdrawn" in cli("prune", DATASET, *empty.to, "--yes").err
    again = cli("load", manifest, *empty.to, "--output", "json").report
    assert (again["outcome"], again["items"]["acknowledged"]) == ("complete", 60)
    assert len(empty.items) == 60
    assert cli("prune", DATASET, *empty.to, "--all", "--yes").code == 0
    assert not empty.items


def test_a_load_that_was_broken_off_is_withdrawn_with_its_state(cli: Cli, empty: Place, tmp_path: Path) -> None:
    rows = [("N" * 500, "", "", f"kenari.{n}@example.org") for n in range(800)]
    manifest = small_dump(tmp_path, rows)
    state = ["--state", f"file:{tmp_path / 'state'}"]
    with under_way(cli, empty, manifest, *state) as process:
        process.send_signal(signal.SIGTERM)
        assert cli.finish(process).code == 75
    assert 0 < len(empty.items) < 800
    assert cli("prune", DATASET, *empty.to, "--all", "--yes").code == 0
    assert not [key for key in empty.everything if DATASET in "".join(key)]
    assert cli("load", manifest, *empty.to, "--limit", "5").code == 0
    result = cli("load", manifest, *empty.to, *state)
    assert result.code == 0
    assert "the saved checkpoint was ignored" in result.out
    assert len(empty.items) == 800
    assert cli("verify", manifest, *empty.to, "--full").code == 0


def test_the_rates_are_kept(cli: Cli, table: Place) -> None:
    for option, words in (("--max-rcu", "read capacity"), ("--max-wcu", "write capacity")):
        cli("prune", DATASET, *table.to, "--yes", option, "none").err.index(f"{option} takes a number of {words}")
    result = cli("prune", DATASET, *table.to, "--yes", "--max-rcu", "50%")
    assert result.code == 2
    assert re.search("--max-rcu 50% is a share of provisioned capacity, but the table is on-demand", result.err)
