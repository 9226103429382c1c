"""The record of what was measured: a JSON document with the machine, and for each benchmark when, how, and what."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench import machine
from tests.bench.surroundings import REPOSITORY

RECORD = REPOSITORY / "docs" / "benchmarks" / "latest.json"


def add(path: Path, name: str, command: str, figures: Mapping[str, Any]) -> None:
    """Write what a benchmark came to, in place of what it came to before.

    What other benchmarks came to stays if it was measured on the same machine, with the same versions.
    """
    here = machine.description()
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if document.get("machine") != here:
        document = {"machine": here, "benchmarks": {}}
    today = dt.datetime.now(dt.UTC).date().isoformat()
    document["benchmarks"][name] = {"date": today, "command": command, **figures}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def show(figures: Mapping[str, Any]) -> None:
    """Print figures: a table where there are several of the same kind, else a line each."""
    if _is_table(figures):
        _show_table(figures)
        return
    for name, value in figures.items():
        if isinstance(value, Mapping) and _is_table(value):
            print(f"  {name}")
            _show_table(value)
        elif isinstance(value, Mapping):
            print(f"  {name}")
            for key, one in value.items():
                print(f"    {key:<40} {_told(one):>12}")
        else:
            print(f"  {name:<42} {_told(value):>12}")


def _is_table(rows: Mapping[str, Any]) -> bool:
    """Whether each of them has the same columns."""
    columns = [tuple(row) if isinstance(row, Mapping) else None for row in rows.values()]
    return bool(columns) and columns[0] is not None and len(set(columns)) == 1


def _show_table(rows: Mapping[str, Mapping[str, Any]]) -> None:
    lines = [["", *next(iter(rows.values()))]]
    lines += [[title, *map(_told, values.values())] for title, values in rows.items()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("    " + "  ".join([first.ljust(widths[0]), *cells]))


def _told(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
