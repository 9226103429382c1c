"""What a load costs an item: this program with either transport, and the way of 2017, taking turns."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench import script_2017
from tests.bench.measure import Cost
from tests.bench.surroundings import COMMAND, TABLE, Surroundings

PROGRAM, REFERENCE, WAY_OF_2017 = "ingest-cli load", "ingest-cli load --transport boto3", "the 2017 way"
TINY_ROWS = 1

Run = Callable[[Path], tuple[Cost, int]]
"""Loads the dump of a manifest; what that cost, and how many items it wrote."""


@dataclass(frozen=True)
class Sample:
    """One run of one contender.

    Attributes:
        items: written.
        cpu_s: user and system time of the client.
        startup_cpu_s: the same of a load of a single row.
        wall_s: from start to end.
        peak_rss_bytes: of the client.
    """

    items: int
    cpu_s: float
    startup_cpu_s: float
    wall_s: float
    peak_rss_bytes: int

    @property
    def cpu_us_per_item(self) -> float:
        """Microseconds of processor time an item, start-up included."""
        return self.cpu_s / self.items * 1e6

    @property
    def net_cpu_us_per_item(self) -> float:
        """The same without start-up."""
        return (self.cpu_s - self.startup_cpu_s) / self.items * 1e6

    @property
    def items_per_s(self) -> float:
        """Items a second of wall time, start-up included."""
        return self.items / self.wall_s


def contest(place: Surroundings, rows: Mapping[str, int], runs: int) -> dict[str, list[Sample]]:
    """Run all contenders in turn, `runs` times.

    Args:
        place: where.
        rows: contender → rows that it loads.
        runs: how often.

    Raises:
        CommandFailedError: one of them failed.
    """
    contenders: dict[str, Run] = {
        PROGRAM: lambda manifest: _program(place, manifest, "curl"),
        REFERENCE: lambda manifest: _program(place, manifest, "boto3"),
        WAY_OF_2017: lambda manifest: _way_of_2017(place, manifest),
    }
    tiny, dumps = place.dump(TINY_ROWS), {name: place.dump(count) for name, count in rows.items()}
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, run in contenders.items():
            startup, _ = run(tiny)
            cost, items = run(dumps[name])
            samples[name].append(Sample(items, cost.cpu_s, startup.cpu_s, cost.wall_s, cost.peak_rss_bytes))
    return samples


def _program(place: Surroundings, manifest: Path, transport: str) -> tuple[Cost, int]:
    at = ["--table", TABLE, "--endpoint-url", place.url, "--key", "env:PEPPER"]
    # The endpoint takes any rate: the program need not find out which.
    how = ["--transport", transport, "--max-wcu", "1000000", "--restart", "--output", "json"]
    cost = place.run(COMMAND, "load", manifest, *at, *how)
    return cost, int(json.loads(cost.out)["items"]["acknowledged"])


def _way_of_2017(place: Surroundings, manifest: Path) -> tuple[Cost, int]:
    cost = place.run(sys.executable, script_2017.__file__, manifest.with_suffix(".csv"), TABLE, place.url)
    return cost, int(json.loads(cost.out)["items"])


def figures(samples: Mapping[str, list[Sample]]) -> dict[str, dict[str, float]]:
    """The medians of each contender."""
    return {
        name: {
            "items": round(median(one.items for one in several)),
            "cpu_us_per_item": round(median(one.cpu_us_per_item for one in several), 2),
            "startup_cpu_s": round(median(one.startup_cpu_s for one in several), 3),
            "net_cpu_us_per_item": round(median(one.net_cpu_us_per_item for one in several), 2),
            "items_per_s": round(median(one.items_per_s for one in several)),
            "peak_rss_mb": round(median(one.peak_rss_bytes for one in several) / 2**20),
        }
        for name, several in samples.items()
    }


def ratios(samples: Mapping[str, list[Sample]]) -> dict[str, float]:
    """How many times as much the way of 2017 needs: medians over the runs, each compared with its neighbours."""
    pairs = list(zip(samples[WAY_OF_2017], samples[PROGRAM], strict=True))
    return {
        "net_cpu_per_item": round(median(old.net_cpu_us_per_item / new.net_cpu_us_per_item for old, new in pairs), 1),
        "wall_per_item": round(median(new.items_per_s / old.items_per_s for old, new in pairs), 1),
    }
