"""How fast to write: exactly as fast as was asked for, or as fast as the table takes it.

One reservation clock for all that write (a token bucket without a bucket, GCRA: ITU-T I.371): each write
reserves the next stretch of time that its capacity units are worth at the current rate, and waits for
it. Under the ceiling the rate follows additive increase and multiplicative decrease (Chiu and Jain,
1989): a throttle that concerns the whole table takes a share off, calm adds to it again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from ingest_cli.errors import UsageError
from ingest_cli.policies.clock import Clock
from ingest_cli.policies.shared import Shared

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
    """The rate of one run, shared by all that write, in whichever process."""

    def __init__(self, clock: Clock, shared: Shared, rules: Rules | None = None) -> None:
        """Join those that write at a rate; see `starting` for the first of them.

        Args:
            clock: tells the time, and lets it pass. It is the same in all processes of a machine.
            shared: the rate.
            rules: how it moves.
        """
        self._clock = clock
        self._rules = rules or Rules()
        self._shared = shared

    @classmethod
    def starting(
        cls,
        clock: Clock,
        ceiling_wcu_per_s: float | None,
        start_wcu_per_s: float = ON_DEMAND_START_WCU_PER_S,
        shared: Shared | None = None,
        rules: Rules | None = None,
    ) -> Self:
        """Start at the ceiling or, without one, where it is known to be safe.

        Args:
            clock: tells the time, and lets it pass.
            ceiling_wcu_per_s: never to be exceeded; None: find out what the table takes.
            start_wcu_per_s: where to begin finding out.
            shared: where the rate is kept; None: for this process alone.
            rules: how the rate moves.
        """
        pacer = cls(clock, shared or Shared(), rules)
        with pacer._shared as state:
            state.ceiling_wcu_per_s = math.nan if ceiling_wcu_per_s is None else ceiling_wcu_per_s
            state.rate_wcu_per_s = start_wcu_per_s if ceiling_wcu_per_s is None else ceiling_wcu_per_s
            state.throttled_at_wcu_per_s = math.nan
            state.last_throttle_s = state.settled_s = -math.inf
            state.ready_s = state.adapted_s = clock.monotonic_s()
            state.idle = 1.0
        return pacer

    @property
    def shared(self) -> Shared:
        """What all that write at this rate have in common."""
        return self._shared

    @property
    def rate_wcu_per_s(self) -> float:
        """The current rate."""
        return self._shared.look()[0]

    @property
    def ceiling_wcu_per_s(self) -> float | None:
        """The current ceiling."""
        ceiling = self._shared.look()[1]
        return None if math.isnan(ceiling) else ceiling

    def acquire(self, wcu: float) -> None:
        """Wait until `wcu` capacity units may be used."""
        with self._shared as state:
            now = self._clock.monotonic_s()
            self._adapt(state, now)
            start = max(state.ready_s, now)
            state.idle = float(state.ready_s < now)
            state.ready_s = start + wcu / state.rate_wcu_per_s
        if start > now:
            self._clock.sleep(start - now)

    def charge(self, wcu: float) -> None:
        """Account for units that were used beyond (or, negative, short of) those acquired."""
        if wcu:
            with self._shared as state:
                state.ready_s += wcu / state.rate_wcu_per_s

    def throttled(self) -> None:
        """The table as a whole could not take the rate."""
        with self._shared as state:
            now = self._clock.monotonic_s()
            if now < state.settled_s:
                return
            self._adapt(state, now)
            state.last_throttle_s = now
            state.settled_s = max(state.ready_s, now) + self._rules.settle_s
            state.throttled_at_wcu_per_s = state.rate_wcu_per_s
            state.rate_wcu_per_s = max(state.rate_wcu_per_s * self._rules.decrease, MIN_WCU_PER_S)

    def set_ceiling(self, wcu_per_s: float) -> None:
        """The table's capacity, and with it the ceiling, is another one now."""
        with self._shared as state:
            if wcu_per_s == state.ceiling_wcu_per_s:
                return
            # What is provisioned can be used; throttles were about the old capacity.
            state.ceiling_wcu_per_s = state.rate_wcu_per_s = wcu_per_s
            state.throttled_at_wcu_per_s = math.nan
            now = self._clock.monotonic_s()
            state.ready_s = min(state.ready_s, now + 1.0)
            state.settled_s = state.ready_s + self._rules.settle_s

    def _adapt(self, state: Shared, now: float) -> None:
        """Let the rate grow for the time that has passed since it last did."""
        elapsed, state.adapted_s = now - max(state.adapted_s, state.settled_s), now
        rate, ceiling, throttled_at = state.rate_wcu_per_s, state.ceiling_wcu_per_s, state.throttled_at_wcu_per_s
        if rate >= ceiling or now < state.settled_s:  # without a ceiling, which is NaN, no rate is too high
            return
        rules = self._rules
        if now - state.last_throttle_s >= rules.calm_s:
            state.throttled_at_wcu_per_s = throttled_at = math.nan
        if not math.isnan(throttled_at):
            share = rules.recover_per_s if rate < rules.near * throttled_at else rules.probe_per_s
            rate += max(share * throttled_at, MIN_WCU_PER_S * share) * elapsed
        elif not state.idle:  # nobody waits: nothing would be learnt from a higher rate
            rate *= rules.climb_per_s ** min(elapsed, 1.0)
        state.rate_wcu_per_s = rate if math.isnan(ceiling) else min(rate, ceiling)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What `--max-wcu`, or `--max-rcu`, asks for.

    Attributes:
        wcu_per_s: a number (of read capacity units, where it is about reading); or
        share: a share of the table's provisioned capacity, above 0 and up to 1. Neither: all of it.
        option: where it was given.
    """

    wcu_per_s: float | None = None
    share: float | None = None
    option: str = "--max-wcu"

    @classmethod
    def parse(cls, text: str | None, option: str = "--max-wcu") -> Self:
        """What the text given with `option` means.

        Raises:
            UsageError: nothing.
        """
        if text is None:
            return cls(option=option)
        number = text.strip().removesuffix("%")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if text.strip().endswith("%"):
            if not 0 < value <= 100:  # noqa: PLR2004 - per cent
                raise UsageError(f"{option} takes a percentage above 0 % and up to 100 %, not {text}")
            return cls(share=value / 100, option=option)
        if not 1 <= value < float("inf"):
            units = "read" if option == "--max-rcu" else "write"
            raise UsageError(
                f"{option} takes a number of {units} capacity units per second from 1 on, or NN%, not {text}"
            )
        return cls(wcu_per_s=value, option=option)

    def of(self, provisioned_wcu_per_s: float | None) -> float | None:
        """The ceiling for a table of this provisioned capacity; None: find out what the table takes.

        Raises:
            UsageError: a share of a capacity that there is not.
        """
        if provisioned_wcu_per_s is None:
            if self.share is not None:
                raise UsageError(
                    f"{self.option} {self.share:.0%} is a share of provisioned capacity, but the table is on-demand; "
                    "give a number of capacity units per second"
                )
            return self.wcu_per_s
        bounds = (self.wcu_per_s, provisioned_wcu_per_s * (1.0 if self.share is None else self.share))
        return min(bound for bound in bounds if bound is not None)
