"""Engine for a table: several requests in flight, each awaited by its own fiber.

Everything runs in one thread: answers wait while a chunk is prepared, and the next chunk waits while answers
are awaited. So a slow table slows the reading, and memory stays flat. Items of hot keys have their own fibers.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from ingest_cli.engines.delivery import ChunkInFlight, Delivery
from ingest_cli.items.batching import Batch
from ingest_cli.model.bundles import Bundle
from ingest_cli.pipeline import Commit, ItemStages, PreparedChunk, run_chunk
from ingest_cli.report.observer import RunObserver
from ingest_cli.runtime.fibers import Room
from ingest_cli.sinks.policies.hot_keys.queues import HotBatch
from ingest_cli.sinks.write_path import WritePath

MAX_OPEN_ENTRIES = 3_000_000
"""Maximum rows and items of chunks with unwritten items, mostly of hot keys. The retained state
of such a chunk takes 8 to 17 bytes for each of them."""

BEGUN_S = 2.0
"""Seconds of writing, at the current rate, of the batches started concurrently: they take turns, so that
more of them would all be half done where one could be done. Longer than a request takes, to use the whole rate."""

RESERVED_S, HOT_RESERVED_S = 0.15, 0.25
"""Maximum seconds of turns reserved ahead, for ordinary batches and for those of hot keys, while there are any of the
latter: waiting for a turn delays the measurement of a key's pace. Hot keys take precedence."""

DRAIN_S = 5.0
"""Seconds to wait for requests in flight when the run is stopped; with the following steps, under 10."""


@dataclass(frozen=True, slots=True)
class InFlightLimits:
    """Limits of what a writer has in progress.

    Attributes:
        requests: maximum number of requests in flight, and as many again for hot keys.
        open_entries: maximum rows and items of uncommitted chunks before no more are started.
    """

    requests: int
    open_entries: int = MAX_OPEN_ENTRIES


