"""Limit the write rate to the requested ceiling or, below that, to what the table accepts.

One reservation clock serves all writers (a token bucket without a bucket, GCRA: ITU-T I.371): each write reserves the
next stretch of time that its capacity units are worth at the current rate, and waits for it.

Below the ceiling the rate follows delivery, i.e. the capacity units that were acknowledged, as BBR's does (Cardwell et
al., "BBR: Congestion-Based Congestion Control", ACM Queue 14(5), 2016), and not the number of throttles. A throttle by
itself says little: its cause may be a capacity limit, another writer, a partition split or an account
limit, whatever the rate. At one rate these look alike, so a lower one is tried: just below what was acknowledged.
If the throttles stay, they do not depend on the rate (noise): the rate goes back up, and that share of throttled
requests is tolerated from then on. If they cease, what was acknowledged is the capacity.

Must not depend on how requests are sent, nor on the caller that counts them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from ingest_cli.items.batching import Batch
from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.fence import OVERDUE, Fence
from ingest_cli.runtime.shared_state import Shared
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.interface import Receipt, RefusedBatchError, Sink, ThrottledError, TransientFaultError
from ingest_cli.sinks.policies.budget import Budget
from ingest_cli.sinks.policies.hot_keys import HotKeys

ON_DEMAND_START_WCU_PER_S = 4000.0
"""Initial rate on an on-demand table: what a new one accepts (AWS, "DynamoDB on-demand capacity mode")."""

MIN_WCU_PER_S = 1.0

SMOOTHING_S = 0.25
"""A batch worth more seconds than this at the current rate is split, so that it is spread over several seconds."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Parameters of the rate control.

    Attributes:
        below: rate tried after throttles, as a share of the acknowledged rate.
        settle_s: seconds after the last write reserved at the old rate whose answers are ignored at the
            new one.
        settle_most_s: seconds after which answers count, however much was reserved at the old rate.
        look_s: minimum time over which throttles are counted; four times that below
            `window_requests`.
        window_s: maximum time over which throttles are counted, from `window_requests` on.
        window_requests: see `window_s`.
        tolerated: share of throttled requests that is always tolerated; a table at its limit throttles far more.
        deviations: standard deviations by which the throttled requests must exceed their expected number.
        trial_throttles: throttled requests expected in a trial, if they are noise, before it is decided.
        trial_s: maximum duration of a trial.
        worse: maximum increase of the share of throttled requests over that before a trial.
        least: minimum rate while nothing is accepted, as a share of the rate before the trial.
        recheck_s: seconds after which noise is measured again; plus
        recheck_trials: this many trial durations, since a slow load needs longer for one.
        hold_s: seconds at `near` the capacity before probing above it.
        near: share of the capacity at which the rate holds.
        recover_per_s: growth of the rate up to `near`, as a share of the capacity per second.
        probe_per_s2: increase of that growth per second, as a share of the capacity, from `near` to `beyond`.
        beyond: share of the capacity at which the known capacity is dropped.
        climb_per_s: growth factor per second while no capacity is known.
    """

    below: float = 0.95
    settle_s: float = 0.25
    settle_most_s: float = 5.0
    look_s: float = 0.25
    window_s: float = 3.0
    window_requests: int = 20
    tolerated: float = 0.02
    deviations: float = 4.0
    trial_throttles: float = 12.0
    trial_s: float = 10.0
    worse: float = 0.15
    least: float = 1 / 64
    recheck_s: float = 30.0
    recheck_trials: float = 10.0
    hold_s: float = 10.0
    near: float = 0.98
    recover_per_s: float = 0.10
    probe_per_s2: float = 0.02
    beyond: float = 1.25
    climb_per_s: float = 2.0


class Pacer:
    """Rate of one run, shared by all writers in all processes."""

    def __init__(self, clock: Clock, shared: Shared, rules: Rules | None = None) -> None:
        """Join an existing rate; `starting` creates it.

        Args:
            clock: source of the time, and waits. The same in all processes of a machine.
            shared: shared state that holds the rate.
            rules: parameters of the rate control.
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
        """Start at the ceiling or, without one, at a rate known to be safe.

        Args:
            clock: source of the time, and waits.
            ceiling_wcu_per_s: maximum rate; None: determine what the table accepts.
            start_wcu_per_s: initial rate without a ceiling.
            shared: shared state for the rate; None: this process only.
            rules: parameters of the rate control.
        """
        pacer = cls(clock, shared or Shared(), rules)
        with pacer._shared as state:
            state.ceiling_wcu_per_s = math.nan if ceiling_wcu_per_s is None else ceiling_wcu_per_s
            state.rate_wcu_per_s = start_wcu_per_s if ceiling_wcu_per_s is None else ceiling_wcu_per_s
            state.ready_s = state.adapted_s = state.since_s = clock.monotonic_s()
            state.settled_s = -math.inf
            state.idle = 1.0
        return pacer

    @property
    def shared(self) -> Shared:
        """Shared state of all writers at this rate."""
        return self._shared

    @property
    def rate_wcu_per_s(self) -> float:
        """Current rate."""
        return self._shared.look()[0]

    @property
    def ceiling_wcu_per_s(self) -> float | None:
        """Current ceiling."""
        ceiling = self._shared.look()[1]
        return None if math.isnan(ceiling) else ceiling

    @property
    def reserved_s(self) -> float:
        """Seconds that a write reserved now would wait."""
        return max(self._shared.reserved_until_s() - self._clock.monotonic_s(), 0.0)

    def acquire(self, wcu: float) -> None:
        """Wait until `wcu` capacity units may be used."""
        wait_s = self.reserve(wcu)
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def reserve(self, wcu: float) -> float:
        """Reserve the next time slot for `wcu` capacity units; return the seconds until it begins."""
        with self._shared as state:
            now = self._clock.monotonic_s()
            self._grow(state, now)
            start = max(state.ready_s, now)
            state.idle = float(state.ready_s < now)
            state.ready_s = start + wcu / state.rate_wcu_per_s
        return start - now

    def charge(self, wcu: float) -> None:
        """Charge units used beyond those acquired (negative: refund)."""
        if wcu:
            with self._shared as state:
                state.ready_s += wcu / state.rate_wcu_per_s

    def answered(self, wcu: float, unprocessed_wcu: float = 0.0) -> None:
        """Record the answer to a request, and adjust the rate.

        Args:
            wcu: capacity units of the request.
            unprocessed_wcu: units of them that the table as a whole did not accept; items of a hot key do not count.
        """
        with self._shared as state:
            now = self._clock.monotonic_s()
            if now < state.settled_s:
                return
            if state.since_s < state.settled_s:
                _count_from(state, state.settled_s)
            state.requests += 1
            state.throttled += unprocessed_wcu > 0
            state.sent_wcu += wcu
            state.unprocessed_wcu += unprocessed_wcu
            if math.isnan(state.trial_rate_wcu_per_s):
                self._watch(state, now)
            else:
                self._judge(state, now)

    def set_ceiling(self, wcu_per_s: float) -> None:
        """Apply a changed capacity of the table as the ceiling."""
        with self._shared as state:
            if wcu_per_s == state.ceiling_wcu_per_s:
                return
            # Earlier throttles concern the old capacity.
            state.ceiling_wcu_per_s = state.rate_wcu_per_s = wcu_per_s
            state.limit_wcu_per_s = state.trial_rate_wcu_per_s = math.nan
            now = self._clock.monotonic_s()
            self._change(state, now, wcu_per_s)
            state.ready_s = min(state.ready_s, now + 1.0)

    def _watch(self, state: Shared, now: float) -> None:
        """At the end of a window, or once too many requests are throttled, decide whether to try a lower rate."""
        rules, seconds = self._rules, now - state.since_s
        if seconds < rules.look_s * (1 if state.requests >= rules.window_requests else 4):
            return
        share = state.throttled / state.requests
        if self._is_too_much(state):
            self._try(state, now, share)
        elif seconds >= rules.window_s and state.requests >= rules.window_requests:
            if state.noise and now >= state.noise_due_s:
                self._try(state, now, share)
                return
            if state.noise:
                state.noise = (state.noise + share) / 2
            _count_from(state, now)

    def _is_too_much(self, state: Shared) -> bool:
        """Return whether the share of throttled requests exceeds the known noise significantly."""
        rules, count = self._rules, state.requests
        expected = max(state.noise, rules.tolerated)
        deviation = math.sqrt(count * expected * (1 - expected))
        return state.throttled > 1 + count * expected + rules.deviations * deviation

    def _try(self, state: Shared, now: float, share: float) -> None:
        """Start a trial at a rate just below what was acknowledged."""
        taken = _taken(state, now)
        state.trial_rate_wcu_per_s = state.rate_wcu_per_s
        state.trial_throttled, state.trial_taken_wcu_per_s = share, taken
        self._change(state, now, self._rules.below * taken if taken else state.rate_wcu_per_s / 2)

    def _judge(self, state: Shared, now: float) -> None:
        """Once the trial is over, decide whether the throttles before it were a limit or noise."""
        rules, seconds = self._rules, now - state.since_s
        wanted = rules.trial_throttles / max(state.trial_throttled, rules.tolerated)
        if (state.requests < wanted or seconds < rules.look_s) and seconds < rules.trial_s:
            return
        share, taken = state.throttled / state.requests, _taken(state, now)
        before, taken_before = state.trial_rate_wcu_per_s, state.trial_taken_wcu_per_s
        if not taken:  # nothing is accepted: try ever more slowly
            self._change(state, now, max(state.rate_wcu_per_s / 2, before * rules.least))
            return
        if share > state.trial_throttled + rules.worse:  # the capacity is lower than assumed
            state.trial_throttled, state.trial_taken_wcu_per_s = share, taken
            self._change(state, now, rules.below * taken)
            return
        state.trial_rate_wcu_per_s = math.nan
        state.noise, state.noise_due_s = share, now + rules.recheck_s + rules.recheck_trials * seconds
        if not taken_before:  # nothing was accepted before the trial, and now items are again
            self._change(state, now, max(state.rate_wcu_per_s, before / 2))
        elif share >= state.trial_throttled / 2:
            self._change(state, now, before)
        else:
            state.limit_wcu_per_s, state.limit_seen_s = taken_before, now
            self._change(state, now, rules.below * taken_before)

    def _change(self, state: Shared, now: float, wcu_per_s: float) -> None:
        """Set the rate; answers to requests reserved at the old rate are ignored."""
        bounded = max(wcu_per_s, MIN_WCU_PER_S)
        ceiling = state.ceiling_wcu_per_s
        state.rate_wcu_per_s = bounded if math.isnan(ceiling) else min(bounded, ceiling)
        state.adapted_s = now
        state.settled_s = min(max(state.ready_s, now), now + self._rules.settle_most_s) + self._rules.settle_s
        _count_from(state, state.settled_s)

    def _grow(self, state: Shared, now: float) -> None:
        """Grow the rate for the time since the last growth."""
        elapsed, state.adapted_s = now - max(state.adapted_s, state.settled_s), now
        rate, ceiling, limit = state.rate_wcu_per_s, state.ceiling_wcu_per_s, state.limit_wcu_per_s
        if rate >= ceiling or elapsed <= 0 or not math.isnan(state.trial_rate_wcu_per_s):
            return  # without a ceiling (NaN) no rate is too high
        rules = self._rules
        if math.isnan(limit):
            if not state.idle:  # no writer waits: a higher rate would show nothing
                rate *= rules.climb_per_s ** min(elapsed, 1.0)
        elif rate < rules.near * limit:
            rate = min(rate + rules.recover_per_s * limit * elapsed, max(rules.near * limit, MIN_WCU_PER_S))
        elif (probing_s := now - state.limit_seen_s - rules.hold_s) > 0:
            rate += rules.probe_per_s2 * probing_s * limit * min(elapsed, probing_s)
            if rate > rules.beyond * limit:
                state.limit_wcu_per_s = math.nan
        state.rate_wcu_per_s = rate if math.isnan(ceiling) else min(rate, ceiling)


