"""How much memory the whole process tree of a load needs at the most, with default settings, and whether that grows.

`python -m tests.bench memory --long` compares ten million rows with one million; without `--long`, a million rows are
compared with a hundred thousand.
"""

from __future__ import annotations

from typing import Any

from tests.bench import growth
from tests.bench.options import Options
from tests.bench.surroundings import Surroundings

TITLE = "Peak memory of the process tree of a load"


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """The two largest loads that `growth` measures, too.

    Raises:
        CommandFailedError: a load failed.
    """
    loads = [growth.over_rows(place, rows, options.runs) for rows in growth.row_counts(options)[-2:]]
    small, large = loads
    told = ("rows", "peak_tree_mb", "summed", "processes", "largest_process_mb")
    return {
        "loads": {f"{one['rows']:,} rows": {name: one[name] for name in told} for one in loads},
        "growth_percent": round(100 * (large["peak_tree_mb"] / small["peak_tree_mb"] - 1), 1),
    }
