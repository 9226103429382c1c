"""With worker processes a load comes to what it comes to without, whoever is killed, and whatever goes wrong."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingest_cli.checkpoint.checkpoint import Checkpoint
from tests.e2e.conftest import make_table
from tests.e2e.harness import SAMPLE_MANIFESTS, Cli, Place, Result, plug, small_dump
from tests.fault.campaign import Campaign, Outcome, write_archive, write_files
from tests.fault.scenes import long_dump, under_way
from tests.support.dumps import Dump
from tests.support.endpoint import Endpoint, Fault, faults
from tests.support.endpoint.clients import Client
from tests.support.processes import children, is_alive
from tests.support.shapes import SHAPES
from tests.support.waiting import load_factor, until

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="/proc tells who a worker is, on Linux only"
)

ROWS = 800
LIMIT_S = 10.0
WORKERS = ("--workers", "2")
STATE, LOCK = ("_run#demo-small", "_"), ("_lock#demo-small", "_")
DIRTY = Dump(shape=SHAPES["dirty"], rows=900, dirty=0.3)


def quoted(folder: Path) -> Path:
    """A dump whose every cell holds line ends, so that most of its lines are no rows; returns its manifest."""
    mails = [f"kenari.{n}" + ("@example.org" if n % 50 else "") for n in range(1200)]
    rows = [(f'"N\n{n}\nN"', '""', '"\n"', f'"{mail}\n"') for n, mail in enumerate(mails)]
    folder.mkdir()
    return small_dump(folder, rows, dataset="demo-fault")


DUMPS: dict[str, Callable[[Path], Path]] = {
    "dirty": lambda folder: write_files(folder, DIRTY),
    "line ends in every cell": quoted,
    "gzip": lambda folder: write_files(folder, replace(DIRTY, compression="gzip"), name="dump.csv.gz"),
    "archive": lambda folder: write_archive(folder, *(replace(DIRTY, rows=300, first=300 * n) for n in range(3))),
}
WAYS = {"alone": ("--workers", "1"), "2": WORKERS, "3, boto3": ("--workers", "3", "--transport", "boto3")}


@pytest.mark.parametrize("name", DUMPS)
def test_the_number_of_workers_makes_no_difference(
    cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path, name: str
) -> None:
    manifest = DUMPS[name](tmp_path / "dump")

    def load(options: tuple[str, ...]) -> Outcome:
        campaign = Campaign(cli, make_table(Place(endpoint), admin), manifest, options)
        outcome = campaign.finish()
        campaign.is_sound(outcome)
        assert campaign.endings == [0]
        assert campaign.repeated(outcome) == 0
        return outcome

    ways = [options for way, options in WAYS.items() if "boto3" not in way or name == "dirty"]
    with ThreadPoolExecutor(2) as pool:
        alone, *others = pool.map(load, ways)
    assert alone.items
    assert alone.rejects
    for one in others:
        one.agrees_with(alone)
        assert one.report["items"]["distinct"] == alone.report["items"]["distinct"] == len(alone.items)


def test_stdin(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path) -> None:
    manifest = long_dump(tmp_path, ROWS, bad_every=7)
    dump = (tmp_path / "demo-small.csv").read_text()
    manifest.write_text(manifest.read_text().replace("demo-small.csv", "-"))
    tables = {workers: make_table(Place(endpoint), admin) for workers in "12"}
    results: dict[str, Result] = {}
    for workers, table in tables.items():
        options = ["--source-id", "seven", "--workers", workers, "--rejects", f"{workers}.jsonl"]
        options += ["--rejects-include-raw", "--output", "json"]
        results[workers] = cli("load", manifest, *table.to, *options, stdin=dump)
    assert [one.code for one in results.values()] == [0, 0], results
    assert tables["1"].items == tables["2"].items != {}
    assert results["1"].report["rows"] == results["2"].report["rows"]
    lines = [sorted((cli.home / f"{workers}.jsonl").read_text().splitlines()) for workers in tables]
    assert lines[0] == lines[1] != []
    assert all('"raw": "NNN' in line for line in lines[0])


def acknowledged(table: Place) -> int:
    """Items that the saved state says are acknowledged."""
    row = table.everything.get(STATE)
    if row is None:
        return 0
    return Checkpoint.from_bytes(base64.b64decode(row["state"]["B"])).account.items_acknowledged


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_sent_is_settled_while_the_source_is_waited_for(
    cli: Cli, table: Place, tmp_path: Path, workers: str
) -> None:
    """Its answers are not left alone until they seem to have come too late, so that it would be written again."""
    manifest = long_dump(tmp_path, ROWS)
    dump = (tmp_path / "demo-small.csv").read_bytes()
    manifest.write_text(manifest.read_text().replace("demo-small.csv", "-"))
    command = ["load", manifest, *table.to, "--source-id", "seven", "--workers", workers, "--output", "json"]
    with cli.started(*command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(dump[: len(dump) // 2])
        process.stdin.flush()
        until(lambda: acknowledged(table) == len(table.items) > 0, process)
        process.stdin.write(dump[len(dump) // 2 :])
        process.stdin.close()
        process.stdin = None  # which `communicate` would write to
        result = cli.finish(process)
    assert result.code == 0, result
    assert len(table.items) == ROWS
    assert result.report["retries"] == 0


SPAWN = """\
import multiprocessing
from ingest_cli.engines import worker_process
worker_process.process_context = lambda: multiprocessing.get_context("spawn")
"""


def test_workers_that_begin_with_nothing(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path) -> None:
    """As they do where a fork is not safe."""
    manifest = long_dump(tmp_path, ROWS, bad_every=50)
    env = plug(tmp_path / "plug", SPAWN)
    place, other = (make_table(Place(endpoint), admin) for _ in range(2))
    results = [
        cli("load", manifest, *place.to, *WORKERS, env=env),
        cli("load", manifest, *other.to, *WORKERS),
        cli("validate", manifest, *WORKERS, env=env),
    ]
    assert [one.code for one in results] == [0, 0, 0], results
    assert place.items == other.items != {}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return long_dump(tmp_path, ROWS)


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    found = children(process.pid)
    assert len(found) == 1, "the process that reads is one of two workers"
    return found


def goes_on(cli: Cli, table: Place, manifest: Path) -> None:
    """Check that the same command, run again, finishes what was begun."""
    result = cli("load", manifest, *table.to, *WORKERS, "--output", "json")
    assert result.code == 0, result
    assert 0 < result.report["rows_before"] < ROWS
    assert result.report["rows"]["kept"] == len(table.items) == ROWS
    assert result.report["items"]["acknowledged"] == ROWS
    assert not {STATE, LOCK} & table.everything.keys()


def test_the_rows_of_a_killed_worker_are_taken_over(cli: Cli, table: Place, manifest: Path) -> None:
    with under_way(cli, table, manifest, *WORKERS, "--output", "json") as process:
        os.kill(*workers_of(process), signal.SIGKILL)
        until(lambda: children(process.pid) == [], process)
        result = cli.finish(process)
    assert result.code == 0, result
    (note,) = result.report["notes"]
    assert note == "a worker process was killed (signal 9); the others took over its rows, and continue without it"
    assert result.report["rows"] == {"read": ROWS, "kept": ROWS, "rejected": 0, "skipped": 0}
    assert result.report["balances"]
    assert result.report["items"]["acknowledged"] == len(table.items) == ROWS
    assert not {STATE, LOCK} & table.everything.keys()


def test_workers_do_not_outlive_the_process_that_reads(cli: Cli, table: Place, manifest: Path) -> None:
    with under_way(cli, table, manifest, *WORKERS) as process:
        pids = workers_of(process)
        process.kill()
        assert cli.finish(process).code == -signal.SIGKILL
    until(lambda: not any(map(is_alive, pids)))
    written = len(table.writes)
    goes_on(cli, table, manifest)
    assert len(table.writes) > written


@pytest.mark.timed
@pytest.mark.parametrize("fault", [None, faults.hang()], ids=["calm", "hanging"])
def test_a_signal_drains_and_saves(cli: Cli, table: Place, manifest: Path, fault: Fault | None) -> None:
    with under_way(cli, table, manifest, *WORKERS) as process:
        pids = workers_of(process)
        if fault is not None:
            table.endpoint.script.add(fault, operation="BatchWriteItem")
            hung = len(table.requests)
            until(lambda: len(table.requests) > hung + 1, process)
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_S * load_factor())
        result = cli.finish(process)
    assert not any(map(is_alive, pids))
    assert result.code == 75
    assert result.err.splitlines()[-1].endswith("stopped by SIGTERM; run the same command again to resume")
    assert STATE in table.everything
    assert LOCK not in table.everything
    assert fault is not None or all(one.acknowledged for one in table.writes)
    table.endpoint.script.clear()
    goes_on(cli, table, manifest)


def _interrupted(process: subprocess.Popen[bytes]) -> bool:
    """Signal once more; whether it has ended. Two signals at once would be one."""
    process.send_signal(signal.SIGINT)
    return process.poll() is not None


def test_a_second_signal_ends_all_of_them_at_once(cli: Cli, table: Place, manifest: Path) -> None:
    with under_way(cli, table, manifest, *WORKERS) as process:
        pids = workers_of(process)
        table.endpoint.script.add(faults.hang())
        hung = len(table.requests)
        until(lambda: len(table.requests) > hung + 1, process)
        process.send_signal(signal.SIGINT)
        until(lambda: _interrupted(process))
        result = cli.finish(process)
    assert result.code == 130
    until(lambda: not any(map(is_alive, pids)))
    table.endpoint.script.clear()
    goes_on(cli, table, manifest)


def both(cli: Cli, endpoint: Endpoint, admin: Client, manifest: Path) -> list[tuple[Place, Result]]:
    """How a load ends without and with workers, at the same time; the table of each, and what it said."""
    tables = [make_table(Place(endpoint), admin) for _ in range(2)]

    def load(table: Place, workers: str) -> Result:
        return cli("load", manifest, *table.to, "--workers", workers)

    with ThreadPoolExecutor(2) as pool:
        return list(zip(tables, pool.map(load, tables, "12"), strict=True))


def sentence(table: Place, result: Result) -> str:
    """What it said at last, whichever table it was about."""
    return result.err.splitlines()[-1].replace(table.name, "TABLE")


FAULTS = {
    "deleted": (faults.error("ResourceNotFoundException"), 75),
    "expired": (faults.error("ExpiredTokenException"), 75),
    "denied": (faults.error("AccessDeniedException"), 4),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_ends_a_load_ends_one_with_workers_too(
    cli: Cli, endpoint: Endpoint, admin: Client, manifest: Path, name: str
) -> None:
    fault, code = FAULTS[name]
    endpoint.script.add(fault, operation="BatchWriteItem", every=3)
    (one, alone), (other, result) = both(cli, endpoint, admin, manifest)
    assert (alone.code, result.code) == (code, code), result
    assert sentence(other, result) == sentence(one, alone)
    for table in (one, other):
        assert LOCK not in table.everything


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_ends_a_load_ends_one_that_waits_for_its_source(
    cli: Cli, table: Place, manifest: Path, tmp_path: Path, workers: str
) -> None:
    manifest.write_text(manifest.read_text().replace("demo-small.csv", "-"))
    table.goes_wrong(faults.error("AccessDeniedException"), "BatchWriteItem")
    command = ["load", manifest, *table.to, "--source-id", "seven", "--workers", workers]
    with cli.started(*command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended before it had read all of it
            process.stdin.write((tmp_path / "demo-small.csv").read_bytes())
            process.stdin.flush()
        until(lambda: process.poll() is not None)
        result = cli.finish(process)
    result.complains(4, "AWS refuses to write")


def test_too_many_rejects(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path) -> None:
    manifest = long_dump(tmp_path, ROWS, bad_every=4)
    manifest.write_text(f"{manifest.read_text()}\n[rejects]\nmax_ratio = 0.05\nmin_sample = 100\n")
    for table, result in both(cli, endpoint, admin, manifest):
        assert result.code == 3, result
        assert "for not_an_address; the manifest allows 5.0%" in sentence(table, result)
        assert LOCK not in table.everything


def test_a_source_that_is_cut_off(cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path) -> None:
    manifest = write_files(tmp_path / "dump", replace(DIRTY, compression="gzip"), name="dump.csv.gz")
    (path,) = (tmp_path / "dump").glob("*.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    (one, alone), (other, result) = both(cli, endpoint, admin, manifest)
    assert (alone.code, result.code) == (4, 4), result
    assert sentence(other, result) == sentence(one, alone)
    assert one.items == other.items != {}


TIMES = ("elapsed_s", "rows_per_s")


def test_a_validation_says_the_same(cli: Cli, tmp_path: Path) -> None:
    """Every format, in samples that are a chunk or two; and a dump of many chunks in which no key occurs twice."""
    manifest = write_files(tmp_path / "dump", Dump(shape=SHAPES["telco"], rows=4000, dirty=0.02))

    def validate(workers: str) -> Result:
        return cli("validate", *SAMPLE_MANIFESTS, manifest, "--output", "json", "--workers", workers)

    with ThreadPoolExecutor(2) as pool:
        alone, result = pool.map(validate, "12")
    assert alone.code == result.code == 0, result
    assert len(result.reports) == len(SAMPLE_MANIFESTS) + 1
    for one, other in zip(alone.reports, result.reports, strict=True):
        assert {**other, **dict.fromkeys(TIMES)} == {**one, **dict.fromkeys(TIMES)}
