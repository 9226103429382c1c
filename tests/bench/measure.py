"""What a command costs: processor time, wall time and peak memory of its whole process tree.

Run as a script it is the launcher: it starts the command, waits for it, and writes the cost to a file. A launcher
of its own is needed for two reasons. Linux counts into a program's peak what the process that started it held at
that moment (`exec_mmap` in fs/exec.c takes over the old high-water mark), and a test runner or a benchmark may be
large itself; this script is not. And the kernel adds up the time of those only who were waited for (getrusage(2),
RUSAGE_CHILDREN): the launcher adopts what the command leaves behind (prctl(2), PR_SET_CHILD_SUBREAPER) and waits for
that, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.05
"""How often the memory of a process tree is looked at, if it is."""

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class CommandFailedError(Exception):
    """A measured command ended with another code than 0."""


@dataclass(frozen=True)
class Cost:
    """What one run of a command took.

    Attributes:
        cpu_s: seconds of user and system time, of the process and of all that came of it.
        wall_s: seconds from start to end.
        peak_rss_bytes: the largest resident set of any one process of it.
        peak_tree_bytes: the largest sum over all of its processes, as sampled; 0 if not asked for.
        tree_measure: what was summed: "PSS", in which a page that several share counts once, or "RSS".
        processes: the most there were at a time, as sampled.
        out: what it wrote to stdout.
    """

    cpu_s: float
    wall_s: float
    peak_rss_bytes: int
    peak_tree_bytes: int
    tree_measure: str
    processes: int
    out: str


def run(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, *, sample_memory: bool = False) -> Cost:
    """Run a command to its end.

    Args:
        command: a program and its arguments.
        env: all of its environment.
        cwd: where it runs.
        sample_memory: look at the memory of the whole tree every `SAMPLE_S`; on Linux only.

    Raises:
        CommandFailedError: it failed; the message holds the end of what it said on stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "cost.json")
        # -I: nothing of the environment makes the launcher larger.
        sampling = str(SAMPLE_S if sample_memory else 0)
        launcher = [sys.executable, "-I", __file__, str(result), sampling, *map(str, command)]
        if sample_memory:  # which /proc tells nobody but root of a process that allows no core dumps
            env = {**env, "INGEST_ALLOW_CORE_DUMPS": "1"}
        done = subprocess.run(launcher, env=dict(env), cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandFailedError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr[-2000:]}")
        return Cost(**json.loads(result.read_text()), out=done.stdout)


def _launch(result: str, sample_s: float, command: list[str]) -> int:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})  # its end interrupts the wait between two samples
    began_s = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ, setsigmask=())
    tree = _Tree()
    while sample_s and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        tree.sample()
        signal.sigtimedwait({signal.SIGCHLD}, sample_s)
    _, status = os.waitpid(pid, 0)
    wall_s = time.monotonic() - began_s
    with contextlib.suppress(ChildProcessError):  # there are none left
        while True:
            os.wait()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "wall_s": wall_s,
        "peak_rss_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "peak_tree_bytes": tree.peak_bytes,
        "tree_measure": tree.measure,
        "processes": tree.processes,
    }
    Path(result).write_text(json.dumps(cost))
    return os.waitstatus_to_exitcode(status)


class _Tree:
    """The memory of all processes below this one (proc(5))."""

    def __init__(self) -> None:
        self.peak_bytes = self.processes = 0
        self.measure = "PSS" if Path("/proc/self/smaps_rollup").exists() else "RSS"

    def sample(self) -> None:
        sizes = [self._size_bytes(pid) for pid in _descendants(os.getpid())]
        self.peak_bytes = max(self.peak_bytes, sum(sizes))
        self.processes = max(self.processes, len(sizes))

    def _size_bytes(self, pid: int) -> int:
        name, key = ("smaps_rollup", "Pss:") if self.measure == "PSS" else ("status", "VmRSS:")
        with contextlib.suppress(OSError):  # it has ended meanwhile
            lines = Path(f"/proc/{pid}/{name}").read_text(encoding="ascii").splitlines()
            return 1024 * next((int(line.split()[1]) for line in lines if line.startswith(key)), 0)
        return 0


def _descendants(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield int(child)
                yield from _descendants(int(child))


if __name__ == "__main__":
    sys.exit(_launch(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
