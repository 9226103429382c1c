"""How fast to write: exactly as fast as was asked for, or as fast as the table takes it.

One reservation clock for all threads (a token bucket without a bucket, GCRA: ITU-T I.371): each write
reserves the next stretch of time that its capacity units are worth at the current rate, and waits for
it. Under the ceiling the rate follows additive increase and multiplicative decrease (Chiu and Jain,
1989): a throttle that concerns the whole table takes a share off, calm adds to it again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from ingest_cli.errors import UsageError
from ingest_cli.policies.clock import Clock

ON_DEMAND_START_WCU_PER_S = 4000.0
"""Where the climb on an on-demand table begins: what a new one takes (AWS, "DynamoDB on-demand capacity mode")."""

MIN_WCU_PER_S = 1.0


@dataclass(frozen=True, slots=True)
class Rules:
    """How the rate moves.

    Attributes:
        decrease: factor on a throttle.
        settle_s: seconds, after the last write that was reserved at the old rate, during which further throttles are
            echoes of the same one.
        recover_per_s: share of the last rate that was throttled to add a second, up to near that rate.
        probe_per_s: likewise beyond.
        near: what near means, as a share of that rate.
        calm_s: seconds without a throttle after which the last one says nothing any more. Where the rate follows
            the capacity, throttles are about 5 s apart; a table that took nothing for a while throws it far below.
        climb_per_s: factor a second while no throttle says otherwise.
    """

    decrease: float = 0.8
    settle_s: float = 0.5
    recover_per_s: float = 0.10
    probe_per_s: float = 0.02
    near: float = 0.95
    calm_s: float = 10.0
    climb_per_s: float = 2.0


class Pacer:
    """The rate of one run, shared by all that write."""

    def __init__(
        self,
        clock: Clock,
        ceiling_wcu_per_s: float | None,
        start_wcu_per_s: float = ON_DEMAND_START_WCU_PER_S,
        rules: Rules | None = None,
    ) -> None:
        """Start at the ceiling or, without one, where it is known to be safe.

        Args:
            clock: tells the time, and lets it pass.
            ceiling_wcu_per_s: never to be exceeded; None: find out what the table takes.
            start_wcu_per_s: where to begin finding out.
            rules: how the rate moves.
        """
        self._clock = clock
        self._rules = rules or Rules()
        self._lock = threading.Lock()
        self._ceiling = ceiling_wcu_per_s
        self._rate = start_wcu_per_s if ceiling_wcu_per_s is None else ceiling_wcu_per_s
        self._throttled_at: float | None = None
        self._last_throttle_s = self._settled_s = float("-inf")
        now = clock.monotonic_s()
        self._ready_s = self._adapted_s = now
        self._idle = True

    @property
    def rate_wcu_per_s(self) -> float:
        """The current rate."""
        return self._rate

    @property
    def ceiling_wcu_per_s(self) -> float | None:
        """The current ceiling."""
        return self._ceiling

    def acquire(self, wcu: float) -> None:
        """Wait until `wcu` capacity units may be used."""
        with self._lock:
            now = self._clock.monotonic_s()
            self._adapt(now)
            start = max(self._ready_s, now)
            self._idle = self._ready_s < now
            self._ready_s = start + wcu / self._rate
        if start > now:
            self._clock.sleep(start - now)

    def charge(self, wcu: float) -> None:
        """Account for units that were used beyond (or, negative, short of) those acquired."""
        with self._lock:
            self._ready_s += wcu / self._rate

    def throttled(self) -> None:
        """The table as a whole could not take the rate."""
        with self._lock:
            now = self._clock.monotonic_s()
            if now < self._settled_s:
                return
            self._adapt(now)
            self._last_throttle_s = now
            self._settled_s = max(self._ready_s, now) + self._rules.settle_s
            self._throttled_at = self._rate
            self._rate = max(self._rate * self._rules.decrease, MIN_WCU_PER_S)

    def set_ceiling(self, wcu_per_s: float) -> None:
        """The table's capacity, and with it the ceiling, is another one now."""
        with self._lock:
            if wcu_per_s == self._ceiling:
                return
            self._ceiling = self._rate = wcu_per_s  # what is provisioned can be used; throttles were about the old one
            self._throttled_at = None
            now = self._clock.monotonic_s()
            self._ready_s = min(self._ready_s, now + 1.0)
            self._settled_s = self._ready_s + self._rules.settle_s

    def _adapt(self, now: float) -> None:
        """Let the rate grow for the time that has passed since it last did."""
        elapsed, self._adapted_s = now - max(self._adapted_s, self._settled_s), now
        if self._ceiling is not None and self._rate >= self._ceiling:
            return
        if now < self._settled_s:
            return
        rules = self._rules
        if now - self._last_throttle_s >= rules.calm_s:
            self._throttled_at = None
        if self._throttled_at is not None:
            share = rules.recover_per_s if self._rate < rules.near * self._throttled_at else rules.probe_per_s
            self._rate += max(share * self._throttled_at, MIN_WCU_PER_S * share) * elapsed
        elif not self._idle:  # nobody waits: nothing would be learnt from a higher rate
            self._rate *= rules.climb_per_s ** min(elapsed, 1.0)
        if self._ceiling is not None:
            self._rate = min(self._rate, self._ceiling)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What `--max-wcu` asks for.

    Attributes:
        wcu_per_s: a number; or
        share: a share of the table's provisioned capacity, above 0 and up to 1. Neither: all of it.
    """

    wcu_per_s: float | None = None
    share: float | None = None

    def of(self, provisioned_wcu_per_s: float | None) -> float | None:
        """The ceiling for a table of this provisioned capacity; None: find out what the table takes.

        Raises:
            UsageError: a share of a capacity that there is not.
        """
        if provisioned_wcu_per_s is None:
            if self.share is not None:
                raise UsageError(
                    f"--max-wcu {self.share:.0%} is a share of provisioned capacity, but the table is on-demand; "
                    "give a number of write capacity units per second"
                )
            return self.wcu_per_s
        bounds = (self.wcu_per_s, provisioned_wcu_per_s * (1.0 if self.share is None else self.share))
        return min(bound for bound in bounds if bound is not None)
