"""What all that write have to know of each other at any moment: how far time is reserved, and who wants to stop.

A handful of numbers. In one process they are attributes; with worker processes they lie in memory that all of them
share, behind a lock that nobody takes along who is killed while holding it.
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
"""The attributes that are read and written under the lock, in the order in which they lie in memory."""

_STATE = struct.Struct(f"{len(_LOCKED)}d")
_FAILING_SINCE, _STOP, _SURE_UNTIL, _PROGRESS, _CELLS = (len(_LOCKED) + i for i in range(5))
_READY = _LOCKED.index("ready_s")
_CELL_BYTES = 8

MAX_PACES, PACE_CELLS = 64, 18
"""Hot keys whose pace is common to all processes, and the numbers that each takes; others have one in each process."""


def counts_of(processes: int) -> int:
    """Length of `Shared.counts` for so many processes: four numbers for all, and two for each."""
    return 4 + 2 * processes


def process_context() -> BaseContext:
    """How worker processes are started.

    Forked where that is safe, since a fork has all libraries loaded and shares their memory: on Linux. macOS's own
    libraries do not survive a fork (CPython's issue 33725, which made `spawn` the default there).
    """
    return multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")


class Shared:
    """The numbers of one process. `with` gives them for reading and writing, to one thread at a time.

    Attributes:
        rate_wcu_per_s: at which time is reserved.
        ceiling_wcu_per_s: of the rate; NaN: none.
        limit_wcu_per_s: what the table was last seen to take at most; NaN: not known.
        limit_seen_s: when that was.
        settled_s: until when answers are those to requests at an earlier rate.
        ready_s: until when time is reserved.
        adapted_s: when the rate was last raised.
        idle: 1.0 if no request waited then, else 0.0.
        left_wcu: what may still be consumed; NaN: no limit.
        noise: share of requests that are throttled whatever the rate.
        noise_due_s: when that is to be measured again.
        since_s: when counting of the next five began.
        requests: requests answered.
        throttled: those of them of which the table left something, or all.
        sent_wcu: their capacity units.
        unprocessed_wcu: the units of these that were not taken.
        trial_rate_wcu_per_s: the rate before the current trial of a lower one; NaN: there is no trial.
        trial_throttled: the share of requests throttled at that rate.
        trial_taken_wcu_per_s: what the table took at that rate.
        failing_since_s: since when nothing was acknowledged although it was tried; NaN: it is.
        progress_s: when something was acknowledged last.
        sure_until_s: until when the lock of the dataset is ours for sure, as `fence.since_start_s` counts.
        paces: of hot keys, see `key_pace`; `MAX_PACES` of them, each in `PACE_CELLS` numbers.
        counts: of items, see `run_ahead`; read and written without the lock, each by one process only.
    """

    counts: list[float] | memoryview[float]
    paces: list[float] | memoryview[float]

    def __init__(self) -> None:
        self._here = threading.Lock()
        self.counts = [0.0] * counts_of(1)
        self.paces = [0.0] * (MAX_PACES * PACE_CELLS)
        self._reset()

    def _reset(self) -> None:
        """Set all numbers to what they are at the start of a run."""
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
        """`rate_wcu_per_s` and `ceiling_wcu_per_s` as they are now; waits for nobody, and changes nothing."""
        return self.rate_wcu_per_s, self.ceiling_wcu_per_s

    def reserved_until_s(self) -> float:
        """`ready_s` as it is now; waits for nobody."""
        return self.ready_s


class SharedByProcesses(Shared):
    """The same numbers for several processes; to be handed to each as it is started.

    They lie in a file without a name, which is locked as a whole (POSIX record locks, fcntl(2)): the system itself
    takes the lock from a process that dies, however it does, and from no other.

    Attributes:
        stop: whether the run is to end.
    """

    def __init__(self, processes: int = 1) -> None:
        """Make them.

        Args:
            processes: how many there are.

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
        """Begin to use them in a process that was forked, in which nobody else does; its threads were not copied."""
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
        """Whether the run is to end."""
        return bool(self._cells[_STOP])

    def request_stop(self) -> None:
        """Let all processes know that the run is to end."""
        self._cells[_STOP] = 1.0

    def _load(self) -> None:
        for name, value in zip(_LOCKED, _STATE.unpack_from(self._memory), strict=True):
            setattr(self, name, value)

    def _store(self) -> None:
        _STATE.pack_into(self._memory, 0, *(getattr(self, name) for name in _LOCKED))


def _nameless_file(cells: int) -> int:
    """A file of so many numbers that goes away with the last who has it open; in memory, where the system has that."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("ingest-cli")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, cells * _CELL_BYTES)
    return file
