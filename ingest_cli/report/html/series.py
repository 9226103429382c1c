"""Convert the timeline of a run to rates between its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_MINUTES_FROM_S, _HOURS_FROM_S = 180.0, 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Series:
    """Timeline of a run, by column.

    Attributes:
        edges_s: times in seconds since the start of the run; one more than there are intervals.
        rates: name of a count → its growth per second in each interval.
        levels: name of a level → its value at the end of each interval; None: no value.
    """

    edges_s: tuple[float, ...]
    rates: Mapping[str, tuple[float, ...]]
    levels: Mapping[str, tuple[float | None, ...]]

    @classmethod
    def of(cls, timeline: Mapping[str, Any]) -> Series | None:
        """Convert a timeline of the JSON report; None if it is too short."""
        columns = dict(zip(timeline["columns"], zip(*timeline["points"], strict=True), strict=False))
        edges: Sequence[float] = columns.get("at_s", ())
        if len(edges) < 2 or edges[-1] <= edges[0]:  # noqa: PLR2004 - start and end
            return None
        spans = [max(after - before, 1e-3) for before, after in pairwise(edges)]
        rates, levels = {}, {}
        for name, values in columns.items():
            if name.endswith("_per_s"):
                levels[name] = tuple(values[1:])
            elif name != "at_s":
                growth = zip(pairwise(values), spans, strict=True)
                rates[name] = tuple((after - before) / span for (before, after), span in growth)
        return cls(tuple(edges), rates, levels)

    def merged(self, most: int) -> list[tuple[float, float, dict[str, float]]]:
        """Return start, end and mean rates of at most `most` intervals, for a readable table."""
        stretches, count = [], len(self.edges_s) - 1
        step = -(-count // most)
        for first in range(0, count, step):
            last = min(first + step, count)
            begin, end = self.edges_s[first], self.edges_s[last]
            spans = [after - before for before, after in pairwise(self.edges_s)]
            means = {
                name: sum(rates[place] * spans[place] for place in range(first, last)) / max(end - begin, 1e-3)
                for name, rates in self.rates.items()
            }
            stretches.append((begin, end, means))
        return stretches

    @property
    def unit(self) -> tuple[str, float]:
        """Return the unit of its time axis, and that unit in seconds."""
        if self.edges_s[-1] >= _HOURS_FROM_S:
            return "hours", 3600.0
        return ("minutes", 60.0) if self.edges_s[-1] >= _MINUTES_FROM_S else ("seconds", 1.0)
