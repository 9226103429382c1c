"""State shared by all writers at any moment: how far time is reserved, and whether to stop.

A set of numbers. In one process they are attributes; with worker processes they are in shared memory, behind a lock
that is released if its holder is killed.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import multiprocessing
import os
import struct
import sys
import tempfile
import threading
from multiprocessing import reduction
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any, Self

_LOCKED = (
    "rate_wcu_per_s",
    "ceiling_wcu_per_s",
    "limit_wcu_per_s",
    "limit_seen_s",
    "settled_s",
    "ready_s",
    "adapted_s",
    "idle",
    "left_wcu",
    "noise",
    "noise_due_s",
    "since_s",
    "requests",
    "throttled",
    "sent_wcu",
    "unprocessed_wcu",
    "trial_rate_wcu_per_s",
    "trial_throttled",
    "trial_taken_wcu_per_s",
)
"""Attributes that are read and written under the lock, in their order in memory."""

_STATE = struct.Struct(f"{len(_LOCKED)}d")
_FAILING_SINCE, _STOP, _SURE_UNTIL, _PROGRESS, _CELLS = (len(_LOCKED) + i for i in range(5))
_READY = _LOCKED.index("ready_s")
_CELL_BYTES = 8

MAX_PACES, PACE_CELLS = 64, 18
"""Number of hot keys with a pace common to all processes, and numbers per key; further keys have a pace per process."""


def counts_of(processes: int) -> int:
    """Return the length of `Shared.counts`: four numbers for all, and two for each process."""
    return 4 + 2 * processes


def process_context() -> BaseContext:
    """Return the multiprocessing context for worker processes.

    Workers are forked where that is safe (Linux), since a fork has all libraries loaded and shares their memory.
    macOS's own libraries do not survive a fork (CPython's issue 33725, which made `spawn` the default there).
    """
    return multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


class Shared:
    """Numbers of one process. `with` gives one thread at a time access to them.

    Attributes:
        rate_wcu_per_s: rate at which time is reserved.
        ceiling_wcu_per_s: maximum of the rate; NaN: none.
        limit_wcu_per_s: last observed maximum of the table; NaN: not known.
        limit_seen_s: time of that observation.
        settled_s: time until which responses belong to requests at an earlier rate.
        ready_s: time until which capacity is reserved.
        adapted_s: time of the last increase of the rate.
        idle: 1.0 if no request waited then, else 0.0.
        left_wcu: units that may still be consumed; NaN: no limit.
        noise: share of requests that are throttled at any rate.
        noise_due_s: time of the next measurement of it.
        since_s: start of the counting of the next five.
        requests: number of answered requests.
        throttled: number of those that the table did not process completely.
        sent_wcu: capacity units of the answered requests.
        unprocessed_wcu: units of these that were not processed.
        trial_rate_wcu_per_s: rate before the current trial of a lower one; NaN: no trial.
        trial_throttled: share of requests throttled at that rate.
        trial_taken_wcu_per_s: throughput of the table at that rate.
        failing_since_s: time since which no attempt was acknowledged; NaN: attempts succeed.
        progress_s: time of the last acknowledgement.
        sure_until_s: time until which the lock of the dataset is certainly held, on the clock `fence.since_start_s`.
        paces: paces of hot keys, see `key_pace`; `MAX_PACES` of them, each in `PACE_CELLS` numbers.
        counts: item counts, see `run_ahead`; used without the lock, each written by one process only.
    """

    counts: list[float] | memoryview[float]
    paces: list[float] | memoryview[float]

    def __init__(self) -> None:
        self._here = threading.Lock()
        self.counts = [0.0] * counts_of(1)
        self.paces = [0.0] * (MAX_PACES * PACE_CELLS)
        self._reset()

    def _reset(self) -> None:
        """Set all numbers to their values at the start of a run."""
        self.rate_wcu_per_s = self.settled_s = self.ready_s = self.adapted_s = self.idle = 0.0
        self.ceiling_wcu_per_s = self.limit_wcu_per_s = self.trial_rate_wcu_per_s = math.nan
        self.trial_throttled = self.trial_taken_wcu_per_s = 0.0
        self.noise = self.since_s = self.requests = self.throttled = self.sent_wcu = self.unprocessed_wcu = 0.0
        self.limit_seen_s = self.noise_due_s = self.progress_s = -math.inf
        self.left_wcu = self.failing_since_s = math.nan
        self.sure_until_s = math.inf

    def __enter__(self) -> Self:
        self._here.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here.release()

    def look(self) -> tuple[float, float]:
        """Return the current `rate_wcu_per_s` and `ceiling_wcu_per_s`, without locking."""
        return self.rate_wcu_per_s, self.ceiling_wcu_per_s

    def reserved_until_s(self) -> float:
        """Return the current `ready_s`, without locking."""
        return self.ready_s


class SharedByProcesses(Shared):
    """The same numbers for several processes; passed to each when it is started.

    They are in an unnamed file, which is locked as a whole (POSIX record locks, fcntl(2)): the system releases the lock
    of a process that dies in any way, and of no other.

    Attributes:
        stop: whether the run is to end.
    """

    def __init__(self, processes: int = 1) -> None:
        """Create the numbers.

        Args:
            processes: number of processes.

        Raises:
            OSError: the system has no room for a file of a few bytes.
        """
        self._map(_nameless_file(_CELLS + MAX_PACES * PACE_CELLS + counts_of(processes)))
        self._here = threading.Lock()
        self._reset()
        self._store()

    def __getstate__(self) -> object:
        return reduction.DupFd(self._file)

    def __setstate__(self, file: Any) -> None:
        self._map(file.detach())
        self.joined()

    def joined(self) -> None:
        """Prepare for use in a forked process, where no other thread uses them: threads are not copied."""
        self._here = threading.Lock()
        self._load()

    def __enter__(self) -> Self:
        self._here.acquire()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._here.release()
            raise
        self._load()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store()
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._here.release()

    def _map(self, file: int) -> None:
        self._file = file
        self._memory = memoryview(mmap.mmap(file, os.fstat(file).st_size))
        self._cells = self._memory.cast("d")
        end = _CELLS + MAX_PACES * PACE_CELLS
        self.paces, self.counts = self._cells[_CELLS:end], self._cells[end:]

    def look(self) -> tuple[float, float]:
        """See `Shared.look`."""
        return self._cells[0], self._cells[1]

    def reserved_until_s(self) -> float:
        """See `Shared.reserved_until_s`."""
        return self._cells[_READY]

    @property
    def failing_since_s(self) -> float:
        """See `Shared`."""
        return self._cells[_FAILING_SINCE]

    @failing_since_s.setter
    def failing_since_s(self, at_s: float) -> None:
        self._cells[_FAILING_SINCE] = at_s

    @property
    def progress_s(self) -> float:
        """See `Shared`."""
        return self._cells[_PROGRESS]

    @progress_s.setter
    def progress_s(self, at_s: float) -> None:
        self._cells[_PROGRESS] = at_s

    @property
    def sure_until_s(self) -> float:
        """See `Shared`."""
        return self._cells[_SURE_UNTIL]

    @sure_until_s.setter
    def sure_until_s(self, until_s: float) -> None:
        self._cells[_SURE_UNTIL] = until_s

    @property
    def stop(self) -> bool:
        """Return whether the run is to end."""
        return bool(self._cells[_STOP])

    def request_stop(self) -> None:
        """Signal to all processes that the run is to end."""
        self._cells[_STOP] = 1.0

    def _load(self) -> None:
        for name, value in zip(_LOCKED, _STATE.unpack_from(self._memory), strict=True):
            setattr(self, name, value)

    def _store(self) -> None:
        _STATE.pack_into(self._memory, 0, *(getattr(self, name) for name in _LOCKED))


def _nameless_file(cells: int) -> int:
    """Create an unnamed file for `cells` numbers, in memory where supported, that disappears when last closed."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("ingest-cli")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, cells * _CELL_BYTES)
    return file
