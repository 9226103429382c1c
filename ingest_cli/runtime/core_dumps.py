"""Disable core dumps: they would contain the pepper, cells of the dump and session tokens.

Two settings are needed. RLIMIT_CORE keeps the kernel from writing a file, but has no effect where core dumps are piped
to a program (core(5): `core_pattern` begins with `|`, as with systemd and Ubuntu); PR_SET_DUMPABLE covers these as
well, on Linux. With it, no other process of the same user can attach to this one or read its memory, and the files of
/proc/PID belong to root.
"""

from __future__ import annotations

import ctypes
import resource
import sys
from dataclasses import dataclass

PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
"""From linux/prctl.h, see prctl(2)."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """Settings before `suspend`."""

    soft_limit_bytes: int
    is_dumpable: bool


_before: list[_Settings] = []


def forbid() -> None:
    """Disable core dumps of this process and of children started without an exec; cannot be undone.

    Where prctl is missing or forbidden (seccomp), only the limit applies.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(PR_SET_DUMPABLE, 0)


def suspend() -> None:
    """Disable core dumps until `decide` is called, while the requested operation is still unknown."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    _before.append(_Settings(soft, is_dumpable=not is_undumpable()))
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    _prctl(PR_SET_DUMPABLE, 0)


def decide(*, allowed: bool) -> None:
    """Disable core dumps permanently, or restore what `suspend` found; without `suspend`, change nothing."""
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
    """Return whether PR_SET_DUMPABLE is 0 for this process."""
    return _prctl(PR_GET_DUMPABLE, 0) == 0


def _prctl(option: int, value: int) -> int:
    """Call prctl(2); return -1 if it fails or does not exist."""
    if sys.platform != "linux":
        return -1
    try:
        call = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):  # a statically linked C library, or one with another name for it
        return -1
    return int(call(ctypes.c_int(option), *(ctypes.c_ulong(one) for one in (value, 0, 0, 0))))
