"""`table` and `key`: made once, shown, and gone only when somebody means it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import OTHER_LINE, Cli, Place, small_dump
from tests.support.endpoint.clients import Client

LINE = re.compile(r"([a-z0-9]{1,8}):([0-9a-f]{64})\n")


def test_create_describe_and_create_again(cli: Cli, nowhere: Place) -> None:
    assert cli("table", "create", *nowhere.at).out == f"created {nowhere.name}\n"
    described = cli("table", "describe", *nowhere.at, "--output", "json").report
    assert described == {
        "table": nowhere.name,
        "status": "ACTIVE",
        "keys": ["pk", "sk"],
        "billing": "on-demand",
        "wcu": None,
        "rcu": None,
        "items": 0,
        "bytes": 0,
    }
    again = cli("table", "create", *nowhere.at)
    assert (again.code, again.err) == (0, "")
    assert "exists already" in again.out


def test_create_with_capacity(cli: Cli, nowhere: Place) -> None:
    assert cli("table", "create", *nowhere.at, "--wcu", "40").code == 0
    result = cli("table", "describe", *nowhere.at)
    assert result.code == 0
    facts = dict(line.split(maxsplit=1) for line in result.out.splitlines())
    assert (facts["billing"], facts["wcu"], facts["rcu"]) == ("provisioned", "40", "5")


def test_a_table_of_another_kind_is_not_taken_for_ours(cli: Cli, nowhere: Place, admin: Client) -> None:
    make_table(nowhere, admin, ("id", "sk"))
    cli("table", "create", *nowhere.at).complains(4, "key schema")


@pytest.mark.parametrize("typed", ["", "yes\n"])
def test_nothing_is_dropped_unless_its_name_is_typed(cli: Cli, table: Place, typed: str) -> None:
    result = cli("table", "drop", *table.at, stdin=typed)
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith("ingest-cli: the typed name is not that of the table; nothing was deleted\n")
    assert "DeleteTable" not in table.operations()


def test_a_table_is_dropped_when_its_name_is_typed(cli: Cli, table: Place) -> None:
    result = cli("table", "drop", *table.at, stdin=f"{table.name}\n")
    assert (result.code, result.out) == (0, f"dropped {table.name}\n")
    cli("table", "describe", *table.at).complains(4, "no table")


def test_a_table_is_dropped_when_its_name_is_typed_in_advance(cli: Cli, table: Place) -> None:
    result = cli("table", "drop", *table.at, "--yes")
    assert (result.code, result.out, result.err) == (0, f"dropped {table.name}\n", "")
    cli("table", "drop", *table.at, "--yes").complains(4, "no table")


def test_a_key_file_is_for_its_owner_and_is_never_overwritten(cli: Cli) -> None:
    file = cli.home / "pepper.key"
    result = cli("key", "generate", "--kid", "k7", "--out", file)
    assert (result.code, result.out) == (0, "")
    found = LINE.fullmatch(file.read_text())
    assert found
    assert found[1] == "k7"
    assert found[2] not in result.err
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    cli("key", "generate", "--out", file).complains(2, "not overwritten")
    assert file.read_text() == before
    checked = cli("key", "check", "--key", f"file:{file}")
    assert checked.code == 0
    assert checked.out.startswith("k7: usable, check value ")
    assert found[2] not in checked.out


def test_a_key_goes_into_a_pipe_but_not_onto_a_terminal(cli: Cli) -> None:
    first, second = (cli("key", "generate") for _ in range(2))
    assert LINE.fullmatch(first.out)
    assert LINE.fullmatch(second.out)
    assert first.out != second.out
    with cli.on_terminal("key", "generate") as child:
        shown = child.read()
    assert child.exitstatus == 2
    assert "not shown on a terminal" in shown
    assert not re.search("[0-9a-f]{64}", shown)


def test_a_key_is_checked_against_a_table(cli: Cli, table: Place, tmp_path: Path) -> None:
    assert cli("key", "check", *table.to).out.endswith("the table was not loaded with it yet\n")
    assert cli("load", small_dump(tmp_path), *table.to).code == 0
    assert cli("key", "check", *table.to).out.endswith("the table was loaded with it\n")
    cli("key", "check", *table.to, env={"PEPPER": OTHER_LINE}).complains(2, "another pepper")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("k1:" + 64 * "0", "all zeros"),
        ("k1:" + 32 * "ab", "one byte repeated"),
        ("", "is empty"),
    ],
)
def test_a_bad_key_is_refused(cli: Cli, line: str, words: str) -> None:
    result = cli("key", "check", "--key", "env:PEPPER", env={"PEPPER": line})
    result.complains(2, words)
    assert "abab" not in result.err


def test_a_key_on_the_command_line_is_not_repeated(cli: Cli) -> None:
    for arguments in (["key", "check", OTHER_LINE], ["key", "check", "--key", OTHER_LINE]):
        cli(*arguments).complains(2)  # and every output is searched for it
