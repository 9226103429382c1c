"""Counters of the requests of a run: retries by reason, consumption, and a histogram of latencies."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

FINEST_S = 1e-4
"""Upper bound of the first bucket, in seconds: below any request to another machine."""

BUCKETS_PER_OCTAVE = 8
"""Buckets per doubling, so that a bucket's bounds are 9 % apart (2 to the 1/8)."""

BUCKETS = 192
"""Number of buckets: 24 doublings, up to 28 minutes; longer latencies count in the last."""

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)


def bucket_of(latency_s: float) -> int:
    """Return the bucket of a latency."""
    if latency_s <= FINEST_S:
        return 0
    return min(math.ceil(math.log2(latency_s / FINEST_S) * BUCKETS_PER_OCTAVE), BUCKETS - 1)


def bound_s(bucket: int) -> float:
    """Return the upper bound of a bucket."""
    return float(FINEST_S * 2.0 ** (bucket / BUCKETS_PER_OCTAVE))


class Latencies:
    """Histogram with buckets whose width grows with the latency, as in HdrHistogram (Gil Tene); can be summed.

    Not locked: `Traffic` locks the one it holds.
    """

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts = Counter[int](counts or {})

    def note(self, latency_s: float) -> None:
        """Count a request of this latency."""
        self.counts[bucket_of(latency_s)] += 1

    def percentile_s(self, percent: float) -> float | None:
        """Return the latency that `percent` of requests do not exceed, rounded up to a bound; None: no requests."""
        wanted, seen = math.ceil(self.counts.total() * percent / 100), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= max(wanted, 1):
                return bound_s(bucket)
        return None

    def percentiles_ms(self) -> dict[str, float | None]:
        """Return percentiles by name (`p50`, …, `max`), in milliseconds."""
        percentiles = {f"p{percent:g}": _ms(self.percentile_s(percent)) for percent in PERCENTILES}
        return {**percentiles, "max": _ms(self.percentile_s(100))}

    def buckets_ms(self) -> list[list[float]]:
        """Return the upper bound in milliseconds and the number of requests for each non-empty bucket."""
        return [[round(bound_s(bucket) * 1000, 3), self.counts[bucket]] for bucket in sorted(self.counts)]


def _ms(latency_s: float | None) -> float | None:
    return None if latency_s is None else round(latency_s * 1000, 3)


@dataclass(slots=True)
class Traffic:
    """Counters of requests; updated by several threads, and summed over several processes.

    Attributes:
        requests: batches sent, including retries.
        retries: reason → batches retried, in whole or in part.
        wcu_consumed: write capacity units of items, as counted by DynamoDB.
        wcu_state: write capacity units of the saved state and of the lock.
        latencies: time until requests were answered, or failed.
    """

    requests: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    wcu_consumed: float = 0.0
    wcu_state: float = 0.0
    latencies: Latencies = field(default_factory=Latencies)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_request(self, wcu: float, latency_s: float) -> None:
        """Count an attempt, its consumption, and its duration."""
        with self._lock:
            self.requests += 1
            self.wcu_consumed += wcu
            self.latencies.note(latency_s)

    def note_state(self, wcu: float) -> None:
        """Count the consumption of anything but items."""
        with self._lock:
            self.wcu_state += wcu

    def take(self) -> tuple[int, Counter[str], float, Counter[int]]:
        """Return the counts since the last call: requests, retries, capacity units, and latencies by bucket."""
        with self._lock:
            taken = self.requests, self.retries, self.wcu_consumed, self.latencies.counts
            self.requests, self.retries, self.wcu_consumed, self.latencies = 0, Counter(), 0.0, Latencies()
        return taken

    def add(self, requests: int, retries: Counter[str], wcu_consumed: float, latencies: Counter[int]) -> None:
        """Add the counts of another process; see `take`."""
        with self._lock:
            self.requests += requests
            self.retries.update(retries)
            self.wcu_consumed += wcu_consumed
            self.latencies.counts.update(latencies)

    def now(self) -> tuple[int, Counter[str], float]:
        """Return a consistent snapshot of requests, retries and capacity units."""
        with self._lock:
            return self.requests, self.retries.copy(), self.wcu_consumed

    def note_retry(self, reason: str) -> None:
        """Count an attempt to be retried."""
        with self._lock:
            self.retries[reason] += 1


def is_throttle(reason: str) -> bool:
    """Return whether a request was retried because the table, or the account, lacked capacity.

    `unprocessed` is what BatchWriteItem leaves undone for lack of capacity; the others are the names of DynamoDB's
    exceptions and throttling reasons (Amazon DynamoDB Developer Guide, "Diagnosing throttling").
    """
    return reason == "unprocessed" or "Throttling" in reason or "Exceeded" in reason


def throttles(retries: Iterable[tuple[str, int]]) -> int:
    """Return how many of the retried requests were throttled."""
    return sum(count for reason, count in retries if is_throttle(reason))
