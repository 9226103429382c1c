"""When a load goes on, when it refuses to, and what the table says about it in between."""

from __future__ import annotations

import gzip
import io
import json
import signal
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import OTHER_LINE, PEPPER_HEX, PEPPER_LINE, Cli, Place, Result, small_dump
from tests.fault.scenes import long_dump, under_way
from tests.support.endpoint import faults
from tests.support.endpoint.clients import Client
from tests.support.state_mac import as_bytes, content_of, signed_row, write_signed
from tests.support.waiting import until

DATASET, ROWS = "demo-small", 400
RUN = f"_run#{DATASET}"


def _break_off(cli: Cli, table: Place, manifest: Path, *options: str | Path) -> Result:
    """Load, and stop it in the middle."""
    with under_way(cli, table, manifest, *options) as process:
        process.send_signal(signal.SIGTERM)
        result = cli.finish(process)
    assert result.code == 75, result
    return result


def _manifest(folder: Path, rows: int = ROWS) -> Path:
    return long_dump(folder, rows, bad_every=10)


def _refuses(cli: Cli, table: Place, command: list[str | Path], *words: str) -> None:
    """Check that the command is refused as a wrong use, and that neither table nor state has changed by it."""
    before, asked = table.everything, len(table.requests)
    result = cli(*command)
    result.complains(2, *words)
    after = table.requests[asked:]
    assert "BatchWriteItem" not in {one.operation for one in after}
    assert table.everything == before


