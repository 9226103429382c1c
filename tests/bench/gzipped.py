"""How much of the rate of a plain file is left for the same rows in one gzip file, both with two worker processes.

A gzip file can be read from its beginning only: one process unpacks it for all.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from tests.bench.options import Options
from tests.bench.surroundings import Surroundings
from tests.bench.workers import need_workers

TITLE = "One gzip file against the plain file, two worker processes, wall time"


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Load both in turn.

    Raises:
        LeftOutError: the program has no workers.
        CommandFailedError: it failed.
    """
    need_workers(place)
    manifests = {"plain": place.dump(options.wall_rows), "gzip": place.dump(options.wall_rows, zipped=True)}
    turns = [
        {name: place.load(manifest, "--workers", "2")[0].wall_s for name, manifest in manifests.items()}
        for _ in range(options.runs)
    ]
    return {
        "rows": options.wall_rows,
        "runs": options.runs,
        "share_of_the_rate": round(median(turn["plain"] / turn["gzip"] for turn in turns), 2),
        **{f"{name}_rows_per_s": round(median(options.wall_rows / turn[name] for turn in turns)) for name in manifests},
    }
