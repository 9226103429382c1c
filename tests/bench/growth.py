"""Whether the cost of an item and the memory grow: with the rows of a load, and with its requests in flight.

Over rows, all settings are the program's own; over requests in flight there is one worker process, since several would
share the requests. Each memory is the peak of the sum over the process
tree, looked at several times a second; how it was summed is told beside.
"""

from __future__ import annotations

from functools import cache
from statistics import median
from typing import Any

from tests.bench.load import TINY_ROWS
from tests.bench.measure import Cost
from tests.bench.options import Options
from tests.bench.surroundings import CORES, Surroundings, with_workers

TITLE = "Cost of an item and memory, over rows and over requests in flight"
FIRST_ROWS = 10_000
IN_FLIGHT = (1, 4, 16, 64)
_MOST_TURNS = 3
_REPEATED_ROWS = 100_000
"""Up to so many rows a load is short enough for noise to matter, and is repeated."""


def row_counts(options: Options) -> list[int]:
    """Up to the most rows, each ten times the one before, from about 10,000; two at the least."""
    counts = [options.most_rows // 10**steps for steps in (3, 2, 1, 0)]
    return [rows for place, rows in enumerate(counts) if rows >= FIRST_ROWS or place >= len(counts) - 2]


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Load dumps of growing size, and one dump with a growing number of requests in flight.

    Raises:
        CommandFailedError: a load failed.
    """
    return {
        "over_rows": {f"{rows:,} rows": over_rows(place, rows, options.runs) for rows in row_counts(options)},
        "over_requests_in_flight": _over_in_flight(place, options),
    }


@cache
def over_rows(place: Surroundings, rows: int, runs: int) -> dict[str, Any]:
    """The load of a dump of so many rows; measured once, however many benchmarks ask."""
    manifest = place.dump(rows)
    loads = [place.load(manifest, sample_memory=True) for _ in range(runs if rows <= _REPEATED_ROWS else 1)]
    if rows > _REPEATED_ROWS:
        place.forget(manifest)
    has_workers = any(cost.processes > 1 for cost, _ in loads)
    return {"rows": rows, **_told(loads, _startup_cpu_s(place, CORES if has_workers else 1, runs))}


def _over_in_flight(place: Surroundings, options: Options) -> dict[str, Any]:
    """The load of one dump, taking turns."""
    manifest, startup_cpu_s = place.dump(options.rows), _startup_cpu_s(place, 1, options.runs)
    alone = with_workers(place, "load", 1)
    turns = [
        {n: place.load(manifest, "--concurrency", str(n), *alone, sample_memory=True) for n in IN_FLIGHT}
        for _ in range(min(options.runs, _MOST_TURNS))
    ]
    return {f"{n} in flight": {"in_flight": n, **_told([turn[n] for turn in turns], startup_cpu_s)} for n in IN_FLIGHT}


@cache
def _startup_cpu_s(place: Surroundings, workers: int, runs: int) -> float:
    """What a load of a single row takes."""
    how = with_workers(place, "load", workers)
    return median(place.load(place.dump(TINY_ROWS), *how)[0].cpu_s for _ in range(runs))


def _told(loads: list[tuple[Cost, int]], startup_cpu_s: float) -> dict[str, Any]:
    items = loads[0][1]
    cpu_s = median(cost.cpu_s for cost, _ in loads)
    return {
        "items": items,
        "runs": len(loads),
        "cpu_us_per_item": round(cpu_s / items * 1e6, 2),
        "net_cpu_us_per_item": round((cpu_s - startup_cpu_s) / items * 1e6, 2),
        "items_per_s": round(median(items / cost.wall_s for cost, _ in loads)),
        "peak_tree_mb": round(median(cost.peak_tree_bytes for cost, _ in loads) / 2**20),
        "summed": loads[0][0].tree_measure,
        "processes": max(cost.processes for cost, _ in loads),
        "largest_process_mb": round(median(cost.peak_rss_bytes for cost, _ in loads) / 2**20),
    }
