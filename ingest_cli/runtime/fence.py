"""No write without the lock: a process that was stopped, and wakes up, must not write into what others do by now.

The lock of a dataset is a lease. As long as it is renewed in time it is ours; a process that slept through its end
(stopped, swapped out, in a laptop that was closed) cannot know whether it still is. It is told by the time since the
machine was started, which goes on in all of these cases, and is not set by anybody (Martin Kleppmann, "How to do
distributed locking", 2016, on why the time of a lease has to be looked at where something is written).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ingest_cli.runtime.shared_state import Shared

MARGIN_S = 5.0
"""Seconds that a request may be under way: so long before its end a lease is not relied on any more."""

OVERDUE = "lock_overdue"
"""Reason for which an attempt has to be repeated: the lock could not be renewed in time."""

_CLOCK = getattr(
    time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC
)  # on Linux the latter stands still in a suspended machine


def since_start_s() -> float:
    """Seconds since the machine was started, including those in which it was suspended."""
    return time.clock_gettime(_CLOCK)


class Fence:
    """Whether the lock is ours for sure; the same for all that write, in whichever process."""

    def __init__(self, shared: Shared, now_s: Callable[[], float] = since_start_s) -> None:
        self._shared = shared
        self.now_s = now_s

    def is_sure(self) -> bool:
        """Whether something may be written."""
        return self.now_s() < self._shared.sure_until_s

    def extend(self, began_s: float, lease_s: float) -> None:
        """Rely on a lease of so many seconds, which was asked for at `began_s`, as `now_s` counts."""
        self._shared.sure_until_s = began_s + lease_s - MARGIN_S
