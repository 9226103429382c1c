"""State that all writers of a run share: one struct for each concern, over one memory and one lock.

    SharedState
    ├── rate            RateState       rate control of the table (`pacing`); used inside `with`
    ├── budget          BudgetState     units that may still be consumed (`budget`); used inside `with`
    ├── hot_key_paces   HotKeyPaces     a KeyPaceState for each hot key (`hot_keys.pace`); used inside `with`
    ├── progress        ProgressTimes   times of acknowledgements and failures (`retry`)
    ├── lease           LeaseDeadline   time until which the lock of the dataset is held (`fence`)
    ├── stop            StopFlag        whether the run is to end
    └── item_counts     ItemCounts      items begun, acknowledged, committed and saved (`run_ahead`)

`with` gives one thread of one process at a time access to a struct; the lock is the same for all of them. The other
structs need no lock: a number is stored in one step, and is written by one process only, or the last write wins.

With worker processes (`SharedByProcesses`), the memory is an unnamed file. It is locked as a whole (POSIX record locks,
fcntl(2)): the system releases the lock of a process that dies in any way, and of no other.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import struct
import tempfile
import threading
import weakref
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any, ClassVar, Self


class _FileLock:
    """Lock of one thread of one process at a time. Closes the file when it is no longer used."""

    def __init__(self, file: int) -> None:
        self._file = file
        weakref.finalize(self, os.close, file).atexit = False
        self.reset()

    def reset(self) -> None:
        """Forget threads that a fork has not copied."""
        self._threads = threading.Lock()

    def acquire(self) -> None:
        self._threads.acquire()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def release(self) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._threads.release()


class _Locked:
    """Numbers that are read and changed together, as attributes, inside `with`.

    In one process the attributes are the state. With several, they are loaded from memory at the start of the block and
    stored at its end. A subclass declares them as annotations, with their values at the start of a run.
    """

    _names: ClassVar[tuple[str, ...]]
    _struct: ClassVar[struct.Struct]

    def __init_subclass__(cls) -> None:
        cls._names = tuple(cls.__annotations__)
        cls._struct = struct.Struct(f"{len(cls._names)}d")

    def __init__(self, cells: memoryview[float], lock: threading.Lock | _FileLock, *, is_alone: bool) -> None:
        self._cells = cells
        self._lock = lock
        self._is_alone = is_alone

    @classmethod
    def cells(cls) -> int:
        """Return the number of cells that the numbers take in memory."""
        return len(cls._names)

    def __enter__(self) -> Self:
        self._lock.acquire()
        if not self._is_alone:
            self.load()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._is_alone:
            self.store()
        self._lock.release()

    def load(self) -> None:
        """Copy memory to the attributes."""
        self.__dict__.update(zip(self._names, self._struct.unpack_from(self._cells), strict=True))

    def store(self) -> None:
        """Copy the attributes to memory."""
        self._struct.pack_into(self._cells, 0, *map(self.__getattribute__, self._names))


class RateState(_Locked):
    """Rate control of the table, see `pacing`.

    Attributes:
        rate_wcu_per_s: rate at which time is reserved.
        ceiling_wcu_per_s: maximum of the rate; NaN: none.
        ready_s: time until which capacity is reserved.
        limit_wcu_per_s: last observed maximum of the table; NaN: not known.
        limit_seen_s: time of that observation.
        settled_s: time until which responses belong to requests at an earlier rate.
        adapted_s: time of the last increase of the rate.
        idle: 1.0 if no request waited then, else 0.0.
        noise: share of requests that are throttled at any rate.
        noise_due_s: time of the next measurement of it.
        since_s: start of the counting of the next four.
        requests: number of answered requests.
        throttled: number of those that the table did not process completely.
        sent_wcu: capacity units of the answered requests.
        unprocessed_wcu: units of these that were not processed.
        trial_rate_wcu_per_s: rate before the current trial of a lower one; NaN: no trial.
        trial_throttled: share of requests throttled at that rate.
        trial_taken_wcu_per_s: throughput of the table at that rate.
    """

    rate_wcu_per_s: float = 0.0
    ceiling_wcu_per_s: float = math.nan
    ready_s: float = 0.0
    limit_wcu_per_s: float = math.nan
    limit_seen_s: float = -math.inf
    settled_s: float = 0.0
    adapted_s: float = 0.0
    idle: float = 0.0
    noise: float = 0.0
    noise_due_s: float = -math.inf
    since_s: float = 0.0
    requests: float = 0.0
    throttled: float = 0.0
    sent_wcu: float = 0.0
    unprocessed_wcu: float = 0.0
    trial_rate_wcu_per_s: float = math.nan
    trial_throttled: float = 0.0
    trial_taken_wcu_per_s: float = 0.0

    def look(self) -> tuple[float, float, float]:
        """Return the current rate, ceiling and end of reserved time, without locking."""
        if self._is_alone:
            return self.rate_wcu_per_s, self.ceiling_wcu_per_s, self.ready_s
        return self._cells[0], self._cells[1], self._cells[2]


class BudgetState(_Locked):
    """Remaining consumption, see `budget`.

    Attributes:
        left_wcu: units that may still be consumed; NaN: no limit.
    """

    left_wcu: float = math.nan


class KeyPaceState(_Locked):
    """Rate control of one hot key, see `hot_keys.pace`.

    Attributes:
        rate_wcu_per_s: rate at which time is reserved.
        ready_s: time until which capacity is reserved.
        grown_s: time of the last increase of the rate.
        limit_wcu_per_s: last observed maximum of the key; NaN: not known.
        hold_s: seconds at the limit before probing above it.
        held_until_s: end of the current hold.
        noise: share of capacity units left unprocessed at any rate.
        since_s, until_s: reserved time of the answers counted in the next four.
        requests: number of answered requests.
        throttled: number of those that were left in part or in whole.
        sent_wcu: capacity units of the answered requests.
        left_wcu: units of these left unprocessed.
        trial_rate_wcu_per_s: rate before the current trial of a lower one; NaN: no trial.
        trial_lost: share of capacity units left unprocessed at that rate.
        trial_taken_wcu_per_s: acknowledged rate then.
    """

    rate_wcu_per_s: float = 0.0
    ready_s: float = 0.0
    grown_s: float = 0.0
    limit_wcu_per_s: float = math.nan
    hold_s: float = 0.0
    held_until_s: float = 0.0
    noise: float = 0.0
    since_s: float = 0.0
    until_s: float = 0.0
    requests: float = 0.0
    throttled: float = 0.0
    sent_wcu: float = 0.0
    left_wcu: float = 0.0
    trial_rate_wcu_per_s: float = math.nan
    trial_lost: float = 0.0
    trial_taken_wcu_per_s: float = 0.0

    def load(self) -> None:
        """Copy memory to the attributes, unless it was left half stored by a process that was killed."""
        if self._cells[0] > 0:
            super().load()


MAX_PACES = 64
"""Number of hot keys with a pace common to all processes; further keys have a pace per process."""

PACE_CELLS = 1 + KeyPaceState.cells()
"""Cells of a slot: the name of a key (0: free), and its pace."""


class HotKeyPaces:
    """Paces of hot keys.

    Attributes:
        cells: `MAX_PACES` slots of `PACE_CELLS` numbers each.
    """

    def __init__(self, cells: memoryview[float], lock: threading.Lock | _FileLock) -> None:
        self.cells = cells
        self._lock = lock

    def claim(self, name: float, start: Callable[[KeyPaceState], None]) -> KeyPaceState:
        """Return the pace of a key: of its slot, or a new one in a free slot or, without one, of this process alone.

        Args:
            name: number that identifies the key; not 0.
            start: sets the numbers of a new pace.
        """
        self._lock.acquire()
        try:
            first = next((at for at in range(0, len(self.cells), PACE_CELLS) if self.cells[at] in {name, 0.0}), None)
            cells = self.cells[:0] if first is None else self.cells[first + 1 : first + PACE_CELLS]
            state = KeyPaceState(cells, self._lock, is_alone=first is None)
            start(state)
            if first is not None and self.cells[first]:
                state.load()
            elif first is not None:
                state.store()
                self.cells[first] = name  # last: if the process is killed before, the slot remains free
        finally:
            self._lock.release()
        return state


def _cell(place: int, doc: str) -> Any:
    """Return a property that reads and writes one cell."""

    def get(self: _Cells) -> float:
        return self._cells[place]

    def put(self: _Cells, value: float) -> None:
        self._cells[place] = value

    return property(get, put, doc=doc)


class _Cells:
    CELLS: ClassVar[int] = 1

    def __init__(self, cells: memoryview[float]) -> None:
        self._cells = cells


class ProgressTimes(_Cells):
    """Times of acknowledgements and failures, over all writers."""

    CELLS = 2

    failing_since_s: float = _cell(0, "Time since which no attempt was acknowledged; NaN: attempts succeed.")
    progress_s: float = _cell(1, "Time of the last acknowledgement.")


class LeaseDeadline(_Cells):
    """End of the lease on the dataset."""

    sure_until_s: float = _cell(0, "Time until which the lock is certainly held, on the clock `fence.since_start_s`.")


class StopFlag(_Cells):
    """Request that all processes end."""

    @property
    def is_set(self) -> bool:
        """Return whether the run is to end."""
        return bool(self._cells[0])

    def set(self) -> None:
        """Signal to all processes that the run is to end."""
        self._cells[0] = 1.0


class ItemCounts(_Cells):
    """Numbers of items, see `run_ahead`; each is written by one process only.

    Attributes:
        begun: items of chunks begun, of each process.
        acknowledged: items acknowledged, of each process.
    """

    CELLS = 3  # before those of the processes

    saved: float = _cell(0, "Items that a saved state includes.")
    saved_at_s: float = _cell(1, "Time of the last save.")
    committed: float = _cell(2, "Items of committed chunks.")

    def __init__(self, cells: memoryview[float]) -> None:
        super().__init__(cells)
        self.begun, self.acknowledged = cells[self.CELLS :: 2], cells[self.CELLS + 1 :: 2]


class SharedState:
    """Shared state of the writers in one process; see the module for its structs."""

    def __init__(self, processes: int = 1) -> None:
        """Create the state at the start of a run.

        Args:
            processes: number of processes that count items.
        """
        self._lay_out(memoryview(bytearray(_size_bytes(processes))), threading.Lock(), is_alone=True)
        self._reset()

    def _lay_out(self, memory: memoryview, lock: threading.Lock | _FileLock, *, is_alone: bool) -> None:
        """Give each struct its cells of the memory."""
        cells, end = memory.cast("d"), 0

        def take(count: int) -> memoryview[float]:
            nonlocal end
            end += count
            return cells[end - count : end]

        self.rate = RateState(take(RateState.cells()), lock, is_alone=is_alone)
        self.budget = BudgetState(take(BudgetState.cells()), lock, is_alone=is_alone)
        self.progress = ProgressTimes(take(ProgressTimes.CELLS))
        self.lease = LeaseDeadline(take(LeaseDeadline.CELLS))
        self.stop = StopFlag(take(StopFlag.CELLS))
        self.hot_key_paces = HotKeyPaces(take(MAX_PACES * PACE_CELLS), lock)
        self.item_counts = ItemCounts(cells[end:])

    def _reset(self) -> None:
        """Store what is not 0 at the start of a run."""
        self.rate.store()
        self.budget.store()
        self.progress.failing_since_s, self.progress.progress_s = math.nan, -math.inf
        self.lease.sure_until_s = math.inf


class SharedByProcesses(SharedState):
    """Shared state of several processes; passed to each when it is started."""

    def __init__(self, processes: int = 1) -> None:
        """Create the state at the start of a run.

        Raises:
            OSError: the system has no room for a file of a few KiB.
        """
        self._map(_nameless_file(_size_bytes(processes)))
        self._reset()

    def __getstate__(self) -> object:
        return reduction.DupFd(self._file)

    def __setstate__(self, file: Any) -> None:
        self._map(file.detach())

    def joined(self) -> None:
        """Prepare for use in a forked process, where no other thread uses the state: threads are not copied."""
        self._lock.reset()

    def _map(self, file: int) -> None:
        self._file = file
        self._lock = _FileLock(file)
        self._lay_out(memoryview(mmap.mmap(file, os.fstat(file).st_size)), self._lock, is_alone=False)


def _size_bytes(processes: int) -> int:
    fixed = ProgressTimes.CELLS + LeaseDeadline.CELLS + StopFlag.CELLS + ItemCounts.CELLS
    cells = RateState.cells() + BudgetState.cells() + MAX_PACES * PACE_CELLS + fixed + 2 * processes
    return cells * 8  # doubles


def _nameless_file(size_bytes: int) -> int:
    """Create an unnamed file, in memory where supported, that disappears when last closed."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("ingest-cli")
    else:
        with tempfile.TemporaryFile() as temporary:
            file = os.dup(temporary.fileno())
    os.ftruncate(file, size_bytes)
    return file
