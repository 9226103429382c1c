"""Pace of one hot key: the rate its partition accepts, as inferred from acknowledgements.

Like the table's pace (see `pacing`), it follows what is acknowledged, and tells a limit from noise by trying a rate
just below that. Unlike the table, a partition gets requests of this key alone, each of which is left in part or in
whole at the limit; and a request waits for the table's pace after its own, so that an answer comes late. Hence an
answer counts for the time that was reserved for its request, and one from before a change of rate is ignored.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import MAX_PACES, PACE_CELLS, HotKeyPaces

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


@dataclass(frozen=True, slots=True)
class _Trial:
    """State before a lower rate was tried.

    Attributes:
        rate_wcu_per_s: the rate.
        throttled: share of throttled requests.
        lost: share of capacity units left unprocessed.
        taken_wcu_per_s: acknowledged rate.
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
"""Stored fields of a pace, before those of a trial."""


class KeyPace:
    """Rate of one key, shared by all processes that write it.

    Attributes:
        rate_wcu_per_s: as last read by this process.
        ready_s: end of the reserved time at that moment.
    """

    def __init__(self, clock: Clock, slots: HotKeyPaces, pk: str) -> None:
        """Start the pace of a key, or join an existing one.

        Args:
            clock: source of the time, the same in all processes.
            slots: shared state of all processes, for some keys.
            pk: the key.
        """
        self._clock = clock
        self._slots = slots
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
        """Find the slot of this key, or claim a free one; without one, keep the numbers in this process."""
        name = float(int.from_bytes(hashlib.blake2b(pk.encode(), digest_size=6).digest(), "big") + 1)
        with self._slots as slots:
            for first in range(0, MAX_PACES * PACE_CELLS, PACE_CELLS):
                if slots.cells[first] == name:
                    self._first = first
                    self._load()
                    return
                if not slots.cells[first]:
                    self._first = first
                    self._store()
                    # Last: if the process is killed before, the slot remains free.
                    slots.cells[first] = name
                    return

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock on the pace."""
        if self._first is None:
            yield
            return
        with self._slots:
            self._load()
            try:
                yield
            finally:
                self._store()

    def _load(self) -> None:
        assert self._first is not None  # noqa: S101 - the pace is joined before
        values = list(self._slots.cells[self._first + 1 : self._first + PACE_CELLS])
        if not values[0] > 0:  # 0 or NaN: left by a process that was killed while it stored them
            return
        for name, value in zip(_STORED, values, strict=False):
            setattr(self, name, value)
        trial = values[len(_STORED) :]
        self._trial = None if any(map(math.isnan, trial)) else _Trial(*trial)

    def _store(self) -> None:
        assert self._first is not None  # noqa: S101 - the pace is joined before
        trial = self._trial
        values = [getattr(self, name) for name in _STORED]
        values += (
            [math.nan] * 4
            if trial is None
            else [trial.rate_wcu_per_s, trial.throttled, trial.lost, trial.taken_wcu_per_s]
        )
        for at, value in enumerate(values, self._first + 1):
            self._slots.cells[at] = value

    def reserve(self, wcu: float) -> float:
        """Reserve the next time slot for `wcu` capacity units; return when it begins."""
        with self._alone():
            now_s = self._clock.monotonic_s()
            self._grow(now_s)
            start_s = max(self.ready_s, now_s)
            self.ready_s = start_s + wcu / self.rate_wcu_per_s
        return start_s

    def answered(self, wcu: float, left_wcu: float, at_s: float) -> None:
        """Record the answer to a request, and adjust the rate.

        Args:
            wcu: capacity units of the request.
            left_wcu: capacity units of them left unprocessed.
            at_s: time that was reserved for it.
        """
        with self._alone():
            if at_s >= self._since_s:
                self._count(wcu, left_wcu, at_s)

    def _count(self, wcu: float, left_wcu: float, at_s: float) -> None:
        """Count an answer sent at the current rate, and decide on a change."""
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
        """Return the share of counted requests that were throttled."""
        return self._throttled / self._requests

    def _is_more_than(self, lost: float) -> bool:
        """Return whether significantly more than this share of what was sent is left."""
        enough = self._requests >= _FEW_REQUESTS
        return enough and self._lost > lost + 2 * math.sqrt(lost * (1 - lost) / self._requests)

    @property
    def _lost(self) -> float:
        """Return the share of counted capacity units left unprocessed."""
        return self._left_wcu / self._sent_wcu

    @property
    def _taken_wcu_per_s(self) -> float:
        """Return the acknowledged capacity units per second."""
        return (self._sent_wcu - self._left_wcu) / max(self._until_s - self._since_s, 1e-9)

    def _is_too_much(self) -> bool:
        """Return whether the share left exceeds the known noise significantly."""
        if self._is_more_than(_MOST_NOISE):
            return True
        expected = max(self._noise, _TOLERATED)
        deviation = math.sqrt(self._requests * expected * (1 - expected))
        return self._throttled > 1 + self._requests * expected + _DEVIATIONS * deviation

    def _try(self) -> None:
        """Start a trial at a rate just below what was acknowledged."""
        before = self.rate_wcu_per_s if self._trial is None else self._trial.rate_wcu_per_s
        taken = self._taken_wcu_per_s
        self._trial = _Trial(before, self._share, self._lost, taken)
        self._change(max(_BELOW * taken, self.rate_wcu_per_s * _STEEPEST))

    def _judge(self, before: _Trial, at_s: float) -> None:
        """Once the trial is over, decide whether the throttles before it were a limit or noise."""
        lost = self._lost
        if self._is_more_than(min(before.lost + _WORSE, _MOST_NOISE)):
            self._try()
            return
        if self._requests < _TRIAL_REQUESTS and self._until_s - self._since_s < _TRIAL_S:
            return
        if _LIMIT_LEAVES < lost < before.lost / 2:  # reduced, but not gone; repeat the trial with what is now known
            self._try()
            return
        self._trial = None
        if not before.taken_wcu_per_s:  # nothing was accepted before the trial, and now items are again
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
        """Set the rate; answers to requests reserved at the old rate are ignored."""
        self.rate_wcu_per_s = min(max(wcu_per_s, MIN_WCU_PER_S), PARTITION_WCU_PER_S)
        self._grown_s = self._clock.monotonic_s()
        self._count_from(max(self.ready_s, self._grown_s))

    def _grow(self, now_s: float) -> None:
        """Grow the rate for the time since the last growth, unless there was nothing to send."""
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
