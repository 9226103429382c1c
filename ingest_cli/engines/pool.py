"""Engine of several processes: this one reads, and all of them, including this one, prepare and write.

Chunks of rows end with a record, whatever is quoted in it, so that any source can be distributed, packed ones and pipes
included. A chunk goes to a worker with free capacity; if none has any, this process writes it. Results of chunks
come back and are committed here: there is one account, one reject file, one checkpoint. The rate is kept in
shared memory.

A chunk that was handed out is kept until it is committed. When a worker is killed, the others take over its chunks:
what it had already written is written again, with the same bytes under the same keys, and counted once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.engines.interface import Engine
from ingest_cli.engines.messages import (
    END,
    ChunkDone,
    ChunkKey,
    Failed,
    Finished,
    Link,
    Message,
    Program,
    Sent,
    chunk_key,
    pack,
    unpack,
)
from ingest_cli.engines.worker_process import Worker
from ingest_cli.errors import CrashError, IngestError, TryAgainError
from ingest_cli.model.bundles import Bundle
from ingest_cli.pipeline import Commit
from ingest_cli.report.observer import RunObserver
from ingest_cli.runtime.background import Repeater
from ingest_cli.runtime.stop import CONTINUE, StopRequest

MAX_HELD_BYTES = 64 << 20
"""Maximum bytes of uncommitted chunks that were handed out; beyond it this process writes what it reads itself."""

DRAIN_S = 6.0
"""Seconds for workers to finish what is in flight: their own five, plus time to report it."""

MAX_CHUNK_DEATHS = 3
"""Maximum number of workers killed while holding a certain chunk; after that no worker gets it."""

MAX_UNTAKEN = 2
"""Chunks of a worker besides those whose last batch is being sent: the current one and the next."""

LOOK_EVERY_S, MAX_SILENT_LOOKS = 5.0, 60
"""A worker with work that sends nothing for this many checks, five minutes, hangs. It sends something every
second, except while it prepares a chunk. Checks are counted instead of time: a process that is stopped does not
check. A check while no thread listens does not count: committing the last chunk may take long, if the disk or the
terminal is slow."""

_POLL_S = 0.2

LocalEngine = Callable[[Commit], Engine]
"""Factory of the engine of the reading process, given the callback for results of chunks."""


class WorkerPool:
    """Hand chunks to worker processes, and write some itself; a context manager that ends with everything written."""

    def __init__(
        self,
        program: Program,
        workers: int,
        local: LocalEngine,
        commit: Commit,
        observer: RunObserver,
        stop: StopRequest,
    ) -> None:
        """Start the workers: before any thread is started, since a fork copies only one.

        Args:
            program: program of each worker.
            workers: number of workers besides this process.
            local: creates the engine of this process.
            commit: called with the result of each chunk.
            observer: receives the events of the workers.
            stop: stop request that ends everything early; also set when a worker fails.

        Raises:
            TryAgainError: the system cannot start that many processes.
        """
        self._program = program
        self._stop = stop
        self._local = local
        self._commit = commit
        self._observer = observer
        self._fault: BaseException | None = None
        self._changed = threading.Condition()
        self._waiting = deque[ChunkKey]()
        self._held: dict[ChunkKey, bytes] = {}
        self._held_bytes = 0
        self._deaths = Counter[ChunkKey]()
        self._is_closed = False
        self._workers: list[Worker] = []
        self._watch = Repeater("watch workers", LOOK_EVERY_S, self.look_after, self._fail)
        self._drained_by_s: float | None = None
        stop.on_request(self._pass_on_stop)
        try:
            for _ in range(workers):
                self._workers.append(Worker.start(_run, program, self._workers))
        except IngestError:
            self.kill()
            raise

    def write(self, bundle: Bundle) -> None:
        """See `Writer.write`. Returns when the chunk is next in turn for a worker, or written by this process.

        Raises:
            TryAgainError: the run is stopping.
        """
        self._check()
        while (left := self._left_over()) is not None:
            self._write_here(unpack(left))
        if not self._wants_more():
            self._write_here(bundle)
            return
        self._observer.chunk_queued()
        key, packed = chunk_key(bundle.parts), pack(bundle, keep_raw=self._program.keep_raw)
        with self._changed:
            self._held[key] = packed
            self._held_bytes += len(packed)
            self._waiting.append(key)
            self._changed.notify_all()

    def __enter__(self) -> Self:
        """Start the threads that communicate with the workers."""
        self._engine = self._local(self._commit_result)
        self._writer = self._engine.__enter__()
        for worker in self._workers:
            for program in (self._feed, self._listen):
                threading.Thread(target=program, args=[worker], name="worker-attendant", daemon=True).start()
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for chunks in progress; when the run is stopping, only for those in flight, and only briefly."""
        if kind is not None and not issubclass(kind, Exception):
            self._stop.request("interrupted")
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        try:
            self._engine.__exit__(kind, error, trace)
        finally:
            self._wait_for_others()
            self.kill()
        if error is None:
            self._check()

    def kill(self) -> None:
        """Kill the workers that are still running."""
        self._watch.end()
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.end()

    def look_after(self) -> None:
        """Kill workers that hang; they are then handled like any killed worker."""
        with self._changed:
            for worker in self._workers:
                is_busy = worker.assigned or (self._is_closed and not self._held)  # once closed, it must finish
                is_silent = is_busy and worker.is_listened_to and not worker.is_gone
                worker.silent_looks = worker.silent_looks + 1 if is_silent else 0
                if worker.silent_looks > MAX_SILENT_LOOKS:
                    worker.process.kill()

    def _write_here(self, bundle: Bundle) -> None:
        try:
            self._writer.write(bundle)
        except Exception as fault:  # an error of a source does not stop the others, but this does
            self._fail(fault)
            raise

    def _pass_on_stop(self) -> None:
        """Pass a stop and its deadline to the workers; also called from signal handlers."""
        self._drained_by_s = time.monotonic() + DRAIN_S
        self._program.shared.stop.set()

    def _wait_for_others(self) -> None:
        """Wait until every worker has sent its last message, and take over the chunks of killed ones."""
        while True:
            if not self._stop.requested and (left := self._left_over()) is not None:
                self._take_over(left)
            with self._changed:
                if not self._is_under_way() or self._is_drained():
                    return
                self._changed.wait(_POLL_S)

    def _is_drained(self) -> bool:
        """Return whether the workers' time to drain after a stop is over."""
        return self._drained_by_s is not None and time.monotonic() > self._drained_by_s

    def _take_over(self, packed: bytes) -> None:
        try:
            with self._local(self._commit_result) as writer:
                writer.write(unpack(packed))
        except Exception as fault:  # noqa: BLE001 - raised once the others have drained
            self._fail(fault)

    def _left_over(self) -> bytes | None:
        """Return the next chunk of a killed worker that no other worker will take; None without one."""
        with self._changed:
            return self._held[self._waiting.popleft()] if self._wanted() < 0 else None

    def _wants_more(self) -> bool:
        """Return whether another process wants one more chunk, and it may be held until it is committed."""
        with self._changed:
            return self._wanted() > 0 and self._held_bytes < MAX_HELD_BYTES

    def _wanted(self) -> int:
        """Return how many chunks the others want beyond those waiting for them."""
        room = sum(max(MAX_UNTAKEN - one.untaken, 0) for one in self._workers if not one.is_gone)
        return room - len(self._waiting)

    def _commit_result(self, message: ChunkResult) -> None:
        """Commit a chunk of any process."""
        self._commit(message)
        with self._changed:
            self._held_bytes -= len(self._held.pop(chunk_key(message.parts), b""))
            self._changed.notify_all()

    def _is_under_way(self) -> bool:
        """Return whether any worker has results outstanding, or left chunks behind."""
        return not all(one.is_gone for one in self._workers) or (bool(self._held) and not self._stop.requested)

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault
        self._stop.check()

    def _fail(self, fault: BaseException) -> None:
        """Store the first fault, and end everything. Other processes stopping because of it is not a fault."""
        with self._changed:
            if self._fault is None and not self._stop.requested:
                self._fault = fault
            self._stop.fail(fault)  # the reader ends with it too, wherever it waits
            self._changed.notify_all()

    def _feed(self, worker: Worker) -> None:
        """Send chunks to a worker as long as there are any. Those it cannot take yet wait in the pipe."""
        with worker.chunks, contextlib.suppress(OSError):  # a worker that is gone is detected by its listener too
            while (packed := self._next_for(worker)) is not None:
                worker.chunks.send_bytes(packed)
                if packed is END:
                    return

    def _next_for(self, worker: Worker) -> bytes | None:
        """Wait for the next chunk for a worker; None if the worker is gone."""
        with self._changed:
            while not (worker.is_gone or self._is_due_for(worker) or (self._is_closed and not self._held)):
                self._changed.wait(_POLL_S)
            if worker.is_gone:
                return None
            if not self._waiting:
                return END
            key = self._waiting.popleft()
            worker.assigned.add(key)
            worker.untaken += 1
            return self._held[key]

    def _is_due_for(self, worker: Worker) -> bool:
        """Return whether there is a chunk, and the worker has too few; it could be stuck with those."""
        return bool(self._waiting) and worker.untaken < MAX_UNTAKEN

    def _listen(self, worker: Worker) -> None:
        """Receive messages of a worker until its last one."""
        is_finished = False
        while not is_finished:
            try:
                try:
                    worker.is_listened_to = True
                    message: Message = worker.results.recv()
                    worker.is_listened_to = False
                except (EOFError, OSError):
                    is_finished = True
                    self._give_up(worker)
                else:
                    is_finished = self._hear(worker, message)
            except BaseException as fault:  # noqa: BLE001 - raised in the calling thread
                self._fail(fault)  # requests in flight are drained all the same
        with self._changed:
            worker.is_gone = True
            self._changed.notify_all()
        worker.results.close()

    def _hear(self, worker: Worker, message: Message) -> bool:
        """Process one message; return whether it is the last."""
        worker.silent_looks = 0
        match message:
            case ChunkResult():
                worker.committed_items += len(message.key_hash)
                self._commit_result(message)
                worker.assigned.discard(chunk_key(message.parts))
            case ChunkDone():
                self._observer.chunk_done(message.size_bytes, message.duration_s)
                with self._changed:
                    worker.untaken -= 1
                    self._changed.notify_all()
            case Sent():
                self._observer.requests_counted(
                    message.requests, message.retries, message.wcu_consumed, message.latencies
                )
            case Failed():
                self._fail(message.error)
            case Finished():
                return True
        return False

    def _give_up(self, worker: Worker) -> None:
        """Release the chunks of a killed worker to the others."""
        how = worker.end()
        self._observer.worker_lost(worker.number, worker.committed_items)
        with self._changed:
            if self._stop.requested or (self._is_closed and not self._held):
                return
            worker.is_gone = True
            self._deaths.update(worker.assigned)
            is_too_often = any(self._deaths[key] >= MAX_CHUNK_DEATHS for key in worker.assigned)
            if not is_too_often:
                self._waiting.extendleft(worker.assigned)
            self._changed.notify_all()
        if is_too_often:
            self._fail(
                TryAgainError(
                    f"worker processes were repeatedly killed at the same rows (the last one: {how}), perhaps for too "
                    f"little memory; {CONTINUE}, with --workers 1"
                )
            )
            return
        self._observer.note(
            f"a worker process was killed ({how}); the others took over its rows, and continue without it"
        )


def _run(
    program: Program, chunks: Connection, results: Connection, inherited: Sequence[Connection], number: int
) -> None:
    """Run a worker process."""
    for end in inherited:  # while any process holds these ends, the loss of the reading process cannot be detected
        end.close()
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)  # the reading process gets the signal too, and decides when to stop
    link = Link(chunks, results, number)
    try:
        try:
            program(link)
        except IngestError as error:
            link.send(Failed(error))
        except Exception as error:  # noqa: BLE001 - raised in the reading process
            link.send(Failed(CrashError.of(error)))
        link.send(Finished())
    except OSError:
        os._exit(1)  # nothing listens any more
