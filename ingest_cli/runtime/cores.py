"""Number of processor cores that this process may use."""

from __future__ import annotations

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def available_cores(cgroup: Path = CGROUP) -> int:
    """Return the number of cores that the process may run on, within its container's quota; at least 1.

    A quota is rounded up: half a core can still compute. cgroup v2 has it in `cpu.max` ("Control Group v2", Linux
    kernel documentation, "CPU Interface Files"), v1 in `cpu.cfs_quota_us` and `cpu.cfs_period_us`.

    Args:
        cgroup: mount point of the control groups of this process.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(cores if quota is None else min(cores, quota), 1)


def _quota(cgroup: Path) -> int | None:
    for words in (_words(cgroup / "cpu.max"), _v1(cgroup / "cpu")):
        if len(words) == 2 and all(word.isdigit() for word in words) and int(words[1]):  # noqa: PLR2004 - of a period
            return -(-int(words[0]) // int(words[1]))
    return None


def _v1(folder: Path) -> list[str]:
    return _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
