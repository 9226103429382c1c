"""Timeline of a run in a bounded number of points, whatever its duration."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, field
from typing import Any

MAX_POINTS = 600
"""Maximum number of points: ten minutes by the second; more than any screen shows, and some 50 KiB."""

EVERY_S = 1.0
"""Initial seconds between points."""


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
