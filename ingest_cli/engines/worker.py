"""Programs of worker processes: the stages from rows to items, with everything they need.

A worker gets plain data when it is started; what cannot be serialized (connections, hash states) is created there.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field

from ingest_cli.aws.table import Table
from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.engines.concurrent import ConcurrentWriter, InFlightLimits
from ingest_cli.engines.messages import ChunkDone, Link, ParentsStop, Sent
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import Manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.pipeline import ItemStages
from ingest_cli.report.observer import RunObserver
from ingest_cli.report.traffic import Traffic
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.discard import DiscardSink
from ingest_cli.sinks.write_path import Pace, Route, write_path

STATS_EVERY_S = 1.0
"""Seconds between reports of a worker's requests, even if none of its chunks was committed."""

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """Conversion of rows to items; plain data from which `ItemStages` are created.

    Attributes:
        manifest: describes the columns.
        pepper: pepper to hash with.
        src: first 8 hex digits of the fingerprint of the sources.
        keep_raw: whether rejects hold the record they are made of.
        keep_seal_keys: whether items come with the keys of their seals.
    """

    manifest: Manifest
    pepper: Pepper
    src: str
    keep_raw: bool = False
    keep_seal_keys: bool = False

    def stages(self) -> ItemStages:
        """Create the stages."""
        manifest = self.manifest
        builder = ItemBuilder(Hasher(self.pepper), manifest.dataset.id, self.src, keep_seal_keys=self.keep_seal_keys)
        return ItemStages(manifest.fields, builder, self.keep_raw, manifest.rejects.max_identifiers)


@dataclass(frozen=True, slots=True)
class DryRunProgram:
    """Worker of a dry run: convert chunks to items, check these, and drop them.

    Attributes:
        items: conversion of rows to items.
        shared: shared state with the stop request.
        parent: id of the reading process.
    """

    items: ItemSpec
    shared: SharedByProcesses
    parent: int = field(default_factory=os.getpid)

    @property
    def keep_raw(self) -> bool:
        """See `Program.keep_raw`."""
        return self.items.keep_raw

    def __call__(self, link: Link) -> None:
        """Process chunks from `link` until there are no more."""
        self.shared.joined()
        stop = ParentsStop(self.shared, self.parent)
        writer = SerialWriter(self.items.stages(), DiscardSink(), link.send, _LinkObserver(link), stop)
        while True:
            while not link.has_chunk(_POLL_S):
                stop.check()
            if (chunk := link.receive()) is None:
                return
            writer.write(chunk)


@dataclass(frozen=True, slots=True)
class LoadSpec:
    """Conversion and writing of a load's chunks by one process.

    Attributes:
        items: conversion of rows to items.
        route: route to the table.
        settings: settings of the run.
        limits: limits of what is in progress in the process.
        table: holds the credentials already found; a process that is not forked has to find them again.
    """

    items: ItemSpec
    route: Route
    settings: RunSettings
    limits: InFlightLimits
    table: Table | None = None

    def __reduce__(self) -> tuple[type[LoadSpec], tuple[object, ...]]:
        """Serialize without connections and credentials."""
        return LoadSpec, (self.items, self.route, self.settings, self.limits)


@dataclass(frozen=True, slots=True)
class LoadProgram:
    """Worker of a load: convert chunks to items, and write these.

    Attributes:
        load: what to do.
        shared: shared state with the rate and the stop request.
        parent: id of the reading process.
    """

    load: LoadSpec
    shared: SharedByProcesses
    parent: int = field(default_factory=os.getpid)

    @property
    def keep_raw(self) -> bool:
        """See `Program.keep_raw`."""
        return self.load.items.keep_raw

    def __call__(self, link: Link) -> None:
        """Process chunks from `link` until there are no more."""
        self.shared.joined()
        load, stop, stats = self.load, ParentsStop(self.shared, self.parent), _StatsReporter(link)
        outlet = load.route.open(stop, load.table)
        outlet.fibers.start(lambda: stats.report_regularly(outlet.fibers, stop))
        path = write_path(outlet, load.settings, stats.traffic, stop, Pace(self.shared, link.number))
        writer = ConcurrentWriter(load.items.stages(), path, stats.commit, _LinkObserver(link), load.limits)
        try:
            with writer:
                while True:
                    outlet.fibers.run_until(lambda: stop.requested or link.has_chunk(), link.readable)
                    writer.check()
                    if (chunk := link.receive()) is None:
                        break
                    writer.write(chunk)
        finally:
            stats.report()
            outlet.transport.close()


class _StatsReporter:
    """Report results of chunks, and counters of requests, to the reading process.

    Attributes:
        traffic: counters of requests.
    """

    def __init__(self, link: Link) -> None:
        self.traffic = Traffic()
        self._link = link

    def commit(self, result: ChunkResult) -> None:
        """Report the result of a chunk."""
        self.report()
        self._link.send(result)

    def report_regularly(self, fibers: Fibers, stop: StopRequest) -> None:
        """Report every second until the run is to end; run in a fiber."""
        with contextlib.suppress(OSError):  # nothing listens any more, which the receiver of chunks detects too
            while not stop.requested:
                fibers.sleep(STATS_EVERY_S)
                self.report()

    def report(self) -> None:
        """Report the counters of requests since the last time."""
        self._link.send(Sent(*self.traffic.take()))


class _LinkObserver(RunObserver):
    """Report the duration of each chunk to the reading process."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def chunk_done(self, size_bytes: int, duration_s: float) -> None:
        """See `RunObserver.chunk_done`."""
        self._link.send(ChunkDone(size_bytes, duration_s))
