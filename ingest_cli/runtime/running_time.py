"""How long a command may run: when the time is over it is asked to stop, as a signal would.

By an alarm of the operating system and not by a thread, which would be there before workers are forked. The alarm runs
on a clock that nobody sets (`setitimer(2)`, ITIMER_REAL).
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

_SOON_S = 0.001


def _set_alarm(delay_s: float, handler: Callable[[], None]) -> None:
    """Have `handler` called once, in the main thread; a delay of 0 calls it off."""

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - Python's signature
        handler()

    signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, delay_s)


class RunningTime:
    """Counts from when it is made."""

    def __init__(
        self,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
        set_alarm: Callable[[float, Callable[[], None]], None] = _set_alarm,
    ) -> None:
        """Begin to count.

        Args:
            limit_s: seconds that the command may take.
            clock: tells seconds that never go back.
            set_alarm: has something done after some seconds.
        """
        self._clock = clock
        self._set_alarm = set_alarm
        self._over_s = clock() + limit_s

    def watch(self, when_over: Callable[[], None]) -> None:
        """Have `when_over` called once the time is over; at once if it is already."""

        def look() -> None:
            left_s = self._over_s - self._clock()
            if left_s > 0:
                self._set_alarm(left_s, look)
            else:
                when_over()

        self._set_alarm(max(self._over_s - self._clock(), _SOON_S), look)

    def end(self) -> None:
        """Watch no more."""
        self._set_alarm(0.0, lambda: None)
