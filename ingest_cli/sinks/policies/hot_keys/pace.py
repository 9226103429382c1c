"""Pace of one hot key: the rate its partition accepts, as inferred from acknowledgements.

Like the table's pace (see `pacing`), it follows what is acknowledged, and tells a limit from noise by trying a rate
just below that. Unlike the table, a partition gets requests of this key alone, each of which is left in part or in
whole at the limit; and a request waits for the table's pace after its own, so that an answer comes late. Hence an
answer counts for the time that was reserved for its request, and one from before a change of rate is ignored.
"""

from __future__ import annotations

import hashlib
import math

from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import HotKeyPaces, KeyPaceState

PARTITION_WCU_PER_S = 1000.0
"""Write capacity of a partition (AWS, "Partitions and data distribution")."""

START_WCU_PER_S, MIN_WCU_PER_S = 200.0, 1.0

_BELOW, _NEAR, _STEEPEST = 0.95, 0.98, 0.25
"""Shares of the acknowledged rate: tried after throttles, and kept once the limit is known; and the minimum share
of the rate after one step, since a few answers may be outliers."""

_CLIMB_PER_S, _PROBE_PER_S2, _RECOVER_PER_S = 1.5, 0.03, 0.1
"""Growth: factor per second while no limit is known; share by which the growth per second itself grows while probing
above the limit; share of the limit per second below it."""

_MOST_GROWTH_S = 3.0
"""Maximum seconds of growth in one step."""

_FORGET_FROM = 1.5
"""Share of the limit at which the limit is dropped."""

_HOLD_S, _MOST_HOLD_S = 1.0, 30.0
"""Seconds at the limit before probing above it: initial and maximum; tripled on each confirmation."""

_ALIKE = 0.25
"""Relative difference up to which a limit confirms the previous one."""

_DRAIN_S = 2.0
"""Seconds in which items of a new hot key still arrive in requests of other keys."""

_TOLERATED, _DEVIATIONS = 0.02, 4.0
"""Share of throttled requests that is always tolerated, and standard deviations above the expected share from which
one is not."""

_FEW_REQUESTS, _WINDOW_REQUESTS = 4, 20
"""Requests needed for a decision when most of their items are left, and requests after which counting restarts."""

_TRIAL_REQUESTS, _TRIAL_S = 24, 6.0
"""A trial is decided after this many requests, or this many seconds."""

_LIMIT_LEAVES = 0.04
"""Maximum share left below a limit that counts as chance; more is noise."""

_WORSE, _MOST_NOISE = 0.15, 0.5
"""Maximum increase of the share left over that before a trial, and the share that no longer counts as noise: above
them, the limit is lower than assumed."""


