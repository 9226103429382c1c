"""Send again what was not acknowledged, and only that.

Exponential backoff with full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture
Blog, 2015). How long to go on is decided by time without progress, not by a number of attempts: under a
throttle a batch may well need dozens while the load as a whole moves on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from ingest_cli.batching import Batch
from ingest_cli.errors import TryAgainError
from ingest_cli.policies.clock import Clock
from ingest_cli.sinks.interface import Receipt, Refusal, Sink, TransientFaultError


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
    """When anything was last acknowledged, by whichever thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_s = clock.monotonic_s()

    def made(self) -> None:
        """Something was acknowledged just now."""
        self._last_s = self._clock.monotonic_s()

    def missing_s(self) -> float:
        """Seconds without progress."""
        return self._clock.monotonic_s() - self._last_s


@dataclass(frozen=True, slots=True)
class RetryRules:
    """What `Retrying` works with.

    Attributes:
        clock: tells the time.
        random: source of the jitter.
        progress: shared by all threads of the run.
        give_up_after_s: seconds without any progress after which the run stops, resumable.
        on_retry: told the reason of each attempt that has to be repeated.
        stop: when set, nothing is sent again.
        backoff: how long to wait.
    """

    clock: Clock
    random: Random
    progress: Progress
    give_up_after_s: float
    on_retry: Callable[[str], None]
    stop: threading.Event
    backoff: Backoff = Backoff()


class Retrying:
    """A sink that keeps at it until all of a batch is acknowledged or refused."""

    def __init__(self, sink: Sink, rules: RetryRules) -> None:
        self._sink = sink
        self._rules = rules

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`; nothing is left unprocessed.

        Raises:
            TryAgainError: no progress for too long, or the run is being stopped.
        """
        rest: Batch | None = batch
        acknowledged, wcu, refused = 0, 0.0, tuple[Refusal, ...]()
        attempt = 0
        while rest is not None:
            reason = "unprocessed"
            try:
                receipt = self._sink.put(rest)
            except TransientFaultError as fault:
                reason = fault.reason
            else:
                acknowledged += receipt.acknowledged
                wcu += receipt.wcu
                refused += receipt.refused
                rest = receipt.unprocessed
                if receipt.acknowledged:
                    self._rules.progress.made()
                    attempt = 0
            if rest is not None:
                self._wait(attempt, reason)
                attempt += 1
        return Receipt(acknowledged, wcu, refused=refused)

    def _wait(self, attempt: int, reason: str) -> None:
        rules = self._rules
        rules.on_retry(reason)
        if rules.progress.missing_s() >= rules.give_up_after_s:
            raise TryAgainError(
                f"nothing could be written for {rules.give_up_after_s:,.0f} s (last reason: {reason}); "
                "run the same command again when the table can take it"
            )
        rules.clock.sleep(rules.backoff.delay_s(attempt, rules.random))
        if rules.stop.is_set():
            raise TryAgainError("the run was stopped; run the same command again to go on")
