"""What a load costs an item over TLS: this program, its reference transport, the way of 2017, and peers, taking turns.

The program has as many worker processes as there are processors, its default for large dumps, and only one besides.
All items come from the first rows of one dump. `cpu_us_per_item` is of the whole process tree from start to end.
`net_cpu_us_per_item` leaves the start-up out, that of worker processes, too: the same run of a single row, taken just
before, is subtracted. The
peers are given ready-made items; they neither parse nor hash, and of them only the writing is measured, by themselves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import peers, script_2017
from tests.bench.measure import Cost
from tests.bench.options import Options
from tests.bench.surroundings import CORES, TABLE, Surroundings, with_workers

TITLE = "Load into an endpoint that acknowledges everything, over TLS"
PROGRAM, ALONE = "ingest-cli load", "ingest-cli load --workers 1"
REFERENCE, WAY_OF_2017 = "ingest-cli load --transport boto3", "the 2017 way"
TINY_ROWS = 1

Run = Callable[[Path], tuple[Cost, int]]
"""Loads the dump of a manifest; what that cost, and how many items it wrote."""


@dataclass(frozen=True)
class Sample:
    """One run of one contender.

    Attributes:
        items: written.
        cpu_s: processor time of the whole process tree; None if it did other things than writing.
        net_cpu_s: the same without start-up.
        wall_s: from start to end.
        peak_rss_bytes: of the largest process.
    """

    items: int
    cpu_s: float | None
    net_cpu_s: float
    wall_s: float
    peak_rss_bytes: int

    @property
    def cpu_us_per_item(self) -> float | None:
        """Microseconds of processor time an item, of everything."""
        return None if self.cpu_s is None else self.cpu_s / self.items * 1e6

    @property
    def net_cpu_us_per_item(self) -> float:
        """Microseconds of processor time an item, without start-up."""
        return self.net_cpu_s / self.items * 1e6


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Let all contenders take turns, and compare them.

    Raises:
        CommandFailedError: one of them failed.
    """
    contenders, left_out = _contenders(place, options)
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for _ in range(options.runs):
        for name, contender in contenders.items():
            samples[name].append(contender())
    compared = {name: _compared(several, samples[PROGRAM]) for name, several in samples.items()}
    return {"runs": options.runs, "contenders": compared, "not_compared": left_out}


def _contenders(place: Surroundings, options: Options) -> tuple[dict[str, Callable[[], Sample]], dict[str, str]]:
    """Who takes part; and who does not, and why."""
    as_many = with_workers(place, "load", CORES)
    ways: dict[str, tuple[int, Run]] = {
        PROGRAM: (options.rows, lambda manifest: place.load(manifest, *as_many)),
        ALONE: (options.rows, lambda manifest: place.load(manifest, "--workers", "1")),
        REFERENCE: (options.slow_rows, lambda manifest: place.load(manifest, "--transport", "boto3")),
        WAY_OF_2017: (options.slow_rows, lambda manifest: _way_of_2017(place, manifest)),
    }
    if not as_many:
        del ways[ALONE]
    tiny = place.dump(TINY_ROWS)
    contenders = {name: _from_dump(run, place.dump(rows), tiny) for name, (rows, run) in ways.items()}
    ready, left_out = peers.ready_items(place, options.slow_rows), dict[str, str]()
    for name, peer in peers.PEERS.items():
        if reason := peer.missing():
            left_out[name] = reason
        else:
            contenders[name] = _from_items(place, peer, ready)
    return contenders, left_out


def _from_dump(run: Run, manifest: Path, tiny: Path) -> Callable[[], Sample]:
    def sample() -> Sample:
        startup, _ = run(tiny)
        cost, items = run(manifest)
        return Sample(items, cost.cpu_s, cost.cpu_s - startup.cpu_s, cost.wall_s, cost.peak_rss_bytes)

    return sample


def _from_items(place: Surroundings, peer: peers.Peer, ready: Path) -> Callable[[], Sample]:
    def sample() -> Sample:
        before = place.counts()
        cost = place.run(*peer.command, ready, TABLE, place.url)
        took = json.loads(cost.out)
        place.check(before, took["items"])
        return Sample(took["items"], None, took["cpu_s"], took["wall_s"], cost.peak_rss_bytes)

    return sample


def _way_of_2017(place: Surroundings, manifest: Path) -> tuple[Cost, int]:
    before = place.counts()
    cost = place.run(sys.executable, script_2017.__file__, manifest.with_suffix(".csv"), TABLE, place.url)
    items = int(json.loads(cost.out)["items"])
    place.check(before, items)
    return cost, items


def _compared(several: list[Sample], program: list[Sample]) -> dict[str, float | None]:
    """The medians of a contender; that of the ratio is of each run compared with the program's of the same turn."""
    whole = [one.cpu_us_per_item for one in several if one.cpu_us_per_item is not None]
    ratios = [one.net_cpu_us_per_item / own.net_cpu_us_per_item for one, own in zip(several, program, strict=True)]
    return {
        "items": round(median(one.items for one in several)),
        "cpu_us_per_item": round(median(whole), 2) if whole else None,
        "net_cpu_us_per_item": round(median(one.net_cpu_us_per_item for one in several), 2),
        "net_times_ingest_cli": round(median(ratios), 1),
        "items_per_s": round(median(one.items / one.wall_s for one in several)),
        "peak_rss_mb": round(median(one.peak_rss_bytes for one in several) / 2**20),
    }
