"""From how far a run was to how fast: rates between the points of its time line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_MINUTES_FROM_S, _HOURS_FROM_S = 180.0, 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Series:
    """The time line of a run, column by column.

    Attributes:
        edges_s: moments, in seconds since the run began; one more than there are stretches between them.
        rates: name of a count → its growth per second, a stretch each.
        levels: name of a level → what it was at the end of each stretch; None: there was none.
    """

    edges_s: tuple[float, ...]
    rates: Mapping[str, tuple[float, ...]]
    levels: Mapping[str, tuple[float | None, ...]]

    @classmethod
    def of(cls, timeline: Mapping[str, Any]) -> Series | None:
        """What a time line of the JSON report says; None if it is too short to say anything."""
        columns = dict(zip(timeline["columns"], zip(*timeline["points"], strict=True), strict=False))
        edges: Sequence[float] = columns.get("at_s", ())
        if len(edges) < 2 or edges[-1] <= edges[0]:  # noqa: PLR2004 - a begin and an end
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
        """Begin, end and mean rates of at most so many stretches, for a table that can be read."""
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
        """In what to count its time, and the seconds that has."""
        if self.edges_s[-1] >= _HOURS_FROM_S:
            return "hours", 3600.0
        return ("minutes", 60.0) if self.edges_s[-1] >= _MINUTES_FROM_S else ("seconds", 1.0)
