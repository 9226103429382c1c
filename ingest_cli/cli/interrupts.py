"""Convert signals to stop requests: the first one asks the run to stop, the second one ends the process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pyarrow as pa

from ingest_cli.cli import stop_signals
from ingest_cli.cli.console import Log
from ingest_cli.errors import ExitCode, TryAgainError
from ingest_cli.runtime.background import within
from ingest_cli.runtime.stop import CONTINUE, StopRequest, without_restart

LAST_RESORT_S = 9.0
"""Seconds after which a stopping run is ended even if it hangs, in a library or in the network.

Draining and saving are over by then, and the checkpoint is saved; only the report is lost.
"""

LAST_WORD_S = 0.5
"""Maximum seconds to print the final message."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let a signal interrupt the block, which waits for input.

    Raises:
        TryAgainError: there was a signal; click would treat KeyboardInterrupt like an empty answer.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - Python's signature
        raise TryAgainError(f"stopped by {signal.Signals(number).name}; {CONTINUE}")

    before = {number: signal.signal(number, interrupt) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Interrupts:
    """Convert SIGINT, SIGTERM and SIGHUP to a stop request for the current run.

    Attributes:
        seen: whether there was a signal, or another reason to stop.
    """

    def __init__(self, log: Log) -> None:
        """Replace the current handlers, including Arrow's, which would turn a signal into a crash."""
        pa.enable_signal_handlers(enable=False)
        self.seen = False
        self.reason = "stopped"
        self._signalled = False
        self._log = log
        self._current = StopRequest()
        for number in stop_signals():
            signal.signal(number, self._handle)

    def fresh(self) -> StopRequest:
        """Create the stop request of the next run."""
        if not self.seen:
            self._current = StopRequest()
        return self._current

    def request(self, reason: str) -> None:
        """Ask the current run to stop, and prevent further ones."""
        if self.seen:
            return
        self.seen, self.reason = True, reason
        last_resort = threading.Timer(LAST_RESORT_S, self._end, [reason])
        last_resort.daemon = True
        last_resort.start()
        self._current.request(reason)

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's signature
        if number != signal.SIGHUP:  # a lost terminal may send several
            if self._signalled:
                os._exit(ExitCode.ABORTED)
            self._signalled = True
        self.request(f"stopped by {signal.Signals(number).name}")

    def _end(self, reason: str) -> None:
        advice = without_restart(CONTINUE) if self._current.is_restarted else CONTINUE
        text = f"{reason}, and ended while waiting for an answer; {advice}"
        within(LAST_WORD_S, lambda: self._log.line(text, "error", exit_code=75))  # the log itself may hang
        os._exit(ExitCode.TRY_AGAIN)
