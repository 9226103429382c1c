"""`validate`: every stage, but no key, no table and no network; and a look at files without a manifest."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import random
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.harness import (
    SAMPLE_MANIFESTS,
    SAMPLE_NAMES,
    SAMPLES,
    SMALL_ROWS,
    Cli,
    Result,
    expected_counts,
    plug,
    small_dump,
)
from tests.support.archives import tar_of, zip_of

UNPLUGGED = """\
import socket
def refuse(*_):
    raise AssertionError("no network")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def unplugged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which no socket can be connected."""
    return plug(tmp_path_factory.mktemp("plug"), UNPLUGGED)


@pytest.fixture(scope="module")
def validated(shared_cli: Cli, unplugged: Mapping[str, str]) -> Result:
    without = [name for name in shared_cli.env if name.startswith("AWS_") or name == "PEPPER"]
    return shared_cli("validate", *SAMPLE_MANIFESTS, "--output", "json", env=unplugged, without=without)


def test_it_needs_no_key_no_table_and_no_network(validated: Result) -> None:
    assert (validated.code, validated.err) == (0, "")
    assert [report["table"] for report in validated.reports] == [None] * len(SAMPLE_NAMES)
    assert {report["requests"] for report in validated.reports} == {0}
    assert {report["wcu"]["consumed"] for report in validated.reports} == {0}


@pytest.mark.parametrize(("number", "name"), [*enumerate(SAMPLE_NAMES)])
def test_the_counts_are_those_of_a_load(validated: Result, number: int, name: str) -> None:
    report, expected = validated.reports[number], expected_counts(name)
    assert report["balances"]
    for part in ("rows", "rejected_by_reason", "skipped_by_reason"):
        assert report[part] == expected[part]
    assert report["items"]["built"] == expected["items"]["built"]
    assert report["items"]["distinct"] == expected["items"]["distinct"]
    items = report["items"]
    assert (items["acknowledged"], items["checked"]) == (0, report["wcu"]["predicted"]), "nothing was sent"
    assert items["built"] == items["checked"] + items["merged"] + items["refused"]


def test_the_window_and_the_reject_file(cli: Cli, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path, (*SMALL_ROWS, ("SALAH", "1", "2", "three")))
    window = ["--skip", "1", "--limit", "3"]
    result = cli("validate", manifest, *window, "--rejects", "rejects.jsonl", "--output", "json")
    assert (result.code, result.report["outcome"]) == (0, "partial")
    assert result.report["rows"] == {"read": 4, "kept": 2, "rejected": 1, "skipped": 1}
    assert (cli.home / "rejects.jsonl").read_text().count("\n") == 1


def test_several_manifests_end_with_the_code_that_says_most(cli: Cli, tmp_path: Path) -> None:
    rejected = small_dump(tmp_path, [("SALAH", "1", "2", "three")], dataset="demo-bad")
    missing = small_dump(tmp_path, dataset="demo-none", source="none.csv")
    good = small_dump(tmp_path)
    result = cli("validate", rejected, good, missing)
    assert result.code == 4
    assert [line.split(": ", 1)[0] for line in result.err.splitlines()] == ["ingest-cli"] * 2
    assert "Demo of three rows (demo-small): validate complete" in result.out


NOISE = bytes(range(256)) * 64


def _text() -> bytes:
    return "".join(",".join(row) + "\n" for row in (("NAME", "IC", "TEL", "EMAIL"), *SMALL_ROWS)).encode()


def _long_text() -> bytes:
    """More than is looked at, so that what is wrong further on has to be looked for."""
    rng = random.Random(7)
    rows = (f"ALI,850101145{n % 1000:03},01234{n:06},{rng.getrandbits(160):x}@example.com\n" for n in range(25_000))
    return _text() + "".join(rows).encode()


def _flipped(data: bytes) -> bytes:
    """The same with one wrong bit, far from its beginning."""
    at = len(data) * 9 // 10
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def _flipped_picture(workbook: bytes) -> bytes:
    """The same with a picture in it, stored as it is, of which a bit is wrong; the sheets are sound."""
    out = io.BytesIO(workbook)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("xl/media/image1.png", b"PICTURE" * 9)
    return out.getvalue().replace(b"PICTUREPICTURE", b"PICTURePICTURE", 1)


def _csv(path: Path) -> None:
    path.write_bytes(_text())


FILES: dict[str, Callable[[Path], object]] = {
    "binary": lambda path: path.write_bytes(NOISE),
    "empty": Path.touch,
    "missing": lambda _: None,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "zip": lambda path: path.write_bytes(b"PK\x03\x04" + NOISE),
    "small.csv": _csv,
    "small.csv.gz": lambda path: path.write_bytes(gzip.compress(_text())),
    "cut.csv.gz": lambda path: path.write_bytes(gzip.compress(_text() * 3000)[:-600]),
    "flipped.xlsx": lambda path: path.write_bytes(_flipped_picture((SAMPLES / "staf.xlsx").read_bytes())),
    "part.csv.gz.001": lambda path: path.write_bytes(gzip.compress(_long_text())[:-600]),
    "flipped.csv.gz": lambda path: path.write_bytes(_flipped(gzip.compress(_long_text()))),
    "flipped.zip": lambda path: path.write_bytes(_flipped(zip_of([("a.csv", _long_text()), ("b.csv", _text())]))),
    "cut.zip": lambda path: path.write_bytes(zip_of([("a.csv", _text()), ("b.csv", _text())])[:-40]),
    "cut.tar.xz": lambda path: path.write_bytes(lzma.compress(tar_of([("a.csv", _long_text())]))[:-3000]),
    "no-gzip.csv.gz": lambda path: path.write_bytes(b"\x1f\x8b\x08" + NOISE),
    "[brackets]*.csv": _csv,
}
UNUSABLE = {
    "binary": "control characters",
    "empty": "mpty",
    "missing": "does not exist",
    "folder": "is a folder",
    "pipe": "not a regular file",
    "zip": "packed by the unknown method",
    "no-gzip.csv.gz": "gzip",
}
DAMAGED = {
    "flipped.xlsx": "does not fit",
    "part.csv.gz.001": "set `join = true` in [dataset]",
    "cut.csv.gz": "cut off",
    "flipped.csv.gz": "damaged",
    "flipped.zip": "damaged",
    "cut.zip": "there may be more",
    "cut.tar.xz": "cut off",
}


@pytest.fixture(scope="module")
def looked_at(
    pool: ThreadPoolExecutor,
    shared_cli: Cli,
    unplugged: Mapping[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Future[Result]]:
    folder, said = tmp_path_factory.mktemp("files"), {}
    for name, make in FILES.items():
        make(folder / name)
        said[name] = pool.submit(shared_cli, "validate", folder / name, env=unplugged)
    return said


@pytest.mark.parametrize("name", FILES)
def test_a_look_at_a_file(looked_at: dict[str, Future[Result]], name: str) -> None:
    result = looked_at[name].result()
    if name in UNUSABLE:
        result.complains(4, f'{name}"', UNUSABLE[name])
    elif name in DAMAGED:
        assert result.code == 4
        assert f'{name}" cannot be unpacked to its end' in result.err
        assert DAMAGED[name] in result.err
        assert ("xlsx" if name.endswith("xlsx") else "delimiter comma") in result.out, "what can be said is said"
        assert "    damaged: " in result.out
    else:
        assert (result.code, result.err) == (0, "")
        assert f"{name}: " in result.out
        assert "delimiter comma" in result.out
        assert "EMAIL: email" in result.out


def test_a_look_at_the_samples(cli: Cli) -> None:
    files = sorted(path for path in SAMPLES.iterdir() if path.name.endswith((".csv", ".tsv", ".gz")))
    result = cli("validate", *files, "--output", "json")
    assert (result.code, len(result.reports)) == (0, len(files))
    for look, file in zip(result.reports, files, strict=True):
        assert look["file"] == str(file)
        assert look["header"] is (not file.name.startswith("telco"))
        assert {"id", "phone"} & {column["kind"] for column in look["columns"]}
    assert "rahsia" not in result.out
    assert "contoh" not in result.out.casefold()
