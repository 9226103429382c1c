"""Time as a collaborator, so that tests need not wait for it."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from ingest_cli.runtime.fibers import Fibers


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Return after `duration_s` seconds, or earlier if there is nothing left to wait for."""
        ...


class SystemClock:
    """The real time. Fibers let each other run while they sleep; a sleep ends early when `stop` is set."""

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
