"""Something done every few seconds beside a run: renew the lease, save the state, look at the capacity."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Repeater:
    """A thread that repeats an action; a context manager that ends with it."""

    def __init__(
        self, name: str, every_s: float, action: Callable[[], None], on_fault: Callable[[Exception], None]
    ) -> None:
        """Set up; the first time comes after `every_s` seconds.

        Args:
            name: of the thread.
            every_s: seconds between the end of one time and the begin of the next.
            action: what to do.
            on_fault: told what `action` raised; it is repeated all the same.
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
        """Begin."""
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See `end`."""
        self.end()

    def end(self) -> None:
        """End; does not wait for an action that is under way."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.wait(self._every_s):
            try:
                self._action()
            except Exception as fault:  # noqa: BLE001 - handed on; a thread has nobody else to tell
                self._on_fault(fault)


def within(limit_s: float, action: Callable[[], None]) -> bool:
    """Do something that may hang, but wait for it no longer than `limit_s` seconds; whether it was done.

    Raises:
        Exception: what `action` raised in that time.
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
