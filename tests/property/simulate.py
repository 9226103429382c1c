"""Simulate the write path under many seeds, or under one again.

python -m tests.property.simulate --seeds 100000     the seeds from 0 on
python -m tests.property.simulate --seed 4711        this one, with all it says
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from collections.abc import Iterable
from pathlib import Path

from tests.support.simulation import Simulation


def failing(seeds: Iterable[int]) -> dict[int, BaseException]:
    """Run the simulation under each of `seeds`; those that failed, and how."""
    failed: dict[int, BaseException] = {}
    with tempfile.TemporaryDirectory(dir=_fast_disk()) as folder:
        for seed in seeds:
            try:
                Simulation(seed, Path(folder)).to_the_end()
            except Exception as error:  # noqa: BLE001 - whatever it is, the seed has failed
                failed[seed] = error
    return failed


def _fast_disk() -> str | None:
    """A disk in memory, where there is one: the simulation writes a few bytes many thousand times."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
    return str(memory) if memory.is_dir() else None


def main() -> int:
    """Run what the command line says; 1 if a seed failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2000, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one")
    wanted = parser.parse_args()
    seeds = range(wanted.first, wanted.first + wanted.seeds) if wanted.seed is None else [wanted.seed]
    failed = 0
    for seed in seeds:
        for error in failing([seed]).values():
            failed += 1
            if wanted.seed is not None:
                traceback.print_exception(error)
            sys.stdout.write(f"seed {seed} failed: {error}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(seeds):,} seeds, {failed:,} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
