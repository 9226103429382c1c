"""How fast a dump is validated on one processor: rows per second of processor time, with one worker process."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

from tests.bench.load import TINY_ROWS
from tests.bench.measure import CommandFailedError
from tests.bench.options import Options
from tests.bench.surroundings import COMMAND, Surroundings, with_workers

TITLE = "Validate, rows a second of processor time"


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Validate a dump several times.

    Raises:
        CommandFailedError: it failed.
    """
    manifest, tiny = place.dump(options.rows), place.dump(TINY_ROWS)
    alone = with_workers(place, "validate", 1)
    costs, net_s = [], []
    for _ in range(options.runs):
        startup, cost = (place.run(COMMAND, "validate", each, *alone, "--output", "json") for each in (tiny, manifest))
        if json.loads(cost.out)["rows"]["read"] != options.rows:
            raise CommandFailedError("validate has not read all rows")
        costs.append(cost)
        net_s.append(cost.cpu_s - startup.cpu_s)
    return {
        "rows": options.rows,
        "runs": options.runs,
        "rows_per_cpu_s": round(median(options.rows / cost.cpu_s for cost in costs)),
        "net_rows_per_cpu_s": round(median(options.rows / seconds for seconds in net_s)),
        "rows_per_s": round(median(options.rows / cost.wall_s for cost in costs)),
        "peak_rss_mb": round(median(cost.peak_rss_bytes for cost in costs) / 2**20),
    }