class KeyPace:
    """Rate of one key, shared by all processes that write it.

    A throttle lowers the rate in `answered` → `_start_trial` → `_change`; `_end_trial` decides whether the rate stays
    down, and `_grow` raises it.
    """

    def __init__(self, clock: Clock, paces: HotKeyPaces, pk: str) -> None:
        """Start the pace of a key, or join an existing one.

        Args:
            clock: source of the time, the same in all processes.
            paces: paces of all processes; without a free slot, the pace is that of this process alone.
            pk: the key.
        """
        self._clock = clock
        now_s = clock.monotonic_s()

        def start(state: KeyPaceState) -> None:
            state.rate_wcu_per_s, state.ready_s, state.grown_s, state.hold_s = START_WCU_PER_S, now_s, now_s, _HOLD_S
            _count_from(state, now_s + _DRAIN_S)

        name = int.from_bytes(hashlib.blake2b(pk.encode(), digest_size=6).digest(), "big") + 1
        self._state = paces.claim(float(name), start)

    @property
    def rate_wcu_per_s(self) -> float:
        """Rate as last read by this process."""
        return self._state.rate_wcu_per_s

    @property
    def ready_s(self) -> float:
        """End of the reserved time at that moment."""
        return self._state.ready_s

    def reserve(self, wcu: float) -> float:
        """Reserve the next time slot for `wcu` capacity units; return when it begins."""
        with self._state as state:
            now_s = self._clock.monotonic_s()
            self._grow(state, now_s)
            start_s = max(state.ready_s, now_s)
            state.ready_s = start_s + wcu / state.rate_wcu_per_s
        return start_s

    def answered(self, wcu: float, left_wcu: float, at_s: float) -> None:
        """Record the answer to a request, and adjust the rate.

        Args:
            wcu: capacity units of the request.
            left_wcu: capacity units of them left unprocessed.
            at_s: time that was reserved for it.
        """
        with self._state as state:
            if at_s >= state.since_s:
                self._count(state, wcu, left_wcu, at_s)

    def _count(self, state: KeyPaceState, wcu: float, left_wcu: float, at_s: float) -> None:
        """Count an answer sent at the current rate, and decide on a change."""
        state.requests += 1
        state.throttled += left_wcu > 0
        state.sent_wcu += wcu
        state.left_wcu += left_wcu
        state.until_s = max(state.until_s, at_s + wcu / state.rate_wcu_per_s)
        if not math.isnan(state.trial_rate_wcu_per_s):
            self._end_trial(state, at_s)
        elif _is_too_much(state):
            self._start_trial(state)
        elif state.requests >= _WINDOW_REQUESTS:
            if state.noise:
                state.noise = min((3 * state.noise + _lost(state)) / 4, _MOST_NOISE)
            _count_from(state, at_s)

    def _start_trial(self, state: KeyPaceState) -> None:
        """Start a trial, or the next one, at a rate just below what was acknowledged."""
        if math.isnan(state.trial_rate_wcu_per_s):
            state.trial_rate_wcu_per_s = state.rate_wcu_per_s
        state.trial_lost, state.trial_taken_wcu_per_s = _lost(state), _taken(state)
        self._change(state, max(_BELOW * state.trial_taken_wcu_per_s, state.rate_wcu_per_s * _STEEPEST))

    def _end_trial(self, state: KeyPaceState, at_s: float) -> None:
        """Once the trial is over, decide whether the throttles before it were a limit or noise."""
        lost = _lost(state)
        if _is_more_than(state, min(state.trial_lost + _WORSE, _MOST_NOISE)):
            self._start_trial(state)
            return
        if state.requests < _TRIAL_REQUESTS and state.until_s - state.since_s < _TRIAL_S:
            return
        if _LIMIT_LEAVES < lost < state.trial_lost / 2:  # reduced, but not gone; repeat it with what is now known
            self._start_trial(state)
            return
        before, limit = state.trial_rate_wcu_per_s, state.trial_taken_wcu_per_s
        state.trial_rate_wcu_per_s = math.nan
        if not limit:  # nothing was accepted before the trial, and now items are again
            self._change(state, max(state.rate_wcu_per_s, before / 2))
            return
        if lost > _LIMIT_LEAVES:
            state.noise = min(lost, _MOST_NOISE)
            self._change(state, before)
            return
        is_confirmed = abs(limit - state.limit_wcu_per_s) <= _ALIKE * limit
        state.hold_s = min(3 * state.hold_s, _MOST_HOLD_S) if is_confirmed else _HOLD_S
        state.limit_wcu_per_s, state.held_until_s = limit, at_s + state.hold_s
        self._change(state, _NEAR * limit)

    def _change(self, state: KeyPaceState, wcu_per_s: float) -> None:
        """Set the rate; answers to requests reserved at the old rate are ignored."""
        state.rate_wcu_per_s = min(max(wcu_per_s, MIN_WCU_PER_S), PARTITION_WCU_PER_S)
        state.grown_s = self._clock.monotonic_s()
        _count_from(state, max(state.ready_s, state.grown_s))

    def _grow(self, state: KeyPaceState, now_s: float) -> None:
        """Grow the rate for the time since the last growth, unless there was nothing to send."""
        elapsed_s, state.grown_s = min(now_s - state.grown_s, _MOST_GROWTH_S), now_s
        if not math.isnan(state.trial_rate_wcu_per_s) or elapsed_s <= 0 or state.ready_s < now_s:
            return
        rate, limit = state.rate_wcu_per_s, state.limit_wcu_per_s
        if math.isnan(limit):
            rate *= _CLIMB_PER_S**elapsed_s
        elif rate < _NEAR * limit:
            rate = min(rate + _RECOVER_PER_S * limit * elapsed_s, _NEAR * limit)
        elif now_s >= state.held_until_s:
            probing_s = now_s - state.held_until_s
            rate *= 1 + _PROBE_PER_S2 * (1 + probing_s) * min(elapsed_s, 1 + probing_s)
            if rate > _FORGET_FROM * limit:
                state.limit_wcu_per_s = math.nan
        state.rate_wcu_per_s = min(rate, PARTITION_WCU_PER_S)


def _count_from(state: KeyPaceState, at_s: float) -> None:
    """Reset the count of answers."""
    state.since_s = state.until_s = at_s
    state.requests = state.throttled = state.sent_wcu = state.left_wcu = 0.0


def _lost(state: KeyPaceState) -> float:
    """Return the share of counted capacity units left unprocessed."""
    return state.left_wcu / state.sent_wcu


def _taken(state: KeyPaceState) -> float:
    """Return the acknowledged capacity units per second."""
    return (state.sent_wcu - state.left_wcu) / max(state.until_s - state.since_s, 1e-9)


def _is_more_than(state: KeyPaceState, lost: float) -> bool:
    """Return whether significantly more than this share of what was sent is left."""
    enough = state.requests >= _FEW_REQUESTS
    return enough and _lost(state) > lost + 2 * math.sqrt(lost * (1 - lost) / state.requests)


def _is_too_much(state: KeyPaceState) -> bool:
    """Return whether the share left exceeds the known noise significantly."""
    if _is_more_than(state, _MOST_NOISE):
        return True
    expected = max(state.noise, _TOLERATED)
    deviation = math.sqrt(state.requests * expected * (1 - expected))
    return state.throttled > 1 + state.requests * expected + _DEVIATIONS * deviation
