"""What all that write have to know of each other at any moment: how far time is reserved, and who wants to stop.

A handful of numbers. In one process they are attributes; with worker processes they lie in memory that all of them
share, behind a lock that outlives whoever is killed while holding it.
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import struct
import sys
import threading
from collections.abc import MutableSequence
from multiprocessing.context import BaseContext
from multiprocessing.synchronize import Lock
from types import TracebackType
from typing import Self, cast

DEAD_AFTER_S = 1.0
"""Seconds after which whoever holds the lock is taken for dead: it is held for some microseconds."""

_STATE = struct.Struct("9d")  # what is read and written under the lock, in the order of `Shared`'s attributes
_FAILING_SINCE, _STOP, _CELLS = 9, 10, 11


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
        throttled_at_wcu_per_s: the last rate that was too high; NaN: none.
        last_throttle_s: when that was.
        settled_s: until when further throttles are echoes of it.
        ready_s: until when time is reserved.
        adapted_s: when the rate was last looked at.
        idle: whether nobody waited then.
        left_wcu: what may still be consumed; NaN: no limit.
        failing_since_s: since when nothing was acknowledged although it was tried; NaN: it is.
    """

    def __init__(self) -> None:
        self._here = threading.Lock()
        self.rate_wcu_per_s = self.settled_s = self.ready_s = self.adapted_s = self.idle = 0.0
        self.ceiling_wcu_per_s = self.throttled_at_wcu_per_s = self.failing_since_s = math.nan
        self.left_wcu = math.nan
        self.last_throttle_s = -math.inf

    def __enter__(self) -> Self:
        self._here.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here.release()

    def look(self) -> None:
        """Bring `rate_wcu_per_s` and `ceiling_wcu_per_s` up to date, for reading only."""


class SharedByProcesses(Shared):
    """The same numbers for several processes; to be handed to each as it is started.

    Attributes:
        stop: whether the run is to end.
    """

    def __init__(self, context: BaseContext) -> None:
        super().__init__()
        self._cells = cast("MutableSequence[float]", context.RawArray("d", _CELLS))
        self._memory = _memory_of(self._cells)
        self._lock: Lock = context.Lock()
        self._cells[_FAILING_SINCE] = math.nan
        self._store()

    def __getstate__(self) -> tuple[MutableSequence[float], Lock]:
        return self._cells, self._lock

    def __setstate__(self, state: tuple[MutableSequence[float], Lock]) -> None:
        self._here = threading.Lock()
        self._cells, self._lock = state
        self._memory = _memory_of(self._cells)
        self._load()

    def __enter__(self) -> Self:
        self._here.acquire()
        self._lock.acquire(timeout=DEAD_AFTER_S)
        self._load()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store()
        with contextlib.suppress(ValueError):  # it was taken for dead, and somebody else gave the lock back for it
            self._lock.release()
        self._here.release()

    def look(self) -> None:
        """See `Shared.look`."""
        self.rate_wcu_per_s, self.ceiling_wcu_per_s = self._cells[0:2]

    @property
    def failing_since_s(self) -> float:
        """See `Shared`."""
        return self._cells[_FAILING_SINCE]

    @failing_since_s.setter
    def failing_since_s(self, at_s: float) -> None:
        if hasattr(self, "_cells"):
            self._cells[_FAILING_SINCE] = at_s

    @property
    def stop(self) -> bool:
        """Whether the run is to end."""
        return bool(self._cells[_STOP])

    def request_stop(self) -> None:
        """Let all processes know that the run is to end."""
        self._cells[_STOP] = 1.0

    def _load(self) -> None:
        (
            self.rate_wcu_per_s,
            self.ceiling_wcu_per_s,
            self.throttled_at_wcu_per_s,
            self.last_throttle_s,
            self.settled_s,
            self.ready_s,
            self.adapted_s,
            self.idle,
            self.left_wcu,
        ) = _STATE.unpack_from(self._memory)

    def _store(self) -> None:
        _STATE.pack_into(
            self._memory,
            0,
            self.rate_wcu_per_s,
            self.ceiling_wcu_per_s,
            self.throttled_at_wcu_per_s,
            self.last_throttle_s,
            self.settled_s,
            self.ready_s,
            self.adapted_s,
            self.idle,
            self.left_wcu,
        )


def _memory_of(cells: MutableSequence[float]) -> memoryview:
    return memoryview(cast("bytearray", cells)).cast("B")
