"""How long the command takes to say anything: `ingest-cli --help` against an interpreter that imports Click."""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

from tests.bench.options import Options
from tests.bench.surroundings import COMMAND, Surroundings

TITLE = "Start-up, wall time"
COMMANDS = {
    "ingest-cli --help": (COMMAND, "--help"),
    "python -c 'import click'": (sys.executable, "-c", "import click"),
    "python -c pass": (sys.executable, "-c", "pass"),
}
RUNS_EACH = 6
"""Repetitions for each that was asked for: these runs are short, and noise is long."""


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Run them in turn.

    Raises:
        CommandFailedError: one of them failed.
    """
    runs = options.runs * RUNS_EACH
    turns = [{name: place.run(*command).wall_s for name, command in COMMANDS.items()} for _ in range(runs)]
    help_, click, _ = COMMANDS
    return {
        "runs": runs,
        "wall_ms": {name: round(1000 * median(turn[name] for turn in turns), 1) for name in COMMANDS},
        "times_import_click": round(median(turn[help_] / turn[click] for turn in turns), 2),
    }
