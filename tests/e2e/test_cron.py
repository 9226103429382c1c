"""From cron: silent when all is well, one paragraph when not; and what is left for those who watch many machines."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest_cli import __version__
from tests.e2e.harness import Cli, Place, Result, plug, small_dump
from tests.fault.scenes import long_dump, under_way
from tests.support.endpoint import faults
from tests.support.endpoint.clients import Client
from tests.support.waiting import until

Labels = dict[str, str]
WIDTH = 78
"""Characters of a line of a mail (RFC 5322, 2.1.1)."""


def gauges(path: Path) -> dict[str, list[tuple[Labels, float]]]:
    """Name of a metric → its labels and values, but for those that all have."""
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(path.read_text()):
        assert (family.type, bool(family.documentation)) == ("gauge", True)
        for sample in family.samples:
            labels = {name: value for name, value in sample.labels.items() if name not in {"task", "command"}}
            assert sample.labels.keys() >= {"task", "command"}
            found.setdefault(sample.name.removeprefix("ingest_cli_"), []).append((labels, sample.value))
    return found


def one(found: dict[str, list[tuple[Labels, float]]], name: str, **labels: str) -> float:
    """The value of the only gauge with this name and at least these labels."""
    (value,) = [value for have, value in found[name] if labels.items() <= have.items()]
    return value


def logged(path: Path) -> list[tuple[str, str]]:
    """Level and message of each line."""
    return [(line["level"], line["message"]) for line in map(json.loads, path.read_text().splitlines())]


@pytest.fixture
def watched(tmp_path: Path) -> tuple[list[str | Path], Path, Path]:
    """Options for a log and metrics; where the former, and the latter, are."""
    log, metrics = tmp_path / "ingest.log", tmp_path / "nightly.prom"
    return ["--log-file", log, "--log-format", "json", "--metrics-file", metrics], log, metrics


def test_a_success_is_silent(
    cli: Cli, table: Place, tmp_path: Path, watched: tuple[list[str | Path], Path, Path]
) -> None:
    options, log, metrics = watched
    manifest = small_dump(tmp_path)
    loaded = cli.from_cron("load", manifest, *table.to, *options, "--metrics-emf", "metrics.jsonl")
    assert (loaded.code, loaded.out, len(table.items)) == (0, "", 9)
    assert log.stat().st_mode & 0o777 == 0o600
    levels, messages = zip(*logged(log), strict=True)
    assert set(levels) == {"info"}
    assert "load started" in messages[0]
    assert "complete after" in messages[1]
    assert "3 rows read, 3 kept" in messages[1]
    found = gauges(metrics)
    assert one(found, "build_info", version=__version__) == 1
    assert (one(found, "exit_code"), one(found, "dataset_exit_code", dataset="demo-small")) == (0, 0)
    assert (one(found, "rows", fate="kept"), one(found, "items", fate="acknowledged")) == (3, 9)
    assert one(found, "wcu_consumed") > 0
    assert [labels["outcome"] for labels, value in found["dataset_outcome"] if value] == ["complete"]
    assert one(found, "last_success_timestamp_seconds") == one(found, "dataset_end_timestamp_seconds")
    assert [path.name for path in tmp_path.glob("nightly*")] == ["nightly.prom"], "no temporary file is left"
    (line,) = map(json.loads, (cli.home / "metrics.jsonl").read_text().splitlines())
    assert (line["Dataset"], line["Outcome"], line["RowsKept"], line["ItemsAcknowledged"]) == (
        "demo-small", "complete", 3, 9,
    )  # fmt: skip

    left = "".join(path.read_text() for path in (log, metrics, cli.home / "metrics.jsonl"))
    assert not any(secret in left for secret in cli.secrets)

    again = cli.from_cron("load", manifest, *table.to, "--verbose")
    assert again.code == 0
    assert "load unchanged" in again.out
    assert "1 of 1 done" in again.out


def test_a_failure_is_one_paragraph_and_the_others_are_loaded(
    cli: Cli, table: Place, tmp_path: Path, watched: tuple[list[str | Path], Path, Path]
) -> None:
    options, log, metrics = watched
    metrics.write_text(
        'ingest_cli_last_success_timestamp_seconds{task="nightly",command="load",dataset="demo-bad"} 1500000000.0\n'
    )
    manifests = [
        small_dump(tmp_path, dataset="demo-good"),
        small_dump(tmp_path, dataset="demo-bad", source="none.csv"),
        small_dump(tmp_path, dataset="demo-fine"),
    ]
    result = cli.from_cron("load", *manifests, *table.to, *options)
    assert (result.code, len(table.items)) == (4, 18)
    lines = result.out.splitlines()
    assert all(line and len(line) <= WIDTH for line in lines if "/" not in line)
    paragraph = " ".join(lines)
    assert paragraph.startswith("ingest-cli: ")
    assert paragraph.count("ingest-cli: ") == 1
    for words in (str(manifests[1]), "does not exist", "demo-bad", f"into {table.name}: failed", "Exit code 4."):
        assert words in paragraph, words
    assert [level for level, _ in logged(log)].count("error") == 1
    found = gauges(metrics)
    assert one(found, "exit_code") == 4
    codes = {labels["dataset"]: value for labels, value in found["dataset_exit_code"]}
    assert codes == {"demo-good": 0, "demo-bad": 4, "demo-fine": 0}
    assert one(found, "last_success_timestamp_seconds", dataset="demo-bad") == 1_500_000_000
    assert one(found, "last_success_timestamp_seconds", dataset="demo-good") > 1_500_000_000


def test_the_second_of_two_jobs_is_told_who_is_at_work(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    table.goes_wrong(faults.hang(), "BatchWriteItem")
    with cli.started("load", manifest, *table.to):
        until(lambda: "BatchWriteItem" in table.operations())
        second = cli.from_cron("load", manifest, *table.to)
    assert second.code == 5
    paragraph = " ".join(second.out.splitlines())
    assert "is locked by process" in paragraph
    assert socket.gethostname() in paragraph
    assert paragraph.count("ingest-cli: ") == 1


def test_a_program_gets_the_result_and_no_messages(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    loaded = cli("load", manifest, *table.to)
    assert (loaded.code, loaded.err) == (0, "")
    assert "load complete" in loaded.out
    quiet = cli("load", manifest, *table.to, "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
    asked = cli("load", manifest, *table.to, "--quiet", "--output", "json", "--metrics-emf", "-")
    assert (asked.code, asked.err) == (0, "")
    report, metrics = asked.reports
    assert (report["outcome"], metrics["Outcome"]) == ("unchanged", "unchanged")


def test_it_stops_when_its_time_is_over_and_goes_on_the_next_night(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifests = [long_dump(tmp_path, 200), small_dump(tmp_path, dataset="demo-next")]
    stopped = cli.from_cron("load", *manifests, *table.to, "--max-wcu", "5", "--max-runtime", "1s")
    assert stopped.code == 75
    assert "stopped by --max-runtime; run the same command again to resume" in " ".join(
        stopped.out.lower().splitlines()
    )
    assert len(table.items) < 200
    assert ("_dataset#demo-next", "_") not in table.everything, "it was not begun"
    assert not any(pk.startswith("_lock#") for pk, _ in table.everything)
    done = cli("load", *manifests, *table.to, "--output", "json", "--max-runtime", "1h")
    assert [(report["outcome"], report["rows"]["kept"]) for report in done.reports] == [
        ("complete", 200),
        ("complete", 3),
    ]
    assert len(table.items) == 209


def test_what_is_asked_for_its_result_says_it_in_any_case(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    assert cli("load", manifest, *table.to).code == 0
    for command, words in (
        (["validate", manifest], "validate complete"),
        (["validate", tmp_path / "demo-small.csv"], "delimiter comma"),
        (["verify", manifest, *table.to], "verify complete"),
        (["status", *table.at], "Demo of three rows"),
        (["draft", tmp_path / "demo-small.csv"], "[dataset]"),
        (["load", manifest, "--dry-run"], "validate complete"),
        (["prune", "demo-small", *table.to, "--dry-run"], "prune "),
    ):
        result = cli.from_cron(*command)  # as a shell has it for `2>&1 | less`, if nobody types there
        assert (result.code, words in result.out) == (0, True), command


def test_prune_is_as_silent_and_verify_if_told_so(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    manifest, log, metrics = small_dump(tmp_path), tmp_path / "nightly.log", tmp_path / "verify.prom"
    assert cli("load", manifest, *table.to).code == 0
    verified = cli.from_cron("verify", manifest, *table.to, "--quiet", "--log-file", log, "--metrics-file", metrics)
    pruned = cli.from_cron("prune", "demo-small", *table.to, "--yes", "--log-file", log, "--max-runtime", "1h")
    assert [(one.code, one.out) for one in (verified, pruned)] == [(0, ""), (0, "")]
    assert "verify of Demo of three rows (demo-small) in" in log.read_text()
    assert "prune of demo-small in" in log.read_text()
    assert [labels["outcome"] for labels, value in gauges(metrics)["dataset_outcome"] if value] == ["complete"]
    pk, sk = min(table.items)
    admin.delete_item(TableName=table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    failed = cli.from_cron("verify", manifest, *table.to, "--quiet", "--metrics-file", metrics)
    paragraph = " ".join(failed.out.splitlines())
    assert (failed.code, paragraph.count("ingest-cli: ")) == (4, 1)
    assert "1 missing of 9 items compared" in paragraph
    assert [labels["outcome"] for labels, value in gauges(metrics)["dataset_outcome"] if value] == ["different"]
    unknown = cli.from_cron("prune", "demo-none", *table.to, "--yes")
    assert (unknown.code, unknown.out.count("ingest-cli: ")) == (2, 1)


def test_the_log_survives_logrotate(cli: Cli, table: Place, tmp_path: Path) -> None:
    log = tmp_path / "ingest.log"
    with under_way(cli, table, long_dump(tmp_path, 400), "--log-file", log) as process:
        log.rename(tmp_path / "ingest.log.1")
        process.send_signal(signal.SIGTERM)
        assert cli.finish(process).code == 75
    old, new = (tmp_path / "ingest.log.1").read_text(), log.read_text()
    assert "load started" in old
    assert "SIGTERM" not in old
    assert "error: " in new
    assert "stopped by SIGTERM" in new
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_costs_the_log_and_nothing_else(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifests = [small_dump(tmp_path), small_dump(tmp_path, dataset="demo-other")]
    result = cli.from_cron("load", *manifests, *table.to, "--log-file", "/dev/full", "--metrics-emf", "/dev/full")
    assert (result.code, len(table.items)) == (0, 18)
    log, metrics = result.out.splitlines()
    assert log == 'ingest-cli: the log file "/dev/full" cannot be written; the command continues without it'
    assert metrics == 'ingest-cli: the metrics cannot be written to "/dev/full" (No space left on device)'


MISTAKES = {
    "a folder for metrics that is not there": (["--metrics-file", "none/x.prom"], 'the folder "none" does not exist'),
    "metrics that nobody would read": (["--metrics-file", "x.txt"], "does not end in .prom"),
    "metrics that are a folder": (["--metrics-file", "folder.prom"], "cannot be written"),
    "a folder for lines of metrics that is not there": (["--metrics-emf", "none/x"], "No such file or directory"),
    "a folder for the log that is not there": (["--log-file", "none/x.log"], "No such file or directory"),
    "metrics that are a pipe": (["--metrics-file", "pipe.prom"], "(not a regular file)"),
    "lines of metrics into a pipe": (["--metrics-emf", "pipe.prom"], "(not a regular file)"),
    "a log that is a pipe": (["--log-file", "pipe.prom"], "(not a regular file)"),
    "a log that is a planted link": (["--log-file", "shared/log"], "is a symbolic link in a folder that others"),
    "metrics that are a planted link": (["--metrics-file", "shared/x.prom"], "is a symbolic link in a folder that"),
    "a report that is a planted link": (["--report", "shared/r.json"], "is a symbolic link in a folder that others"),
    "no length of time": (["--max-runtime", "soon"], "not a duration"),
    "a time longer than clocks go": (["--max-runtime", "1e9h"], "3650d or less"),
}


@pytest.fixture(scope="module")
def refused(pool: ThreadPoolExecutor, shared_cli: Cli, shared_table: Place) -> dict[str, Future[Result]]:
    manifest = small_dump(shared_cli.home)
    (shared_cli.home / "folder.prom").mkdir()
    os.mkfifo(shared_cli.home / "pipe.prom")
    shared = shared_cli.home / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for name in ("log", "x.prom", "r.json"):
        (shared / name).symlink_to(shared_cli.home / "planted")
    return {
        name: pool.submit(shared_cli, "load", manifest, *shared_table.to, *options)
        for name, (options, _) in MISTAKES.items()
    }


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_cannot_be_written_is_refused_before_anything_is_done(
    refused: dict[str, Future[Result]], shared_cli: Cli, shared_table: Place, mistake: str
) -> None:
    refused[mistake].result().complains(2, MISTAKES[mistake][1])
    assert shared_table.operations() == {"CreateTable"}
    assert not (shared_cli.home / "planted").exists()


JUMPING = """\
import itertools
import time