def test_it_goes_on_where_it_was_broken_off(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, rejects = _manifest(tmp_path), tmp_path / "rejects"
    _break_off(cli, table, manifest, "--rejects", rejects)
    written = sum(not one.pk.startswith("_") for one in table.writes)
    result = cli("load", manifest, *table.to, "--rejects", rejects, "--output", "json")
    assert result.code == 0, result
    report = result.report
    assert report["rows"] == {"read": ROWS, "kept": 360, "rejected": 40, "skipped": 0}
    assert 0 < report["rows_before"] < ROWS
    assert report["notes"] == []
    assert sum(not one.pk.startswith("_") for one in table.writes) < 360 + written
    assert sorted(json.loads(line)["row"] for line in rejects.read_text().splitlines()) == [*range(1, ROWS, 10)]
    assert (RUN, "_") not in table.everything
    row = table.reserved(f"_dataset#{DATASET}")
    assert row["state"] == {"S": "complete"}
    assert row["loaded_at"]["S"].endswith("+00:00")
    counts = {name: int(count["N"]) for name, count in row["counts"]["M"].items()}
    assert counts == {"rows_read": ROWS, "rows_kept": 360, "rows_rejected": 40, "rows_skipped": 0, "items": 360}


def test_one_that_was_begun_anew_goes_on_without_restart_and_says_so(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, other = _manifest(tmp_path, 200), small_dump(tmp_path, dataset="demo-other")
    assert cli("load", manifest, *table.to).code == 0
    command = ["load", manifest, other, *table.to, "--restart"]
    with cli.started(*command, "--max-wcu", "100", "--concurrency", "2") as process:
        until(lambda: table.everything.get((RUN, "_")), process)
        first = table.everything[RUN, "_"]
        until(lambda: table.everything[RUN, "_"] != first, process)
        process.send_signal(signal.SIGTERM)
        stopped = cli.finish(process)
    assert stopped.code == 75
    advice, left = stopped.err.splitlines()
    assert "stopped by SIGTERM; run the same command without --restart to resume" in advice
    assert f"try again: {other}: stopped by SIGTERM before it was started; run the command again for the " in left
    report = cli("load", manifest, *table.to, "--output", "json").report
    assert (report["outcome"], report["rows"]["read"]) == ("complete", 200)
    assert report["rows_before"] > 0


def test_one_that_was_not_begun_anew_yet_has_to_be(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, 20)
    assert cli("load", manifest, *table.to).code == 0
    table.goes_wrong(faults.error("ExpiredTokenException"), "DescribeTable")
    cli("load", manifest, *table.to, "--restart").complains(75, "expired", "run the same command again")


def test_a_finished_load_asks_and_writes_nothing(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, 30)
    assert cli("load", manifest, *table.to).code == 0
    asked, before = len(table.requests), table.everything
    result = cli("load", manifest, *table.to)
    assert (result.code, "nothing was written" in result.out) == (0, True)
    assert table.operations(asked) <= {"DescribeTable", "GetItem"}
    assert table.everything == before


def _another_row(folder: Path) -> None:
    dump = folder / f"{DATASET}.csv"
    dump.write_text(dump.read_text() + "N,,,kenari.baru@example.org\n")


def _another_exposure(folder: Path) -> None:
    manifest = folder / f"{DATASET}.toml"
    manifest.write_text(manifest.read_text().replace('exposes = "Names"', 'exposes = "Physical addresses"'))


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "dump": (_another_row, "the dump has changed"),
    "manifest": (_another_exposure, "the manifest has changed"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_it_does_not_go_on_with_another(cli: Cli, table: Place, tmp_path: Path, what: str) -> None:
    change, words = CHANGES[what]
    manifest = _manifest(tmp_path)
    _break_off(cli, table, manifest)
    change(tmp_path)
    _refuses(cli, table, ["load", manifest, *table.to], words, "Restore the original", "--restart")
    result = cli("load", manifest, *table.to, "--restart", "--output", "json")
    assert (result.code, result.report["rows_before"]) == (0, 0), result
    assert result.report["rows"]["read"] == ROWS + (what == "dump")
    assert (RUN, "_") not in table.everything


def test_it_does_not_go_on_with_another_pepper(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = _manifest(tmp_path)
    _break_off(cli, table, manifest)
    before = table.everything
    other_id = cli("load", manifest, *table.to, env={"PEPPER": f"k2:{PEPPER_HEX[::-1]}"})
    other_id.complains(2, 'was started with the pepper "k1", and --key gives "k2"', "--restart")
    same_id = cli("load", manifest, *table.to, env={"PEPPER": OTHER_LINE})
    same_id.complains(2, "another pepper", '"k1"')
    assert table.everything == before
    assert cli("load", manifest, *table.to).code == 0


def test_what_was_put_back_goes_on(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = _manifest(tmp_path)
    _break_off(cli, table, manifest)
    dump = tmp_path / f"{DATASET}.csv"
    as_it_was = dump.read_text()
    _another_row(tmp_path)
    assert cli("load", manifest, *table.to).code == 2
    dump.write_text(as_it_was)
    result = cli("load", manifest, *table.to, "--output", "json")
    assert result.code == 0
    assert result.report["rows_before"] > 0


def test_a_table_made_anew_is_not_gone_on_with(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    manifest, state = _manifest(tmp_path), ["--state", f"file:{tmp_path / 'state'}"]
    _break_off(cli, table, manifest, *state)
    admin.delete_table(TableName=table.name)
    make_table(table, admin)
    _refuses(cli, table, ["load", manifest, *table.to, *state], "the table was deleted and created again", "--restart")
    result = cli("load", manifest, *table.to, *state, "--restart", "--output", "json")
    assert (result.code, result.report["rows_before"], len(table.items)) == (0, 0, 360), result
    assert list((tmp_path / "state").iterdir()) == []


def test_a_folder_of_another_dataset_is_refused(cli: Cli, table: Place, tmp_path: Path) -> None:
    state: list[str | Path] = ["--state", f"file:{tmp_path / 'state'}"]
    _break_off(cli, table, _manifest(tmp_path), *state)
    other = small_dump(tmp_path, dataset="demo-other")
    for options in ([], ["--restart"]):
        _refuses(cli, table, ["load", other, *table.to, *state, *options], f'"{DATASET}"', '"demo-other"', "--state")


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut off": lambda state: state[: len(state) // 2],
    "another file": lambda _: b"something else altogether\n",
    "another shape": lambda _: zlib.compress(b"[1, 2]"),
    "without its account": lambda state: _with(state, account=[]),
    "with half a position": lambda state: _with(state, shards=[[[5], []]]),
}


def _with(state: bytes, **changes: object) -> bytes:
    return zlib.compress(json.dumps({**json.loads(zlib.decompress(state)), **changes}).encode())


def test_a_damaged_state_is_refused(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, folder = _manifest(tmp_path), tmp_path / "state"
    command: list[str | Path] = ["load", manifest, *table.to, "--state", f"file:{folder}"]
    _break_off(cli, table, manifest, "--state", f"file:{folder}")
    (file,) = folder.iterdir()
    whole, sound = file.read_bytes(), content_of(file)
    for damage in DAMAGES.values():
        write_signed(file, damage(sound), PEPPER_LINE)
        _refuses(cli, table, command, "damaged", "--restart")
    for damage in (b"", whole[:40], whole[:-1], whole + b"0", sound, b"something else altogether\n"):
        file.write_bytes(damage)
        _refuses(cli, table, command, "damaged", "--restart", "--key")
    write_signed(file, _with(sound, version=99), PEPPER_LINE)
    _refuses(cli, table, command, "another version of this program (99)")
    assert cli(*command, "--restart").code == 0
    assert len(table.items) == 360


def test_a_damaged_state_in_the_table_is_refused(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    manifest = _manifest(tmp_path)
    _break_off(cli, table, manifest)
    row = table.reserved(RUN)
    admin.put_item(TableName=table.name, Item=signed_row({**row, "state": {"B": b"nothing"}}, PEPPER_LINE))
    _refuses(cli, table, ["load", manifest, *table.to], "damaged", "--restart")
    assert cli("load", manifest, *table.to, "--restart").code == 0
    assert len(table.items) == 360


def test_a_forged_row_never_makes_a_load_complete(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    """Who can write to the table, but has no pepper, can have no load take rows for done, and no prune take items."""
    manifest = _manifest(tmp_path)
    _break_off(cli, table, manifest)
    command: list[str | Path] = ["load", manifest, *table.to]
    run, catalog = (as_bytes(table.reserved(pk)) for pk in (RUN, f"_dataset#{DATASET}"))
    shards = _with(run["state"]["B"], shards=[1])  # all of it is done

    for forged in ({**run, "state": {"B": shards}}, {**catalog, "state": {"S": "complete"}}):
        admin.put_item(TableName=table.name, Item=forged)
        _refuses(cli, table, command, "not authentic", forged["pk"]["S"], "--restart", "--key")
        admin.put_item(TableName=table.name, Item=run)
        admin.put_item(TableName=table.name, Item=catalog)

    admin.put_item(TableName=table.name, Item={**catalog, "state": {"S": "complete"}, "src": {"S": "0" * 8}})
    _refuses(cli, table, ["prune", DATASET, *table.to, "--yes"], "not authentic", f"_dataset#{DATASET}")
    result = cli(*command, "--restart", "--output", "json")
    assert result.code == 0
    assert any("was not authentic, and was replaced" in note for note in result.report["notes"])
    assert len(table.items) == 360


def _no_pepper_withdraws_but_that_of_the_dataset(
    cli: Cli, table: Place, admin: Client, renewed: dict[str, str]
) -> None:
    """Not that of another dataset, and not one that the table has never seen, whatever the row says."""
    command = ["prune", DATASET, *table.to, "--all", "--yes"]
    catalog = as_bytes(table.reserved(f"_dataset#{DATASET}"))
    before = len(table.items)
    cli(*command, env=renewed).complains(2, "Give the --key it was loaded with (kid k1)")
    admin.put_item(TableName=table.name, Item={**catalog, "kid": {"S": "k2"}})
    cli(*command, env=renewed).complains(2, 'was never loaded with the pepper "k2"', '"_key#k2"')
    admin.put_item(TableName=table.name, Item=catalog)
    assert len(table.items) == before


def test_a_forged_row_does_not_keep_a_dataset_in_the_table(
    cli: Cli, table: Place, admin: Client, tmp_path: Path
) -> None:
    """Nothing that it says decides what goes: all items of the dataset do, and a note says so."""
    assert cli("load", small_dump(tmp_path), *table.to).code == 0
    catalog = as_bytes(table.reserved(f"_dataset#{DATASET}"))
    admin.put_item(TableName=table.name, Item={**catalog, "title": {"S": "forged"}})
    result = cli("prune", DATASET, *table.to, "--all", "--yes", "--output", "json")
    assert (result.code, len(table.items)) == (0, 0), result
    assert any("is not authenticated with this pepper" in note for note in result.report["notes"])


def test_a_new_pepper_loads_all_of_it_again(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    """What was said with the old one cannot be checked, so nothing is taken for done, pruned or shown because of it."""
    manifest = small_dump(tmp_path)
    assert cli("load", manifest, *table.to).code == 0
    renewed = {"PEPPER": f"k2:{PEPPER_HEX[::-1]}"}
    refused = cli("load", manifest, *table.to, "--limit", "1", env=renewed)
    refused.complains(2, 'was loaded with the pepper "k1", and this is "k2"', "load all rows")
    cli("prune", DATASET, *table.to, "--yes", env=renewed).complains(2, 'the pepper "k1", and this is "k2"')
    _no_pepper_withdraws_but_that_of_the_dataset(cli, table, admin, renewed)
    again = cli("load", manifest, *table.to, "--output", "json", env=renewed)
    assert (again.code, again.report["outcome"], again.report["items"]["acknowledged"]) == (0, "complete", 9)
    seen = [cli("status", *table.to, "--output", "json", env=env) for env in (renewed, {})]
    assert [one.report["datasets"][0]["authenticated"] for one in seen] == [True, False]
    found = cli("lookup", *table.to, "--output", "json", stdin="kenari.satu@example.org")
    (breach,) = found.report["breaches"]
    assert (breach["title"], breach["description"], breach["authenticated"]) == (DATASET, "", False)
    cli("prune", DATASET, *table.to, "--all", "--yes").complains(2, "Give the --key it was loaded with (kid k2)")
    assert cli("prune", DATASET, *table.to, "--all", "--yes", env=renewed).code == 0
    assert not table.items


def test_the_state_of_a_finished_load_is_of_no_consequence(cli: Cli, table: Place, tmp_path: Path) -> None:
    """Killed just before it would have removed its state: a later, other load must not be refused for it."""
    manifest = _manifest(tmp_path, 30)
    table.goes_wrong(faults.hang(), "DeleteItem")
    with cli.started("load", manifest, *table.to) as process:
        until(lambda: "DeleteItem" in table.operations(), process)
        process.kill()
    table.endpoint.script.clear()
    assert (RUN, "_") in table.everything
    assert table.reserved(f"_dataset#{DATASET}")["state"] == {"S": "complete"}
    assert "nothing was written" in cli("load", manifest, *table.to).out
    _another_row(tmp_path)
    result = cli("load", manifest, *table.to, "--output", "json")
    assert (result.code, result.report["rows"]["read"]) == (0, 31), result
    assert (RUN, "_") not in table.everything


def test_a_reject_file_that_was_lost_is_told_of(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, rejects = _manifest(tmp_path), tmp_path / "rejects"
    _break_off(cli, table, manifest, "--rejects", rejects)
    assert rejects.read_text()
    rejects.write_text(rejects.read_text()[:-20])
    result = cli("load", manifest, *table.to, "--rejects", rejects)
    assert result.code == 0, result
    assert "lacks the rejects of the earlier part" in result.out
    found = [json.loads(line)["row"] for line in rejects.read_text().splitlines()]
    assert 0 < len(found) < 40
    assert cli("validate", manifest, "--rejects", rejects).code == 0
    assert len(rejects.read_text().splitlines()) == 40


def test_so_is_one_that_is_only_asked_for_later(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, rejects = _manifest(tmp_path), tmp_path / "rejects"
    _break_off(cli, table, manifest)
    result = cli("load", manifest, *table.to, "--rejects", rejects)
    assert (result.code, "lacks the rejects of the earlier part" in result.out) == (0, True), result


def test_a_load_that_was_never_broken_off_says_nothing_of_the_sort(cli: Cli, table: Place, tmp_path: Path) -> None:
    result = cli("load", _manifest(tmp_path, 30), *table.to, "--rejects", tmp_path / "rejects", "--output", "json")
    assert result.report["notes"] == []


@pytest.mark.parametrize("packing", ["gzip", "zip"])
def test_a_file_that_was_cut_off_is_loaded_as_far_as_it_goes_and_whole_once_it_is(
    cli: Cli, table: Place, admin: Client, tmp_path: Path, packing: str
) -> None:
    manifest = _manifest(tmp_path, 3 * ROWS)
    [dump] = tmp_path.glob("*.csv")
    whole, packed = dump.read_bytes(), io.BytesIO()
    if packing == "gzip":
        packed.write(gzip.compress(whole))
    else:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(dump.name, whole)
    dump.write_bytes(packed.getvalue()[: len(packed.getvalue()) // 2])
    command: list[str | Path] = ["load", manifest, *table.to, "--output", "json"]
    result = cli(*command)
    result.complains(4, dump.name, "cut off", "the rows before")
    read = result.report["rows"]["read"]
    assert 0 < read < 3 * ROWS
    assert len(table.items) == result.report["items"]["acknowledged"] > 0
    again = cli(*command)
    again.complains(4, "cut off")
    assert again.report["rows_before"] == read, "the same file is not loaded twice"
    dump.write_bytes(packed.getvalue())
    assert cli(*command).code == 0
    other = make_table(Place(table.endpoint), admin)
    assert cli("load", manifest, *other.to).code == 0
    assert table.items == other.items


def test_a_dump_that_was_only_changed_is_not_taken_for_one_that_was_mended(
    cli: Cli, table: Place, tmp_path: Path
) -> None:
    manifest = _manifest(tmp_path, 3 * ROWS)
    [dump] = tmp_path.glob("*.csv")
    with under_way(cli, table, manifest) as process:
        with dump.open("ab") as file:
            file.write(b"LAGI,850101-14-5679,,lagi@example.com\n")
        result = cli.finish(process)
    assert result.code == 4, result
    assert "the file changed during this run" in result.err
    _refuses(cli, table, ["load", manifest, *table.to], "the dump has changed", "--restart")
    assert cli("load", manifest, *table.to, "--restart").code == 0
