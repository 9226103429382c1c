"""What several tests begin with: a dump that takes a while to load, and a load that has come to its middle."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.harness import Cli, Place, small_dump

TIMEOUT_S, POLL_S = 300.0, 0.005

CELL = 500
"""Characters of a name: long rows, so that the smallest chunk, which is one of bytes, has few of them."""


def wait_until(condition: Callable[[], object]) -> None:
    """Return as soon as the condition holds; fail the test if it does not for five minutes."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(POLL_S)


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
        wait_until(lambda: len(table.items) >= items)
        if "--state" not in options:
            first = table.everything[run]
            wait_until(lambda: table.everything[run] != first)
        yield process
