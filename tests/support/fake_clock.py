"""Clock whose time passes only in `sleep`, or when a test moves it."""

from __future__ import annotations

import threading


class FakeClock:
    """A `Clock` whose sleeps return at once and move the time on. Used from several threads at once.

    Attributes:
        slept_s: every sleep so far, in order.
    """

    def __init__(self, now_s: float = 1_000.0) -> None:
        self.slept_s: list[float] = []
        self._now_s = now_s
        self._lock = threading.Lock()

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return self._now_s

    def sleep(self, duration_s: float) -> None:
        """See `Clock.sleep`."""
        assert duration_s >= 0, "time does not go back"
        with self._lock:
            self.slept_s.append(duration_s)
            self._now_s += duration_s

    def advance(self, duration_s: float) -> None:
        """Let time pass without anybody sleeping."""
        with self._lock:
            self._now_s += duration_s

    def __call__(self) -> float:
        """The time, for what takes a function."""
        return self._now_s
