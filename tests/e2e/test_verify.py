"""`verify`: the table is what the dump gives, or the keys of what is not are listed, and 4 is the exit code."""

from __future__ import annotations

import base64
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.e2e.conftest import filled
from tests.e2e.harness import (
    OTHER_LINE,
    SAMPLE_MANIFESTS,
    SAMPLE_NAMES,
    SAMPLES,
    SMALL_ROWS,
    Cli,
    Place,
    expected_counts,
    small_dump,
)
from tests.support.endpoint import faults
from tests.support.endpoint.clients import Client
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.endpoint.items import Item

ROWS = [("N", "", "", f"kenari.{n}@example.org") for n in range(300)]
Change = Callable[[Place, Client], object]


@pytest.fixture(scope="module")
def samples(shared_cli: Cli, shared_table: Place) -> Place:
    """All samples in one table."""
    assert shared_cli("load", *SAMPLE_MANIFESTS, *shared_table.to).code == 0
    return shared_table


class Template(NamedTuple):
    """What a table holds of a dump, and the manifest of that."""

    manifest: Path
    everything: dict[tuple[str, str], Item]


def template(cli: Cli, table: Place, folder: Path, rows: list[tuple[str, str, str, str]]) -> Template:
    manifest = small_dump(folder, rows)
    assert cli("load", manifest, *table.to).code == 0
    return Template(manifest, dict(table.everything))


@pytest.fixture(scope="module")
def many(shared_cli: Cli, new_table: Callable[[], Place], tmp_path_factory: pytest.TempPathFactory) -> Template:
    """300 items."""
    return template(shared_cli, new_table(), tmp_path_factory.mktemp("many"), ROWS)


@pytest.fixture(scope="module")
def few(shared_cli: Cli, new_table: Callable[[], Place], tmp_path_factory: pytest.TempPathFactory) -> Template:
    """9 items, of 6 rows that are there twice."""
    return template(shared_cli, new_table(), tmp_path_factory.mktemp("few"), [*SMALL_ROWS, *SMALL_ROWS])


def put(table: Place, admin: Client, item: Item) -> None:
    """Put an item, as the endpoint has it: bytes in base64."""
    typed = {name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()}
    admin.put_item(TableName=table.name, Item=typed)  # type: ignore[arg-type]


def first(table: Place) -> Item:
    return table.items[min(table.items)]


def test_every_sample_is_as_it_should_be(samples: Place, shared_cli: Cli) -> None:
    asked = len(samples.requests)
    result = shared_cli("verify", *SAMPLE_MANIFESTS, *samples.to, "--full", "--output", "json")
    assert (result.code, result.err) == (0, "")
    for name, report in zip(SAMPLE_NAMES, result.reports, strict=True):
        distinct = expected_counts(name)["items"]["distinct"]
        assert (report["outcome"], report["all_compared"], report["confidence"]) == ("complete", True, None)
        assert report["expected"] == report["counted"] == distinct
        assert report["equal"] == report["compared"] >= distinct
        assert report["rows"] == expected_counts(name)["rows"]
    assert samples.operations(asked) == {"DescribeTable", "GetItem", "BatchGetItem", "Scan"}


def test_a_sample_states_what_it_is_worth(cli: Cli, table: Place, admin: Client, many: Template) -> None:
    manifest = many.manifest
    filled(table, admin, many.everything)
    asked = len(table.requests)
    result = cli("verify", manifest, *table.to, "--sample", "200", "--no-count")
    assert result.code == 0
    assert "compared    200, selected at random (--seed " in result.out
    assert "≤ 1.5 % missing at 95 %" in result.out
    assert "counted" not in result.out
    gets = [one for one in table.requests[asked:] if one.operation == "BatchGetItem"]
    assert [one.items for one in gets] == [100, 100]
    assert "Scan" not in table.operations(asked)


def test_the_same_seed_draws_the_same_sample(cli: Cli, table: Place, admin: Client, many: Template) -> None:
    manifest = many.manifest
    filled(table, admin, many.everything)
    for item in table.items.values():
        put(table, admin, {**item, "canon": {"N": "2"}})

    def drawn(seed: int) -> list[Any]:
        report = cli(
            *("verify", manifest, *table.to, "--no-count", "--output", "json"),
            *("--sample", "15", "--seed", str(seed)),
        ).report
        assert (report["seed"], report["compared"], report["different"]["count"]) == (seed, 15, 15)
        return [key["pk"] for key in report["different"]["keys"]]

    once = drawn(1)
    assert len(set(once)) == 15
    assert drawn(1) == once
    assert len(set(once) & set(drawn(2))) < 10


