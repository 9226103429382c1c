"""Retry what was not acknowledged, and only that.

Exponential backoff with full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture
Blog, 2015). The time without progress limits the retries, not the number of attempts: under a
throttle a batch may need dozens while the load as a whole makes progress.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from ingest_cli.errors import BusyError, RefusedBatchError, TransientFaultError, TryAgainError, UnreachableError
from ingest_cli.items.batching import Batch
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import ProgressTimes, SharedState
from ingest_cli.runtime.stop import CONTINUE, StopRequest
from ingest_cli.sinks.interface import Receipt, Sink
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys

T = TypeVar("T")

LEAST_ATTEMPT_S = 0.25
"""Minimum seconds for any attempt: longer than a connection and an answer take within a region."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delay before attempt n + 1: uniform in 0 to min(cap, base · 2ⁿ).

    Attributes:
        base_s: seconds; of the order of an answer's latency.
        cap_s: seconds; long enough for a throttled table to recover, short enough to notice that it has.
    """

    base_s: float = 0.05
    cap_s: float = 10.0

    def delay_s(self, attempt: int, random: Random) -> float:
        """Return the seconds to wait after failed attempt number `attempt`, counted from 0."""
        return random.uniform(0, min(self.cap_s, self.base_s * 2.0 ** min(attempt, 32)))


class Progress:
    """Time of failures without an acknowledgement, over all writers in all processes.

    Only failures count: not time without anything to write, nor time spent waiting for the rate.
    """

    def __init__(self, clock: Clock, times: ProgressTimes | None = None) -> None:
        self._clock = clock
        self._times = times or SharedState().progress

    def made(self) -> None:
        """Record an acknowledgement."""
        self._times.failing_since_s = math.nan
        self._times.progress_s = self._clock.monotonic_s()

    def failed(self, began_s: float | None = None) -> float:
        """Record a failed attempt.

        Args:
            began_s: time at which it was sent; None: now. An attempt that timed out has taken that time.

        Returns:
            Seconds since the first failed attempt after the last progress was sent.
        """
        now_s, since_s = self._clock.monotonic_s(), self._times.failing_since_s
        began_s = max(now_s if began_s is None else began_s, self._times.progress_s)
        if math.isnan(since_s) or began_s < since_s:
            since_s = self._times.failing_since_s = began_s
        return now_s - since_s

    def failing_s(self) -> float:
        """Return the seconds since the first failed attempt after the last progress was sent; 0 without one."""
        since_s = self._times.failing_since_s
        return 0.0 if math.isnan(since_s) else self._clock.monotonic_s() - since_s


@dataclass(frozen=True, slots=True)
class RetryRules:
    """Parameters and collaborators of `Retrying`.

    Attributes:
        clock: source of the time.
        random: source of jitter.
        progress: shared by all writers.
        give_up_after_s: seconds of failures without any progress after which the run stops, resumable.
        on_retry: called with the reason of each attempt to be retried.
        stop: stop request that ends retries.
        backoff: delays between attempts.
        doing: what failed, as a participle for the message.
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
        """Return the seconds allowed for an attempt made now; at least a minimum, even near the deadline."""
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
        """Count an attempt to be retried, or end the retries.

        Raises:
            TryAgainError: no progress for too long, or the run is being stopped.
        """
        self.on_retry(reason)
        self.stop.check()
        if self.progress.failed() >= self.give_up_after_s:
            raise TryAgainError(
                f"nothing could be {self.doing} for {self.give_up_after_s:,.0f} s (last reason: {reason}); {CONTINUE}, "
                "when the table has capacity"
            )


def retry_until_done(action: Callable[[], T], rules: RetryRules) -> T:
    """Repeat an action until it succeeds, while DynamoDB is too busy for it.

    Raises:
        IngestError: raised by `action`, if a retry is useless or too late.
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
    """Sink that retries until every item is acknowledged or refused, except items of hot keys."""

    def __init__(self, sink: Sink, rules: RetryRules, hot_keys: HotKeys) -> None:
        self._sink = sink
        self._rules = rules
        self._hot_keys = hot_keys

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`; only items of hot keys are returned as unprocessed.

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
                self._rules.progress.made()  # a final answer
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
