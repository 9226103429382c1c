"""Many small files: a load of them sends full requests, and comes to what one file of the same rows comes to."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import load_manifest
from ingest_cli.pipeline import ItemStages
from ingest_cli.report.account import Account
from ingest_cli.sinks.memory import MemorySink
from ingest_cli.sources.shard import Shard
from tests.e2e.harness import KID, PEPPER_HEX, SMALL_MANIFEST, Cli, Place
from tests.support.endpoint.items import Item
from tests.support.pipelines import BytesSource, ChunkResult, run_into, table_of

Rejected = tuple[str, int, int, str]
"""Source, row, line and reason of a reject."""

ROWS, HEADER = 20, b"NAME,IC,TEL,EMAIL\n"
FULL_REQUEST = 24
"""Items of a request, on the average: of 25, some are missing at the end of a chunk."""


def row(number: int) -> bytes:
    """A row with two identifiers; each fortieth has only one that is none."""
    email = f"kenari.{number}" if number % 40 == 7 else f"kenari.{number}@example.org"
    name = f'"KENARI, {number}\nBIN CONTOH"' if number % 3 == 0 else f"KENARI {number}"
    phone = "" if number % 40 == 7 else f"012-{2_000_000 + number}"
    return f"{name},,{phone},{email}\n".encode()


def file(number: int) -> bytes:
    """A file of twenty rows."""
    return HEADER + b"".join(map(row, range(number * ROWS, (number + 1) * ROWS)))


def dump(folder: Path, files: Mapping[str, bytes], dataset: str = "demo-small") -> Path:
    """Write files, and the manifest of a dataset of all that is in their folder."""
    into = folder / dataset
    into.mkdir()
    for name, data in files.items():
        (into / name).write_bytes(data)
    manifest = folder / f"{dataset}.toml"
    text = SMALL_MANIFEST.format(dataset=dataset, title="Small files", source=f"{dataset}/*", rest="")
    manifest.write_text(text + "[rejects]\nmax_ratio = 0.5\n")
    return manifest


def loaded(cli: Cli, table: Place, manifest: Path, *options: str | Path) -> dict[str, Any]:
    """Load a dump; the report."""
    result = cli("load", manifest, *table.to, "--output", "json", "--max-wcu", "100000", *options)
    assert result.code == 0, result
    report: dict[str, Any] = result.report
    assert report["balances"]
    return report


def batches(table: Place) -> list[int]:
    """Items of each request that wrote some."""
    return [one.items for one in table.requests if one.operation == "BatchWriteItem"]


def values(items: Mapping[tuple[str, str], Item]) -> dict[tuple[str, str], Item]:
    """Items but for the state of the sources that they come from."""
    return {key: {name: value for name, value in item.items() if name != "src"} for key, item in items.items()}


def rejects_of(path: Path) -> Counter[Rejected]:
    """Source, row, line and reason of each reject in a file."""
    found = (json.loads(line) for line in path.read_text().splitlines())
    return Counter((Path(one["source"]).name, one["row"], one["line"], one["reason"]) for one in found)


def expected_rejects(files: int) -> Counter[Rejected]:
    """What `row` makes of `files` files."""
    expected = Counter[Rejected]()
    for number in range(7, files * ROWS, 40):
        first = number // ROWS * ROWS
        line = 2 + sum(row(before).count(b"\n") for before in range(first, number))
        expected[f"{number // ROWS:04d}.csv", number - first + 1, line, "not_an_address"] += 1
    return expected


@pytest.fixture(scope="module")
def one_file(shared_cli: Cli, shared_table: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The table that one file of all rows gives."""
    data = HEADER + b"".join(map(row, range(1000 * ROWS)))
    manifest = dump(tmp_path_factory.mktemp("one"), {"all.csv": data})
    loaded(shared_cli, shared_table, manifest, "--workers", "1")
    return shared_table


def test_a_thousand_files_send_full_requests(cli: Cli, table: Place, tmp_path: Path, one_file: Place) -> None:
    manifest = dump(tmp_path, {f"{number:04d}.csv": file(number) for number in range(1000)})
    report = loaded(cli, table, manifest, "--workers", "1", "--rejects", tmp_path / "rejects")
    assert report["rows"] == {"read": 20_000, "kept": 19_500, "rejected": 500, "skipped": 0}
    assert len(batches(table)) <= report["items"]["acknowledged"] / FULL_REQUEST
    assert values(table.items) == values(one_file.items)
    assert rejects_of(tmp_path / "rejects") == expected_rejects(1000)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_however_many_work_on_them(cli: Cli, table: Place, tmp_path: Path, workers: int) -> None:
    files = 120
    manifest = dump(tmp_path, {f"{number:04d}.csv": file(number) for number in range(files)})
    report = loaded(cli, table, manifest, "--workers", str(workers), "--rejects", tmp_path / "rejects")
    assert report["rows"]["read"] == files * ROWS
    assert report["items"]["acknowledged"] == len(table.items) == sum(batches(table)) == 39 * files
    assert len(batches(table)) <= len(table.items) / 23
    assert rejects_of(tmp_path / "rejects") == expected_rejects(files)
    again = cli("verify", manifest, *table.to, "--output", "json")
    assert (again.code, again.report["missing"]["count"]) == (0, 0), again


