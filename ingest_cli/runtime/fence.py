"""Fence against writes without the lock: a process that was suspended must not write once its lease may have expired.

The lock of a dataset is a lease, held as long as it is renewed in time. A process that slept past its end (stopped,
swapped out, in a closed laptop) cannot know whether it still holds it. The check uses the time since boot, which
continues in all of these cases and cannot be set (Martin Kleppmann, "How to do distributed locking", 2016, on why
the lease time must be checked where something is written).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ingest_cli.runtime.shared_state import LeaseDeadline

MARGIN_S = 5.0
"""Seconds that a request may take: the lease is not relied on this long before its end."""

OVERDUE = "lock_overdue"
"""Reason for repeating an attempt: the lock could not be renewed in time."""

_CLOCK = getattr(
    time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC
)  # CLOCK_MONOTONIC on Linux stops while the machine is suspended


def since_start_s() -> float:
    """Return the seconds since boot, including those during which the machine was suspended."""
    return time.clock_gettime(_CLOCK)


class Fence:
    """Check whether the lock is certainly held; shared by all writing processes."""

    def __init__(self, lease: LeaseDeadline, now_s: Callable[[], float] = since_start_s) -> None:
        self._lease = lease
        self.now_s = now_s

    def is_sure(self) -> bool:
        """Return whether writing is allowed."""
        return self.now_s() < self._lease.sure_until_s

    def extend(self, began_s: float, lease_s: float) -> None:
        """Rely on a lease of `lease_s` seconds that was requested at `began_s`, on the clock `now_s`."""
        self._lease.sure_until_s = began_s + lease_s - MARGIN_S