def test_a_sample_larger_than_the_dump_is_all_of_it(cli: Cli, table: Place, admin: Client, few: Template) -> None:
    manifest = few.manifest
    filled(table, admin, few.everything)
    report = cli("verify", manifest, *table.to, "--output", "json").report
    assert (report["compared"], report["all_compared"], report["confidence"]) == (9, True, None)
    assert (report["items"]["built"], report["expected"], report["counted"]) == (18, 9, 9)


def lose(table: Place, admin: Client) -> None:
    item = first(table)
    admin.delete_item(TableName=table.name, Key={"pk": item["pk"], "sk": item["sk"]})  # type: ignore[dict-item] # as above


def bend(table: Place, admin: Client) -> None:
    item = first(table)
    sealed = bytearray(base64.b64decode(item["sealed"]["B"]))
    sealed[-1] ^= 1
    put(table, admin, {**item, "sealed": {"B": base64.b64encode(sealed).decode()}})


def add(table: Place, admin: Client) -> None:
    put(table, admin, {**first(table), "pk": {"S": "k1.nobody"}, "src": {"S": "00000000"}})


def add_alike(table: Place, admin: Client) -> None:
    put(table, admin, {**first(table), "pk": {"S": "k1.nobody"}})


WRONG: dict[str, tuple[Change, dict[str, int], str]] = {
    "missing": (lose, {"missing": 1}, "1 missing of 9 items compared"),
    "different": (bend, {"different": 1}, "1 different of 9 items compared"),
    "too many": (add, {"surplus": 1}, "1 of another load still present; `ingest-cli prune demo-small` removes them"),
    "too many of this load": (
        add_alike,
        {},
        "1 of this src that the dump does not produce; items of an older",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_whatever_differs_is_found(cli: Cli, table: Place, admin: Client, few: Template, what: str) -> None:
    manifest = few.manifest
    filled(table, admin, few.everything)
    change, counts, words = WRONG[what]
    key = [{name: first(table)[name]["S"] for name in ("pk", "sk")}]
    change(table, admin)
    result = cli("verify", manifest, *table.to, "--output", "json")
    assert (result.code, result.report["outcome"], result.report["exit_code"]) == (4, "different", 4)
    assert words in result.err
    for name in ("missing", "different", "surplus"):
        assert result.report[name]["count"] == counts.get(name, 0)
        if counts.get(name) and name != "surplus":
            assert result.report[name]["keys"] == key
    shown = cli("verify", manifest, *table.to).out
    assert ("k1." in shown) is bool(counts)


def test_a_row_that_comes_again_counts_once_however_much_is_compared(
    cli: Cli, table: Place, admin: Client, tmp_path: Path
) -> None:
    """The row is in the dump again a hundred rows later, when those before were compared already."""
    rows = [*SMALL_ROWS, *ROWS, *SMALL_ROWS]
    manifest = small_dump(tmp_path, rows)
    assert cli("load", manifest, *table.to).code == 0
    gone, bent = sorted(table.items)[:2]
    missing = table.items[gone]
    admin.delete_item(TableName=table.name, Key={"pk": {"S": gone[0]}, "sk": {"S": gone[1]}})
    put(table, admin, {**table.items[bent], "sealed": missing["sealed"]})
    for options in (["--full"], ["--sample", "1000"]):
        report = cli("verify", manifest, *table.to, *options, "--output", "json").report
        found = {name: report[name] for name in ("compared", "equal", "expected", "counted")}
        assert found == {"compared": 309, "equal": 307, "expected": 309, "counted": 308}
        for name, (pk, sk) in (("missing", gone), ("different", bent)):
            assert report[name] == {"count": 1, "keys": [{"pk": pk, "sk": sk}]}


def test_what_an_older_manifest_wrote_is_told_with_a_cure_that_helps(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    assert cli("load", manifest, *table.to).code == 0
    manifest.write_text(manifest.read_text().replace('[[fields]]\ncolumn = "TEL"\nkind = "phone"\n', ""))
    again = cli("load", manifest, *table.to, "--prune")
    assert again.code == 0
    assert again.out.count("cannot be distinguished") == 1
    for extra in ([], ["--dry-run"]):
        assert "`ingest-cli prune demo-small --all`, and then `load`" in cli(
            "prune", "demo-small", *table.to, "--yes", *extra
        ).out.replace("\n", " ")
    assert len(table.items) == 15
    for options in (["--full"], []):
        result = cli("verify", manifest, *table.to, *options)
        assert result.code == 4
        assert "9 of this src that the dump does not produce" in result.err
        assert "`ingest-cli prune demo-small --all`, and then `load`, leaves only current items" in result.err
    assert cli("prune", "demo-small", *table.to, "--all", "--yes").code == 0
    clean = cli("load", manifest, *table.to, "--prune")
    assert (clean.code, "distinguished" in clean.out) == (0, False)
    assert cli("verify", manifest, *table.to, "--full").code == 0


def test_a_replay_with_a_mended_manifest_is_remembered(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, rejects = small_dump(tmp_path), tmp_path / "rejects"
    assert cli("load", manifest, *table.to).code == 0
    rejects.write_text('{"source": "demo-small.csv", "row": 1}\n')
    manifest.write_text(manifest.read_text().replace('[[fields]]\ncolumn = "TEL"\nkind = "phone"\n', ""))
    assert "cannot be distinguished" in cli("load", manifest, *table.to, "--replay", rejects).out
    assert len(table.items) == 11
    small_dump(tmp_path)
    assert cli("load", manifest, *table.to, "--output", "json").report["outcome"] == "unchanged"
    assert "cannot be distinguished" in cli("prune", "demo-small", *table.to, "--dry-run").out


def test_no_more_than_twenty_keys_are_listed(cli: Cli, table: Place, admin: Client, many: Template) -> None:
    manifest = many.manifest
    filled(table, admin, many.everything)
    for pk, sk in sorted(table.items)[:30]:
        admin.delete_item(TableName=table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    result = cli("verify", manifest, *table.to, "--full")
    assert result.code == 4
    assert result.out.count("    k1.") == 20
    assert "    and 10 more" in result.out
    assert "270 in" in result.out


def test_what_is_left_unprocessed_is_asked_for_again(cli: Cli, table: Place, admin: Client, many: Template) -> None:
    manifest = many.manifest
    filled(table, admin, many.everything)
    for fault in (faults.partial(40), faults.partial(100), faults.empty_object(), faults.throttle(), faults.reset()):
        table.goes_wrong(fault, "BatchGetItem", times=1)
    for fault in (faults.empty_object(), faults.server_error()):
        table.goes_wrong(fault, "Scan", times=1)
    report = cli("verify", manifest, *table.to, "--full", "--output", "json").report
    assert (report["outcome"], report["equal"], report["counted"]) == ("complete", 300, 300)


def test_what_cannot_be_compared_is_said(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    cli("verify", manifest, *table.to).err.index('holds nothing of "demo-small"; load it first')
    assert cli("load", manifest, *table.to, "--limit", "1").code == 0
    result = cli("verify", manifest, *table.to)
    assert (result.code, "is not complete (loading)" in result.err) == (4, True)
    assert cli("load", manifest, *table.to).code == 0
    small_dump(tmp_path, SMALL_ROWS[1:])
    result = cli("verify", manifest, *table.to)
    assert (result.code, "another state of the dump" in result.err) == (4, True)
    small_dump(tmp_path)
    other = {"PEPPER": f"k2:{OTHER_LINE.partition(':')[2]}"}
    result = cli("verify", manifest, *table.to, env=other)
    assert (result.code, 'was loaded with the pepper "k1", and this is "k2"' in result.err) == (2, True)
    assert cli("verify", manifest, *table.to, env={"PEPPER": OTHER_LINE}).code == 2
    cli("verify", manifest, *table.at).complains(2, "--key")
    cli("verify", manifest, *table.to, "--max-rcu", "none").complains(2, "--max-rcu takes a number of read capacity")


def test_several_dumps_and_the_worst_of_them(cli: Cli, samples: Place, tmp_path: Path) -> None:
    result = cli("verify", small_dump(tmp_path), SAMPLES / "telco.toml", *samples.to, "--output", "json")
    assert result.code == 4
    assert [report["outcome"] for report in result.reports] == ["failed", "complete"]


def test_a_signal_stops_it(cli: Cli, table: Place, admin: Client, many: Template) -> None:
    filled(table, admin, many.everything)
    with cli.started("verify", many.manifest, *table.to, "--full", "--max-rcu", "5", "--output", "json") as process:
        until(lambda: "BatchGetItem" in table.operations(), process)
        process.send_signal(signal.SIGTERM)
        result = cli.finish(process)
    assert (result.code, result.report["outcome"]) == (75, "stopped")
    assert "stopped by SIGTERM" in result.err
