"""What a terminal or a log would obey never reaches it, wherever it comes from; a bar is for terminals only.

That no output holds such signs is checked by the harness, for every command of every test.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import PEPPER_LINE, SMALL_ROWS, Cli, Place, small_dump
from tests.fault.scenes import long_dump
from tests.support.endpoint.clients import Client
from tests.support.state_mac import signed_row

EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\u200b\x9b31m"
SHOWN = "\\x1b]0;owned\\x07\\x1b[2J\\u202e\\u200b\\x9b31m"


def test_file_names(cli: Cli, tmp_path: Path) -> None:
    name = f"dump{EVIL}.csv.gz"
    (tmp_path / name).write_bytes(gzip.compress(b"NAME,IC,TEL,EMAIL\n" * 3)[:-9])
    result = cli("validate", small_dump(tmp_path, source="dump*"))
    result.complains(4, SHOWN)
    looked = cli("validate", tmp_path / name, tmp_path / f"none{EVIL}")
    assert looked.code == 4
    assert SHOWN in looked.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("load", f"none{EVIL}.toml", "--dry-run"),
        ("validate", "x.toml", f"--{EVIL}"),
        ("validate", "x.toml", "--config", f"{EVIL}.toml"),
        ("validate", "x.toml", "--rejects", f"no-folder{EVIL}/rejects"),
        ("key", "check", "--key", f"file:{EVIL}"),
        (EVIL,),
    ],
)
def test_arguments(cli: Cli, arguments: tuple[str, ...]) -> None:
    small_dump(cli.home).rename(cli.home / "x.toml")
    cli(*arguments).complains(2)


def test_a_new_key_file(cli: Cli) -> None:
    result = cli("key", "generate", "--out", f"{EVIL}.key")
    assert result.code == 0
    assert SHOWN in result.err


@pytest.mark.parametrize("sign", ["\\u001b[2J", "\\u0085"])
def test_titles_with_control_characters_are_refused(cli: Cli, tmp_path: Path, sign: str) -> None:
    cli("validate", small_dump(tmp_path, title=f"Demo {sign}")).complains(2, "title", "control character")


def test_titles_that_turn_the_text_around(cli: Cli, tmp_path: Path) -> None:
    result = cli("validate", small_dump(tmp_path, title="Demo \u202egnp.exe"))
    assert (result.code, result.err) == (0, "")
    assert "Demo \\u202egnp.exe" in result.out


def test_column_names_and_cells(cli: Cli, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    dump = tmp_path / "demo-small.csv"
    evil = ",".join(cell + EVIL for cell in SMALL_ROWS[0])
    rows = "".join(f"{line}\n" for line in (evil, *(",".join(row) for row in SMALL_ROWS * 100)))
    dump.write_text(f"NAME{EVIL},IC,TEL,EMAIL\n{rows}")
    cli("validate", manifest).complains(2, '"NAME"')
    looked = cli("validate", dump)
    assert looked.code == 0
    assert "control_characters" in looked.out
    dump.write_text(f"NAME,IC,TEL,EMAIL\n{rows}")
    assert cli("validate", manifest, "--rejects", "rejects.jsonl").code == 0


def test_what_others_wrote_into_the_table(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    assert cli("load", small_dump(tmp_path), *table.to).code == 0
    row: dict[str, Any] = dict(table.reserved("_dataset#demo-small"))
    row |= {"title": {"S": f"Demo {EVIL}"}, "description": {"S": EVIL}}
    admin.put_item(TableName=table.name, Item=signed_row(row, PEPPER_LINE))
    result = cli("lookup", *table.to, stdin=SMALL_ROWS[0][3])
    assert result.code == 0
    assert f"Demo {SHOWN}" in result.out


def test_a_bar_on_a_terminal(cli: Cli, table: Place, tmp_path: Path) -> None:
    with cli.on_terminal("load", small_dump(tmp_path), *table.to, "--max-wcu", "800") as child:
        shown = child.read()
    assert child.exitstatus == 0
    assert "demo-small: 100%|" in shown
    assert re.search(r"<0:00:00, \d+ rows/s, \d+ of 800 WCU/s, 0 retries, 0 rejected", shown)
    assert "1 of 1 done" in shown
    assert "Demo of three rows (demo-small): load complete" in shown


def test_a_bar_shows_what_is_done_and_not_what_was_read_ahead(cli: Cli, table: Place, tmp_path: Path) -> None:
    with cli.on_terminal("load", long_dump(tmp_path, 300), *table.to, "--max-wcu", "150") as child:
        shown = child.read()
    assert child.exitstatus == 0
    shares = [int(share) for share in re.findall(r"(\d+)%\|", shown)]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 100)
    assert [share for share in shares if 0 < share < 100], "of two seconds of writing, all read in the first moment"
    assert re.search(r"<0:00:0\d, ", shown)


def test_a_bar_for_each_of_several_manifests(cli: Cli, tmp_path: Path) -> None:
    manifests = [small_dump(tmp_path), small_dump(tmp_path, dataset="demo-other")]
    with cli.on_terminal("validate", *manifests) as child:
        shown = child.read()
    assert child.exitstatus == 0
    assert "1/2 demo-small: 100%|" in shown
    assert "2/2 demo-other: 100%|" in shown
    assert not re.search(r"rows/s, .*WCU/s", shown), "nothing is written"


def test_no_bar_elsewhere(cli: Cli, tmp_path: Path) -> None:
    result = cli("validate", small_dump(tmp_path))
    assert (result.code, result.err) == (0, "")
    assert "%|" not in result.out


def test_messages_for_programs(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifests = [small_dump(tmp_path), small_dump(tmp_path, dataset="demo-none", source="none\\u202e.csv")]
    result = cli("load", *manifests, *table.to, "--log-format", "json", "--output", "json")
    assert result.code == 4
    (line,) = map(json.loads, result.err.splitlines())
    assert line.keys() == {"time", "level", "message", "exit_code"}
    assert (line["level"], line["exit_code"]) == ("error", 4)
    assert "does not exist" in line["message"]
