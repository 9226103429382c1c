"""Stop requests: their reason, and their distribution to all parts of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ingest_cli.errors import TryAgainError

_AGAIN = "run the same command again"
CONTINUE = f"{_AGAIN} to resume"


def without_restart(advice: str) -> str:
    """Return the advice to resume without --restart, which would start over again."""
    if _AGAIN in advice:
        return advice.replace(_AGAIN, "run the same command without --restart")
    return advice if "--restart" in advice else f"{advice}; to resume, omit --restart"


class StopRequest:
    """Set once, from a signal handler or any thread; visible to all.

    Attributes:
        event: set once a stop was requested.
        is_restarted: whether the run was restarted with --restart, and can be resumed without it.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.is_restarted = False
        self._fault: BaseException = TryAgainError(f"stopped; {CONTINUE}")
        self._callbacks: list[Callable[[], None]] = []

    def on_request(self, callback: Callable[[], None]) -> None:
        """Call `callback` on the first request; it must not wait, since it may run in a signal handler."""
        self._callbacks.append(callback)
        if self.event.is_set():
            callback()

    def request(self, reason: str) -> None:
        """Ask the run to drain requests in flight, save, and end. The first reason is kept."""
        self.fail(TryAgainError(f"{reason}; {CONTINUE}"))

    def fail(self, fault: BaseException) -> None:
        """Ask the run to end and then raise `fault`."""
        if not self.event.is_set():
            self._fault = fault
            self.event.set()
            for callback in self._callbacks:
                callback()

    @property
    def requested(self) -> bool:
        """Return whether a stop was requested."""
        return self.event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds` or until a stop is requested.

        Raises:
            Exception: as in `check`.
        """
        self.event.wait(seconds)
        self.check()

    def check(self) -> None:
        """Raise if a stop was requested.

        Raises:
            TryAgainError: gives the reason, and what to do.
            Exception: the fault that was passed to `fail`.
        """
        if self.event.is_set():
            raise self._fault
