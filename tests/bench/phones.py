"""Processor time of a phone-heavy dump with and without the column rules for phone numbers, µs a row.

    python -m tests.bench.phones [--rows 20000]

Each arm validates one invented dump of Malaysian mobile numbers in five notations, in one process: as the program is;
with the numbering plan value by value, without the automaton over columns; and with the library alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pyarrow as pa

from ingest_cli import RunSettings, load_manifest, validate
from ingest_cli.identifiers import phone
from ingest_cli.identifiers.two_speed import Decided, decided

RUNS = 5
SEED = 1
NOTATIONS = ("+601{}{:07d}", "01{}-{:07d}", "601{}{:07d}", "01{}{:07d}", "+60 1{}-{:07d}")
MANIFEST = """
version = 1
[dataset]
id = "phones"
title = "Phones"
sources = ["phones.csv"]
[format]
name = "csv"
[[fields]]
column = "PHONE"
kind = "phone"
"""


def _undecided(cells: pa.StringArray, region: str) -> Decided:  # noqa: ARG001 - the signature of what it replaces
    return decided(cells, np.zeros(len(cells), np.bool_), 0)


ARMS: Mapping[str, Mapping[str, Callable[..., object]]] = {
    "column automaton": {},
    "numbering plan, value by value": {"_decide": _undecided},
    "phonenumbers alone": {"_decide": _undecided, "quick_phones": phone.canonical_phones},
}


def _write(folder: Path, rows: int) -> Path:
    random = Random(SEED)
    with (folder / "phones.csv").open("w") as file:
        file.write("PHONE,NAME\n")
        for _ in range(rows):
            number = random.choice(NOTATIONS).format(random.choice("234678"), random.randrange(2_000_000, 10_000_000))
            file.write(f"{number},somebody\n")
    path = folder / "phones.toml"
    path.write_text(MANIFEST)
    return path


def _cpu_s(manifest: Path, replaced: Mapping[str, Callable[..., object]]) -> float:
    phone._read_once.cache_clear()
    with mock.patch.multiple(phone, **replaced) if replaced else nullcontext():
        began_s = time.process_time()
        validate(load_manifest(manifest), RunSettings(workers=1))
        return time.process_time() - began_s


def main(arguments: Sequence[str]) -> None:
    """Measure the arms in turn, and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.phones")
    parser.add_argument("--rows", type=int, default=20_000, help="number of rows")
    rows = parser.parse_args(arguments).rows
    with TemporaryDirectory() as folder:
        measure = partial(_cpu_s, _write(Path(folder), rows))
        measure({})  # imports
        seconds = [[measure(replaced) for replaced in ARMS.values()] for _ in range(RUNS)]
    for name, figures in zip(ARMS, zip(*seconds, strict=True), strict=True):
        print(f"{name:32} {median(figures) / rows * 1e6:6.2f} µs a row")


if __name__ == "__main__":
    main(sys.argv[1:])
