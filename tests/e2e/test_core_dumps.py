"""A load that is aborted leaves no core dump, unless it was allowed to."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place, small_dump
from tests.support.endpoint import Endpoint, faults
from tests.support.endpoint.clients import Client
from tests.support.processes import PROC, children
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="/proc tells the limits, on Linux only")


@pytest.fixture
def hard_limit() -> Iterator[int]:
    """Core dumps of any size that this system allows, for this process and those that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def limits(pid: int) -> list[str]:
    """Soft and hard limit of core dumps, in bytes."""
    lines = (PROC / str(pid) / "limits").read_text(encoding="ascii").splitlines()
    return next(line.split()[4:6] for line in lines if line.startswith("Max core file size"))


def is_dumped(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process that aborts leaves a core dump."""
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    assert ended.si_status == signal.SIGABRT
    return ended.si_code == os.CLD_DUMPED


@pytest.mark.parametrize("is_allowed", [False, True], ids=["forbidden", "allowed"])
def test_an_aborted_load(
    cli: Cli, endpoint: Endpoint, admin: Client, tmp_path: Path, hard_limit: int, *, is_allowed: bool
) -> None:
    place = make_table(Place(endpoint), admin)  # of its own, since it hangs
    place.goes_wrong(faults.hang(), "BatchWriteItem")
    options = ["--workers", "2", *(["--allow-core-dumps"] if is_allowed else [])]
    (tmp_path / "aborted").mkdir()
    cli = replace(cli, home=tmp_path / "aborted")
    with cli.started("load", small_dump(tmp_path), *place.to, *options) as process:
        until(lambda: "BatchWriteItem" in place.operations() and len(children(process.pid)) == 1, process)
        found = [limits(pid) for pid in (process.pid, *children(process.pid))]
        process.send_signal(signal.SIGABRT)
        dumped = is_dumped(process)
    cores = [path for path in tmp_path.rglob("*core*") if path.is_file()]
    if not is_allowed:
        assert found == [["0", "0"]] * 2
        assert not dumped
        assert cores == []
        return
    assert "0" not in found[0] or hard_limit == 0
    assert found[0] == found[1]
    with subprocess.Popen([sys.executable, "-c", "import os; os.abort()"], cwd=tmp_path) as other:
        assert dumped == is_dumped(other), "as this system has it for any process"
