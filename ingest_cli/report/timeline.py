"""What a run looked like over time, in a bounded number of points, and how long its requests took.

Both are kept for every run, however long: a thousand numbers at the most.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

MAX_POINTS = 600
"""Points of a time line: ten minutes by the second; more than any screen shows, and some 50 KiB."""

EVERY_S = 1.0
"""Seconds between points, as long as there are not too many."""

FINEST_S = 1e-4
"""Shortest latency that is told from shorter ones: below any request to another machine."""

BUCKETS_PER_OCTAVE = 8
"""Buckets for each doubling, so that a bucket's bounds are 9 % apart (2 to the 1/8)."""

BUCKETS = 192
"""Their number: 24 doublings, up to 28 minutes; longer ones count for the last."""

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)


def bucket_of(latency_s: float) -> int:
    """Which bucket a latency belongs to."""
    if latency_s <= FINEST_S:
        return 0
    return min(math.ceil(math.log2(latency_s / FINEST_S) * BUCKETS_PER_OCTAVE), BUCKETS - 1)


def bound_s(bucket: int) -> float:
    """The longest latency in a bucket."""
    return float(FINEST_S * 2.0 ** (bucket / BUCKETS_PER_OCTAVE))


class Latencies:
    """A histogram with buckets whose width grows with the latency, as in HdrHistogram (Gil Tene); it can be added up.

    Not locked: see `report.Traffic`, which holds one.
    """

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts = Counter[int](counts or {})

    def note(self, latency_s: float) -> None:
        """Count a request that took so long."""
        self.counts[bucket_of(latency_s)] += 1

    def percentile_s(self, percent: float) -> float | None:
        """The latency that so many per cent did not exceed, rounded up to a bucket's bound; None: no requests."""
        wanted, seen = math.ceil(self.counts.total() * percent / 100), 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= max(wanted, 1):
                return bound_s(bucket)
        return None

    def percentiles_ms(self) -> dict[str, float | None]:
        """Percentiles by name (`p50`, …, `max`), in milliseconds."""
        percentiles = {f"p{percent:g}": _ms(self.percentile_s(percent)) for percent in PERCENTILES}
        return {**percentiles, "max": _ms(self.percentile_s(100))}

    def buckets_ms(self) -> list[list[float]]:
        """Upper bound in milliseconds and number of requests, for each bucket that has some."""
        return [[round(bound_s(bucket) * 1000, 3), self.counts[bucket]] for bucket in sorted(self.counts)]


def _ms(latency_s: float | None) -> float | None:
    return None if latency_s is None else round(latency_s * 1000, 3)


@dataclass(frozen=True, slots=True)
class Point:
    """How far a run was at a moment. All but the rates are counts since it began, so that any points can be left out.

    Attributes:
        at_s: seconds since the run began to read.
        rows: read and settled.
        items: acknowledged.
        wcu: write capacity units consumed.
        requests: sent.
        throttles: requests to be repeated, in whole or in part, since the table could not take them.
        faults: requests to be repeated for another reason.
        rate_wcu_per_s: at which the run wrote; None: a dry run.
        ceiling_wcu_per_s: of that rate; None: there is none.
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
    """The points of a run. When there are too many, every other one is dropped, and from then on half as many come.

    Attributes:
        points: in order of time.
        every_s: seconds between them, at the least.
        max_points: their number, at the most.
    """

    points: list[Point] = field(default_factory=list)
    every_s: float = EVERY_S
    max_points: int = MAX_POINTS

    def add(self, point: Point, *, is_last: bool = False) -> None:
        """Take in a point, unless it comes too soon after the one before.

        Args:
            point: not earlier than those before it.
            is_last: the end of the run: taken in at any rate, instead of the one before it if that was just now.
        """
        # A quarter is granted: whoever samples every second is a little early now and then.
        gap_s = point.at_s - self.points[-1].at_s if self.points else math.inf
        if gap_s < self.every_s * 0.75 and not is_last:
            return
        if gap_s < self.every_s * 0.25 and len(self.points) > 1:  # rates over next to no time would mean nothing
            self.points.pop()
        self.points.append(point)
        if len(self.points) > self.max_points:
            self.points[:] = [*self.points[:-1:2], point]
            self.every_s *= 2

    def as_dict(self) -> dict[str, Any]:
        """The points as a table: names of columns, and rows."""
        rows = [[_rounded(value) for value in astuple(point)] for point in self.points]
        return {"columns": list(Point.__slots__), "points": rows}


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def is_throttle(reason: str) -> bool:
    """Whether a request had to be repeated since the table, or the account, could not take more.

    `unprocessed` is what BatchWriteItem leaves undone for want of capacity; the others are the names of DynamoDB's
    exceptions and throttling reasons (Amazon DynamoDB Developer Guide, "Diagnosing throttling").
    """
    return reason == "unprocessed" or "Throttling" in reason or "Exceeded" in reason


def throttles(retries: Iterable[tuple[str, int]]) -> int:
    """How many of the requests to be repeated were throttled."""
    return sum(count for reason, count in retries if is_throttle(reason))
