"""Asked to stop, a load drains what is in flight, saves, says how to go on, and is gone within ten seconds."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.e2e.harness import Cli, Place, Result, small_dump
from tests.fault.scenes import long_dump, under_way
from tests.support.endpoint import Fault, faults
from tests.support.waiting import load_factor, until

LIMIT_S = 10.0
"""What a scheduler is sure to leave between SIGTERM and SIGKILL; Kubernetes' default is 30 s, systemd's 90 s."""

SIGNALS = [signal.SIGTERM, signal.SIGINT]
ROWS, FEW_ROWS = 2400, 800
"""So many that a load is under way for long even if this process is late to stop it; and few for one that ends."""

STATE, LOCK = ("_run#demo-small", "_"), ("_lock#demo-small", "_")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return long_dump(tmp_path, ROWS)


def _goes_on(cli: Cli, table: Place, manifest: Path) -> None:
    """Check that the same command, run again, finishes what was begun."""
    result = cli("load", manifest, *table.to, "--output", "json")
    assert result.code == 0, result
    assert 0 < result.report["rows_before"] < ROWS
    assert result.report["rows"]["kept"] == len(table.items) == ROWS


@pytest.mark.timed
@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGHUP])
def test_a_signal_drains_and_saves(cli: Cli, table: Place, manifest: Path, number: signal.Signals) -> None:
    with under_way(cli, table, manifest) as process:
        result, took_s = _stopped(cli, process, number)
    assert result.code == 75
    assert result.err.splitlines()[-1].endswith(f"stopped by {number.name}; run the same command again to resume")
    assert took_s < LIMIT_S * load_factor()
    assert STATE in table.everything
    assert LOCK not in table.everything
    # What was in flight was waited for: nothing was applied that the client does not know of.
    assert all(one.acknowledged for one in table.writes)
    _goes_on(cli, table, manifest)


def _stopped(cli: Cli, process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[Result, float]:
    """Send a signal; how the command ended, and after how many seconds."""
    process.send_signal(number)
    began = time.monotonic()
    result = cli.finish(process)
    return result, time.monotonic() - began


HANGS = {"before it is applied": faults.hang(), "after it is applied": faults.hang(after=True)}


@pytest.mark.timed
@pytest.mark.parametrize("operation", [None, "BatchWriteItem"])
@pytest.mark.parametrize("what", HANGS)
def test_it_ends_in_time_even_if_the_table_hangs(
    cli: Cli, table: Place, manifest: Path, what: str, operation: str | None
) -> None:
    with under_way(cli, table, manifest) as process:
        table.endpoint.script.add(HANGS[what], operation=operation)
        hung = len(table.requests)
        until(lambda: len(table.requests) > hung + 2, process)
        result, took_s = _stopped(cli, process, signal.SIGTERM)
    assert result.code == 75
    assert "run the same command again" in result.err.splitlines()[-1]
    assert took_s < LIMIT_S * load_factor()
    table.endpoint.script.clear()
    _goes_on(cli, table, manifest)


@pytest.mark.timed
@pytest.mark.parametrize("operation", ["DescribeTable", "GetItem", "PutItem", "DeleteItem"])
def test_it_ends_in_time_wherever_else_it_hangs(cli: Cli, table: Place, tmp_path: Path, operation: str) -> None:
    """Before the first item, and after the last one."""
    manifest = small_dump(tmp_path)
    table.goes_wrong(faults.hang(), operation)
    with cli.started("load", manifest, *table.to) as process:
        until(lambda: operation in table.operations() or operation in _operations(table), process)
        result, took_s = _stopped(cli, process, signal.SIGTERM)
    assert result.code == 75
    assert "run the same command again" in result.err.splitlines()[-1]
    assert took_s < LIMIT_S * load_factor()
    table.endpoint.script.clear()
    assert cli("load", manifest, *table.to).code == 0
    assert len(table.items) == 9


def _operations(table: Place) -> set[str]:
    """All that the endpoint was asked, about whichever table."""
    return {one.operation for one in list(table.endpoint.audit.requests)}


@pytest.mark.timed
def test_it_ends_in_time_while_it_waits_for_a_retry(cli: Cli, table: Place, manifest: Path) -> None:
    with cli.started("load", manifest, *table.to) as process:
        table.goes_wrong(faults.unavailable(), "BatchWriteItem")
        # So many failures that the next attempts are seconds away.
        until(lambda: sum(one.operation == "BatchWriteItem" for one in table.requests) > 100, process)
        result, took_s = _stopped(cli, process, signal.SIGTERM)
    assert result.code == 75
    assert took_s < LIMIT_S / 2 * load_factor()


@pytest.mark.timed
@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_ends_it_at_once(cli: Cli, table: Place, manifest: Path, number: signal.Signals) -> None:
    with under_way(cli, table, manifest) as process:
        table.endpoint.script.add(faults.hang())
        hung = len(table.requests)
        until(lambda: len(table.requests) > hung + 2, process)
        process.send_signal(number)
        time.sleep(0.5)  # two signals at once would be one
        assert process.poll() is None
        result, took_s = _stopped(cli, process, number)
    assert result.code == 130
    assert took_s < LIMIT_S / 4 * load_factor()  # draining alone would take more
    table.endpoint.script.clear()
    _goes_on(cli, table, manifest)


def test_a_lost_terminal_drains_and_saves(cli: Cli, table: Place, manifest: Path) -> None:
    with cli.on_terminal("load", manifest, *table.to, "--max-wcu", "200", "--concurrency", "2") as child:
        until(lambda: len(table.items) >= 150)
        child.ptyproc.fileobj.close()  # and nothing else: pexpect would kill it after a moment
        until(lambda: not child.isalive())
    assert child.exitstatus == 75
    assert STATE in table.everything
    assert LOCK not in table.everything
    _goes_on(cli, table, manifest)


def test_what_a_lost_terminal_causes_is_no_second_signal(cli: Cli, table: Place, manifest: Path) -> None:
    with under_way(cli, table, manifest) as process:
        table.endpoint.script.add(faults.delay(1.0))
        for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            process.send_signal(number)
            time.sleep(0.1)  # two signals at once would be one
        result = cli.finish(process)
    assert result.code == 75
    assert result.err.splitlines()[-1].endswith("stopped by SIGHUP; run the same command again to resume")
    assert LOCK not in table.everything


def test_a_command_that_was_to_outlive_its_terminal_does(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = long_dump(tmp_path, FEW_ROWS)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it, for whoever is started
    try:
        with under_way(cli, table, manifest, wcu_per_s=500) as process:
            process.send_signal(signal.SIGHUP)
            result = cli.finish(process)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (result.code, len(table.items)) == (0, FEW_ROWS), result


def test_no_further_manifest_is_begun(cli: Cli, table: Place, manifest: Path, tmp_path: Path) -> None:
    other = small_dump(tmp_path, dataset="demo-other")
    with under_way(cli, table, manifest, other) as process:
        result, _ = _stopped(cli, process, signal.SIGTERM)
    assert result.code == 75
    assert ("_dataset#demo-other", "_") not in table.everything


class _Metadata(BaseHTTPRequestHandler):
    """Instance metadata, version 2: nothing without a token, and no notice until there is one."""

    token = "synthetic-token"
    noticed: ClassVar[threading.Event]
    looked: ClassVar[list[str]]

    def do_PUT(self) -> None:
        assert int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"]) > 0
        self._answer(200 if self.path == "/latest/api/token" else 404, self.token)

    def do_GET(self) -> None:
        self.looked.append(self.path)
        if self.headers["X-aws-ec2-metadata-token"] != self.token:
            self._answer(401, "")
        elif self.path == "/latest/meta-data/spot/instance-action" and self.noticed.is_set():
            self._answer(200, '{"action": "terminate", "time": "2019-05-04T03:02:01Z"}')
        else:
            self._answer(404, "")

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


@pytest.fixture
def metadata() -> Iterator[tuple[str, type[_Metadata]]]:
    """A metadata service: its address, and what it was asked."""
    handler = type("Metadata", (_Metadata,), {"noticed": threading.Event(), "looked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
        server.shutdown()
        thread.join()


@pytest.fixture
def on_ec2(cli: Cli, metadata: tuple[str, type[_Metadata]]) -> Cli:
    """The command on a machine that has this metadata service."""
    env = {name: value for name, value in cli.env.items() if name != "AWS_EC2_METADATA_DISABLED"}
    return dataclasses.replace(cli, env={**env, "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata[0]})


@pytest.mark.timed
@pytest.mark.parametrize("fault", [None, faults.hang()], ids=["calm", "hanging"])
def test_a_spot_notice_stops_it(
    on_ec2: Cli, metadata: tuple[str, type[_Metadata]], table: Place, manifest: Path, fault: Fault | None
) -> None:
    handler = metadata[1]
    with under_way(on_ec2, table, manifest, items=50, wcu_per_s=50) as process:
        until(lambda: handler.looked, process)
        if fault is not None:
            table.endpoint.script.add(fault)
        handler.noticed.set()
        began = time.monotonic()
        result = on_ec2.finish(process)
        took_s = time.monotonic() - began
    assert result.code == 75
    assert "EC2 is reclaiming this spot instance; run the same command again" in result.err.splitlines()[-1]
    assert took_s < 5 + LIMIT_S * load_factor()  # it looks every 5 s; the notice comes 120 s ahead
    table.endpoint.script.clear()
    assert on_ec2("load", manifest, *table.to, "--no-spot-watch").code == 0
    assert len(table.items) == ROWS


def test_a_spot_notice_is_not_looked_for_if_not_wanted(
    on_ec2: Cli, metadata: tuple[str, type[_Metadata]], table: Place, tmp_path: Path
) -> None:
    manifest = long_dump(tmp_path, FEW_ROWS)
    metadata[1].noticed.set()
    assert on_ec2("load", manifest, *table.to, "--no-spot-watch", "--max-wcu", "300").code == 0
    assert metadata[1].looked == []


def test_a_machine_without_a_metadata_service_is_no_problem(cli: Cli, table: Place, manifest: Path) -> None:
    env = {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9"}
    assert cli("load", manifest, *table.to, env=env).code == 0


READING = """\
import io, os, signal
import pyarrow.csv
from ingest_cli.cli.console import Log
from ingest_cli.cli.interrupts import Interrupts

interrupts = Interrupts(Log("text"))

class Source(io.BytesIO):
    def read(self, size=-1):
        if not interrupts.seen:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().read(size)

print(pyarrow.csv.read_csv(Source(b"a,b\\n" + b"1,2\\n" * 1000)).num_rows, interrupts.reason)
"""


def test_a_signal_while_arrow_parses_is_no_crash() -> None:
    done = subprocess.run([sys.executable, "-c", READING], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1000 stopped by SIGTERM\n", "")
