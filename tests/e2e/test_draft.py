"""`draft`: a manifest for a dump that has none, made by looking at it; and what `validate` says about such a dump."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import SAMPLES, SMALL_ROWS, Cli, expected_counts
from tests.support import charsets
from tests.support import undescribed as shapes

ROWS = shapes.people(40)
SMALL = "".join(",".join(row) + "\n" for row in (("NAME", "IC", "TEL", "EMAIL"), *SMALL_ROWS))


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    (tmp_path / "dumps").mkdir()
    path = tmp_path / "dumps" / "small.csv"
    path.write_text(SMALL)
    return path


@pytest.mark.usefixtures("dump")
def test_a_draft_can_be_validated_at_once(cli: Cli, tmp_path: Path) -> None:
    result = cli("draft", "dumps/small.csv", "--out", "manifests.toml", cwd=tmp_path)
    assert (result.code, result.out) == (0, "")
    assert result.err.splitlines() == [
        'ingest-cli: wrote "manifests.toml"; read it, correct it, and run: ingest-cli validate manifests.toml'
    ]
    report = cli("validate", tmp_path / "manifests.toml", "--output", "json").report
    assert (report["outcome"], report["dataset"]) == ("complete", "small")
    assert report["rows"] == {"read": 3, "kept": 3, "rejected": 0, "skipped": 0}


@pytest.mark.usefixtures("dump")
def test_sources_are_found_from_where_the_manifest_lies(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    cli("draft", "dumps/small.csv", "--out", "manifests/k.toml", cwd=tmp_path)
    assert 'sources = ["../dumps/small.csv"]' in (tmp_path / "manifests" / "k.toml").read_text()
    assert cli("validate", tmp_path / "manifests" / "k.toml").code == 0


@pytest.mark.usefixtures("dump")
def test_a_draft_goes_to_stdout_and_can_be_piped(cli: Cli, tmp_path: Path) -> None:
    result = cli("draft", "dumps/small.csv", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    (tmp_path / "k.toml").write_text(result.out)
    assert cli("validate", tmp_path / "k.toml").code == 0


@pytest.mark.parametrize("name", ["dirty", "telco"])
def test_drafts_of_samples_count_what_their_manifests_count(cli: Cli, tmp_path: Path, name: str) -> None:
    sources = sorted(path for path in SAMPLES.glob(f"{name}*") if ".csv" in path.suffixes)
    drafted = cli("draft", *sources, "--out", tmp_path / "d.toml")
    assert drafted.code == 0
    assert all(line.startswith(("ingest-cli: wrote ", "ingest-cli: unsure: ")) for line in drafted.err.splitlines())
    text = (tmp_path / "d.toml").read_text(encoding="utf-8")
    keyless = [line for line in text.splitlines() if not line.startswith(("short_rows", "long_rows", "overflow"))]
    (tmp_path / "d.toml").write_text("\n".join(keyless), encoding="utf-8")  # as the sample's own manifest has none
    report, expected = cli("validate", tmp_path / "d.toml", "--output", "json").report, expected_counts(name)
    assert report["rows"] == expected["rows"]
    assert report["items"]["distinct"] == expected["items"]["distinct"]


def test_an_existing_file_is_not_overwritten_unless_asked(cli: Cli, dump: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.toml"
    out.write_text("# mine\n")
    cli("draft", dump, "--out", out).complains(2, "exists", "--force")
    assert out.read_text() == "# mine\n"
    assert cli("draft", dump, "--out", out, "--force").code == 0
    assert out.read_text().startswith("# A draft")


@pytest.mark.parametrize(("out", "word"), [("manifest.txt", ".toml"), ("nowhere/m.toml", "cannot be written")])
def test_a_manifest_that_cannot_be_written(cli: Cli, dump: Path, tmp_path: Path, out: str, word: str) -> None:
    cli("draft", dump, "--out", tmp_path / out).complains(2, word)


def test_what_is_unsure_is_said_on_stderr(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(shapes.combo(":")(ROWS))
    result = cli("draft", tmp_path / "list.txt")
    assert result.code == 0
    assert result.err.splitlines() == ["ingest-cli: unsure: the cells beside the logins were taken for passwords"]
    assert 'name = "combo"' in result.out.splitlines()
    assert shapes.SECRET not in result.out + result.err
    logged = cli("draft", tmp_path / "list.txt", "--log-format", "json")
    assert [json.loads(line)["level"] for line in logged.err.splitlines()] == ["warning"]


NOTHING: dict[str, Callable[[Path], object]] = {
    "random.bin": lambda path: path.write_bytes(random.Random(3).randbytes(70_000)),
    "empty.csv": Path.touch,
    "pipe.csv": os.mkfifo,
    "gone.csv": lambda path: path.symlink_to("nothing"),
    "pickle.parquet": lambda path: path.write_bytes(b"PAR1\x80\x04\x95" + bytes(range(256)) * 20),
    "numbers.csv": lambda path: path.write_bytes(b"A,B\n" + b"1,2\n" * 50),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_no_dump_is_refused_in_a_sentence(cli: Cli, tmp_path: Path, name: str) -> None:
    NOTHING[name](tmp_path / name)
    result = cli("draft", tmp_path / name)
    assert result.out == ""
    result.complains(4, name)


def test_files_that_are_not_alike_need_a_manifest_each(cli: Cli, dump: Path, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_bytes(shapes.jsonl(ROWS))
    cli("draft", dump, tmp_path / "other.jsonl").complains(2, "cannot share a manifest")


def test_standard_input_cannot_be_drafted(cli: Cli) -> None:
    cli("draft", "-", stdin=SMALL).complains(4, "standard input")


LOOKS = {
    "ahli.sql": (shapes.mysqldump, "sql, table ahli"),
    "ahli.jsonl": (shapes.jsonl, "jsonl"),
    "ahli.json": (shapes.json_inside, "json, rows in data.rows"),
    "ahli.txt": (shapes.fixed(header=True), "fixed, with a header, widths 30 13 12 34"),
    "ahli.lst": (shapes.combo(";"), "combo, delimiter semicolon"),
    "ahli.parquet": (shapes.parquet, "parquet"),
    "ahli.xlsx": (shapes.xlsx, "xlsx, with a header, table Ahli"),
    "laporan.csv": (
        shapes.below_a_title(";", total=True),
        'csv, delimiter semicolon, quote ", with a header, below 4 other lines',
    ),
    "eksport.txt": (shapes.long_delimiter("|~|"), "csv, delimiter |~|, quote none, with a header"),
    "outfile.txt": (shapes.outfile, "tsv, delimiter tab, quote none, escape \\, without a header"),
    "excel.csv": (shapes.formulas, 'csv, delimiter comma, quote ", with a header'),
    "alamat.csv": (shapes.with_commas_in_the_address, 'csv, delimiter comma, quote ", with a header'),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_every_format(cli: Cli, tmp_path: Path, name: str) -> None:
    write, format_ = LOOKS[name]
    (tmp_path / name).write_bytes(write(ROWS))
    text, parsed = cli("validate", tmp_path / name), cli("validate", tmp_path / name, "--output", "json")
    assert (text.code, text.err, parsed.code) == (0, "", 0)
    assert f"  format      {format_}" in text.out.splitlines()
    assert parsed.report["format"] == format_.partition(",")[0]
    assert {column["kind"] for column in parsed.report["columns"]} >= {"email"}
    for said in (text.out, parsed.out):
        assert shapes.SECRET not in said
        assert not any(cell in said for row in ROWS for cell in row)


def test_a_look_names_the_keys_that_rows_need(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "alamat.csv").write_bytes(shapes.with_commas_in_the_address(ROWS))
    result = cli("validate", tmp_path / "alamat.csv")
    at = result.out.splitlines().index("  keys")
    assert result.out.splitlines()[at + 1] == (
        '    overflow = "ALAMAT": 10 of 40 rows have too many cells; with the surplus in this column, the identifiers '
        "line up in 10 of 10"
    )


@pytest.mark.parametrize("encoding", ["windows-1251", "windows-1256", "cp874", "gb18030", "shift_jis"])
def test_a_look_at_a_dump_of_another_country(cli: Cli, tmp_path: Path, encoding: str) -> None:
    (written,) = [one for one in charsets.dumps(60) if one.encoding == encoding and "Ukrain" not in one.language]
    (tmp_path / "dump.csv").write_bytes(written.data)
    report = cli("validate", tmp_path / "dump.csv", "--output", "json").report
    assert written.data.decode(report["encoding"]) == written.text


BINARY: dict[str, tuple[bytes, str]] = {
    "ahli.db": (b"SQLite format 3\0" + bytes(4_000), "sqlite3 FILE .dump"),
    "ahli.dump": (b"PGDMP\x01\x0e\x00" + bytes(4_000), "pg_restore"),
    "ahli.rar": (b"Rar!\x1a\x07\x01\x00" + bytes(4_000), "unrar"),
    "nota.txt": (b"Mesyuarat diadakan esok.\nTerima kasih semua.\n" * 9, "of no format that is known here"),
}


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("command", ["draft", "validate"])
def test_what_cannot_be_read_is_called_by_its_name(cli: Cli, tmp_path: Path, name: str, command: str) -> None:
    data, advice = BINARY[name]
    (tmp_path / name).write_bytes(data)
    result = cli(command, tmp_path / name)
    assert result.code == 4
    assert advice in result.err


def tokens(path: Path) -> set[str]:
    """What could identify somebody in a sample that is text: addresses, and numbers of six digits and more."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("latin-1")
    return {found for found in re.findall(r"[\w.+-]+@[\w.-]+\.\w+|\d{6,}", text) if found not in path.name}


