"""Run the benchmarks, print their figures, and write them down if asked to."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.bench import (
    charsets,
    draft_guesses,
    floor,
    formats,
    growth,
    gzipped,
    load,
    memory,
    record,
    small,
    stages,
    start_up,
    validation,
    workers,
)
from tests.bench.measure import CommandFailedError
from tests.bench.options import LeftOutError, Options
from tests.bench.surroundings import REPOSITORY, Surroundings, surroundings

BENCHMARKS: Mapping[str, ModuleType] = {
    "start-up": start_up,
    "load": load,
    "workers": workers,
    "gzip": gzipped,
    "validate": validation,
    "stages": stages,
    "floor": floor,
    "memory": memory,
    "growth": growth,
    "formats": formats,
    "charsets": charsets,
    "draft-guesses": draft_guesses,
    "small": small,
}
"""By how they are called on the command line and in the record. Each has a `TITLE`, and `figures(place, options)`."""

MOST_ROWS, MOST_ROWS_LONG = 1_000_000, 10_000_000


def main(arguments: Sequence[str]) -> int:
    """Measure as the command line says; 1 if something failed."""
    chosen = _parser().parse_args(arguments)
    options = Options(
        rows=chosen.rows,
        wall_rows=chosen.wall_rows,
        slow_rows=chosen.slow_rows,
        runs=chosen.runs,
        most_rows=chosen.most_rows or (MOST_ROWS_LONG if chosen.long else MOST_ROWS),
        format_mb=chosen.format_mb,
    )
    command = shlex.join(["python", "-m", "tests.bench", *arguments])
    paths = ([chosen.json] if chosen.json else []) + ([record.RECORD] if chosen.record else [])
    failures = 0
    with surroundings() as place:
        for name in chosen.benchmarks or BENCHMARKS:
            print(f"\n{name}: {BENCHMARKS[name].TITLE}", flush=True)
            began_s = time.monotonic()
            measured = _measured(place, name, options)
            failures += "failed" in measured
            record.show(measured)
            print(f"  took {time.monotonic() - began_s:.0f} s", flush=True)
            for path in [] if "failed" in measured else paths:
                record.add(path, name, command, measured)
    if chosen.record:
        written = record.RECORD.relative_to(REPOSITORY)
        print(f"\n{written} is written; now: python -m tests.bench.plots; python -m tests.support.readme_figures")
    return 1 if failures else 0


def _measured(place: Surroundings, name: str, options: Options) -> dict[str, Any]:
    try:
        return dict(BENCHMARKS[name].figures(place, options))
    except LeftOutError as reason:
        return {"left_out": str(reason)}
    except CommandFailedError as error:  # the others are worth having all the same
        return {"failed": str(error)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "benchmarks", nargs="*", metavar="BENCHMARK", choices=[[], *BENCHMARKS], help=f"of {', '.join(BENCHMARKS)}; all"
    )
    parser.add_argument("--rows", type=int, default=100_000, help="rows that the program is given (%(default)s)")
    parser.add_argument(
        "--wall-rows", type=int, default=300_000, help="rows where wall times are compared (%(default)s)"
    )
    parser.add_argument(
        "--slow-rows", type=int, default=5_000, help="rows of the slow contenders and of the stages (%(default)s)"
    )
    parser.add_argument("--runs", type=int, default=5, help="repetitions; medians are shown (%(default)s)")
    parser.add_argument(
        "--long", action="store_true", help=f"go up to {MOST_ROWS_LONG:,} rows instead of {MOST_ROWS:,}"
    )
    parser.add_argument("--most-rows", type=int, help="or go up to so many")
    parser.add_argument("--format-mb", type=float, default=16, help="size of the dump of each format (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument(
        "--record", action="store_true", help=f"write them to {record.RECORD.relative_to(REPOSITORY)}, too"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
