"""How many modules a row passes on its way into the table, and whether pipeline.py names the stages in their order."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import FrameType

from ingest_cli import pipeline
from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.checkpoint.journal import Journal, JournalTargets
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.engines.chunk_size import ChunkSize
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.formats import open_format
from ingest_cli.formats.gathering import Gatherer
from ingest_cli.formats.row_selection import RowRange
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.manifest import load_manifest
from ingest_cli.report.observer import Observers, ReportUpdater
from ingest_cli.report.report import Report
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.transports.interface import Answer, no_limit
from tests.support.pipelines import PEPPER

MOST_MODULES = 35
STAGES = ("source", "decoder", "format", "normalize", "hash", "item", "batch", "sink", "report")
ROWS = 60_000
"""More than one piece of the file, and several chunks."""
MANIFEST = """
version = 1
[dataset]
id = "demo"
title = "Demo"
sources = ["dump.csv"]
[format]
name = "csv"
header = true
[[fields]]
column = "email"
kind = "email"
"""


class Acknowledging:
    """A table that takes everything."""

    left_s = staticmethod(no_limit)

    def send(self, body: bytes) -> Answer:
        consumed = [{"TableName": "breaches", "CapacityUnits": float(body.count(b"PutRequest"))}]
        return Answer(200, json.dumps({"UnprocessedItems": {}, "ConsumedCapacity": consumed}).encode(), None)

    def close(self) -> None: ...


class Entered:
    """The modules of the program whose code runs in the block; constructors that dataclasses generate do not count."""

    def __init__(self) -> None:
        self.modules = set[str]()

    @contextmanager
    def recorded(self) -> Iterator[None]:
        before = sys.getprofile()
        try:
            yield
        finally:
            sys.setprofile(before)

    def begin(self) -> None:
        sys.setprofile(self._note)

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith("ingest_cli.") and frame.f_code.co_filename != "<string>":
            self.modules.add(name.removeprefix("ingest_cli."))


def load(folder: Path) -> tuple[set[str], Report]:
    """Load a small CSV in one process; the modules of each chunk from the second to the last but one."""
    (folder / "demo.toml").write_text(MANIFEST)
    (folder / "dump.csv").write_text("email,city\n" + "".join(f"kenari.{n}@example.org,Ipoh\n" for n in range(ROWS)))
    manifest = load_manifest(folder / "demo.toml")
    planned, report, chunk_size, entered = (
        pipeline.plan(manifest),
        Report("load", "demo", "Demo"),
        ChunkSize(),
        Entered(),
    )
    report.byte_progress.plan([planned.shards[0].source.size_bytes])
    report.byte_progress.begin([0])
    report.byte_progress.source(0)
    journal = Journal(JournalTargets(report, RejectFile(None)))
    passed: list[set[str]] = []

    def commit(result: ChunkResult) -> None:
        journal.commit(result)
        passed.append(set(entered.modules))
        entered.begin()

    observer = Observers(ReportUpdater(report), journal, chunk_size)
    items = pipeline.ItemStages(manifest.fields, ItemBuilder(Hasher(PEPPER), "demo", "0123abcd"))
    writer = SerialWriter(items, DynamoDBSink(Acknowledging(), "breaches"), commit, observer, StopRequest())
    rows = pipeline.RowStages(
        encoding="utf-8",
        format=open_format(manifest.format, planned.wanted, chunk_size),
        selection=RowRange(),
        observer=observer,
        chunk_bytes=chunk_size,
    )
    with entered.recorded(), Gatherer(writer.write, rows.format, chunk_size, observer) as gatherer:
        pipeline.run_shard(planned.shards[0], rows, gatherer)
    assert len(passed) > 3, "there are chunks in the middle"
    return passed[-2], report


def test_a_row_passes_few_modules(tmp_path: Path) -> None:
    modules, report = load(tmp_path)
    assert report.account.items_acknowledged == ROWS
    print(f"{len(modules)} modules: {', '.join(sorted(modules))}")  # noqa: T201 - shown if the test fails
    assert {"pipeline", "sources.local", "formats.delimited", "items.hashing", "sinks.dynamodb"} <= modules
    assert len(modules) <= MOST_MODULES


def test_the_pipeline_names_its_stages_in_order() -> None:
    functions = (pipeline.run_shard, pipeline.run_chunk, pipeline.deliver)
    text = "".join(inspect.getsource(function) for function in functions)
    places = [text.index(f"# {number}. {stage}") for number, stage in enumerate(STAGES, 1)]
    assert places == sorted(places)
    assert " → ".join(STAGES) in (pipeline.__doc__ or "")
    for above, below in pairwise(map(inspect.getsourcelines, functions)):
        assert above[1] + len(above[0]) + 2 == below[1], "they stand below each other"
