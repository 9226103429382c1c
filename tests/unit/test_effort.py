"""What the way from cells to request bodies costs, in counts that no other program on the machine can change.

Calls of functions and live Python objects are counted, stage by stage. What grows with the number of items must be
next to nothing: one call per cell, or one object, would be a thousand times the bound. What a chunk costs however small
it is must not creep up either, since that is what makes small chunks dear.

It is counted in a process of its own. What other tests leave in this one would count too (functions called by the
garbage collector), and to ask for the number of objects takes the longer the more of them there are.
"""

from __future__ import annotations

import gc
import math
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from ingest_cli.commands import validate as validating
from ingest_cli.formats import Wanted, gathering, open_format
from ingest_cli.identifiers.normalize import normalize
from ingest_cli.items.batching import batches
from ingest_cli.items.builder import ItemBuilder, Items
from ingest_cli.items.hashing import KERNEL, RECORD_TAG_BYTES, TAG_BYTES, ByteMatrix, Hasher, looped_hmac
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import parse_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from ingest_cli.sinks.discard import DiscardSink
from tests.support.pipelines import FixedSize

pytestmark = pytest.mark.slow

MANIFEST = parse_manifest("""
version = 1
[dataset]
id = "demo"
title = "Demo"
sources = ["memory.csv"]
[format]
name = "csv"
columns = ["NAME", "ICNUM", "OTHER_ID", "ADDRESS", "MOBILE", "EMAIL"]
header = false
[[fields]]
column = ["ICNUM", "OTHER_ID"]
kind = "id"
[[fields]]
column = "MOBILE"
kind = "phone"
[[fields]]
column = "EMAIL"
kind = "email"
[[fields]]
column = "NAME"
exposes = "Names"
[[fields]]
column = "ADDRESS"
exposes = "Physical addresses"
""")
WANTED = Wanted(("NAME", "ICNUM", "OTHER_ID", "ADDRESS", "MOBILE", "EMAIL"))
PEPPER = Pepper("k1", bytes(range(32)))
ITEMS_A_ROW = 3
FEW, MANY = 1_000, 4_000


def dump(rows: int, first: int = 0) -> bytes:
    """People as they mostly are: one id in one of two columns, a phone, an address; now and then something missing."""
    lines = []
    for i in range(first, first + rows):
        ic = f"85{1 + i % 12:02d}{1 + i % 28:02d}-14-{i % 10_000:04d}"
        ids = f"{ic}," if i % 10 else f"-,{ic.replace('-', '')}"
        mobile = f"+6012{1_000_000 + i}" if i % 3 else f"012-{1_000_000 + i}"
        address = f'"{i}, Jalan Contoh,\n50000 Kuala Lumpur"' if i % 7 else ""
        lines.append(f"Orang {i},{ids},{address},{mobile},Orang.{i}@mail{i % 5}.example.com\n")
    return "".join(lines).encode()


class FreeHasher(Hasher):
    """Gives tags that cost nothing, no two alike."""

    def tags(self, _kind: str, values: pa.StringArray) -> ByteMatrix:
        return np.random.default_rng(0).integers(0, 256, (len(values), TAG_BYTES), np.uint8)

    def record_tags(self, messages: pa.StringArray) -> ByteMatrix:
        return np.random.default_rng(0).integers(0, 256, (len(messages), RECORD_TAG_BYTES), np.uint8)


class Effort(NamedTuple):
    """What was counted: calls of functions, those of C included, and the most objects alive beyond those before."""

    calls: int
    objects: int


def effort(run: Callable[[], object]) -> Effort:
    """Count what `run` takes when it is no longer the first time."""
    run()
    gc.collect()
    calls = most = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls, most
        calls += event in {"call", "c_call"}
        most = max(most, sys.getallocatedblocks())

    before = sys.getallocatedblocks()
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return Effort(calls, most - before)


