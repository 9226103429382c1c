"""What worker processes win: wall time with two of them against one, of loads and of validations.

The endpoint runs on the same machine. On one with two processors it takes its share from the second worker, so that a
load cannot become twice as fast there; what it took is told beside. `validate` has no endpoint. `net_times_the_rate`
leaves out the wall time of the same command with a single row.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from tests.bench.load import TINY_ROWS
from tests.bench.measure import Cost
from tests.bench.options import LeftOutError, Options
from tests.bench.surroundings import COMMAND, CORES, Surroundings, knows_workers

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
    return {
        "rows": options.wall_rows,
        "runs": options.runs,
        "processors": CORES,
        "load": _compared(_load, place, options),
        "validate": _compared(_validate, place, options),
    }


class Sample(NamedTuple):
    """One run.

    Attributes:
        cost: of the run.
        startup_s: wall time of the same with a single row.
        endpoint_s: processor time of the endpoint meanwhile.
    """

    cost: Cost
    startup_s: float
    endpoint_s: float


Run = Callable[[Surroundings, Path, int], Cost]


def _load(place: Surroundings, manifest: Path, number: int) -> Cost:
    return place.load(manifest, "--workers", str(number))[0]


def _validate(place: Surroundings, manifest: Path, number: int) -> Cost:
    return place.run(COMMAND, "validate", manifest, "--workers", str(number), "--output", "json")


def _sample(run: Run, place: Surroundings, options: Options, number: int) -> Sample:
    startup_s = run(place, place.dump(TINY_ROWS), number).wall_s
    before_s = place.counts().cpu_s
    cost = run(place, place.dump(options.wall_rows), number)
    return Sample(cost, startup_s, place.counts().cpu_s - before_s)


def _compared(run: Run, place: Surroundings, options: Options) -> dict[str, float]:
    """Medians; of the ratios, too, each run with two workers compared with that of one before it."""
    turns = [{number: _sample(run, place, options, number) for number in NUMBERS} for _ in range(options.runs)]
    whole = [turn[1].cost.wall_s / turn[2].cost.wall_s for turn in turns]
    net = [(turn[1].cost.wall_s - turn[1].startup_s) / (turn[2].cost.wall_s - turn[2].startup_s) for turn in turns]
    told = {"times_the_rate": round(median(whole), 2), "net_times_the_rate": round(median(net), 2)}
    rows = options.wall_rows
    for number in NUMBERS:
        samples = [turn[number] for turn in turns]
        told[f"rows_per_s_with_{number}"] = round(median(rows / one.cost.wall_s for one in samples))
        told[f"cpu_us_per_row_with_{number}"] = round(median(one.cost.cpu_s for one in samples) / rows * 1e6, 2)
        told[f"endpoint_cpu_us_per_row_with_{number}"] = round(
            median(one.endpoint_s for one in samples) / rows * 1e6, 2
        )
    return told
