"""What a command costs: processor time, wall time and peak memory of its whole process tree.

Run as a script it is the launcher: it starts the command, waits for it, and writes the cost to a file. A launcher
of its own is needed for the memory. Linux counts into a program's peak what the process that started it held at
that moment (`exec_mmap` in fs/exec.c takes over the old high-water mark), and a test runner or a benchmark may be
large itself; this script is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class CommandFailedError(Exception):
    """A measured command ended with another code than 0."""


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        cpu_s: seconds of user and system time, of the process and of all it waited for.
        wall_s: seconds from start to end.
        peak_rss_bytes: the largest resident set of any one process of it.
        out: what it wrote to stdout.
    """

    cpu_s: float
    wall_s: float
    peak_rss_bytes: int
    out: str


def run(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path) -> Cost:
    """Run a command to its end.

    Args:
        command: a program and its arguments.
        env: all of its environment.
        cwd: where it runs.

    Raises:
        CommandFailedError: it failed; the message holds the end of what it said on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "cost.json")
        # -I: nothing of the environment makes the launcher larger.
        launcher = [sys.executable, "-I", __file__, str(result), *map(str, command)]
        done = subprocess.run(launcher, env=dict(env), cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailedError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-2000:]}")
        cost = json.loads(result.read_text())
    return Cost(cost["cpu_s"], cost["wall_s"], cost["peak_rss_bytes"], done.stdout)


def _launch(result: str, command: list[str]) -> int:
    began_s = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": time.monotonic() - began_s,
        "peak_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    Path(result).write_text(json.dumps(cost))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(_launch(sys.argv[1], sys.argv[2:]))
