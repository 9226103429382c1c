"""Archives and encrypted files through the installed command: what it calls their files, and what it keeps secret."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pyrage
import pytest

from tests.e2e.harness import SMALL_ROWS, Cli, Place, small_dump

IDENTITY = pyrage.x25519.Identity.generate()
BAD_ROW = ("SALAH", "1", "2", "three")


def _zipped(folder: Path, *tables: list[tuple[str, ...]], header: str = "NAME,IC,TEL,EMAIL") -> Path:
    """A dump of some tables, each a file of its own in one archive; returns the manifest."""
    manifest = small_dump(folder, source="dump.zip")
    with zipfile.ZipFile(folder / "dump.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, rows in enumerate(tables):
            lines = [header if number else "NAME,IC,TEL,EMAIL", *(",".join(row) for row in rows)]
            archive.writestr(f"part/{number}.csv", "".join(f"{line}\n" for line in lines))
    return manifest


def test_a_reject_names_the_file_and_its_row_and_can_be_replayed(cli: Cli, table: Place, tmp_path: Path) -> None:
    rows = [tuple(row) for row in SMALL_ROWS]
    manifest, rejects = _zipped(tmp_path, rows, [*rows[:1], BAD_ROW]), tmp_path / "rejects"
    result = cli("load", manifest, *table.to, "--rejects", rejects, "--output", "json")
    assert result.code == 0, result
    assert result.report["rows"] == {"read": 5, "kept": 4, "rejected": 1, "skipped": 0}
    [line] = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert (line["source"], line["shard"], line["row"], line["line"]) == ("dump.zip/part/1.csv", 0, 2, 3)
    again = cli("load", manifest, *table.to, "--replay", rejects, "--output", "json")
    assert again.report["rows"] == {"read": 5, "kept": 0, "rejected": 1, "skipped": 4}
    assert again.code == 3, "it is still of no use"


def test_a_file_that_does_not_fit_is_named(cli: Cli, tmp_path: Path) -> None:
    manifest = _zipped(tmp_path, [tuple(row) for row in SMALL_ROWS], [("a", "b")], header="LEFT,RIGHT")
    cli("validate", manifest).complains(2, '"dump.zip/part/1.csv"', 'no column "IC"')


@pytest.fixture
def encrypted(tmp_path: Path) -> Path:
    manifest = small_dump(tmp_path, source="dump.csv.age")
    plain = (tmp_path / "demo-small.csv").read_bytes()
    (tmp_path / "dump.csv.age").write_bytes(pyrage.encrypt(plain, [IDENTITY.to_public()]))
    (tmp_path / "demo-small.csv").unlink()
    return manifest


def test_what_is_encrypted_with_age_is_read_with_its_identity(cli: Cli, table: Place, encrypted: Path) -> None:
    key = {"AGE": str(IDENTITY)}
    result = cli("load", encrypted, *table.to, "--age-identity", "env:AGE", "--output", "json", env=key)
    assert result.code == 0, result
    assert result.report["rows"]["kept"] == len(SMALL_ROWS)
    look = cli("validate", encrypted.parent / "dump.csv.age", "--age-identity", "env:AGE", env=key)
    assert look.code == 0, look
    assert "IC: id" in look.out
    drafted = cli("draft", encrypted.parent / "dump.csv.age", "--age-identity", "env:AGE", env=key)
    assert 'column = "IC"' in drafted.out
    assert str(IDENTITY) not in f"{result.out}{result.err}{look.out}{look.err}{drafted.out}{drafted.err}"


def test_an_identity_is_given_by_reference_or_not_at_all(cli: Cli, table: Place, encrypted: Path) -> None:
    result = cli("load", encrypted, *table.to, "--age-identity", str(IDENTITY))
    assert result.code == 2
    assert "--age-identity takes file:PATH or env:NAME" in result.err
    assert str(IDENTITY)[5:] not in result.out + result.err
    shown = cli("load", encrypted, *table.to, "--age-identity", str(IDENTITY), "--show-settings")
    assert str(IDENTITY)[5:] not in shown.out + shown.err
    cli("load", encrypted, *table.to).complains(4, "dump.csv.age", "--age-identity")
    assert table.items == {}
