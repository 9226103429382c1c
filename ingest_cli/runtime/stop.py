"""A wish to stop: who had it, and that everybody hears of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ingest_cli.errors import TryAgainError

_AGAIN = "run the same command again"
CONTINUE = f"{_AGAIN} to go on"


def without_restart(advice: str) -> str:
    """What to say of a run with --restart that can be gone on with: the same command would begin it once more."""
    if _AGAIN in advice:
        return advice.replace(_AGAIN, "run the same command without --restart")
    return advice if "--restart" in advice else f"{advice}; to go on, leave --restart out"


class StopRequest:
    """Set once, from a signal handler or any thread; seen by all.

    Attributes:
        event: set once somebody asked.
        is_begun_anew: whether the run has begun anew, as --restart asks for, and can be gone on with.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.is_begun_anew = False
        self._fault: BaseException = TryAgainError(f"stopped; {CONTINUE}")
        self._told: list[Callable[[], None]] = []

    def tell(self, hear: Callable[[], None]) -> None:
        """Have `hear` called as soon as somebody asks: from a signal handler, too, so that it must not wait."""
        self._told.append(hear)
        if self.event.is_set():
            hear()

    def request(self, reason: str) -> None:
        """Ask the run to drain what is in flight, save, and end. The first reason counts."""
        self.fail(TryAgainError(f"{reason}; {CONTINUE}"))

    def fail(self, fault: BaseException) -> None:
        """Ask the run to end, and to raise `fault` when it does."""
        if not self.event.is_set():
            self._fault = fault
            self.event.set()
            for hear in self._told:
                hear()

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
