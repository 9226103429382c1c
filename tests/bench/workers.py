"""What worker processes win: wall time with two of them against one, of loads and of validations.

The endpoint runs on the same machine. On one with two processors it takes its share from the second worker, so that a
load cannot become twice as fast there; what it took is told beside. `validate` has no endpoint.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.measure import Cost
from tests.bench.options import LeftOutError, Options
from tests.bench.surroundings import COMMAND, Surroundings, knows_workers

TITLE = "Two worker processes against one, wall time"
NUMBERS = (1, 2)


def need_workers(place: Surroundings) -> None:
    """See to it that the program can have worker processes.

    Raises:
        LeftOutError: it cannot.
    """
    if not knows_workers(place, "load"):
        raise LeftOutError("ingest-cli load has no --workers")


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Load and validate a dump with each number of workers in turn.

    Raises:
        LeftOutError: the program has no workers.
        CommandFailedError: it failed.
    """
    need_workers(place)
    manifest = place.dump(options.rows)
    return {
        "rows": options.rows,
        "runs": options.runs,
        "processors": os.cpu_count(),
        "load": _compared(lambda number: _load(place, manifest, number), options),
        "validate": _compared(lambda number: _validate(place, manifest, number), options),
    }


def _load(place: Surroundings, manifest: Path, number: int) -> tuple[Cost, float]:
    """What it cost, and the processor seconds of the endpoint."""
    before_s = place.counts().cpu_s
    cost, _ = place.load(manifest, "--workers", str(number))
    return cost, place.counts().cpu_s - before_s


def _validate(place: Surroundings, manifest: Path, number: int) -> tuple[Cost, float]:
    return place.run(COMMAND, "validate", manifest, "--workers", str(number), "--output", "json"), 0.0


def _compared(run: Callable[[int], tuple[Cost, float]], options: Options) -> dict[str, float]:
    """Medians; of the ratio, too, each run with two workers compared with that of one before it."""
    turns = [{number: run(number) for number in NUMBERS} for _ in range(options.runs)]
    told = dict[str, float]()
    for number in NUMBERS:
        costs = [turn[number][0] for turn in turns]
        told[f"rows_per_s_with_{number}"] = round(median(options.rows / cost.wall_s for cost in costs))
        told[f"cpu_us_per_row_with_{number}"] = round(median(cost.cpu_s for cost in costs) / options.rows * 1e6, 2)
        endpoint_s = median(turn[number][1] for turn in turns)
        told[f"endpoint_cpu_us_per_row_with_{number}"] = round(endpoint_s / options.rows * 1e6, 2)
    ratios = [turn[1][0].wall_s / turn[2][0].wall_s for turn in turns]
    return {"times_the_rate": round(median(ratios), 2), **told}