@pytest.mark.parametrize("manifest", sorted(SAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_no_value_of_a_sample_is_shown(cli: Cli, tmp_path: Path, manifest: Path) -> None:
    patterns = tomllib.loads(manifest.read_text(encoding="utf-8"))["dataset"]["sources"]
    sources = [path for pattern in patterns for path in sorted(SAMPLES.glob(pattern))]
    drafted = cli("draft", *sources, "--out", tmp_path / "d.toml")
    looked = cli("validate", *sources)
    assert (drafted.code, looked.code) == (0, 0)
    said = "".join([drafted.out, drafted.err, looked.out, looked.err, (tmp_path / "d.toml").read_text()])
    shown = {one for path in sources if path.suffix not in BINARY_SAMPLES for one in tokens(path) if one in said}
    assert shown == set()


BINARY_SAMPLES = {".arrow", ".parquet", ".xlsx", ".zip"}


def test_what_does_not_decode_is_counted(cli: Cli, tmp_path: Path) -> None:
    rows = b"".join(f"SITI KENARI,{row[3]}\n".encode() for row in ROWS)
    (tmp_path / "bad.csv").write_bytes("NAMÉ,EMAIL\n".encode() + rows + b"AL\xff\xfeI,kenari.enam@example.org\n")
    result = cli("validate", tmp_path / "bad.csv")
    assert "2 bytes" in result.out
    assert "cannot be read as utf-8" in result.out
