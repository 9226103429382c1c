"""The dumps that are loaded: of a telephone company, with three identifiers a row that are looked up."""

from __future__ import annotations

import gzip
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.support.dumps import Dump, encoded, rows
from tests.support.shapes import SHAPES, Shape

PART_ROWS = 50_000
GZIP_LEVEL = 6
"""What `gzip` takes by itself."""


def _written(telco: Shape) -> Shape:
    """The telco dump with an e-mail column at the end."""
    email = next(field for field in SHAPES["dirty"].fields if field.name == "email")
    return telco._replace(columns=(*telco.columns, ("EMAIL", "email")), fields=(*telco.fields, email))


def _described(written: Shape) -> Shape:
    """The same as its manifest has it: id, phone and e-mail are looked up, the numbers of the SIM left alone."""
    used = ("id", "phone", "email", "name", "address")
    return written._replace(fields=tuple(field for field in written.fields if field.name in used))


WRITTEN = _written(SHAPES["telco"])
DESCRIBED = _described(WRITTEN)


def write(path: Path, count: int) -> None:
    """Write so many rows, of as many people, in parts on all processors; never more than a few parts in memory."""
    starts = range(0, count, PART_ROWS)
    spawn = multiprocessing.get_context("spawn")
    with path.open("wb") as file, ProcessPoolExecutor(None if len(starts) > 1 else 1, spawn) as pool:
        file.writelines(pool.map(part, starts, [min(PART_ROWS, count - start) for start in starts]))


def part(first: int, count: int, *, header: bool = False) -> bytes:
    """The rows of so many people, from number `first` on, as a dump of its own."""
    dump = Dump(shape=WRITTEN, rows=count, first=first, header=header)
    return b"".join(encoded(dump, rows(dump)))


def zip_file(path: Path, packed: Path) -> None:
    """Compress a file into one gzip member."""
    with path.open("rb") as file, gzip.open(packed, "wb", GZIP_LEVEL) as out:
        shutil.copyfileobj(file, out, 1 << 20)
