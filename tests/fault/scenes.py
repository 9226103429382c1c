"""What several tests begin with: a dump that takes a while to load, and a load that has come to its middle."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.harness import Cli, Place, small_dump
from tests.support.waiting import until

CELL = 500
"""Characters of a name: long rows, so that the smallest chunk, which is one of bytes, has few of them."""


def long_dump(folder: Path, rows: int, bad_every: int = 0, dataset: str = "demo-small") -> Path:
    """Write a dump of long rows with one item each; returns its manifest.

    Args:
        folder: where to.
        rows: how many.
        bad_every: every so manyth row, beginning with the first, is rejected; 0: none is.
        dataset: its id.
    """
    bad = range(0, rows, bad_every) if bad_every else range(0)
    cells = [("N" * CELL, "", "", f"kenari.{n}" + ("" if n in bad else "@example.org")) for n in range(rows)]
    return small_dump(folder, cells, dataset=dataset)


@contextmanager
def under_way(
    cli: Cli, table: Place, manifest: Path, *options: str | Path, items: int = 150, wcu_per_s: int = 200
) -> Iterator[subprocess.Popen[bytes]]:
    """A load that has written so many items, and saved its state once or more; gone at the end of the block."""
    command = ["load", manifest, *table.to, "--max-wcu", str(wcu_per_s), "--concurrency", "2", *options]
    run = (f"_run#{manifest.stem}", "_")
    with cli.started(*command) as process:
        until(lambda: len(table.items) >= items, process)
        if "--state" not in options:
            first = table.everything[run]
            until(lambda: table.everything[run] != first, process)
        yield process