class ConcurrentWriter:
    """Write batches by several fibers; a context manager that ends with everything written, or raises."""

    def __init__(
        self, stages: ItemStages, path: WritePath, commit: Commit, observer: RunObserver, limits: InFlightLimits
    ) -> None:
        """Start the fibers.

        Args:
            stages: convert rows to items.
            path: sinks for the batches, event loop of the fibers, and stop request that ends everything early; the
                latter is also set when a fiber fails.
            commit: called with the result of each chunk.
            observer: receives the duration of each chunk.
            limits: limits of what is in progress.
        """
        lanes, fibers, concurrency = path.lanes, path.outlet.fibers, limits.requests
        self._stages = stages
        self._hot_room = Room(fibers)
        self._delivery = Delivery(lanes, commit, self._hot_room.wake)
        self._fibers = fibers
        self._stop = path.rules.stop
        self._observer = observer
        self._open_entries = limits.open_entries
        self._fault: BaseException | None = None
        self._drained_by_s: float | None = None
        self._jobs = deque[tuple[Batch, ChunkInFlight]]()
        self._room = Room(fibers)
        self._rate_wcu_per_s, self._reserved_s = lanes.rate_wcu_per_s, lanes.reserved_s
        self._begun_wcu = 0
        self._is_held_back = self._is_closed = False
        self._running, self._hot_running, self._hot_in_flight, self._most_hot = concurrency, True, 0, concurrency
        for _ in range(concurrency):
            fibers.start(self._run)
        fibers.start(self._run_hot)

    def write(self, bundle: Bundle) -> None:
        """See `Writer.write`. Returns when the last batch of the chunk is being sent.

        Raises:
            TryAgainError: the run is stopping.
        """
        began_s = time.monotonic()
        run_chunk(bundle, self._stages, self.put)
        self._observer.chunk_done(bundle.rows.size_bytes, time.monotonic() - began_s)

    def put(self, prepared: PreparedChunk) -> None:
        """Write a prepared chunk; see `write`."""
        self.check()
        delivery = self._delivery
        self._let_run(lambda: delivery.open_entries < self._open_entries and delivery.may_begin(prepared))
        self._jobs.extend(delivery.begin(prepared))
        self._room.wake()
        self._let_run(lambda: not self._jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for queued batches; when the run is stopping, only for those in flight, and only briefly."""
        if kind is not None and not issubclass(kind, Exception):
            self._stop.request("interrupted")
        self._is_closed = True
        self._room.wake()
        self._drain(lambda: not self._running)
        self._delivery.close()
        self._hot_room.wake()
        self._drain(lambda: not self._hot_running and not self._hot_in_flight)
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise the error that ends the run, if there is one."""
        if self._fault is not None:
            raise self._fault
        self._stop.check()

    def _let_run(self, done: Callable[[], bool]) -> None:
        """Run fibers until a condition holds, or the run is to end."""
        self._fibers.run_until(lambda: self._stop.requested or done())
        self.check()

    def _drain(self, done: Callable[[], bool]) -> None:
        """Run fibers to their end; after a stop, only until the common drain deadline."""
        self._fibers.run_until(lambda: done() or self._is_drained())

    def _is_drained(self) -> bool:
        if self._drained_by_s is None and self._stop.requested:
            self._drained_by_s = time.monotonic() + DRAIN_S
        return self._drained_by_s is not None and time.monotonic() > self._drained_by_s

    def _run(self) -> None:
        while not self._stop.requested:
            if self._jobs and self._may_begin(self._jobs[0][0]):
                self._write(*self._jobs.popleft())
            elif self._is_closed and not self._jobs:
                break
            else:
                self._is_held_back = bool(self._jobs)
                self._room.wait()
        self._running -= 1

    def _may_begin(self, batch: Batch) -> bool:
        """Return whether the batches already started leave room for `batch`."""
        if not self._begun_wcu:
            return True
        if self._has_hot and self._reserved_s() > RESERVED_S:
            return False
        return self._begun_wcu + batch.wcu <= self._rate_wcu_per_s() * BEGUN_S

    @property
    def _has_hot(self) -> bool:
        return self._hot_in_flight > 0 or self._delivery.parked_items > 0

    def _write(self, batch: Batch, pending: ChunkInFlight) -> None:
        self._begun_wcu += batch.wcu
        try:
            self._delivery.write(batch, pending)
        except Exception as fault:  # noqa: BLE001 - raised in the calling thread
            self._fail(fault)
        self._begun_wcu -= batch.wcu
        self._let_begin()

    def _let_begin(self) -> None:
        """Resume the fibers that were held back."""
        if self._is_held_back:
            self._is_held_back = False
            self._room.wake()

    def _run_hot(self) -> None:
        """Take due batches of hot keys from their queues, and send each in its own fiber."""
        while not self._stop.requested and not self._delivery.is_done:
            if self._hot_in_flight >= self._most_hot:
                due: HotBatch[ChunkInFlight] | float = math.inf
            elif (surplus_s := self._reserved_s() - HOT_RESERVED_S) > 0:
                due = surplus_s
            else:
                due = self._delivery.next_hot()
            if isinstance(due, HotBatch):
                self._hot_in_flight += 1
                self._fibers.start(partial(self._write_hot, due))
            else:
                self._hot_room.wait(None if due == math.inf else due)
        self._hot_running = False

    def _write_hot(self, batch: HotBatch[ChunkInFlight]) -> None:
        try:
            self._delivery.write_hot(batch)
        except Exception as fault:  # noqa: BLE001 - raised in the calling thread
            self._fail(fault)
        self._hot_in_flight -= 1
        self._hot_room.wake()
        self._let_begin()

    def _fail(self, fault: BaseException) -> None:
        """Store the first fault, and end all waiting."""
        if self._fault is None:
            self._fault = fault
        self._stop.fail(fault)  # waits elsewhere end with it too
