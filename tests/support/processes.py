"""What /proc tells about processes (Linux, proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        # Behind the name, which is in brackets and may hold anything, stands the state.
        return (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(pid: int) -> list[int]:
    """The processes that a process has started, by whichever of its threads."""
    found: list[int] = []
    for task in (PROC / str(pid) / "task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has ended
    return sorted(found)


def tree_pss_bytes(pid: int) -> int:
    """Memory of a process and of those that it started; what several share counts once."""
    return sum(_pss_bytes(one) for one in (pid, *children(pid)))


def _pss_bytes(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended
    return 1024 * next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def tree_cpu_s(pid: int) -> float:
    """CPU time of a process and of all its descendants, those that have ended included."""
    try:
        # utime, stime, cutime and cstime are the 14th to 17th field; the name, the second one, may hold anything.
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[11:15]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has ended
    return sum(map(int, fields)) / _TICKS_PER_S + sum(tree_cpu_s(one) for one in children(pid))
