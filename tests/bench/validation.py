"""How fast a dump is validated, and whether memory stays flat."""

from __future__ import annotations

import json

from tests.bench.surroundings import COMMAND, Surroundings

MOST_MB = 400
"""What `validate` of a million rows may need."""


def figures(place: Surroundings, rows: int) -> dict[str, float | bool]:
    """Validate a dump of so many rows, once.

    Raises:
        CommandFailedError: it failed.
    """
    cost = place.run(COMMAND, "validate", place.dump(rows), "--output", "json")
    read = int(json.loads(cost.out)["rows"]["read"])
    peak_rss_mb = round(cost.peak_rss_bytes / 2**20)
    return {
        "rows": read,
        "rows_per_s": round(read / cost.wall_s),
        "cpu_us_per_row": round(cost.cpu_s / read * 1e6, 2),
        "peak_rss_mb": peak_rss_mb,
        "within_limit": peak_rss_mb < MOST_MB,
    }
