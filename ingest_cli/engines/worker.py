"""Programs of worker processes: the stages from rows to items, with everything they need.

A worker gets plain data when it is started; what cannot be serialized (connections, hash states) is created there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest_cli.aws.table import Table
from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.engines.concurrent import ConcurrentWriter
from ingest_cli.engines.messages import ChunkDone, Link, ParentsStop, Sent
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import Field, Manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.pipeline import Preparation
from ingest_cli.report.traffic import Traffic
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.discard import DiscardSink
from ingest_cli.sinks.write_path import Pace, Route, write_path

TELL_EVERY_S = 1.0
"""Seconds between reports of a worker's requests, even if none of its chunks was committed."""

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Recipe:
    """Conversion of rows to items; plain data from which a `Preparation` is created.

    Attributes:
        fields: meaning of the columns.
        pepper: pepper to hash with.
        dataset: id of the dataset.
        src: first 8 hex digits of the fingerprint of its sources.
        keep_raw: whether rejects hold the record they are made of.
        max_identifiers: maximum number of different identifiers of one kind per row.
    """

    fields: tuple[Field, ...]
    pepper: Pepper
    dataset: str
    src: str
    keep_raw: bool
    max_identifiers: int

    def preparation(self) -> Preparation:
        """Create the preparation."""
        builder = ItemBuilder(Hasher(self.pepper), self.dataset, self.src)
        return Preparation(self.fields, builder, self.keep_raw, self.max_identifiers)

    @classmethod
    def of(cls, manifest: Manifest, pepper: Pepper, src: str, *, keep_raw: bool) -> Recipe:
        """Create the recipe for a dump.

        Args:
            manifest: manifest of the dump.
            pepper: see above.
            src: see above.
            keep_raw: see above.
        """
        return cls(manifest.fields, pepper, manifest.dataset.id, src, keep_raw, manifest.rejects.max_identifiers)


@dataclass(frozen=True, slots=True)
class Checking:
    """Worker of a dry run: convert chunks to items, check these, and drop them.

    Attributes:
        recipe: conversion of rows to items.
        shared: shared state with the stop request.
        parent: id of the reading process.
    """

    recipe: Recipe
    shared: SharedByProcesses
    parent: int = field(default_factory=os.getpid)

    def __call__(self, link: Link) -> None:
        """Process chunks from `link` until there are no more."""
        self.shared.joined()
        stop = ParentsStop(self.shared, self.parent)
        writer = SerialWriter(self.recipe.preparation(), DiscardSink(), link.send, _reporting_size(link), stop)
        while True:
            while not link.has_chunk(_POLL_S):
                stop.check()
            if (chunk := link.receive()) is None:
                return
            writer.write(chunk)


@dataclass(frozen=True, slots=True)
class Writing:
    """Worker of a load: convert chunks to items, and write these.

    Attributes:
        recipe: conversion of rows to items.
        route: route to the table.
        settings: settings of the run.
        concurrency: maximum number of requests in flight.
        open_entries: see `concurrent.MAX_OPEN_ENTRIES`.
        shared: shared state with the rate and the stop request.
        table: holds the credentials already found; a worker that is not forked has to find them again.
        parent: id of the reading process.
    """

    recipe: Recipe
    route: Route
    settings: RunSettings
    concurrency: int
    open_entries: int
    shared: SharedByProcesses
    table: Table | None = None
    parent: int = field(default_factory=os.getpid)

    def __reduce__(self) -> tuple[type[Writing], tuple[object, ...]]:
        """Serialize without connections and credentials."""
        plain = (self.recipe, self.route, self.settings, self.concurrency, self.open_entries, self.shared)
        return Writing, (*plain, None, self.parent)

    def __call__(self, link: Link) -> None:
        """Process chunks from `link` until there are no more."""
        self.shared.joined()
        stop, teller = ParentsStop(self.shared, self.parent), _Teller(link)
        outlet = self.route.open(stop, self.table)
        outlet.fibers.start(lambda: teller.tell_now_and_then(outlet.fibers, stop))
        path = write_path(outlet, self.settings, teller.traffic, stop, Pace(self.shared, link.number))
        writer = ConcurrentWriter(
            self.recipe.preparation(),
            path.lanes,
            teller.commit,
            outlet.fibers,
            stop,
            concurrency=self.concurrency,
            on_chunk_done=_reporting_size(link),
            open_entries=self.open_entries,
        )
        try:
            with writer:
                while True:
                    outlet.fibers.run_until(lambda: stop.requested or link.has_chunk(), link.readable)
                    writer.check()
                    if (chunk := link.receive()) is None:
                        break
                    writer.write(chunk)
        finally:
            teller.tell()
            outlet.transport.close()


class _Teller:
    """Report results of chunks, and counters of requests, to the reading process.

    Attributes:
        traffic: counters of requests.
    """

    def __init__(self, link: Link) -> None:
        self.traffic = Traffic()
        self._link = link

    def commit(self, committed: ChunkResult) -> None:
        """Report the result of a chunk."""
        self.tell()
        self._link.send(committed)

    def tell_now_and_then(self, fibers: Fibers, stop: StopRequest) -> None:
        """Report every second until the run is to end; run in a fiber."""
        with contextlib.suppress(OSError):  # nothing listens any more, which the receiver of chunks detects too
            while not stop.requested:
                fibers.sleep(TELL_EVERY_S)
                self.tell()

    def tell(self) -> None:
        """Report the counters of requests since the last time."""
        self._link.send(Sent(*self.traffic.take()))


def _reporting_size(link: Link) -> Callable[[int, float], None]:
    return lambda size_bytes, duration_s: link.send(ChunkDone(size_bytes, duration_s))
