"""The pace of one hot key: what its partition takes, as far as acknowledgements tell.

As the pace of the table (see `pacing`), it follows what is acknowledged, and tells a limit from noise by trying a rate
just below that. Unlike the table, a partition is met by requests of this key alone, each of which is left in part or in
whole at the limit; and a request waits for the table's pace after its own, so that an answer comes late. Hence an
answer counts for the moment that was reserved for its request, and one from before a change of rate says nothing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import MAX_PACES, PACE_CELLS, Shared

PARTITION_WCU_PER_S = 1000.0
"""What a partition takes (AWS, "Partitions and data distribution")."""

START_WCU_PER_S, MIN_WCU_PER_S = 200.0, 1.0

_BELOW, _NEAR, _STEEPEST = 0.95, 0.98, 0.25
"""Shares of what was acknowledged: that is tried after throttles, and that is kept to once it is known; and the share
of the rate below which one step does not go, since a few answers can be unlucky."""

_CLIMB_PER_S, _PROBE_PER_S2, _RECOVER_PER_S = 1.5, 0.03, 0.1
"""Growth: factor a second while no limit is known; share by which the growth a second itself grows when more than the
limit is tried; share of the limit a second below it."""

_MOST_GROWTH_S = 3.0
"""Seconds of growth at once."""

_FORGET_FROM = 1.5
"""Share of the limit from which it is forgotten."""

_HOLD_S, _MOST_HOLD_S = 1.0, 30.0
"""Seconds at the limit before more is tried: at first, and at the most; three times as long when it is confirmed."""

_ALIKE = 0.25
"""Relative difference up to which a limit confirms the one before."""

_DRAIN_S = 2.0
"""Seconds in which items of a key that has just become hot still arrive in requests of other keys."""

_TOLERATED, _DEVIATIONS = 0.02, 4.0
"""Share of throttled requests that is never acted on, and standard deviations beyond what is expected that are."""

_FEW_REQUESTS, _WINDOW_REQUESTS = 4, 20
"""Requests that say something when most of what they hold is left, and those after which counting starts again."""

_TRIAL_REQUESTS, _TRIAL_S = 24, 6.0
"""A trial is decided after so many requests, or so many seconds."""

_LIMIT_LEAVES = 0.04
"""Share of what is sent below a limit up to which what is left is chance; more is noise."""

_WORSE, _MOST_NOISE = 0.15, 0.5
"""By how much the share of units left may exceed that before a trial, and the share that is no noise any more: else the
limit is lower than it seemed."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What was before a lower rate was tried.

    Attributes:
        rate_wcu_per_s: the rate.
        throttled: share of the requests that were.
        lost: share of the capacity units that were left.
        taken_wcu_per_s: what was acknowledged.
    """

    rate_wcu_per_s: float
    throttled: float
    lost: float
    taken_wcu_per_s: float


_STORED = (
    "rate_wcu_per_s",
    "ready_s",
    "_grown_s",
    "_limit",
    "_noise",
    "_hold_s",
    "_held_until_s",
    "_since_s",
    "_until_s",
    "_requests",
    "_throttled",
    "_sent_wcu",
    "_left_wcu",
)
"""What is stored of a pace, before what there is of a trial."""


class KeyPace:
    """The rate of one key, the same in all processes that write it.

    Attributes:
        rate_wcu_per_s: as this process saw it last.
        ready_s: until when time was reserved then.
    """

    def __init__(self, clock: Clock, shared: Shared, pk: str) -> None:
        """Start with a key, or join those that have.

        Args:
            clock: tells the time, the same in all processes.
            shared: has room for the paces of some keys.
            pk: the key.
        """
        self._clock = clock
        self._shared = shared
        self.rate_wcu_per_s = START_WCU_PER_S
        self.ready_s = self._grown_s = clock.monotonic_s()
        self._limit = math.nan
        self._noise = 0.0
        self._since_s = self._until_s = 0.0
        self._requests = self._throttled = self._sent_wcu = self._left_wcu = 0.0
        self._hold_s, self._held_until_s = _HOLD_S, 0.0
        self._trial: _Trial | None = None
        self._count_from(self.ready_s + _DRAIN_S)
        self._first: int | None = None
        self._join(pk)

    def _join(self, pk: str) -> None:
        """Find the numbers of this key, or take those of none; where there is no room, keep to its own."""
        name = float(int.from_bytes(hashlib.blake2b(pk.encode(), digest_size=6).digest(), "big") + 1)
        with self._shared as shared:
            for first in range(0, MAX_PACES * PACE_CELLS, PACE_CELLS):
                if shared.paces[first] == name:
                    self._first = first
                    self._load()
                    return
                if not shared.paces[first]:
                    self._first = first
                    self._store()
                    # Last: a process that is killed before leaves a place that is still free.
                    shared.paces[first] = name
                    return

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody else changes the pace."""
        if self._first is None:
            yield
            return
        with self._shared:
            self._load()
            try:
                yield
            finally:
                self._store()

    def _load(self) -> None:
        assert self._first is not None  # noqa: S101 - it is asked before
        values = list(self._shared.paces[self._first + 1 : self._first + PACE_CELLS])
        if not values[0] > 0:  # 0 or NaN: left by a process that was killed while it stored them
            return
        for name, value in zip(_STORED, values, strict=False):
            setattr(self, name, value)
        trial = values[len(_STORED) :]
        self._trial = None if any(map(math.isnan, trial)) else _Trial(*trial)

    def _store(self) -> None:
        assert self._first is not None  # noqa: S101 - it is asked before
        trial = self._trial
        values = [getattr(self, name) for name in _STORED]
        values += (
            [math.nan] * 4
            if trial is None
            else [trial.rate_wcu_per_s, trial.throttled, trial.lost, trial.taken_wcu_per_s]
        )
        for at, value in enumerate(values, self._first + 1):
            self._shared.paces[at] = value

    def reserve(self, wcu: float) -> float:
        """Reserve the next time in which `wcu` capacity units may be used; returns when it begins."""
        with self._alone():
            now_s = self._clock.monotonic_s()
            self._grow(now_s)
            start_s = max(self.ready_s, now_s)
            self.ready_s = start_s + wcu / self.rate_wcu_per_s
        return start_s

    def answered(self, wcu: float, left_wcu: float, at_s: float) -> None:
        """Note the answer to a request, and set the rate by what it says.

        Args:
            wcu: capacity units of the request.
            left_wcu: those of them that were not taken.
            at_s: the moment that was reserved for it.
        """
        with self._alone():
            if at_s >= self._since_s:
                self._count(wcu, left_wcu, at_s)

    def _count(self, wcu: float, left_wcu: float, at_s: float) -> None:
        """Count an answer that is about the rate as it is now, and decide what it says, with those before."""
        self._requests += 1
        self._throttled += left_wcu > 0
        self._sent_wcu += wcu
        self._left_wcu += left_wcu
        self._until_s = max(self._until_s, at_s + wcu / self.rate_wcu_per_s)
        if self._trial is not None:
            self._judge(self._trial, at_s)
        elif self._is_too_much():
            self._try()
        elif self._requests >= _WINDOW_REQUESTS:
            if self._noise:
                self._noise = min((3 * self._noise + self._lost) / 4, _MOST_NOISE)
            self._count_from(at_s)

    @property
    def _share(self) -> float:
        """Share of the requests counted that were throttled."""
        return self._throttled / self._requests

    def _is_more_than(self, lost: float) -> bool:
        """Whether more than this share of what was sent is left for sure."""
        enough = self._requests >= _FEW_REQUESTS
        return enough and self._lost > lost + 2 * math.sqrt(lost * (1 - lost) / self._requests)

    @property
    def _lost(self) -> float:
        """Share of the capacity units counted that was not taken."""
        return self._left_wcu / self._sent_wcu

    @property
    def _taken_wcu_per_s(self) -> float:
        """Capacity units a second that were acknowledged."""
        return (self._sent_wcu - self._left_wcu) / max(self._until_s - self._since_s, 1e-9)

    def _is_too_much(self) -> bool:
        """Whether more is left than is known to be noise, beyond what is chance."""
        if self._is_more_than(_MOST_NOISE):
            return True
        expected = max(self._noise, _TOLERATED)
        deviation = math.sqrt(self._requests * expected * (1 - expected))
        return self._throttled > 1 + self._requests * expected + _DEVIATIONS * deviation

    def _try(self) -> None:
        """Try a rate just below what was acknowledged."""
        before = self.rate_wcu_per_s if self._trial is None else self._trial.rate_wcu_per_s
        taken = self._taken_wcu_per_s
        self._trial = _Trial(before, self._share, self._lost, taken)
        self._change(max(_BELOW * taken, self.rate_wcu_per_s * _STEEPEST))

    def _judge(self, before: _Trial, at_s: float) -> None:
        """Once the trial has lasted, decide what the throttles before it were."""
        lost = self._lost
        if self._is_more_than(min(before.lost + _WORSE, _MOST_NOISE)):
            self._try()
            return
        if self._requests < _TRIAL_REQUESTS and self._until_s - self._since_s < _TRIAL_S:
            return
        if _LIMIT_LEAVES < lost < before.lost / 2:  # less, but not gone; now that more is known, once more
            self._try()
            return
        self._trial = None
        if not before.taken_wcu_per_s:  # it took nothing for a while, and now it does again
            self._change(max(self.rate_wcu_per_s, before.rate_wcu_per_s / 2))
            return
        if lost > _LIMIT_LEAVES:
            self._noise = min(lost, _MOST_NOISE)
            self._change(before.rate_wcu_per_s)
            return
        limit = before.taken_wcu_per_s
        is_confirmed = abs(limit - self._limit) <= _ALIKE * limit
        self._hold_s = min(3 * self._hold_s, _MOST_HOLD_S) if is_confirmed else _HOLD_S
        self._limit, self._held_until_s = limit, at_s + self._hold_s
        self._change(_NEAR * limit)

    def _change(self, wcu_per_s: float) -> None:
        """Set the rate; what is reserved was at the old one, and so are the answers to it."""
        self.rate_wcu_per_s = min(max(wcu_per_s, MIN_WCU_PER_S), PARTITION_WCU_PER_S)
        self._grown_s = self._clock.monotonic_s()
        self._count_from(max(self.ready_s, self._grown_s))

    def _grow(self, now_s: float) -> None:
        """Let the rate grow for the time that has passed since it last did, unless there was nothing to send."""
        elapsed_s, self._grown_s = min(now_s - self._grown_s, _MOST_GROWTH_S), now_s
        if self._trial is not None or elapsed_s <= 0 or self.ready_s < now_s:
            return
        rate, limit = self.rate_wcu_per_s, self._limit
        if math.isnan(limit):
            rate *= _CLIMB_PER_S**elapsed_s
        elif rate < _NEAR * limit:
            rate = min(rate + _RECOVER_PER_S * limit * elapsed_s, _NEAR * limit)
        elif now_s >= self._held_until_s:
            probing_s = now_s - self._held_until_s
            rate *= 1 + _PROBE_PER_S2 * (1 + probing_s) * min(elapsed_s, 1 + probing_s)
            if rate > _FORGET_FROM * limit:
                self._limit = math.nan
        self.rate_wcu_per_s = min(rate, PARTITION_WCU_PER_S)

    def _count_from(self, at_s: float) -> None:
        """Reset the count of answers."""
        self._since_s = self._until_s = at_s
        self._requests = self._throttled = self._sent_wcu = self._left_wcu = 0.0
