"""What a worker process does: the second half of the way, with everything that it needs for it.

Plain data goes to the worker as it is started; what cannot travel (connections, hash states) is made there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest_cli.aws.table import Table
from ingest_cli.checkpoint.chunk_result import Settled
from ingest_cli.engines.concurrent import ConcurrentWriter
from ingest_cli.engines.messages import Link, ParentsStop, Sent, Took
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import Field, Manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.pipeline import Preparation
from ingest_cli.report.report import Traffic
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.discard import DiscardSink
from ingest_cli.sinks.policies.pacing import Pacer
from ingest_cli.sinks.write_path import Route, write_path

TELL_EVERY_S = 1.0
"""Seconds after which a worker says what its requests came to, even if no chunk of it was settled."""

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Recipe:
    """How rows become items; what a `Preparation` is made of.

    Attributes:
        fields: what the columns hold.
        pepper: to hash with.
        dataset: id of the dataset.
        src: first 8 hex digits of the fingerprint of its sources.
        keep_raw: whether rejects hold the record they were made of.
        max_identifiers: different identifiers of one kind that a row may have.
    """

    fields: tuple[Field, ...]
    pepper: Pepper
    dataset: str
    src: str
    keep_raw: bool
    max_identifiers: int

    def preparation(self) -> Preparation:
        """Make what it says."""
        builder = ItemBuilder(Hasher(self.pepper), self.dataset, self.src)
        return Preparation(self.fields, builder, self.keep_raw, self.max_identifiers)

    @classmethod
    def of(cls, manifest: Manifest, pepper: Pepper, src: str, *, keep_raw: bool) -> Recipe:
        """For the rows of a dump.

        Args:
            manifest: of the dump.
            pepper: see above.
            src: see above.
            keep_raw: see above.
        """
        return cls(manifest.fields, pepper, manifest.dataset.id, src, keep_raw, manifest.rejects.max_identifiers)


@dataclass(frozen=True, slots=True)
class Checking:
    """The worker of a dry run: takes chunks to their items, checks these, and drops them.

    Attributes:
        recipe: how rows become items.
        shared: says when to stop.
        parent: id of the process that reads.
    """

    recipe: Recipe
    shared: SharedByProcesses
    parent: int = field(default_factory=os.getpid)

    def __call__(self, link: Link) -> None:
        """Do it."""
        self.shared.joined()
        stop = ParentsStop(self.shared, self.parent)
        writer = SerialWriter(self.recipe.preparation(), DiscardSink(), link.send, _took(link), stop)
        while True:
            while not link.has_chunk(_POLL_S):
                stop.check()
            if (chunk := link.receive()) is None:
                return
            writer.write(chunk)


@dataclass(frozen=True, slots=True)
class Writing:
    """The worker of a load: takes chunks to their items, and writes these.

    Attributes:
        recipe: how rows become items.
        route: where items go.
        settings: how.
        concurrency: requests in flight at the most.
        open_entries: see `concurrent.MAX_OPEN_ENTRIES`.
        shared: the rate, and the wish to stop.
        table: has the credentials that were found already; a worker that is not forked has to find them anew.
        parent: id of the process that reads.
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
        """Connections and credentials do not travel."""
        plain = (self.recipe, self.route, self.settings, self.concurrency, self.open_entries, self.shared)
        return Writing, (*plain, None, self.parent)

    def __call__(self, link: Link) -> None:
        """Do it."""
        self.shared.joined()
        stop, teller = ParentsStop(self.shared, self.parent), _Teller(link)
        outlet = self.route.open(stop, self.table)
        outlet.fibers.start(lambda: teller.tell_now_and_then(outlet.fibers, stop))
        path = write_path(
            outlet, self.settings, teller.traffic, stop, lambda clock: Pacer(clock, self.shared), process=link.number
        )
        writer = ConcurrentWriter(
            self.recipe.preparation(),
            path.lanes,
            teller.settle,
            outlet.fibers,
            stop,
            concurrency=self.concurrency,
            took=_took(link),
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
    """Tells the process that reads what became of chunks, and what the requests came to.

    Attributes:
        traffic: counts requests.
    """

    def __init__(self, link: Link) -> None:
        self.traffic = Traffic()
        self._link = link

    def settle(self, settled: Settled) -> None:
        """Tell what became of a chunk."""
        self.tell()
        self._link.send(settled)

    def tell_now_and_then(self, fibers: Fibers, stop: StopRequest) -> None:
        """Tell every second until the run is to end; a program for a fiber."""
        with contextlib.suppress(OSError):  # nobody listens any more, which whoever receives chunks finds out, too
            while not stop.requested:
                fibers.sleep(TELL_EVERY_S)
                self.tell()

    def tell(self) -> None:
        """Tell what the requests came to since the last time."""
        self._link.send(Sent(*self.traffic.take()))


def _took(link: Link) -> Callable[[int, float], None]:
    return lambda size_bytes, duration_s: link.send(Took(size_bytes, duration_s))