def test_what_is_wrong_with_one_file_is_not_seen_by_the_others(cli: Cli, table: Place, tmp_path: Path) -> None:
    """A quote that one file opens and the next could close; line ends of all sorts; packed files, and a large one."""
    files = {f"{number:04d}.csv": file(number) for number in range(30)}
    files["0003.csv"] += b'"KENARI,,012-2777001,a@example.org\n'
    files["0004.csv"] = files["0004.csv"].replace(b"KENARI 80", b'KENARI"80')
    files["0005.csv"] += b'KENARI",,012-2777002,b@example.org\n'
    files["0008.csv"] = files["0008.csv"].replace(b"\n", b"\r")
    files["0010.csv"] = files["0010.csv"].replace(b"\n", b"\r\n")
    files["0014.csv"] = HEADER
    files["0017.csv"] = gzip.compress(files["0017.csv"])
    files["0019.csv"] = HEADER + b"".join(map(row, range(380, 400))) + b"".join(map(row, range(9000, 12_000)))
    files["0020.csv"] = b"TEL,EMAIL,NAME,IC\n012-2777003,c@example.org,KENARI,\n"
    manifest = dump(tmp_path, files)
    report = loaded(cli, table, manifest, "--rejects", tmp_path / "rejects")
    apart = [alone(manifest, name, data) for name, data in files.items()]
    assert values(table.items) == {key: item for one in apart for key, item in values(one.table).items()}
    assert rejects_of(tmp_path / "rejects") == sum((one.rejects for one in apart), Counter[Rejected]())
    assert report["rows"]["read"] == sum(one.account.rows_read for one in apart)
    assert report["rows"]["kept"] == sum(one.account.rows_kept for one in apart)
    assert report["rejected_by_reason"] == sum((one.account.rejected for one in apart), Counter[str]())
    assert report["skipped_by_reason"] == sum((one.account.skipped for one in apart), Counter[str]())
    assert len(batches(table)) <= len(table.items) / 23


class Alone(NamedTuple):
    """What a file comes to that shares nothing with others."""

    table: Mapping[tuple[str, str], Item]
    rejects: Counter[Rejected]
    account: Account


def alone(manifest: Path, name: str, data: bytes) -> Alone:
    """Take one file through all stages, in this process."""
    wanted = load_manifest(manifest)
    builder = ItemBuilder(Hasher(Pepper(KID, bytes.fromhex(PEPPER_HEX))), wanted.dataset.id, "")
    settled = ChunkResult(MemorySink(), ItemStages(wanted.fields, builder))
    run_into(settled, wanted, [Shard(0, BytesSource(data, name=name))])
    rejects = Counter((name, one.row, one.line, one.reason) for one in settled.rejects)
    return Alone(table_of(settled), rejects, settled.account)


def test_skip_and_limit_count_rows_across_files(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = dump(tmp_path, {f"{number:04d}.csv": file(number) for number in range(20)})
    report = loaded(cli, table, manifest, "--skip", "50", "--limit", "205", "--rejects", tmp_path / "rejects")
    assert (report["rows"]["read"], report["skipped_by_reason"]["skip"]) == (255, 50)
    rejects = {one for one in expected_rejects(20) if 50 <= int(one[0][:4]) * ROWS + one[1] - 1 < 255}
    assert set(rejects_of(tmp_path / "rejects")) == rejects
    assert len(table.items) == 2 * (205 - len(rejects))
    assert len(batches(table)) <= len(table.items) / 20


def test_only_what_was_rejected_is_loaded_again(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = dump(tmp_path, {f"{number:04d}.csv": file(number) for number in range(20)})
    loaded(cli, table, manifest, "--workers", "1", "--rejects", tmp_path / "rejects")
    written = len(table.writes)
    named = [{"source": f"demo-small/{number:04d}.csv", "row": 5, "reason": "mended"} for number in range(20)]
    (tmp_path / "named").write_text("".join(f"{json.dumps(one)}\n" for one in named))
    report = loaded(cli, table, manifest, "--workers", "1", "--replay", tmp_path / "named")
    assert report["rows"] == {"read": 400, "kept": 20, "rejected": 0, "skipped": 380}
    assert report["notes"] == []
    replayed = [one for one in table.writes[written:] if not one.pk.startswith("_")]
    assert len({one.pk for one in replayed}) == len(replayed) == 40
    assert len({one.request for one in replayed}) <= 4


def test_members_of_archives_share_requests(cli: Cli, table: Place, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "files.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(60):
            archive.writestr(f"{number:04d}.csv", file(number))
    packed = {f"{number:04d}.csv.gz": gzip.compress(file(number)) for number in range(60, 90)}
    manifest = dump(tmp_path, {"0.zip": (tmp_path / "files.zip").read_bytes(), **packed})
    report = loaded(cli, table, manifest, "--workers", "1", "--rejects", tmp_path / "rejects")
    assert report["rows"]["read"] == 90 * ROWS
    assert len(batches(table)) <= len(table.items) / FULL_REQUEST
    expected = Counter((name.removesuffix(".gz"), *rest) for name, *rest in rejects_of(tmp_path / "rejects"))
    assert expected == expected_rejects(90)


def test_rows_before_a_damaged_file_are_loaded(cli: Cli, table: Place, tmp_path: Path) -> None:
    files = {f"{number:04d}.csv": file(number) for number in range(10)}
    packed = gzip.compress(file(4))
    files["0004.csv"] = packed[:-8] + bytes(8)
    manifest = dump(tmp_path, files)
    result = cli("load", manifest, *table.to, "--output", "json")
    assert result.code == 4, result
    assert '"demo-small/0004.csv"' in result.report["message"]
    assert result.report["rows"]["read"] == 5 * ROWS
    assert len(table.items) == 2 * (5 * ROWS - 3)
