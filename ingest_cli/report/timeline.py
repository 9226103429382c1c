"""Timeline of a run in a bounded number of points, and a histogram of request latencies.

Both are kept for every run, whatever its duration: at most a thousand numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

MAX_POINTS = 600
"""Maximum number of points: ten minutes by the second; more than any screen shows, and some 50 KiB."""

EVERY_S = 1.0
"""Initial seconds between points."""

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

    Not locked: see `report.Traffic`, which holds one.
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


@dataclass(frozen=True, slots=True)
class Point:
    """Progress of a run at one time. All but the rates are totals since its start, so that any points can be dropped.

    Attributes:
        at_s: seconds since the run started to read.
        rows: rows read and committed.
        items: items acknowledged.
        wcu: write capacity units consumed.
        requests: requests sent.
        throttles: requests to be retried, in whole or in part, because the table lacked capacity.
        faults: requests to be retried for another reason.
        rate_wcu_per_s: write rate; None: a dry run.
        ceiling_wcu_per_s: ceiling of the rate; None: no ceiling.
    """

    at_s: float
    rows: int = 0
    items: int = 0
    wcu: float = 0.0
    requests: int = 0
    throttles: int = 0
    faults: int = 0
    rate_wcu_per_s: float | None = None
    ceiling_wcu_per_s: float | None = None


@dataclass(slots=True)
class Timeline:
    """Points of a run. When there are too many, every other one is dropped and the interval doubled.

    Attributes:
        points: points in order of time.
        every_s: minimum seconds between them.
        max_points: maximum number of points.
    """

    points: list[Point] = field(default_factory=list)
    every_s: float = EVERY_S
    max_points: int = MAX_POINTS

    def add(self, point: Point, *, is_last: bool = False) -> None:
        """Add a point, unless it is too soon after the previous one.

        Args:
            point: not earlier than the previous ones.
            is_last: whether it is the end of the run: always added, replacing the previous one if that is too close.
        """
        # A quarter of tolerance: a sampler with a period of one second is sometimes early.
        gap_s = point.at_s - self.points[-1].at_s if self.points else math.inf
        if gap_s < self.every_s * 0.75 and not is_last:
            return
        if gap_s < self.every_s * 0.25 and len(self.points) > 1:  # rates over a very short time are meaningless
            self.points.pop()
        self.points.append(point)
        if len(self.points) > self.max_points:
            self.points[:] = [*self.points[:-1:2], point]
            self.every_s *= 2

    def as_dict(self) -> dict[str, Any]:
        """Return the points as a table: column names, and rows."""
        rows = [[_rounded(value) for value in astuple(point)] for point in self.points]
        return {"columns": list(Point.__slots__), "points": rows}


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def is_throttle(reason: str) -> bool:
    """Return whether a request was retried because the table, or the account, lacked capacity.

    `unprocessed` is what BatchWriteItem leaves undone for lack of capacity; the others are the names of DynamoDB's
    exceptions and throttling reasons (Amazon DynamoDB Developer Guide, "Diagnosing throttling").
    """
    return reason == "unprocessed" or "Throttling" in reason or "Exceeded" in reason


def throttles(retries: Iterable[tuple[str, int]]) -> int:
    """Return how many of the retried requests were throttled."""
    return sum(count for reason, count in retries if is_throttle(reason))
