"""Answers that no DynamoDB gives: without an end, or a byte now and then. A load ends in time, in little memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.harness import Cli, Place, plug, small_dump
from tests.support.endpoint import faults
from tests.support.endpoint.protocol import HttpProtocol

pytestmark = [pytest.mark.slow, pytest.mark.timed]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "dump").mkdir()
    return small_dump(tmp_path / "dump")


MOST_BYTES = 400 << 20
PEAK = """\
import atexit, pathlib
atexit.register(lambda: pathlib.Path({path!r}).write_text(pathlib.Path("/proc/self/status").read_text()))
"""


@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_an_endless_answer_is_not_read(cli: Cli, table: Place, manifest: Path, tmp_path: Path, transport: str) -> None:
    table.goes_wrong(faults.flood(), "BatchWriteItem")
    peak = tmp_path / "peak"
    done = cli(
        "load", manifest, *table.to, "--transport", transport, "--give-up-after", "2", "--workers", "1",
        env=plug(tmp_path / "plug", PEAK.format(path=str(peak))),
    )  # fmt: skip
    assert done.code == 75
    assert "nothing could be written for 2 s (last reason: answer_too_large)" in done.err
    status = dict(line.split(":", 1) for line in peak.read_text().splitlines())
    # VmHWM counts from the exec on; ru_maxrss has the parent's before it in it.
    assert 1024 * int(status["VmHWM"].split()[0]) < MOST_BYTES


def test_an_endless_answer_about_the_table_is_one_sentence(cli: Cli, table: Place, manifest: Path) -> None:
    table.endpoint.script.add(faults.flood(), operation="DescribeTable", times=4)
    done = cli("load", manifest, *table.to)
    done.complains(4, "is longer, or nested more deeply, than any that DynamoDB gives", "check the endpoint")
    assert done.out == ""


@pytest.mark.parametrize("transport", ["curl", "boto3"])
@pytest.mark.parametrize("operation", ["BatchWriteItem", "GetItem"])
def test_a_dribbling_answer_does_not_outlast_give_up_after(
    cli: Cli, table: Place, manifest: Path, transport: str, operation: str
) -> None:
    """A timeout of a socket would start again with each byte; the 20 s of an answer would be 100 bytes."""
    before = HttpProtocol.dribbled_bytes
    table.goes_wrong(faults.dribble(0.2), operation)
    done = cli("load", manifest, *table.to, "--transport", transport, "--give-up-after", "2", "--workers", "1")
    assert done.code == 75
    assert "run the same command again" in done.err
    assert 0 < HttpProtocol.dribbled_bytes - before < 60


@pytest.mark.parametrize("arguments", [[], ["--scan"]])
def test_status_keeps_to_give_up_after(cli: Cli, table: Place, arguments: list[str]) -> None:
    before = HttpProtocol.dribbled_bytes
    table.goes_wrong(faults.dribble(0.2), "DescribeTable" if arguments == ["--scan"] else "GetItem")
    done = cli("status", *arguments, *table.at, "--give-up-after", "2")
    done.complains(75, "run the same command again")
    assert 0 < HttpProtocol.dribbled_bytes - before < 60


def test_a_load_that_cannot_start_says_so_in_one_sentence(cli: Cli, table: Place, manifest: Path) -> None:
    at = ["--endpoint-url", table.endpoint.url, "--key", "env:PEPPER"]
    for command in ("load", "verify"):
        done = cli(command, manifest, "--table", "nowhere", *at)
        done.complains(4, 'there is no table "nowhere" here')
        assert done.out == ""
    told = cli("load", manifest, "--table", "nowhere", *at, "--output", "json")
    assert (told.report["outcome"], told.report["exit_code"]) == ("failed", 4)
    assert "there is no table" in told.report["message"]
    gone = cli("prune", "demo-small", "--table", "nowhere", *at, "--yes")
    gone.complains(4, 'there is no table "nowhere" here')
    assert gone.out == ""


def test_a_dump_that_is_missing_is_one_sentence(cli: Cli, table: Place, manifest: Path) -> None:
    manifest.with_suffix(".csv").unlink()
    for command in (["load", manifest, *table.to], ["validate", manifest]):
        done = cli(*command)
        done.complains(4, "demo-small.csv")
        assert done.out == ""


def test_metrics_of_a_load_that_cannot_start_have_no_zeros(cli: Cli, table: Place, manifest: Path) -> None:
    prom, emf, report = (cli.home / name for name in ("ingest.prom", "emf.jsonl", "report.json"))
    done = cli(
        "load", manifest, "--table", "nowhere", "--endpoint-url", table.endpoint.url, "--key", "env:PEPPER",
        "--metrics-file", prom, "--metrics-emf", emf, "--report", report,
    )  # fmt: skip
    assert done.code == 4
    assert "ingest_cli_dataset_exit_code" in prom.read_text()
    assert "ingest_cli_rows" not in prom.read_text()
    line = json.loads(emf.read_text())
    assert (line["ExitCode"], line["Outcome"]) == (4, "failed")
    assert "RowsRead" not in line
    (run,) = json.loads(report.read_text())["runs"]
    assert "there is no table" in run["message"]


def test_an_endpoint_in_clear_needs_to_be_allowed(cli: Cli, manifest: Path) -> None:
    at = ["--table", "people", "--key", "env:PEPPER"]
    for command in (["load", manifest, *at], ["key", "check", *at], ["table", "describe", *at[:2]]):
        done = cli(*command, "--endpoint-url", "http://dynamodb.test:8000")
        done.complains(2, "http://dynamodb.test:8000", "give --insecure-http")
    elsewhere = {"AWS_ENDPOINT_URL_DYNAMODB": "http://dynamodb.test:8000"}
    cli("load", manifest, *at, env=elsewhere).complains(2, "give --insecure-http")
    allowed = cli("table", "describe", "--table", "people", env={**elsewhere, "INGEST_INSECURE_HTTP": "1"})
    allowed.complains(4, "no connection to DynamoDB")
