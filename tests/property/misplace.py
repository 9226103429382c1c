"""Misplace a delimiter in a dump under many seeds, or under one again; no password may become an identifier.

python -m tests.property.misplace --seeds 100000     the seeds from 0 on
python -m tests.property.misplace --seed 4711        this one, with the dump
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Iterable

from tests.support.misplaced import case, leaked


def failing(seeds: Iterable[int]) -> dict[int, str]:
    """Run each of `seeds`; those that failed, and how."""
    failed: dict[int, str] = {}
    for seed in seeds:
        try:
            kinds = leaked(seed)
        except Exception:  # noqa: BLE001 - whatever it is, the seed has failed
            failed[seed] = traceback.format_exc()
        else:
            if kinds:
                failed[seed] = f"a password is in the table as {', '.join(kinds)}"
    return failed


def main() -> int:
    """Run what the command line says; 1 if a seed failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2000, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one")
    wanted = parser.parse_args()
    if wanted.seed is not None:
        drawn = case(wanted.seed)
        sys.stdout.write(f"{drawn.manifest}\n{drawn.data.decode()}\n")
    seeds = range(wanted.first, wanted.first + wanted.seeds) if wanted.seed is None else [wanted.seed]
    failed = 0
    for seed in seeds:
        for how in failing([seed]).values():
            failed += 1
            sys.stdout.write(f"seed {seed} failed: {how}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(seeds):,} seeds, {failed:,} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
