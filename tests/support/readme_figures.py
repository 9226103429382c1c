"""The benchmark figures in README.md: written from the recorded ones, never by hand.

`python -m tests.support.readme_figures`, after `python -m tests.bench --record`; a test says when that is due.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
README, RECORD = REPOSITORY / "README.md", REPOSITORY / "docs" / "benchmarks" / "latest.json"
BEGIN, END = "<!-- figures: written by tests.support.readme_figures -->\n", "<!-- end of figures -->\n"


def table(record: Mapping[str, Any]) -> str:
    """The recorded loads as a Markdown table, with when and where they were measured."""
    machine = record["machine"]
    where = f"{record['date']}, {machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"
    lines = [f"| {where} | items/s | µs of processor time an item | peak MB |", "|---|--:|--:|--:|"]
    for name, one in record["load"].items():
        lines.append(f"| {name} | {one['items_per_s']:,} | {one['cpu_us_per_item']:.1f} | {one['peak_rss_mb']:,} |")
    return "".join(f"{line}\n" for line in lines)


def renewed(readme: str) -> str:
    """The text of README.md with the recorded figures, or with none if none are recorded."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    figures = table(json.loads(RECORD.read_text(encoding="utf-8"))) if RECORD.exists() else ""
    return f"{before}{BEGIN}{figures}{END}{after}"


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
