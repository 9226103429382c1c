"""Run the benchmarks, print their figures, and write them down if asked to."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import formats, load, machine, stages, validation
from tests.bench.surroundings import REPOSITORY, Surroundings, surroundings

RECORD = REPOSITORY / "docs" / "benchmarks" / "latest.json"


def main(arguments: Sequence[str]) -> int:
    """Measure as the command line says; 1 if a limit is broken."""
    options = _parser().parse_args(arguments)
    document: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "tests.bench", *arguments]),
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "machine": machine.description(),
    }
    with surroundings() as place:
        document |= _measured(place, options)
    _print(document)
    for path in ([options.json] if options.json else []) + ([RECORD] if options.record else []):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if document["validate"]["within_limit"] else 1


def _measured(place: Surroundings, options: argparse.Namespace) -> dict[str, Any]:
    rows = {
        load.PROGRAM: options.rows,
        load.REFERENCE: options.slow_rows,
        load.WAY_OF_2017: options.slow_rows,
    }
    samples = load.contest(place, rows, options.runs)
    return {
        "runs": options.runs,
        "load": load.figures(samples),
        "way_of_2017_to_this_program": load.ratios(samples),
        "stages_us_per_item": stages.figures(place, options.slow_rows, options.runs),
        "validate": validation.figures(place, options.validate_rows),
        "formats": formats.figures(options.format_mb),
    }


def _print(document: Mapping[str, Any]) -> None:
    print(f"$ {document['command']}")
    print(", ".join(f"{name} {value}" for name, value in document["machine"].items()))
    print(f"\nLoad into an endpoint that acknowledges everything; medians of {document['runs']} runs, in turn")
    _print_table(document["load"])
    ratios = document["way_of_2017_to_this_program"]
    print(
        f"the 2017 way / this program: {ratios['net_cpu_per_item']} times the processor time an item, "
        f"{ratios['wall_per_item']} times the wall time"
    )
    print("\nWhere it goes: processor time by stage, one thread, µs an item")
    by_stage = document["stages_us_per_item"]
    total = sum(by_stage.values())
    for stage, us in by_stage.items():
        print(f"  {stage:<22}{us:>8.2f}  {us / total:>4.0%}")
    print(f"  {'all':<22}{total:>8.2f}")
    print("\nEach format, one core, processor time (python -m tests.bench.formats)")
    _print_table(document["formats"])
    checked = document["validate"]
    print(
        f"\nValidate {checked['rows']:,} rows: {checked['rows_per_s']:,} rows/s, {checked['cpu_us_per_row']} µs of "
        f"processor time a row, peak {checked['peak_rss_mb']} MB (limit {validation.MOST_MB})"
    )


def _print_table(rows: Mapping[str, Mapping[str, float]]) -> None:
    """A table of a line for each entry of `rows`, whose columns are named alike."""
    names = list(next(iter(rows.values())))
    first = max(map(len, rows))
    print(" " * (first + 2) + "".join(f"{name:>{len(name) + 2}}" for name in names))
    for title, values in rows.items():
        print(f"  {title:<{first}}" + "".join(f"{values[name]:>{len(name) + 2},}" for name in names))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows that the program loads (%(default)s)")
    parser.add_argument(
        "--slow-rows", type=int, default=20_000, help="rows of the slow contenders and of the stages (%(default)s)"
    )
    parser.add_argument("--validate-rows", type=int, default=1_000_000, help="rows that are validated (%(default)s)")
    parser.add_argument(
        "--format-mb", type=float, default=formats.DEFAULT_MB, help="size of the dump of each format (%(default)s)"
    )
    parser.add_argument("--runs", type=int, default=3, help="repetitions; medians are shown (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--record", action="store_true", help=f"write them to {RECORD.relative_to(REPOSITORY)}, too")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