real, jumps = time.time, itertools.cycle((0, 86400, -86400 * 400))
time.time = lambda: real() + next(jumps)
"""


def test_a_clock_that_jumps_changes_no_duration(cli: Cli, table: Place, tmp_path: Path) -> None:
    metrics = tmp_path / "x.prom"
    result = cli(
        *("load", small_dump(tmp_path), *table.to, "--output", "json", "--metrics-file", metrics),
        env=plug(tmp_path / "plug", JUMPING),
    )
    assert (result.code, len(table.items)) == (0, 9)
    found = gauges(metrics)
    lasted = [result.report["elapsed_s"], one(found, "duration_seconds"), one(found, "dataset_duration_seconds")]
    assert all(0 < duration_s < 3600 for duration_s in lasted)


def test_metrics_speak_of_a_command_that_did_not_get_to_a_run(cli: Cli, table: Place, tmp_path: Path) -> None:
    metrics, log = tmp_path / "x.prom", tmp_path / "x.log"
    result = cli("load", small_dump(tmp_path), *table.at, "--metrics-file", metrics, "--log-file", log)
    result.complains(2, "--key")
    assert one(gauges(metrics), "exit_code") == 2
    (line,) = log.read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\S+ error: Give a pepper .*", line)


def _sequence(text: str) -> Iterable[str]:
    return re.findall(r"\x1b\[[\d;]*m", text)


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_there_are_no_colours_to_turn_off(cli: Cli, table: Place, tmp_path: Path, env: dict[str, str]) -> None:
    """https://no-color.org: what has no colours needs no switch for them."""
    coloured = Cli(cli.home, {**cli.env, **env, "TERM": "xterm-256color", "COLORTERM": "truecolor"}, cli.secrets)
    with coloured.on_terminal("load", small_dump(tmp_path), *table.to) as child:
        shown = child.read()
    assert "load complete" in shown
    assert not _sequence(shown)


BETWEEN = """\
import os
import signal

import ingest_cli.cli.operation as module

real = module.show_report

def shown(*arguments):
    real(*arguments)
    os.kill(os.getpid(), signal.SIGTERM)

module.show_report = shown
"""


def test_a_signal_between_two_manifests_is_no_success(cli: Cli, tmp_path: Path) -> None:
    manifests = [small_dump(tmp_path), small_dump(tmp_path, dataset="demo-other")]
    result = cli("validate", *manifests, "--output", "json", env=plug(tmp_path / "plug", BETWEEN))
    assert result.report["outcome"] == "complete"
    result.complains(
        75, f"{manifests[1]}: stopped by SIGTERM before it was started; run the same command again to resume"
    )
