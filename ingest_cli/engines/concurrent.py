"""The engine for a table: several requests in flight, each waited for by a fiber of its own.

All of it runs in one thread: while a chunk is prepared the answers wait, and while answers are waited for the next
chunk does. So a slow table slows the reading, and memory stays flat. Items of hot keys leave for a lane of their own.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ingest_cli.batching import Batch, batches
from ingest_cli.bundles import Bundle
from ingest_cli.engines.interface import Settle, Took
from ingest_cli.fibers import Fibers, Room
from ingest_cli.pipeline import Preparation, Work
from ingest_cli.policies.hot_keys import HotKeys
from ingest_cli.policies.retry import RetryRules
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.policies.slow_lane import SlowLane, Waiting
from ingest_cli.settlement import Settlement
from ingest_cli.sinks.interface import Receipt, Refusal, Sink, TransientFaultError

MAX_OPEN_ENTRIES = 3_000_000
"""Rows and items of chunks of which something is still to be written, for the most part items of hot keys. What is kept
of such a chunk takes 8 to 17 bytes for each of them."""

BEGUN_S = 2.0
"""Seconds of writing, at the current rate, that batches are worth which are begun at the same time: they take turns, so
that all would be half done where one could be done. Longer than a request takes, so that the rate is used."""

DRAIN_S = 5.0
"""Seconds that requests in flight are waited for when the run is stopped; with what follows, under 10."""


@dataclass(slots=True)
class Pending:
    """A chunk parts of which are still under way."""

    chunk: Settlement
    outstanding: int
    acknowledged: int = 0
    refused: tuple[Refusal, ...] = ()

    def split_off(self) -> None:
        """One more part is under way."""
        self.outstanding += 1

    def done(self, receipt: Receipt) -> bool:
        """Note what became of a part; whether it was the last."""
        self.acknowledged += receipt.acknowledged
        self.refused += receipt.refused
        self.outstanding -= 1
        return self.outstanding == 0


@dataclass(frozen=True, slots=True)
class Lanes:
    """The sinks that batches go to.

    Attributes:
        fast: keeps at a batch until it is done, but leaves items of hot keys.
        slow: tries once.
        hot_keys: tells which keys are hot.
        rules: how long to go on.
        rate_wcu_per_s: tells how fast they go.
    """

    fast: Sink
    slow: Sink
    hot_keys: HotKeys
    rules: RetryRules
    rate_wcu_per_s: Callable[[], float] = lambda: math.inf


class Delivery:
    """What becomes of a batch, step by step; who takes the steps, and when, is not decided here.

    Attributes:
        open_entries: rows and items of chunks that were begun and are not settled.
    """

    def __init__(self, lanes: Lanes, settle: Settle, stop: StopRequest, waiting: Waiting) -> None:
        """Set up.

        Args:
            lanes: where batches go.
            settle: told what became of each chunk.
            stop: ends all waiting.
            waiting: where to wait for the slow lane.
        """
        self._lanes = lanes
        self._settle = settle
        self._stop = stop
        self._slow: SlowLane[Pending] = SlowLane(lanes.rules.clock, waiting)
        self.open_entries = 0

    @property
    def parked_items(self) -> int:
        """Items that wait in the slow lane."""
        return len(self._slow)

    def begin(self, work: Work) -> list[tuple[Batch, Pending]]:
        """The batches of a chunk, to be written in any order; a chunk without items is settled at once.

        Raises:
            IngestError: it cannot be settled.
        """
        cut = list(batches(work.items))
        if cut:
            self.open_entries += work.settlement.entries
        else:
            self._settle(work.settlement.settled(0, ()))
        pending = Pending(work.settlement, len(cut))
        return [(batch, pending) for batch in cut]

    def write(self, batch: Batch, pending: Pending) -> None:
        """Write a batch, but for items of hot keys, which are left in the slow lane.

        Raises:
            IngestError: it cannot be written, or its chunk not settled.
        """
        cool, hot = self._lanes.hot_keys.split(batch)
        if hot is not None:
            self._park(hot, pending)
        receipt = Receipt(0) if cool is None else self._lanes.fast.put(cool)
        if receipt.unprocessed is not None:
            self._park(receipt.unprocessed, pending)
        self._done(pending, receipt)

    def write_parked(self) -> bool:
        """Wait for the next items in the slow lane, and try once; False when there are no more, or on a stop.

        Raises:
            IngestError: as `write`.
        """
        due = self._slow.take(lambda: self._stop.requested)
        if due is None:
            return False
        pk, parked = due
        receipt, reason = None, "hot_key"
        try:
            receipt = self._lanes.slow.put(parked.batch)
        except TransientFaultError as fault:
            reason = fault.reason
        self._slow.done(pk, parked, receipt)
        if receipt is not None and receipt.acknowledged:
            self._lanes.rules.progress.made()
        if receipt is None or receipt.unprocessed is not None:
            if receipt is not None:
                parked.owner.split_off()
            self._lanes.rules.note(reason)
        if receipt is not None:
            refused = tuple(Refusal(parked.place[one.item], one.reason) for one in receipt.refused)
            self._done(parked.owner, Receipt(receipt.acknowledged, receipt.wcu, refused=refused))
        return True

    def close(self) -> None:
        """Nothing more will be left in the slow lane."""
        self._slow.close()

    def _park(self, batch: Batch, pending: Pending) -> None:
        """Leave items of hot keys in the slow lane, a part for each key."""
        for own in batch.by_key():
            pending.split_off()
            self._slow.park(own, pending, lambda: self._stop.requested)

    def _done(self, pending: Pending, receipt: Receipt) -> None:
        if pending.done(receipt):
            self._settle(pending.chunk.settled(pending.acknowledged, pending.refused))
            self.open_entries -= pending.chunk.entries


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
            concurrency: requests in flight at the most, but for one more of hot keys.
            took: told how many bytes a chunk had, and how many seconds it took.
            open_entries: rows and items of chunks that are not settled, beyond which no more are begun.
        """
        self._preparation = preparation
        self._delivery = Delivery(lanes, settle, stop, Room(fibers))
        self._fibers = fibers
        self._stop = stop
        self._took = took
        self._open_entries = open_entries
        self._fault: BaseException | None = None
        self._drained_by_s: float | None = None
        self._jobs = deque[tuple[Batch, Pending]]()
        self._room = Room(fibers)
        self._rate_wcu_per_s = lanes.rate_wcu_per_s
        self._begun_wcu = 0
        self._is_held_back = self._is_closed = False
        self._running, self._slow_running = concurrency, True
        for _ in range(concurrency):
            fibers.start(self._run)
        fibers.start(self._run_slow)

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
        self._let_run(lambda: self._delivery.open_entries < self._open_entries)
        self._jobs.extend(self._delivery.begin(work))
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
        self._drain(lambda: not self._slow_running)
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
        return not self._begun_wcu or self._begun_wcu + batch.wcu <= self._rate_wcu_per_s() * BEGUN_S

    def _write(self, batch: Batch, pending: Pending) -> None:
        self._begun_wcu += batch.wcu
        try:
            self._delivery.write(batch, pending)
        except Exception as fault:  # noqa: BLE001 - carried to who called, and raised there
            self._fail(fault)
        self._begun_wcu -= batch.wcu
        if self._is_held_back:
            self._is_held_back = False
            self._room.wake()

    def _run_slow(self) -> None:
        more = True
        while more:
            try:
                more = self._delivery.write_parked()
            except Exception as fault:  # noqa: BLE001 - carried to who called, and raised there
                self._fail(fault)
        self._slow_running = False

    def _fail(self, fault: BaseException) -> None:
        """Remember the first fault, and end all waiting."""
        if self._fault is None:
            self._fault = fault
        self._stop.fail(fault)  # whoever waits for something else, too, ends with it
