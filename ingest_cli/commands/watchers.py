"""Background tasks of a load: renew the lease, save the checkpoint, follow the capacity, watch for a spot notice."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ingest_cli.errors import IngestError, LockedError, TryAgainError
from ingest_cli.report.observer import RunObserver
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.background import Repeater
from ingest_cli.runtime.fibers import LOOK_S
from ingest_cli.runtime.spot_notice import SpotNotice
from ingest_cli.runtime.stop import CONTINUE, StopRequest
from ingest_cli.sinks.policies.retry import LEAST_ATTEMPT_S
from ingest_cli.sinks.write_path import provisioned_wcu

if TYPE_CHECKING:
    from ingest_cli.aws.lease import Lease
    from ingest_cli.aws.table import Table
    from ingest_cli.checkpoint.journal import Journal
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.sinks.policies.retry import RetryRules
    from ingest_cli.sinks.write_path import WritePath

SAVE_EVERY_S = 0.5
"""Seconds of work that a crash may repeat; a save costs a few write capacity units."""

STATE_NOT_SAVED = "state_not_saved"
"""Reason of a retry: the checkpoint could not be saved, and is saved again."""

LOOK_EVERY_S = 3.0
"""Seconds between checks of the table's capacity. DescribeTable is free."""


def follow_capacity(path: WritePath, table: Table, settings: RunSettings) -> None:
    """Adapt the rate to the current provisioned capacity."""
    provisioned = provisioned_wcu(table.describe())
    if provisioned is not None and (wanted := settings.max_wcu.of(provisioned)) is not None:
        path.pacer.set_ceiling(wanted)


class StateSaver:
    """Save the checkpoint repeatedly, and stop a load whose checkpoint can no longer be saved.

    Writes wait for the saved state (`RunAhead`), so no other check would detect this.
    """

    def __init__(self, journal: Journal, rules: RetryRules, *, is_local: bool) -> None:
        """Set up.

        Args:
            journal: journal with the state to save.
            rules: seconds for which saving may fail; also clock, stop and count of retries.
            is_local: whether the state is a file, where no fault is transient.
        """
        self._journal = journal
        self._rules = rules
        self._is_local = is_local
        self._reason = ""
        self._failing_since_s = math.nan

    def save(self) -> None:
        """Save what is due, within the time that is left before the load gives up.

        Raises:
            IngestError: as `Journal.save`.
        """
        began_s = self._rules.clock.monotonic_s()
        try:
            with time_limit(self._left_s(began_s)):
                is_saved = self._journal.save_in_turn()
        except IngestError:
            if math.isnan(self._failing_since_s):
                self._failing_since_s = began_s
            raise
        if is_saved:
            self._failing_since_s, self._reason = math.nan, ""

    def _left_s(self, now_s: float) -> float:
        failing_s = 0.0 if math.isnan(self._failing_since_s) else now_s - self._failing_since_s
        return max(self._rules.give_up_after_s - failing_s, LEAST_ATTEMPT_S)

    def on_fault(self, fault: Exception) -> None:
        """Stop the load at a fault that is not transient, or when saving has failed for too long."""
        rules = self._rules
        if self._is_local or not (isinstance(fault, IngestError) and fault.transient):
            rules.stop.fail(fault)
            return
        rules.on_retry(STATE_NOT_SAVED)
        # The first reason: the last attempt is cut short, so that its reason is only the timeout.
        self._reason = self._reason or _reason(fault)
        limit_s = rules.give_up_after_s
        if rules.clock.monotonic_s() - self._failing_since_s >= limit_s:
            said = f"the state of the load could not be saved for {limit_s:,.0f} s ({self._reason}); {CONTINUE}"
            rules.stop.fail(TryAgainError(f"{said}, when the table has capacity"))


def _reason(fault: Exception) -> str:
    """Return the error message without the advice that follows a semicolon."""
    return str(fault).partition(";")[0]


class WriteObserver(RunObserver):
    """Process requests in flight while rows are read, which may take long, and account for lost workers."""

    def __init__(self, path: WritePath) -> None:
        self._turn = path.outlet.fibers.turn
        self._run_ahead = path.lanes.run_ahead

    def bytes_read(self, count: int) -> None:  # noqa: ARG002 - however many
        """See `RunObserver.bytes_read`."""
        self._turn()

    def chunk_queued(self) -> None:
        """See `RunObserver.chunk_queued`."""
        self._turn()

    def worker_lost(self, number: int, committed_items: int) -> None:
        """See `RunObserver.worker_lost`."""
        self._run_ahead.forget(number, committed_items)


@dataclass(slots=True)
class SourceWait:
    """Wait for a source (see `sources.Sleep`) while processing requests in flight.

    Attributes:
        stop: stop request that ends the wait.
        meanwhile: processes the answers that have arrived.
    """

    stop: StopRequest
    meanwhile: Callable[[], None] = lambda: None

    def __call__(self, duration_s: float) -> None:
        """See `sources.Sleep`."""
        until_s = time.monotonic() + duration_s
        left_s = duration_s
        while left_s > 0:
            self.meanwhile()
            self.stop.wait(min(left_s, LOOK_S))
            left_s = until_s - time.monotonic()
        self.meanwhile()
        self.stop.check()


@contextlib.contextmanager
def watched(path: WritePath, table: Table, settings: RunSettings, lease: Lease, journal: Journal) -> Iterator[None]:
    """Run all background tasks during the block."""
    stop = path.rules.stop

    def renew() -> None:
        lease.renew()
        path.note_state(1.0)

    def on_fault(fault: Exception) -> None:
        """End the run on a lost lease or a full disk; a busy AWS service is tried again the next time."""
        if isinstance(fault, LockedError) or not (isinstance(fault, IngestError) and fault.transient):
            stop.fail(fault)

    saver = StateSaver(journal, path.rules, is_local=settings.state_folder is not None)

    def ignored(_: Exception) -> None:
        """Ignore a failed check: throttles show the same a little later."""

    with contextlib.ExitStack() as stack:
        stack.enter_context(Repeater("lease", lease.renew_every_s, renew, on_fault))
        stack.enter_context(Repeater("state", SAVE_EVERY_S, saver.save, saver.on_fault))
        look = partial(follow_capacity, path, table, settings)
        stack.enter_context(Repeater("capacity", LOOK_EVERY_S, look, ignored))
        if settings.spot_watch:
            notice = SpotNotice.here(table.target.endpoint_url)
            if notice is not None:
                stack.enter_context(Repeater("spot", notice.every_s, lambda: notice.look(stop), ignored))
        yield
