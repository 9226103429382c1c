"""`--report`: what is in the file, and what becomes of a file that cannot be, or must not be, written."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import html5lib
import pytest

from tests.e2e.harness import SAMPLES, SMALL_VALUES, Cli, Place, plug, small_dump
from tests.support.endpoint.faults import error, partial, server_error, throttle

BATCH = "BatchWriteItem"
ROWS = tuple(
    (f"PERKHIDMATAN {n:04}", f"8{n % 10}0513-10-{4000 + n}", f"012-9{n:06}", f"merbokorang{n}@contoh.example")
    for n in range(400)
)
BAD_ROWS = tuple(("MERBOKUNGU", "X7", "merboktiga", f"merbok{n}@@contoh") for n in range(30))
CANARIES = (*SMALL_VALUES, "PERKHIDMATAN", "merbok", "MERBOK", "contoh.example", "9000399")
HOSTILE = '<img src=x onerror=alert(1)>"&amp;{{ 7*7 }}'


def kept(path: Path) -> dict[str, Any]:
    """The JSON report at `path`."""
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def shown(path: Path) -> str:
    """All text of the page at `path`, which has no mistake, fetches nothing and runs nothing."""
    page = path.read_text(encoding="utf-8")
    root = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    assert not re.search(r"(src|href)\s*=\s*[\"']?\s*(https?:|//|data:|file:)", page, re.IGNORECASE)
    assert not [one for one in root.iter() if one.tag in {"script", "img", "link", "iframe"}]
    return "".join(root.itertext())


@pytest.fixture
def hurt_load(cli: Cli, table: Place, tmp_path: Path) -> Path:
    """The manifest of a load that was broken off, and will be throttled when it is gone on with."""
    manifest = small_dump(
        tmp_path,
        ROWS[:200],
        lambda text: text.replace('column = "EMAIL"', f"column = {json.dumps(HOSTILE)}"),
        title="Demo <b>of</b> a bad day",
        source='demo-small.csv", "second.csv',
    )
    first_file = tmp_path / "demo-small.csv"
    header, body = first_file.read_text().split("\n", 1)
    header = header.replace("EMAIL", '"' + HOSTILE.replace('"', '""') + '"')
    first_file.write_text(f"{header}\n{body}")
    rest = "".join(",".join(row) + "\n" for row in ROWS[200:] + BAD_ROWS)
    (tmp_path / "second.csv").write_text(f"{header}\n{rest}")
    table.goes_wrong(error("ExpiredTokenException"), BATCH, nth=30)
    first = cli("load", manifest, *table.to, "--concurrency", "1", "--report", "report.json")
    assert first.code == 75
    (run,) = kept(cli.home / "report.json")["runs"]
    assert (run["outcome"], run["exit_code"]) == ("stopped", 75)
    assert run["timeline"]["points"], "a run that fails has a time line as well"
    table.endpoint.script.clear()
    table.goes_wrong(throttle(), BATCH, nth=2)
    table.goes_wrong(partial(5), BATCH, nth=5)
    table.goes_wrong(server_error(), BATCH, nth=8)
    return manifest


def test_a_resumed_and_throttled_load_as_json(cli: Cli, table: Place, hurt_load: Path) -> None:
    result = cli("load", hurt_load, *table.to, "--max-wcu", "400", "--report", "report.json", "--output", "json")
    assert result.code == 0
    report = kept(cli.home / "report.json")
    (run,) = report["runs"]
    assert (report["ingest_cli_report"], report["exit_code"], report["not_run"]) == (1, 0, [])
    assert {name: run[name] for name in result.report} == result.report, "all that is on stdout, and more"
    points = [dict(zip(run["timeline"]["columns"], point, strict=True)) for point in run["timeline"]["points"]]
    begin, end = points[0], points[-1]
    assert begin["rows"] == run["rows_before"] > 0
    assert (end["rows"], end["items"]) == (run["rows"]["read"], run["items"]["acknowledged"])
    assert (end["requests"], end["wcu"]) == (run["requests"], run["wcu"]["consumed"])
    assert (end["throttles"], end["faults"]) == (2, 1)
    assert {point["ceiling_wcu_per_s"] for point in points} == {400.0}
    assert all(0 < point["rate_wcu_per_s"] <= 400 for point in points)
    assert len(points) >= 3, "it takes longer than a second"
    assert sum(count for _, count in run["latency_buckets_ms"]) == run["requests"]
    assert 0 < run["latency_ms"]["p50"] <= run["latency_ms"]["p99"] <= run["latency_ms"]["max"]
    assert stat.S_IMODE((cli.home / "report.json").stat().st_mode) == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_resumed_and_throttled_load_as_a_page(cli: Cli, table: Place, hurt_load: Path) -> None:
    result = cli("load", hurt_load, *table.to, "--report", "report.html", "--rejects", "rejects.jsonl", "--restart")
    assert result.code == 0
    text = shown(cli.home / "report.html")
    for words in (
        "Demo <b>of</b> a bad day", HOSTILE, "not_an_address", "not_a_phone", "430 rows read = 400 kept + 30 rejected",
        "ProvisionedThroughputExceeded", "unprocessed: 1", "InternalServerError: 1", "of which 2 were throttled",
    ):  # fmt: skip
        assert words in text
    page = (cli.home / "report.html").read_text()
    for canary in CANARIES:
        assert canary not in page
    assert sorted(path.name for path in cli.home.iterdir() if path.name.startswith(".ingest")) == []


def test_the_latencies_of_workers_count(cli: Cli, table: Place, tmp_path: Path) -> None:
    assert cli("load", small_dump(tmp_path, ROWS), *table.to, "--workers", "2", "--report", "r.json").code == 0
    (run,) = kept(cli.home / "r.json")["runs"]
    assert sum(count for _, count in run["latency_buckets_ms"]) == run["requests"] > 0
    assert run["timeline"]["points"][-1][1:3] == [400, 1200]


def test_many_manifests_are_one_page(cli: Cli, table: Place, tmp_path: Path) -> None:
    one, other = small_dump(tmp_path, dataset="demo-one"), small_dump(tmp_path, dataset="demo-two", title="The second")
    (tmp_path / "broken.toml").write_text("version = 1\ncolums = 3\n")
    assert cli("load", one, *table.to).code == 0
    result = cli("load", one, tmp_path / "broken.toml", other, *table.to, "--report", "all.html")
    assert result.code == 2
    text = shown(cli.home / "all.html")
    for words in ("2 runs", "load unchanged", "broken.toml", "not run", "colums", "The second", "load complete"):
        assert words in text
    assert cli("load", one, *table.to, "--report", "all.html").code == 0
    assert "The second" not in shown(cli.home / "all.html"), "it is a page of one command, made anew"


def test_a_dry_run_has_a_report(cli: Cli) -> None:
    assert cli("validate", SAMPLES / "dirty.toml", "--report", "dry.html").code == 0
    text = shown(cli.home / "dry.html")
    assert "200 rows read = 149 kept + 46 rejected + 5 skipped" in text
    assert "Write capacity" not in text
    assert cli("load", "--dry-run", SAMPLES / "dirty.toml", env={"INGEST_REPORT": "dry.json"}).code == 0
    (run,) = kept(cli.home / "dry.json")["runs"]
    assert (run["timeline"]["points"][-1][1], run["latency_buckets_ms"]) == (200, [])


REFUSED = {
    "a file of somebody else": ("theirs.html", "exists and is not a report of this program"),
    "a JSON file of somebody else": ("theirs.json", "exists and is not a report of this program"),
    "a folder that is not there": ("nowhere/r.html", "No such file or directory"),
    "a folder": ("folder.html", "it is not a file"),
    "a pipe": ("pipe.json", "it is not a file"),
    "a place where nobody can write": ("/proc/r.html", "cannot write"),
    "another ending": ("r.pdf", "FILE.html"),
    "no ending": ("report", "FILE.html"),
    "the rejects": ("r.json", "give each a separate file"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_report_that_cannot_be_is_refused_before_the_run(cli: Cli, table: Place, tmp_path: Path, reason: str) -> None:
    name, words = REFUSED[reason]
    theirs = "<!DOCTYPE html>\n<title>mine</title>"
    (cli.home / "theirs.html").write_text(theirs)
    (cli.home / "theirs.json").write_text("{}")
    (cli.home / "folder.html").mkdir()
    os.mkfifo(cli.home / "pipe.json")
    before = len(table.requests)
    cli("load", small_dump(tmp_path), *table.to, "--rejects", "r.json", "--report", name).complains(2, words)
    assert len(table.requests) == before, "nothing was asked, nothing written"
    assert not (cli.home / "r.json").exists()
    assert ((cli.home / "theirs.html").read_text(), (cli.home / "theirs.json").read_text()) == (theirs, "{}")


def test_without_the_extra_there_is_no_page_but_json(cli: Cli, tmp_path: Path) -> None:
    missing = plug(tmp_path / "plug", "import sys\nsys.modules['matplotlib'] = None\n")
    manifest = small_dump(tmp_path)
    cli("validate", manifest, "--report", "r.html", env=missing).complains(2, "pip install 'ingest-cli[report]'")
    assert not (cli.home / "r.html").exists()
    assert cli("validate", manifest, "--report", "r.json", env=missing).code == 0


def test_a_file_without_a_manifest_has_no_report(cli: Cli) -> None:
    cli("validate", SAMPLES / "telco-1.csv", "--report", "r.html").complains(
        2, "--report", "needs at least one MANIFEST"
    )


FULL = """\
import os, errno, ingest_cli.runtime.output_files as module
class Full:
    def __getattr__(self, name):
        return getattr(os, name)
    def fsync(self, _):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
