"""Limit the running time of a command: after it, request a stop as a signal would.

Uses an alarm of the operating system instead of a thread, which would exist before workers are forked. The alarm runs
on a clock that cannot be set (`setitimer(2)`, ITIMER_REAL).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

_SOON_S = 0.001


def _set_alarm(delay_s: float, handler: Callable[[], None]) -> None:
    """Call `handler` once, in the main thread, after `delay_s` seconds; a delay of 0 cancels it."""

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - Python's signature
        handler()

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, delay_s)


class RunningTime:
    """Running time since this object was created."""

    def __init__(
        self,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
        set_alarm: Callable[[float, Callable[[], None]], None] = _set_alarm,
    ) -> None:
        """Start counting.

        Args:
            limit_s: seconds that the command may take.
            clock: clock in seconds that never go back.
            set_alarm: schedules a call after some seconds.
        """
        self._clock = clock
        self._set_alarm = set_alarm
        self._over_s = clock() + limit_s

    def watch(self, when_over: Callable[[], None]) -> None:
        """Call `when_over` once the time is over; at once if it already is."""

        def look() -> None:
            left_s = self._over_s - self._clock()
            if left_s > 0:
                self._set_alarm(left_s, look)
            else:
                when_over()

        self._set_alarm(max(self._over_s - self._clock(), _SOON_S), look)

    def end(self) -> None:
        """Cancel the call."""
        self._set_alarm(0.0, lambda: None)