def _count_from(state: Shared, at_s: float) -> None:
    """Reset the count of answers."""
    state.since_s = at_s
    state.requests = state.throttled = state.sent_wcu = state.unprocessed_wcu = 0.0


def _unprocessed(state: Shared) -> float:
    """Return the share of counted capacity units left unprocessed."""
    return state.unprocessed_wcu / state.sent_wcu if state.sent_wcu else 0.0


def _taken(state: Shared, now: float) -> float:
    """Return the accepted capacity units per second, as far as they were sent at the current rate."""
    sent = min(state.sent_wcu / max(now - state.since_s, 1e-9), state.rate_wcu_per_s)
    return sent * (1 - _unprocessed(state))


class Paced:
    """Sink that writes at the rate of a pacer, and behind a fence; retries are paced like first attempts."""

    def __init__(
        self,
        sink: Sink,
        pacer: Pacer,
        hot_keys: HotKeys,
        stop: StopRequest,
        budget: Budget | None = None,
        fence: Fence | None = None,
    ) -> None:
        self._sink = sink
        self._pacer = pacer
        self._hot_keys = hot_keys
        self._stop = stop
        self._budget = budget or Budget(pacer.shared)
        self._fence = fence or Fence(pacer.shared)

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`.

        Raises:
            TryAgainError: the run is stopping.
            SpentError: the budget of the run is used up.
        """
        whole: Receipt | None = None
        while True:
            part, rest = self._part(batch)
            try:
                receipt = self._send(part)
            except (TransientFaultError, RefusedBatchError):
                if whole is None or not (whole.acknowledged or whole.refused):
                    raise
                receipt = Receipt(0, unprocessed=part)
            whole = receipt if whole is None else whole.plus(receipt)
            if rest is None:
                return whole
            if receipt.unprocessed is not None:
                return whole.plus(Receipt(0, unprocessed=rest))
            batch = rest

    def _send(self, part: Batch) -> Receipt:
        """Send a part that fits the rate."""
        wcu = float(part.wcu)
        self._pacer.acquire(wcu)
        self._stop.check()
        if not self._fence.is_sure():  # checked after all waiting, immediately before sending
            self._pacer.charge(-wcu)
            raise TransientFaultError(OVERDUE)
        self._budget.reserve(wcu)
        try:
            receipt = self._sink.put(part)
        except ThrottledError as error:
            self._budget.settle(-wcu)  # a batch that is throttled as a whole consumes nothing
            if self._hot_keys.concerns_table(part, error.scope):
                self._pacer.answered(wcu, wcu)
            raise
        blamed = receipt.unprocessed is not None and self._hot_keys.note(part, receipt.unprocessed)
        # Units that a throttled table did not consume are not refunded: that would advance the turns of other
        # writers, who would be throttled for it. And a substitute for DynamoDB may not report its consumption.
        if receipt.wcu > wcu or (not blamed and (receipt.wcu or not receipt.acknowledged)):
            self._pacer.charge(receipt.wcu - wcu)
        if receipt.wcu or not receipt.acknowledged:
            self._budget.settle(receipt.wcu - wcu)
        left = receipt.unprocessed
        if blamed and left is not None:
            self._pacer.answered(wcu, float(left.wcu))
        elif left is None:
            self._pacer.answered(wcu)
        return receipt

    def _part(self, batch: Batch) -> tuple[Batch, Batch | None]:
        """Split `batch` into what may be sent now and the rest."""
        allowed = max(self._pacer.rate_wcu_per_s * SMOOTHING_S, 1.0)
        if batch.wcu <= allowed or len(batch) == 1:
            return batch, None
        return batch.split(max(int(len(batch) * allowed / batch.wcu), 1))
