"""The engine for a table: several requests in flight, each waited for by a fiber of its own.

All of it runs in one thread: while a chunk is prepared the answers wait, and while answers are waited for the next
chunk does. So a slow table slows the reading, and memory stays flat. Items of hot keys are sent by fibers of their own.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from ingest_cli.engines.delivery import Delivery, Pending
from ingest_cli.engines.interface import Settle, Took
from ingest_cli.items.batching import Batch
from ingest_cli.model.bundles import Bundle
from ingest_cli.pipeline import Preparation, Work
from ingest_cli.runtime.fibers import Fibers, Room
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.lanes import Lanes
from ingest_cli.sinks.policies.hot_queues import HotBatch

MAX_OPEN_ENTRIES = 3_000_000
"""Rows and items of chunks of which something is still to be written, for the most part items of hot keys. What is kept
of such a chunk takes 8 to 17 bytes for each of them."""

BEGUN_S = 2.0
"""Seconds of writing, at the current rate, that batches are worth which are begun at the same time: they take turns, so
that all would be half done where one could be done. Longer than a request takes, so that the rate is used."""

RESERVED_S, HOT_RESERVED_S = 0.15, 0.25
"""Seconds up to which turns may be reserved, for ordinary batches and for those of hot keys, while there are any of the
latter: what they wait for a turn delays what is learnt of the pace of a key. These take precedence."""

DRAIN_S = 5.0
"""Seconds that requests in flight are waited for when the run is stopped; with what follows, under 10."""


class ConcurrentWriter:
    """Writes batches by several fibers; a context manager that ends with everything written, or raises."""

    def __init__(  # noqa: PLR0913 - each is a thing of its own
        self,
        preparation: Preparation,
        lanes: Lanes,
        settle: Settle,
        fibers: Fibers,
        stop: StopRequest,
        *,
        concurrency: int,
        took: Took,
        open_entries: int = MAX_OPEN_ENTRIES,
    ) -> None:
        """Start the fibers.

        Args:
            preparation: from rows to items.
            lanes: where batches go.
            settle: told what became of each chunk.
            fibers: the loop that they run in.
            stop: ends everything early; also set when a fiber fails.
            concurrency: requests in flight at the most, and as many again of hot keys.
            took: told how many bytes a chunk had, and how many seconds it took.
            open_entries: rows and items of chunks that are not settled, beyond which no more are begun.
        """
        self._preparation = preparation
        self._hot_room = Room(fibers)
        self._delivery = Delivery(lanes, settle, self._hot_room.wake)
        self._fibers = fibers
        self._stop = stop
        self._took = took
        self._open_entries = open_entries
        self._fault: BaseException | None = None
        self._drained_by_s: float | None = None
        self._jobs = deque[tuple[Batch, Pending]]()
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
            TryAgainError: the run is being stopped.
        """
        began_s = time.monotonic()
        self.put(self._preparation.prepare(bundle))
        self._took(bundle.rows.size_bytes, time.monotonic() - began_s)

    def put(self, work: Work) -> None:
        """Write a chunk whose items are made; see `write`."""
        self.check()
        delivery = self._delivery
        self._let_run(lambda: delivery.open_entries < self._open_entries and delivery.may_begin(work))
        self._jobs.extend(delivery.begin(work))
        self._room.wake()
        self._let_run(lambda: not self._jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is queued; when the run is being stopped, only for what is in flight, and not for long."""
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
        """Raise what ends the run, if anything does."""
        if self._fault is not None:
            raise self._fault
        self._stop.check()

    def _let_run(self, done: Callable[[], bool]) -> None:
        """Let fibers run until something is so, or the run is to end."""
        self._fibers.run_until(lambda: self._stop.requested or done())
        self.check()

    def _drain(self, done: Callable[[], bool]) -> None:
        """Let fibers come to their end; from a stop on, only until the time to drain, one for all, is over."""
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
        """Whether what is begun leaves room for `batch`."""
        if not self._begun_wcu:
            return True
        if self._has_hot and self._reserved_s() > RESERVED_S:
            return False
        return self._begun_wcu + batch.wcu <= self._rate_wcu_per_s() * BEGUN_S

    @property
    def _has_hot(self) -> bool:
        return self._hot_in_flight > 0 or self._delivery.parked_items > 0

    def _write(self, batch: Batch, pending: Pending) -> None:
        self._begun_wcu += batch.wcu
        try:
            self._delivery.write(batch, pending)
        except Exception as fault:  # noqa: BLE001 - carried to who called, and raised there
            self._fail(fault)
        self._begun_wcu -= batch.wcu
        self._let_begin()

    def _let_begin(self) -> None:
        """Let those go on that were held back."""
        if self._is_held_back:
            self._is_held_back = False
            self._room.wake()

    def _run_hot(self) -> None:
        """Take batches of hot keys from their queues when they are due, and have each sent by a fiber of its own."""
        while not self._stop.requested and not self._delivery.is_done:
            if self._hot_in_flight >= self._most_hot:
                due: HotBatch[Pending] | float = math.inf
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

    def _write_hot(self, batch: HotBatch[Pending]) -> None:
        try:
            self._delivery.write_hot(batch)
        except Exception as fault:  # noqa: BLE001 - carried to who called, and raised there
            self._fail(fault)
        self._hot_in_flight -= 1
        self._hot_room.wake()
        self._let_begin()

    def _fail(self, fault: BaseException) -> None:
        """Remember the first fault, and end all waiting."""
        if self._fault is None:
            self._fault = fault
        self._stop.fail(fault)  # whoever waits for something else, too, ends with it
