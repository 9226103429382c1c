"""Core dumps: they would hold the pepper, cells of the dump in clear, and session tokens.

Two settings are needed. RLIMIT_CORE keeps the kernel from writing a file, but does not count where core dumps go to a
program (core(5): `core_pattern` begins with `|`, as systemd and Ubuntu have it); PR_SET_DUMPABLE covers these as well,
on Linux. With it, no other process of the same user can attach to this one or read its memory, and the files of
/proc/PID belong to root.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from dataclasses import dataclass

PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
"""Of linux/prctl.h, see prctl(2)."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """What was set before `suspend`."""

    soft_limit_bytes: int
    is_dumpable: bool


_before: list[_Settings] = []


def forbid() -> None:
    """Let this process leave no core dump, and no process that it starts without an exec; cannot be undone.

    A system that has no prctl, or does not allow it (seccomp), leaves the limit alone to do so.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(PR_SET_DUMPABLE, 0)


def suspend() -> None:
    """Forbid core dumps until `decide` is called, for a process that does not know yet what it was asked for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    _before.append(_Settings(soft, is_dumpable=not is_undumpable()))
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    _prctl(PR_SET_DUMPABLE, 0)


def decide(*, allowed: bool) -> None:
    """Forbid core dumps for good, or put back what `suspend` found; without that, leave everything as it is."""
    if not _before:
        return
    found = _before.pop()
    if not allowed:
        forbid()
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (found.soft_limit_bytes, hard))
    _prctl(PR_SET_DUMPABLE, int(found.is_dumpable))


def is_undumpable() -> bool:
    """Whether PR_SET_DUMPABLE is 0 for this process."""
    return _prctl(PR_GET_DUMPABLE, 0) == 0


def _prctl(option: int, value: int) -> int:
    """Call prctl(2); -1 where it fails or there is none."""
    if sys.platform != "linux":
        return -1
    try:
        call = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):  # a C library that is linked statically, or has another name for it
        return -1
    return int(call(ctypes.c_int(option), *(ctypes.c_ulong(one) for one in (value, 0, 0, 0))))
