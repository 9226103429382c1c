"""Send again what was not acknowledged, and only that.

Exponential backoff with full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture
Blog, 2015). How long to go on is decided by time without progress, not by a number of attempts: under a
throttle a batch may well need dozens while the load as a whole moves on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from ingest_cli.errors import BusyError, TryAgainError, UnreachableError
from ingest_cli.items.batching import Batch
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import Shared
from ingest_cli.runtime.stop import CONTINUE, StopRequest
from ingest_cli.sinks.interface import Receipt, RefusedBatchError, Sink, TransientFaultError
from ingest_cli.sinks.policies.hot_keys import HotKeys

T = TypeVar("T")

LEAST_ATTEMPT_S = 0.25
"""Seconds that any attempt has: longer than a connection and an answer take within a region."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before attempt n + 1: anything from 0 to min(cap, base · 2ⁿ).

    Attributes:
        base_s: seconds; the order of an answer's time.
        cap_s: seconds; long enough to let a throttled table breathe, short enough to notice that it has.
    """

    base_s: float = 0.05
    cap_s: float = 10.0

    def delay_s(self, attempt: int, random: Random) -> float:
        """Seconds to wait after failed attempt number `attempt`, counted from 0."""
        return random.uniform(0, min(self.cap_s, self.base_s * 2.0 ** min(attempt, 32)))


class Progress:
    """How long nothing was acknowledged although it was tried, by whoever writes in whichever process.

    It is the failures that count: time in which there was nothing to write, or in which the rate was kept, is none.
    """

    def __init__(self, clock: Clock, shared: Shared | None = None) -> None:
        self._clock = clock
        self._shared = shared or Shared()

    def made(self) -> None:
        """Something was acknowledged just now."""
        self._shared.failing_since_s = math.nan
        self._shared.progress_s = self._clock.monotonic_s()

    def failed(self, began_s: float | None = None) -> float:
        """Note that an attempt failed just now.

        Args:
            began_s: when it was sent; None: just now. An answer that never came has taken that time.

        Returns:
            Seconds since the first attempt was sent that failed after the last progress.
        """
        now_s, since_s = self._clock.monotonic_s(), self._shared.failing_since_s
        began_s = max(now_s if began_s is None else began_s, self._shared.progress_s)
        if math.isnan(since_s) or began_s < since_s:
            since_s = self._shared.failing_since_s = began_s
        return now_s - since_s

    def failing_s(self) -> float:
        """Seconds since the first attempt was sent that failed after the last progress; 0 if none has failed."""
        since_s = self._shared.failing_since_s
        return 0.0 if math.isnan(since_s) else self._clock.monotonic_s() - since_s


@dataclass(frozen=True, slots=True)
class RetryRules:
    """What `Retrying` works with.

    Attributes:
        clock: tells the time.
        random: source of the jitter.
        progress: shared by all that write.
        give_up_after_s: seconds of failures without any progress after which the run stops, resumable.
        on_retry: told the reason of each attempt that has to be repeated.
        stop: when set, nothing is sent again.
        backoff: how long to wait.
        doing: what could not be done, as a participle.
    """

    clock: Clock
    random: Random
    progress: Progress
    give_up_after_s: float
    on_retry: Callable[[str], None]
    stop: StopRequest
    backoff: Backoff = field(default_factory=Backoff)
    doing: str = "written"

    def left_s(self) -> float:
        """Seconds that an attempt may take which is made now; a little in any case, for what is almost over."""
        return max(self.give_up_after_s - self.progress.failing_s(), LEAST_ATTEMPT_S)

    def wait(self, attempt: int, reason: str) -> None:
        """Wait after failed attempt number `attempt`, counted from 0.

        Raises:
            TryAgainError: no progress for too long, or the run is being stopped.
        """
        self.note(reason)
        self.clock.sleep(min(self.backoff.delay_s(attempt, self.random), self.left_s()))
        self.stop.check()

    def note(self, reason: str) -> None:
        """Count an attempt that has to be repeated, and decide whether it will be.

        Raises:
            TryAgainError: no progress for too long, or the run is being stopped.
        """
        self.on_retry(reason)
        self.stop.check()
        if self.progress.failed() >= self.give_up_after_s:
            raise TryAgainError(
                f"nothing could be {self.doing} for {self.give_up_after_s:,.0f} s (last reason: {reason}); {CONTINUE}, "
                "when the table can take it"
            )


def insist(action: Callable[[], T], rules: RetryRules) -> T:
    """Do something that DynamoDB may be too busy for, until it is done.

    Raises:
        IngestError: what `action` raised, if another try is of no use or too late.
    """
    attempt = 0
    while True:
        began_s = rules.clock.monotonic_s()
        try:
            with time_limit(rules.left_s()):
                done = action()
        except (BusyError, UnreachableError) as error:
            if rules.progress.failed(began_s) >= rules.give_up_after_s:
                raise
            rules.wait(attempt, type(error).__name__)
            attempt += 1
        else:
            rules.progress.made()
            return done


class Retrying:
    """A sink that keeps at it until all of a batch is acknowledged or refused, but for items of hot keys."""

    def __init__(self, sink: Sink, rules: RetryRules, hot_keys: HotKeys) -> None:
        self._sink = sink
        self._rules = rules
        self._hot_keys = hot_keys

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`; only items of hot keys are left unprocessed.

        Raises:
            TryAgainError: no progress for too long, or the run is being stopped.
        """
        rest: Batch | None = batch
        whole: Receipt | None = None
        attempt = 0
        while rest is not None:
            reason = "unprocessed"
            left: Batch | None = rest
            try:
                receipt = self._sink.put(rest)
            except TransientFaultError as fault:
                reason = fault.reason
            except RefusedBatchError:
                self._rules.progress.made()  # an answer for good
                raise
            else:
                left, receipt = receipt.unprocessed, receipt._replace(unprocessed=None)
                whole = receipt if whole is None else whole.plus(receipt)
                if receipt.acknowledged:
                    self._rules.progress.made()
                    attempt = 0
            rest, hot = (None, None) if left is None else self._hot_keys.split(left)
            if hot is not None:
                self._rules.on_retry(reason)
                whole = (whole or Receipt(0)).plus(Receipt(0, unprocessed=hot))
            if rest is not None:
                self._rules.wait(attempt, reason)
                attempt += 1
        return whole or Receipt(0)
