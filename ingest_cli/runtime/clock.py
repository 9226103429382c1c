"""Clock interface, so that tests need not wait."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from ingest_cli.runtime.fibers import Fibers


class Clock(Protocol):
    """Source of the time, and of sleeps."""

    def monotonic_s(self) -> float:
        """Return the seconds since a fixed moment; never decreases."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Return after `duration_s` seconds, or earlier if there is nothing left to wait for."""
        ...


class SystemClock:
    """System clock. Other fibers run during a sleep; a sleep ends early when `stop` is set."""

    def __init__(self, stop: threading.Event, fibers: Fibers) -> None:
        self._stop = stop
        self._fibers = fibers

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """See `Clock.sleep`."""
        if self._fibers.is_own_thread():
            self._fibers.sleep(duration_s)
        else:
            self._stop.wait(duration_s)
