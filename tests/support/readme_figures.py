"""Write the recorded benchmark figures into docs/benchmarks/README.md.

Run `python -m tests.support.readme_figures` after `python -m tests.bench --record`; a test checks that they agree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
BENCHMARKS = REPOSITORY / "docs" / "benchmarks"
README, RECORD = BENCHMARKS / "README.md", BENCHMARKS / "latest.json"
BEGIN, END = "<!-- figures: written by tests.support.readme_figures -->\n", "<!-- end of figures -->\n"

Figures = Mapping[str, Any]


def text(record: Figures) -> str:
    """Return the recorded figures as Markdown: a table of the loads, and a table of all other figures."""
    machine, benchmarks = record["machine"], record["benchmarks"]
    dates = sorted({one["date"] for one in benchmarks.values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    versions = ", ".join(f"{name} {machine[name]}" for name in ("boto3", "pyarrow", "pycurl"))
    lines = [
        f"Measured {when} on {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, {versions}.",
        "",
    ]
    if "contenders" in benchmarks.get("load", {}):
        lines += [*_loads(benchmarks["load"]), ""]
    if "us_per_item" in benchmarks.get("stages", {}):
        lines += [*_stages(benchmarks["stages"], benchmarks.get("floor", {})), ""]
    others = list(_others(benchmarks))
    if others:
        lines += ["| what | figure |", "|---|--:|", *(f"| {name} | {figure} |" for name, figure in others)]
    return "".join(f"{line}\n" for line in lines).rstrip("\n") + "\n"


def _loads(load: Figures) -> Iterator[str]:
    """Yield the lines of the compared programs; a dash if start-up is not measured."""
    yield "| | items | µs of processor time an item | with start-up | times `ingest-cli load` | items/s | peak MiB |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, one in load["contenders"].items():
        whole = "-" if one["cpu_us_per_item"] is None else f"{one['cpu_us_per_item']:.1f}"
        yield (
            f"| {name} | {one['items']:,} | {one['net_cpu_us_per_item']:.1f} | {whole} "
            f"| {one['net_times_ingest_cli']:.1f} | {one['items_per_s']:,} | {one['peak_rss_mb']:,} |"
        )


def _stages(stages: Figures, floor: Figures) -> Iterator[str]:
    """Yield the lines of each stage, and of the minimum for any loader."""
    yield "| where it goes, in one thread | µs of processor time an item |"
    yield "|---|--:|"
    for stage, us_per_item in stages["us_per_item"].items():
        yield f"| {stage} | {us_per_item:.2f} |"
    if "us_per_item" in floor:
        yield f"| nothing but hashing, signing and sending the same bytes | {floor['us_per_item']['floor']:.2f} |"


def _others(benchmarks: Figures) -> Iterator[tuple[str, str]]:
    """Yield the name and the value of each measured figure."""
    for name, lines in _LINES.items():
        figures = benchmarks.get(name, {"left_out": ""})
        if "left_out" not in figures and "failed" not in figures:
            yield from lines(figures)


def _workers(of: Figures) -> Iterator[tuple[str, str]]:
    for command in ("load", "validate"):
        what = f"`{command}` of {of['rows']:,} rows with 2 worker processes against 1, rate"
        yield what, f"{of[command]['times_the_rate']:.2f} times"
        yield "the same without start-up", f"{of[command]['net_times_the_rate']:.2f} times"


def _gzip(of: Figures) -> Iterator[tuple[str, str]]:
    yield "one gzip file, share of the plain file's rate, 2 worker processes", f"{of['share_of_the_rate']:.0%}"


def _validate(of: Figures) -> Iterator[tuple[str, str]]:
    yield "`validate`, rows per second of processor time", f"{of['net_rows_per_cpu_s']:,}"
    yield "the same with start-up", f"{of['rows_per_cpu_s']:,}"


def _memory(of: Figures) -> Iterator[tuple[str, str]]:
    small, large = of["loads"].values()
    yield f"peak memory ({large['summed']}) of all processes, {large['rows']:,} rows", f"{large['peak_tree_mb']:,} MiB"
    yield f"the same, {small['rows']:,} rows", f"{small['peak_tree_mb']:,} MiB"


def _growth(of: Figures) -> Iterator[tuple[str, str]]:
    points = {one["rows"]: one["net_cpu_us_per_item"] for one in of["over_rows"].values()}
    most = max(points)
    base = 100_000 if 100_000 in points else min(points)
    yield f"processor time an item at {most:,} rows against {base:,}", f"{points[most] / points[base]:.2f} times"


def _start_up(of: Figures) -> Iterator[tuple[str, str]]:
    yield "`ingest-cli --help` against `python -c 'import click'`, wall time", f"{of['times_import_click']:.2f} times"


_LINES: Mapping[str, Callable[[Figures], Iterator[tuple[str, str]]]] = {
    "workers": _workers,
    "gzip": _gzip,
    "validate": _validate,
    "memory": _memory,
    "growth": _growth,
    "start-up": _start_up,
}


def renewed(readme: str) -> str:
    """Return the text with the recorded figures between the marks, or none if none are recorded."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    figures = text(json.loads(RECORD.read_text(encoding="utf-8"))) if RECORD.exists() else ""
    return f"{before}{BEGIN}{figures}{END}{after}"


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
