"""Dumps of several files: parts of one, files with other columns, and what is refused before anything is written."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.e2e.harness import Cli, Place, small_dump
from tests.fault.scenes import long_dump, under_way


def _split(dump: Path, count: int) -> None:
    """Cut a file into so many parts, none of them at a line end; the file itself is gone."""
    data = dump.read_bytes()
    size = len(data) // count - 3
    for number in range(count):
        end = None if number == count - 1 else (number + 1) * size
        part = data[number * size : end]
        assert end is None or not part.endswith(b"\n")
        dump.with_name(f"{dump.name}.{number + 1:03}").write_bytes(part)
    dump.unlink()


def test_parts_are_loaded_as_one_file(cli: Cli, table: Place, tmp_path: Path) -> None:
    whole = small_dump(tmp_path)
    assert cli("load", whole, *table.to).code == 0
    items = table.items
    _split(tmp_path / "demo-small.csv", 4)
    text = whole.read_text()
    whole.write_text(text.replace('"demo-small.csv"', '"demo-small.csv.*"'))
    cut = cli("load", whole, *table.to)
    cut.complains(4, '"demo-small.csv.001" ends in the middle of a line', "`join = true`")
    assert table.items == items
    whole.write_text(text.replace('sources = ["demo-small.csv"]', 'sources = ["demo-small.csv.*"]\njoin = true'))
    result = cli("load", whole, *table.to, "--output", "json")
    assert (result.code, result.report["sources"]) == (0, ["demo-small.csv.001 … (4 parts)"])
    assert result.report["rows"] == {"read": 3, "kept": 3, "rejected": 0, "skipped": 0}
    assert table.items == items, "the very same items, src included"
    assert cli("load", whole, *table.to, "--output", "json").report["outcome"] == "unchanged"
    (tmp_path / "demo-small.csv.003").unlink()
    cli("load", whole, *table.to).complains(4, '"demo-small.csv.003" is missing')


def test_a_load_of_parts_goes_on_where_it_was_broken_off(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = long_dump(tmp_path, 400, bad_every=10)
    _split(tmp_path / "demo-small.csv", 5)
    text = manifest.read_text()
    manifest.write_text(text.replace('sources = ["demo-small.csv"]', 'sources = ["demo-small.csv.*"]\njoin = true'))
    with under_way(cli, table, manifest) as process:
        process.send_signal(signal.SIGTERM)
        assert cli.finish(process).code == 75
    result = cli("load", manifest, *table.to, "--rejects", "rejects.jsonl", "--output", "json")
    assert result.code == 0, result
    assert result.report["rows"] == {"read": 400, "kept": 360, "rejected": 40, "skipped": 0}
    assert 0 < result.report["rows_before"] < 400
    assert '"source": "demo-small.csv.001 \\u2026 (5 parts)"' in (cli.home / "rejects.jsonl").read_text()
    row = table.reserved("_dataset#demo-small")
    assert row["state"] == {"S": "complete"}


DRIFT = {
    "2017-01.csv": "email,phone\nali@example.com,0123456781\n",
    "2017-02.csv": "name,email,mobile\nBen,ben@example.com,0123456782\n",
    "2017-03.csv": "email\ncat@example.com\n",
}
FIELDS = '[[fields]]\ncolumn = "email"\nkind = "email"\n[[fields]]\ncolumn = ["phone", "mobile"]\nkind = "phone"\n'


@pytest.fixture
def drift(tmp_path: Path) -> Path:
    """The manifest of three files with other columns each."""
    for name, text in DRIFT.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "demo-drift.toml"
    head = (
        'version = 1\n[dataset]\nid = "demo-drift"\ntitle = "Demo"\nsources = ["2017-*.csv"]\n[format]\nname = "csv"\n'
    )
    path.write_text(head + FIELDS)
    return path


def test_columns_may_differ_from_file_to_file_if_the_manifest_says_so(cli: Cli, table: Place, drift: Path) -> None:
    refused = cli("load", drift, *table.to)
    refused.complains(2, '"2017-01.csv": there is no column "mobile"', "set `optional = true` in its [[fields]]")
    drift.write_text(drift.read_text() + "optional = true\n")
    result = cli("load", drift, *table.to, "--output", "json")
    assert (result.code, result.report["rows"]["kept"]) == (0, 3)
    assert result.report["items_by_kind"] == {"email": 3, "phone": 2}


def test_a_header_that_does_not_fit_is_found_before_the_first_write(cli: Cli, table: Place, drift: Path) -> None:
    drift.write_text(drift.read_text().replace('["phone", "mobile"]', '"phone"'))
    before = table.everything
    refused = cli("load", drift, *table.to)
    refused.complains(2, '"2017-02.csv": there is no column "phone" in the header of 3 columns')
    assert table.everything == before, "not even the dataset is in the table"


def test_names_on_the_command_line_are_not_those_of_a_manifest(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for command in ("validate", "draft"):
        for name in ("nosuch.csv", tmp_path / "empty", tmp_path / "*.csv"):
            result = cli(command, name)
            assert (result.code, result.out) == (4, "")
            assert "check the names on the command line" in result.err
            assert "sources" not in result.err
