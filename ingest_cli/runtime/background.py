"""Periodic background actions of a run: renew the lease, save the state, check the capacity."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Repeater:
    """A thread that repeats an action; a context manager that ends it."""

    def __init__(
        self, name: str, every_s: float, action: Callable[[], None], on_fault: Callable[[Exception], None]
    ) -> None:
        """Set up; the first call comes after `every_s` seconds.

        Args:
            name: name of the thread.
            every_s: seconds between the end of one call and the start of the next.
            action: the action to repeat.
            on_fault: called with an exception of `action`, which is repeated nevertheless.
        """
        self._every_s = every_s
        self._action = action
        self._on_fault = on_fault
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread; see `end`."""
        self.end()

    def end(self) -> None:
        """End without waiting for an action in progress."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._action()
            except Exception as fault:  # noqa: BLE001 - passed to the callback; a thread has no caller
                self._on_fault(fault)


def within(limit_s: float, action: Callable[[], None]) -> bool:
    """Run an action that may hang for at most `limit_s` seconds; return whether it completed.

    Raises:
        Exception: any exception that `action` raised in that time.
    """
    faults: list[Exception] = []

    def run() -> None:
        try:
            action()
        except Exception as fault:  # noqa: BLE001 - raised again below
            faults.append(fault)

    thread = threading.Thread(target=run, name="bounded", daemon=True)
    thread.start()
    thread.join(limit_s)
    if faults:
        raise faults[0]
    return not thread.is_alive()