def calls_of(run: Callable[[], object]) -> int:
    """Count the calls alone, which is faster: `run` may take many."""
    run()
    gc.collect()
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """A process that has done nothing else."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        yield process


def parsing(rows: int) -> Callable[[], Any]:
    data = dump(rows)

    def run() -> object:
        [chunk] = open_format(MANIFEST.format, WANTED, lambda: len(data)).read(iter([data]))
        assert len(chunk.index) == rows
        return chunk

    return run


def normalizing(rows: int) -> Callable[[], Any]:
    chunk = parsing(rows)()
    return lambda: normalize(chunk, MANIFEST.fields)


def building(rows: int) -> Callable[[], Any]:
    records, builder = normalizing(rows)().records, ItemBuilder(FreeHasher(PEPPER), "demo", "00000000")
    return lambda: builder.build(builder.hash(records))


def batching(rows: int) -> Callable[[], Any]:
    items: Items = building(rows)()
    assert len(items) == ITEMS_A_ROW * rows

    def run() -> object:
        return [(batch.wcu, len(batch.body("table"))) for batch in batches(items)]

    return run


def hashing(rows: int) -> Callable[[], Any]:
    values, hasher = pa.array([f"+6012{i:07d}" for i in range(rows)]), Hasher(PEPPER)
    return lambda: hasher.tags("phone", values)


def hashing_in_a_loop(rows: int) -> Callable[[], Any]:
    values, digest = pa.array([b"+6012%07d" % i for i in range(rows)]), looped_hmac(PEPPER.subkey("phone"))
    return lambda: digest(values)


class Stage(NamedTuple):
    """A stage, and the most that it may take.

    Attributes:
        prepare: from a number of rows to the stage, ready to run.
        units: what it makes of a row.
        calls, objects: for each of those.
        fixed_calls: for a chunk, however small it is.
    """

    prepare: Callable[[int], Callable[[], object]]
    units: int
    calls: float
    objects: float
    fixed_calls: int


STAGES = {
    "parse": Stage(parsing, ITEMS_A_ROW, 0.01, 0.01, 600),
    "normalize": Stage(normalizing, ITEMS_A_ROW, 0.01, 0.01, 2000),
    "build": Stage(building, ITEMS_A_ROW, 0.01, 0.01, 2000),
    "batch": Stage(batching, ITEMS_A_ROW, 0.4, 0.2, 50),  # 8 calls a batch
    "hash": Stage(hashing, 1, 0.01, 0.01, 100),
    # Six of the calls are the hash itself; only a block of messages is there at a time.
    "hash in a loop": Stage(hashing_in_a_loop, 1, 7.1, 0.2, 100),
}


def stage_effort(name: str, rows: int) -> Effort:
    return effort(STAGES[name].prepare(rows))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_takes_no_more_than_it_did(elsewhere: ProcessPoolExecutor, name: str) -> None:
    if name == "hash" and KERNEL is None:
        pytest.skip("nothing was compiled: there was no C compiler")
    stage = STAGES[name]
    few, many = elsewhere.map(stage_effort, (name, name), (FEW, MANY))
    more = (MANY - FEW) * stage.units
    calls = (many.calls - few.calls) / more
    assert calls <= stage.calls
    assert (many.objects - few.objects) / more <= stage.objects
    assert few.calls - calls * FEW * stage.units <= stage.fixed_calls


def a_call_a_cell(cells: list[bytes]) -> object:
    return [len(cell) for cell in cells]


def an_object_a_cell(cells: list[bytes]) -> object:
    return [cell[1:] for cell in cells]


def all_cells_in_one_call(cells: list[bytes]) -> object:
    return pa.array(cells).to_pylist()


def loop_effort(loop: Callable[[list[bytes]], object]) -> Effort:
    cells = [b"%06d" % i for i in range(FEW)]
    return effort(lambda: loop(cells))


@pytest.mark.parametrize(
    ("loop", "at_least"),
    [
        (a_call_a_cell, Effort(FEW, 0)),
        (an_object_a_cell, Effort(1, FEW)),
        (all_cells_in_one_call, Effort(2, FEW)),
    ],
)
def test_a_loop_over_cells_is_noticed(
    elsewhere: ProcessPoolExecutor, loop: Callable[[list[bytes]], object], at_least: Effort
) -> None:
    counted = elsewhere.submit(loop_effort, loop).result()
    assert counted.calls >= at_least.calls
    assert counted.objects >= at_least.objects


SMALL_ROWS, FEW_FILES, MANY_FILES = 20, 50, 250
MOST_CALLS_A_FILE = 950
"""Its share of the chunk that its rows are in, which alone takes some 5,000, among them; and the look at its beginning
and its end before the first row is read."""


def loading_files(folder: Path, files: int) -> Callable[[], None]:
    """From a pattern to the account: find so many small files, tell their state, read them and settle their rows."""
    (folder / str(files)).mkdir()
    for number in range(files):
        (folder / str(files) / f"{number:03d}.csv").write_bytes(dump(SMALL_ROWS, number * SMALL_ROWS))
    dataset = replace(MANIFEST.dataset, sources=(f"{files}/*.csv",))
    wanted = replace(MANIFEST, path=folder / "manifest.toml", dataset=dataset)

    def run() -> None:
        sink, report = DiscardSink(), Report("verify", "demo", "Demo")
        validating.reproduce(wanted, PEPPER, RunSettings(), sink=sink, report=report)
        assert report.account.rows_kept == files * SMALL_ROWS

    return run


def calls_for_files(files: int) -> int:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        # The size of a chunk, and when it is handed on, would depend on how fast the machine is.
        patch.setattr(validating, "ChunkSize", lambda: FixedSize(64 << 10))
        patch.setattr(gathering, "MOST_AGE_S", math.inf)
        return calls_of(loading_files(Path(folder), files))


def test_one_more_small_file_takes_no_more_than_it_did(elsewhere: ProcessPoolExecutor) -> None:
    few, many = elsewhere.map(calls_for_files, (FEW_FILES, MANY_FILES))
    assert (many - few) / (MANY_FILES - FEW_FILES) <= MOST_CALLS_A_FILE
