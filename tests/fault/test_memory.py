"""Memory stays within its formula when a table holds a load up, which is when things pile up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ingest_cli.engines.pool import MAX_HELD_BYTES
from ingest_cli.model.memory import memory_bytes
from ingest_cli.model.settings import RunSettings
from ingest_cli.runtime.run_ahead import AHEAD_ITEMS
from tests.e2e.harness import PEPPER_HEX, new_cli, plug, small_dump
from tests.support.endpoint.process import EndpointProcess
from tests.support.processes import tree_pss_bytes
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timed]

ROWS = 80_000
HOT_PHONE = "019-212 3344"


def peak_rss_bytes(pid: int) -> int:
    """The most memory that a process has had so far (Linux, proc(5), VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc tells the memory of a process, on Linux only")
def test_no_more_waits_for_a_hot_key_than_may_be_ahead(tmp_path: Path) -> None:
    """Nine rows in ten are of one person, and the table takes next to nothing for that key."""
    cli = new_cli(tmp_path / "home", secrets=(PEPPER_HEX,))
    (tmp_path / "dump").mkdir()
    rows = [("N", "", HOT_PHONE if n % 10 else "", f"kenari.{n}@example.org") for n in range(ROWS)]
    manifest = small_dump(tmp_path / "dump", rows)
    limits = json.dumps({"partitions": 64, "partition_wcu_per_s": 1e6, "key_wcu_per_s": 1})
    with EndpointProcess("--limits", limits) as endpoint:
        to = ["--table", "people", "--endpoint-url", endpoint.url]
        assert cli("table", "create", *to, "--wcu", "1000000").code == 0
        with cli.started("load", manifest, *to, "--key", "env:PEPPER", "--workers", "1") as process:
            seen = [-1]

            def stands_still() -> bool:
                seen.append(endpoint.state(items=False)["tables"]["people"]["count"])
                return seen[-1] > AHEAD_ITEMS / 8 and seen[-1] - seen[-20:][0] < 5 * 20

            until(stands_still, process)
            peak = peak_rss_bytes(process.pid)
            process.terminate()
            cli.finish(process)
    # Each row has one item besides that of the hot key; those of the rows that were read so far are written.
    most = 4 * AHEAD_ITEMS
    assert most < ROWS
    assert seen[-1] < most, "what may be ahead is bounded, so that reading had to wait"
    assert peak < memory_bytes(RunSettings(workers=1))


LONG_ROWS, CELL = 12_000, 5_000
LITTLE_BYTES = 8 << 20
LITTLE = f"""\
from ingest_cli.engines import pool
pool.MAX_HELD_BYTES = {LITTLE_BYTES}
"""


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="/proc tells the memory of a process, on Linux"
)
def test_what_workers_have_not_settled_is_held_and_no_more(tmp_path: Path) -> None:
    """Nine rows in ten are of one person, and long: each chunk waits for that key, and is kept until it is settled.

    What is no longer handed out then is written by the process that reads, until too much is ahead of the saved state.
    """
    cli = new_cli(tmp_path / "home", secrets=(PEPPER_HEX,))
    (tmp_path / "dump").mkdir()
    rows = [("N" * CELL, "", HOT_PHONE if n % 10 else "", f"kenari.{n}@example.org") for n in range(LONG_ROWS)]
    manifest = small_dump(tmp_path / "dump", rows)
    limits = json.dumps({"partitions": 64, "partition_wcu_per_s": 1e6, "key_wcu_per_s": 1})
    most = 1.3 * (LITTLE_BYTES / CELL + AHEAD_ITEMS)
    assert most < LONG_ROWS
    cli = replace(cli, env={**cli.env, **plug(tmp_path / "plug", LITTLE)})
    with EndpointProcess("--limits", limits) as endpoint:
        to = ["--table", "people", "--endpoint-url", endpoint.url]
        assert cli("table", "create", *to, "--wcu", "1000000").code == 0
        with cli.started(
            *("load", manifest, *to, "--key", "env:PEPPER", "--workers", "2", "--allow-core-dumps")
        ) as process:
            seen, peaks = [-1], [0]

            def stands_still() -> bool:
                seen.append(endpoint.state(items=False)["tables"]["people"]["count"])
                peaks.append(tree_pss_bytes(process.pid))
                return seen[-1] > AHEAD_ITEMS / 8 and seen[-1] - seen[-20:][0] < 5 * 20

            until(stands_still)
            process.terminate()
            cli.finish(process)
    assert seen[-1] < most, "what is held is bounded, so that reading had to wait"
    less = MAX_HELD_BYTES - LITTLE_BYTES
    assert max(peaks) < memory_bytes(RunSettings(workers=2)) - less
