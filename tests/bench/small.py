"""What a small file costs beyond its rows: many files of a few rows against one file of the same rows.

The processor time is that of the whole process tree, and the two are loaded in turn, so that start-up and the rows
themselves cancel out: what is left is the price of one more file. A second, larger number of files shows whether that
price grows with their number.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import dumping
from tests.bench.options import Options
from tests.bench.surroundings import Surroundings
from tests.support.dumps import Dump, manifest_of

TITLE = "Many files of 20 rows against one file of the same rows, one process"
ROWS_A_FILE = 20
FILES = (1_000, 10_000)


def figures(place: Surroundings, options: Options) -> dict[str, Any]:
    """Load both in turn.

    Raises:
        CommandFailedError: one of the loads failed.
    """
    return {f"{files} files": _compared(place, files, options.runs) for files in FILES}


def _compared(place: Surroundings, files: int, runs: int) -> dict[str, float]:
    whole, split = place.dump(files * ROWS_A_FILE), split_dump(place, files)
    turns = [(_loaded(place, whole), _loaded(place, split)) for _ in range(runs)]
    return {
        "cpu_ms_per_file_more": round(median(1e3 * (b[0] - a[0]) / (files - 1) for a, b in turns), 3),
        "cpu_s_one_file": round(median(a[0] for a, _ in turns), 2),
        "cpu_s": round(median(b[0] for _, b in turns), 2),
        "items_a_request": round(median(b[1] for _, b in turns), 2),
    }


def _loaded(place: Surroundings, manifest: Path) -> tuple[float, float]:
    """Load a dump; the processor time that took, and the items of a request."""
    before = place.counts()
    cost, items = place.load(manifest, "--workers", "1")
    return cost.cpu_s, items / (place.counts().requests - before.requests)


def split_dump(place: Surroundings, files: int) -> Path:
    """The manifest of the rows of `place.dump(files * ROWS_A_FILE)`, in so many files; written the first time."""
    name = f"telco-{files}-files"
    folder, manifest = place.folder / name, place.folder / f"{name}.toml"
    if not manifest.exists():
        folder.mkdir()
        dump = Dump(shape=dumping.DESCRIBED, rows=files * ROWS_A_FILE, header=True)
        for number in range(files):
            part = dumping.part(number * ROWS_A_FILE, ROWS_A_FILE, header=True)
            (folder / f"{number:06d}.csv").write_bytes(part)
        manifest.write_text(manifest_of(dump, name, [f"{name}/*.csv"]), encoding="utf-8")
    return manifest
