"""A wish to stop: who had it, and that everybody hears of it."""

from __future__ import annotations

import threading

from ingest_cli.errors import TryAgainError

CONTINUE = "run the same command again to go on"


class StopRequest:
    """Set once, from a signal handler or any thread; seen by all."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._fault: BaseException = TryAgainError(f"stopped; {CONTINUE}")

    def request(self, reason: str) -> None:
        """Ask the run to drain what is in flight, save, and end. The first reason counts."""
        self.fail(TryAgainError(f"{reason}; {CONTINUE}"))

    def fail(self, fault: BaseException) -> None:
        """Ask the run to end, and to raise `fault` when it does."""
        if not self.event.is_set():
            self._fault = fault
            self.event.set()

    @property
    def requested(self) -> bool:
        """Whether somebody asked."""
        return self.event.is_set()

    def wait(self, seconds: float) -> None:
        """Let time pass, as long as nobody asks.

        Raises:
            Exception: as `check`.
        """
        self.event.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise if somebody asked.

        Raises:
            TryAgainError: with the reason, and what to do.
            Exception: what the run was made to fail with.
        """
        if self.event.is_set():
            raise self._fault
