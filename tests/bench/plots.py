"""Draws what `growth` recorded: cost, rate and memory over the rows of a load, and over its requests in flight.

    python -m tests.bench.plots

writes `docs/benchmarks/growth-over-rows.svg` and `growth-over-requests-in-flight.svg`. The same record gives the same
bytes with the same Matplotlib: no date, no random names.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.record import RECORD

_STYLE: Any = {
    "svg.hashsalt": "ingest-cli",  # ids in the file are hashes of it, not random
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
_SIZE_INCHES = (8, 3)
_HEADROOM = 1.1
_BLUE, _GREY = "#1f5fa8", "#8a8a8a"


def draw(record: Path = RECORD) -> list[Path]:
    """Draw the growth in a record; returns what was written, nothing if there is none in it."""
    document = json.loads(record.read_text(encoding="utf-8"))
    growth = document["benchmarks"].get("growth", {})
    if "over_rows" not in growth:
        return []
    with mpl.rc_context(_STYLE):
        return [
            _over_rows(growth["over_rows"], record.with_name("growth-over-rows.svg")),
            _over_in_flight(growth["over_requests_in_flight"], record.with_name("growth-over-requests-in-flight.svg")),
        ]


def _over_rows(points: Mapping[str, Mapping[str, Any]], path: Path) -> Path:
    figure, (cost, memory) = _two_panels()
    rows = _column(points, "rows")
    cost.set_ylabel("µs of processor time an item")
    cost.plot(rows, _column(points, "cpu_us_per_item"), "o--", color=_GREY, label="with start-up")
    cost.plot(rows, _column(points, "net_cpu_us_per_item"), "o-", color=_BLUE, label="without")
    cost.legend(frameon=False)
    memory.set_ylabel("peak of the process tree, MiB")
    memory.plot(rows, _column(points, "peak_tree_mb"), "o-", color=_BLUE)
    for axes in (cost, memory):
        axes.set_xscale("log")
        axes.set_xlabel("rows loaded")
    return _saved(figure, path)


def _over_in_flight(points: Mapping[str, Mapping[str, Any]], path: Path) -> Path:
    figure, (cost, rate) = _two_panels()
    in_flight = _column(points, "in_flight")
    cost.set_ylabel("µs of processor time an item")
    cost.plot(in_flight, _column(points, "net_cpu_us_per_item"), "o-", color=_BLUE)
    rate.set_ylabel("items/s")
    rate.plot(in_flight, _column(points, "items_per_s"), "o-", color=_BLUE)
    for axes in (cost, rate):
        axes.set_xscale("log", base=2)
        axes.set_xticks(in_flight, [str(n) for n in in_flight])
        axes.set_xlabel("requests in flight at the most")
    return _saved(figure, path)


def _column(points: Mapping[str, Mapping[str, Any]], name: str) -> list[float]:
    return [point[name] for point in points.values()]


def _two_panels() -> tuple[Figure, tuple[Axes, Axes]]:
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    first, second = figure.subplots(1, 2)
    return figure, (first, second)


def _saved(figure: Figure, path: Path) -> Path:
    for axes in figure.axes:
        axes.set_ylim(0, _HEADROOM * axes.dataLim.ymax)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    # Matplotlib leaves spaces at the ends of lines.
    text = path.read_text(encoding="utf-8")
    path.write_text("".join(f"{line.rstrip()}\n" for line in text.splitlines()), encoding="utf-8")
    return path


if __name__ == "__main__":
    for written in draw():
        sys.stdout.write(f"{written}\n")
