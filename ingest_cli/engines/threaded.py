"""The engine for a table: several requests in flight, each in a thread of its own.

The threads spend their time waiting for answers, in C and outside the interpreter lock, while the calling
thread prepares the next chunk. The queue between them is bounded, so that a slow table slows the reading
and memory stays flat.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ingest_cli.batching import Batch, batches
from ingest_cli.engines.journal import Journal
from ingest_cli.pipeline import Work
from ingest_cli.sinks.interface import Receipt, Refusal, Sink

QUEUED_PER_THREAD = 4
"""Batches waiting per thread: some 10 KB each, and enough to bridge the time in which a chunk is prepared."""


@dataclass(slots=True)
class _Pending:
    """A chunk some of whose batches are still under way."""

    work: Work
    outstanding: int
    acknowledged: int = 0
    refused: tuple[Refusal, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)

    def done(self, receipt: Receipt) -> bool:
        """Note the receipt of a batch; whether it was the last."""
        with self.lock:
            self.acknowledged += receipt.acknowledged
            self.refused += receipt.refused
            self.outstanding -= 1
            return self.outstanding == 0


class ThreadedWriter:
    """Writes batches from several threads; a context manager that ends with everything written, or raises."""

    def __init__(self, sink: Sink, journal: Journal, threads: int, stop: threading.Event) -> None:
        """Start the threads.

        Args:
            sink: where batches go.
            journal: where chunks are settled.
            threads: requests in flight at the most.
            stop: set when a thread fails, so that the others do not go on trying.
        """
        self._sink = sink
        self._journal = journal
        self._stop = stop
        self._fault: BaseException | None = None
        self._queue: queue.Queue[tuple[Batch, _Pending] | None] = queue.Queue(threads * QUEUED_PER_THREAD)
        self._threads = [threading.Thread(target=self._run, name=f"writer-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def write(self, work: Work) -> None:
        """See `Writer.write`."""
        queued = list(batches(work.items))
        if not queued:
            self._journal.settle(work, 0, ())
            return
        pending = _Pending(work, len(queued))
        for batch in queued:
            if self._fault is not None:
                raise self._fault
            self._queue.put((batch, pending))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is under way; on an error, for what is in flight only."""
        if error is not None and kind is not None and not issubclass(kind, Exception):
            self._stop.set()
            self._drop()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        if error is None and self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            if self._fault is not None:
                continue
            batch, pending = job
            try:
                if pending.done(self._sink.put(batch)):
                    self._journal.settle(pending.work, pending.acknowledged, pending.refused)
            except BaseException as fault:  # noqa: BLE001 - carried to the thread that called, and raised there
                self._fail(fault)

    def _fail(self, fault: BaseException) -> None:
        """Remember the first fault, and end all waiting."""
        if self._fault is None:
            self._fault = fault
        self._stop.set()

    def _drop(self) -> None:
        """Forget what is queued; it is in no account, and will be sent by the next run."""
        while True:
            try:
                self._queue.get_nowait()
            except queue.Empty:
                return
