"""A load in virtual time: the write path, the engine and the watchers of the program, over the table of the endpoint.

Nothing of the program is replaced but what it waits with, its transport, and the seed of its jitter. The table is that
of the scripted endpoint, asked without a network in between; how long a request is under way is drawn from a seed.
Worker processes are threads here, each with its own write path and engine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import cast

import pytest

from ingest_cli.aws.lease import Lease
from ingest_cli.aws.table import Table
from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity
from ingest_cli.checkpoint.journal import Journal, JournalTargets
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.cli import progress
from ingest_cli.cli.console import Log
from ingest_cli.commands.watchers import watched
from ingest_cli.engines import concurrent
from ingest_cli.engines.chunk_size import ChunkSize, first_bytes
from ingest_cli.engines.concurrent import ConcurrentWriter, InFlightLimits
from ingest_cli.errors import TryAgainError
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.ceiling import Ceiling
from ingest_cli.model.chunks import Origin, Span
from ingest_cli.model.keys import ephemeral_pepper
from ingest_cli.model.settings import RunSettings
from ingest_cli.pipeline import ItemStages, PreparedChunk
from ingest_cli.report.observer import RunObserver
from ingest_cli.report.report import Report
from ingest_cli.report.traffic import Traffic
from ingest_cli.runtime import background, clock
from ingest_cli.runtime import stop as shutdown
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.runtime.shared_state import SharedState
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks import write_path as writing
from ingest_cli.sinks.transports.interface import Answer, no_limit
from ingest_cli.sources.shard import Shard
from tests.support.synthetic_items import LINE_BYTES, SyntheticSource, work
from tests.support.virtual_table import ROW_BYTES, TABLE, Case, Seen, VirtualTable
from tests.support.virtual_time import VirtualThread, VirtualTime

__all__ = ["Case", "Seen", "load"]

LOOK_EVERY_S = 0.1
UNTAKEN = 1
"""Chunks that wait for a worker."""


def load(case: Case) -> Seen:
    """Run a load to its end, or until it is stopped."""
    time = VirtualTime()
    table = VirtualTable(time, case)
    with _in_virtual_time(time, case.seed):
        table.seen.acknowledged = time.run(_Load(table, case, time).run)
    return table.seen


@contextmanager
def _in_virtual_time(time: VirtualTime, seed: int) -> Iterator[None]:
    """Put virtual means of waiting into all modules of the write path that wait."""
    stand_ins = time.instead_of()
    with pytest.MonkeyPatch.context() as patch:
        for module, names in (
            (concurrent, ("time",)),
            (background, ("threading",)),
            (shutdown, ("threading",)),
            (clock, ("time",)),
        ):
            for name in names:
                patch.setattr(module, name, stand_ins[name])
        patch.setattr(writing, "Random", lambda: Random(seed))
        patch.setattr(progress, "LINE_EVERY_S", 2.0)
        yield


class _Transport:
    """The way of one process to the table."""

    left_s: Callable[[], float]

    def __init__(self, table: VirtualTable, fibers: Fibers) -> None:
        self.left_s = no_limit
        self._table = table
        self._fibers = fibers

    def send(self, body: bytes) -> Answer:
        """See `Transport.send`."""
        return self._table.send(body, self._fibers)

    def close(self) -> None:
        """See `Transport.close`."""


class _Looker(Log):
    """Record the reported time left."""

    def __init__(self, time: VirtualTime, seen: Seen) -> None:
        super().__init__("text", chatty=False)
        self._time, self._seen = time, seen

    def keep(self, text: str, level: str = "info", **fields: object) -> None:
        """See `Log.keep`."""
        del text, level
        if fields.get("eta_s") is not None:
            self._seen.eta.append((self._time(), float(str(fields["eta_s"]))))


@dataclass
class _Load:
    """What `ingest-cli load` does with items that are ready to be sent."""

    table: VirtualTable
    case: Case
    time: VirtualTime
    stop: StopRequest = field(default_factory=StopRequest)
    report: Report = field(default_factory=lambda: Report("load", "demo", "Demo"))
    shared: SharedState = field(default_factory=SharedState)
    waiting: deque[PreparedChunk] = field(default_factory=deque)
    is_read: bool = False

    def run(self) -> int:
        """Run it; returns the items in its account."""
        case, time, table = self.case, self.time, self.table
        settings = RunSettings(max_wcu=Ceiling.parse(case.max_wcu), spot_watch=False)
        self.shared = SharedState(case.workers)
        described = writing.starting_pace(table.describe(), settings, self.shared)
        path = self._path(settings, self.report.traffic, described)
        checkpoint = Checkpoint.new(Identity("demo", "table-1", "0" * 64, "m", "k1", "00000000"), 1)
        checkpoint.account = self.report.account
        looker = progress.Progress(_Looker(time, table.seen), bar=False, clock=time)
        journal = Journal(
            JournalTargets(self.report, RejectFile(None), checkpoint),
            looker,
            table.store,
            path.lanes.run_ahead,
        )
        source = SyntheticSource(case.dump, size_bytes=case.rows * LINE_BYTES)
        self.report.byte_progress.plan([source.size_bytes])
        self.report.byte_progress.begin([0])
        looker.planned("demo", [source.size_bytes])
        for program, name in ((table.change, "operator"), (self._end, "end"), (self._look, "look")):
            VirtualThread(time, program, name, daemon=True).start()
        if case.eta:
            VirtualThread(time, lambda: self._tick(looker), "screen", daemon=True).start()
        try:
            with watched(path, cast("Table", table), settings, cast("Lease", table), journal):
                workers = [
                    VirtualThread(time, partial(self._work, settings, journal, n), f"worker-{n}", daemon=True)
                    for n in range(1, case.workers)
                ]
                for worker in workers:
                    worker.start()
                with self._engine(path, settings, journal) as writer:
                    self._read(writer, source, ChunkSize(first_bytes(path.pacer.rate_wcu_per_s)))
                for worker in workers:
                    worker.join()
        except TryAgainError:
            assert case.seconds is not None, "it stopped by itself"
            assert time() >= case.seconds, "it stopped by itself"
        table.seen.ended_s = time()
        return self.report.account.items_acknowledged

    def _path(self, settings: RunSettings, traffic: Traffic, pace: writing.Pace) -> writing.WritePath:
        fibers = Fibers(lambda: self.stop.requested, self.time, lambda _, __, duration_s: self.time.sleep(duration_s))
        outlet = writing.Outlet(TABLE, _Transport(self.table, fibers), fibers)
        return writing.write_path(outlet, settings, traffic, self.stop, pace)

    def _engine(self, path: writing.WritePath, settings: RunSettings, journal: Journal) -> ConcurrentWriter:
        return ConcurrentWriter(
            ItemStages((), ItemBuilder(Hasher(ephemeral_pepper()), "demo", "00000000")),
            path,
            journal.commit,
            RunObserver(),
            InFlightLimits(settings.concurrency // self.case.workers),
        )

    def _work(self, settings: RunSettings, journal: Journal, process: int) -> None:
        """Write chunks as a worker does, until there are no more."""
        path = self._path(settings, Traffic(), writing.Pace(self.shared, process))
        fibers = path.outlet.fibers
        try:
            with self._engine(path, settings, journal) as writer:
                while True:
                    fibers.run_until(lambda: self.stop.requested or bool(self.waiting) or self.is_read)
                    if not self.waiting:
                        break
                    writer.put(self.waiting.popleft())
        except TryAgainError:
            pass

    def _read(self, writer: ConcurrentWriter, source: SyntheticSource, chunk_size: ChunkSize) -> None:
        """Cut the rows into chunks as `run_shard` does, and write them, or leave them to a worker that waits."""
        shard, first, byte_progress, rows = Shard(0, source), 0, self.report.byte_progress, self.case.rows
        byte_progress.source(0)
        while first < rows:
            began_s, after = self.time(), min(first + chunk_size() // ROW_BYTES, rows)
            byte_progress.read((after - first) * LINE_BYTES)
            byte_progress.decoded((after - first) * LINE_BYTES)
            byte_progress.handed_out(Origin(0, 0, source.name), Span(source.position(first), source.position(after)))
            chunk = work(shard, source, first, after)
            if self.case.workers > 1 and len(self.waiting) < UNTAKEN:
                self.waiting.append(chunk)
            else:
                writer.put(chunk)
                chunk_size.chunk_done((after - first) * ROW_BYTES, self.time() - began_s)
            first = after
        self.is_read = True
        byte_progress.end(0)

    def _end(self) -> None:
        if self.case.seconds is not None and not self.stop.event.wait(self.case.seconds):
            self.stop.request("looked at for long enough")

    def _look(self) -> None:
        while not self.table.seen.ended_s and not self.stop.requested:
            self.time.sleep(LOOK_EVERY_S)
            self.table.look()

    def _tick(self, looker: progress.Progress) -> None:
        while not self.table.seen.ended_s and not self.stop.requested:
            self.time.sleep(1.0)
            looker.tick()
