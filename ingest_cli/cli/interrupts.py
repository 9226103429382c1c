"""Signals as wishes: the first one asks the run to stop politely, the second one ends the process."""

from __future__ import annotations

import os
import signal
from types import FrameType

from ingest_cli.errors import ExitCode
from ingest_cli.policies.shutdown import StopRequest


class Interrupts:
    """Turns SIGINT and SIGTERM into a stop request for the run that is under way.

    Attributes:
        seen: whether there was one.
    """

    def __init__(self) -> None:
        """Take over from the handlers there are."""
        self.seen = False
        self._current = StopRequest()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def fresh(self) -> StopRequest:
        """The stop request of the next run."""
        if not self.seen:
            self._current = StopRequest()
        return self._current

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's signature
        if self.seen:
            os._exit(ExitCode.ABORTED)
        self.seen = True
        self._current.request(f"stopped by {signal.Signals(number).name}")
