"""Time as a collaborator: a clock is any callable that returns seconds and never goes back."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float]


class FakeClock:
    """A clock that stands still until it is moved.

    Args:
        now_s: where it starts.
    """

    def __init__(self, now_s: float = 1_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let that much time pass."""
        self.now_s += seconds