module.os = Full()
"""


@pytest.mark.parametrize(("rows", "code"), [(ROWS[:3], 75), (BAD_ROWS, 3)], ids=["a success", "a failure"])
def test_a_full_disk_spoils_a_success_and_nothing_else(
    cli: Cli, table: Place, tmp_path: Path, rows: tuple[tuple[str, ...], ...], code: int
) -> None:
    assert cli("validate", small_dump(tmp_path), "--report", "r.json").code == 0
    before = (cli.home / "r.json").read_text()
    full = plug(tmp_path / "plug", FULL)
    result = cli("load", small_dump(tmp_path, rows), *table.to, "--report", "r.json", env=full)
    assert result.code == code
    assert 'the report "r.json" could not be written (No space left on device)' in result.err
    assert "rows" in result.out, "the account is on stdout as ever"
    assert (cli.home / "r.json").read_text() == before, "the one before is still there, whole"
    assert [path.name for path in cli.home.iterdir() if path.name.startswith(".ingest")] == []
    if code != 3:
        assert len(table.items) == 9


def test_what_came_to_be_in_its_place_meanwhile_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    code = "import ingest_cli.cli.report_file as m\nadd = m.ReportFile.add\n"
    code += (
        "def hurry(self, report):\n    self._path.write_text('mine')\n    add(self, report)\nm.ReportFile.add = hurry\n"
    )
    result = cli("validate", small_dump(tmp_path), "--report", "r.json", env=plug(tmp_path / "plug", code))
    assert result.code == 75
    assert "not a report of this program" in result.err
    assert (cli.home / "r.json").read_text() == "mine"


def test_a_link_is_followed(cli: Cli, tmp_path: Path) -> None:
    (cli.home / "link.json").symlink_to(tmp_path / "target.json")
    for _ in range(2):
        assert cli("validate", small_dump(tmp_path), "--report", "link.json").code == 0
    assert (cli.home / "link.json").is_symlink()
    assert kept(tmp_path / "target.json")["runs"]
