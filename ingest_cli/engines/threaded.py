"""The engine for a table: several requests in flight, each in a thread of its own.

The threads spend their time waiting for answers, in C and outside the interpreter lock, while the calling
thread prepares the next chunk. The queue between them is bounded, so that a slow table slows the reading
and memory stays flat. Items of hot keys leave the queue for a lane of their own.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ingest_cli.batching import Batch, batches
from ingest_cli.engines.journal import Journal
from ingest_cli.pipeline import Work
from ingest_cli.policies.hot_keys import HotKeys
from ingest_cli.policies.retry import RetryRules
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.policies.slow_lane import SlowLane
from ingest_cli.settlement import Settlement
from ingest_cli.sinks.interface import Receipt, Refusal, Sink, TransientFaultError

QUEUED_PER_THREAD = 2
"""Batches waiting per thread: some 10 KB each, and enough to bridge the time in which a chunk is prepared."""

MAX_OPEN_ENTRIES = 3_000_000
"""Rows and items of chunks of which something is still to be written, for the most part items of hot keys. What is kept
of such a chunk takes 8 to 17 bytes for each of them."""

DRAIN_S = 5.0
"""Seconds that requests in flight are waited for when the run is stopped; with what follows, under 10."""

_POLL_S = 0.2


@dataclass(slots=True)
class Pending:
    """A chunk parts of which are still under way."""

    chunk: Settlement
    outstanding: int
    acknowledged: int = 0
    refused: tuple[Refusal, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def split_off(self) -> None:
        """One more part is under way."""
        with self.lock:
            self.outstanding += 1

    def done(self, receipt: Receipt) -> bool:
        """Note what became of a part; whether it was the last."""
        with self.lock:
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
    """

    fast: Sink
    slow: Sink
    hot_keys: HotKeys
    rules: RetryRules


class Delivery:
    """What becomes of a batch, step by step; who takes the steps, and when, is not decided here.

    Attributes:
        open_entries: rows and items of chunks that were begun and are not settled.
    """

    def __init__(self, lanes: Lanes, journal: Journal, stop: StopRequest) -> None:
        """Set up.

        Args:
            lanes: where batches go.
            journal: where chunks are settled.
            stop: ends all waiting.
        """
        self._lanes = lanes
        self._journal = journal
        self._stop = stop
        self._slow: SlowLane[Pending] = SlowLane(lanes.rules.clock)
        self._lock = threading.Lock()
        self.open_entries = 0

    @property
    def parked_items(self) -> int:
        """Items that wait in the slow lane."""
        return len(self._slow)

    def begin(self, work: Work) -> list[tuple[Batch, Pending]]:
        """The batches of a chunk, to be written in any order; a chunk without items is settled at once.

        Raises:
            IngestError: as `Journal.settle`.
        """
        cut = list(batches(work.items))
        if cut:
            with self._lock:
                self.open_entries += work.settlement.entries
        else:
            self._journal.settle(work.settlement, 0, ())
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
            self._journal.settle(pending.chunk, pending.acknowledged, pending.refused)
            with self._lock:
                self.open_entries -= pending.chunk.entries


class ThreadedWriter:
    """Writes batches from several threads; a context manager that ends with everything written, or raises."""

    def __init__(self, lanes: Lanes, journal: Journal, threads: int, stop: StopRequest) -> None:
        """Start the threads.

        Args:
            lanes: where batches go.
            journal: where chunks are settled.
            threads: requests in flight at the most, but for one more of hot keys.
            stop: ends everything early; also set when a thread fails.
        """
        self._delivery = Delivery(lanes, journal, stop)
        self._stop = stop
        self._fault: BaseException | None = None
        self._drained_by_s: float | None = None
        self._queue: queue.Queue[tuple[Batch, Pending] | None] = queue.Queue(threads * QUEUED_PER_THREAD)
        self._threads = [threading.Thread(target=self._run, name=f"writer-{n}", daemon=True) for n in range(threads)]
        self._slow_thread = threading.Thread(target=self._run_slow, name="writer-slow", daemon=True)
        for thread in (*self._threads, self._slow_thread):
            thread.start()

    def write(self, work: Work) -> None:
        """See `Writer.write`.

        Raises:
            TryAgainError: the run is being stopped.
        """
        self._check()
        while self._delivery.open_entries >= MAX_OPEN_ENTRIES:
            self._stop.event.wait(_POLL_S)
            self._check()
        for job in self._delivery.begin(work):
            while not self._offer(job):
                self._check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is queued; when the run is being stopped, only for what is in flight, and not for long."""
        if kind is not None and not issubclass(kind, Exception):
            self._stop.request("interrupted")
        for _ in self._threads:
            while not self._offer(None):
                if self._stop.requested:
                    break
        self._join(self._threads)
        self._delivery.close()
        self._join([self._slow_thread])
        if error is None:
            self._check()

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault
        self._stop.check()

    def _offer(self, job: tuple[Batch, Pending] | None) -> bool:
        """Queue a job, unless the queue stays full for a while."""
        try:
            self._queue.put(job, timeout=_POLL_S)
        except queue.Full:
            return False
        return True

    def _join(self, threads: list[threading.Thread]) -> None:
        """Wait for threads to end; from a stop on, only until the time to drain, one for all of them, is over."""
        while alive := [thread for thread in threads if thread.is_alive()]:
            if self._drained_by_s is None and self._stop.requested:
                self._drained_by_s = time.monotonic() + DRAIN_S
            if self._drained_by_s is not None and time.monotonic() > self._drained_by_s:
                return
            alive[0].join(_POLL_S)

    def _run(self) -> None:
        while not self._stop.requested:
            try:
                job = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if job is None:
                return
            try:
                self._delivery.write(*job)
            except BaseException as fault:  # noqa: BLE001 - carried to the thread that called, and raised there
                self._fail(fault)

    def _run_slow(self) -> None:
        more = True
        while more:
            try:
                more = self._delivery.write_parked()
            except BaseException as fault:  # noqa: BLE001 - carried to the thread that called, and raised there
                self._fail(fault)

    def _fail(self, fault: BaseException) -> None:
        """Remember the first fault, and end all waiting."""
        if self._fault is None:
            self._fault = fault
        self._stop.request("stopped by a failure")
