"""Create the engine of a run: this process alone, or worker processes that get chunks from it."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_cli.engines.concurrent import MAX_OPEN_ENTRIES, ConcurrentWriter
from ingest_cli.engines.pool import OwnEngine, WorkerPool
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.engines.worker import Checking, Recipe, Writing
from ingest_cli.errors import TryAgainError
from ingest_cli.model.settings import AUTO_WORKERS
from ingest_cli.runtime.cores import available_cores
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import CONTINUE
from ingest_cli.sinks.discard import DiscardSink

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.checkpoint.journal import Journal
    from ingest_cli.engines.chunk_size import ChunkSize
    from ingest_cli.engines.interface import Commit
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.pipeline import Plan, Writer
    from ingest_cli.report.traffic import Traffic
    from ingest_cli.runtime.stop import StopRequest
    from ingest_cli.sinks.write_path import Route, WritePath

BYTES_PER_WORKER = 4 << 20
"""Bytes of a dump per worker process, if the number of processes is automatic."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Number of processes of a run.

    Attributes:
        workers: processes that prepare and write, including this one, which also reads.
        shared: their shared state; None for a single process.
    """

    workers: int
    shared: SharedByProcesses | None

    @classmethod
    def of(cls, settings: RunSettings, planned: Plan) -> Staff:
        """Apply the setting, or use as many processes as cores, limited by the size of the dump."""
        workers = settings.workers
        if workers == AUTO_WORKERS:
            sizes = [shard.source.size_bytes for shard in planned.shards]
            worth = sum(sizes) // BYTES_PER_WORKER if all(sizes) else available_cores()
            workers = max(min(available_cores(), worth, settings.concurrency), 1)
        return cls(workers, _shared(workers) if workers > 1 else None)

    def concurrency(self, settings: RunSettings) -> int:
        """Return the requests in flight per process."""
        return max(settings.concurrency // self.workers, 1)


def _shared(processes: int) -> SharedByProcesses:
    try:
        return SharedByProcesses(processes)
    except OSError as error:
        raise TryAgainError(
            f"worker processes cannot be started ({error.strerror}); {CONTINUE}, with --workers 1"
        ) from error


Engine = AbstractContextManager["Writer"]
"""Context manager: accepts chunks inside the block; at its end all of them are committed, or it raises."""


@contextmanager
def checking(
    staff: Staff, recipe: Recipe, journal: Journal, chunk_size: ChunkSize, stop: StopRequest
) -> Iterator[Engine]:
    """Create the engine of a dry run. Its processes have ended when the block is left."""
    _leave_alone_what_is_there()

    def own(commit: Commit) -> Engine:
        return nullcontext(SerialWriter(recipe.preparation(), DiscardSink(), commit, chunk_size.record, stop))

    if staff.shared is None:
        yield own(journal.commit)
        return
    program = Checking(recipe, staff.shared)
    with _pool(program, staff, stop, own=own, journal=journal, chunk_size=chunk_size) as pool:
        yield pool


@contextmanager
def writing(  # noqa: PLR0913 - independent collaborators
    staff: Staff,
    recipe: Recipe,
    path: WritePath,
    route: Route,
    settings: RunSettings,
    *,
    table: Table,
    journal: Journal,
    chunk_size: ChunkSize,
    traffic: Traffic,
) -> Iterator[Engine]:
    """Create the engine of a load. Its processes have ended when the block is left."""
    _leave_alone_what_is_there()
    stop, concurrency, entries = path.rules.stop, staff.concurrency(settings), MAX_OPEN_ENTRIES // staff.workers

    def own(commit: Commit) -> Engine:
        return ConcurrentWriter(
            recipe.preparation(),
            path.lanes,
            commit,
            path.outlet.fibers,
            stop,
            concurrency=concurrency,
            on_chunk_done=chunk_size.record,
            open_entries=entries,
        )

    if staff.shared is None:
        yield own(journal.commit)
        return
    program = Writing(recipe, route, settings, concurrency, entries, staff.shared, table)
    with _pool(
        program,
        staff,
        stop,
        own=own,
        turn=path.outlet.fibers.turn,
        journal=journal,
        chunk_size=chunk_size,
        traffic=traffic,
        on_lost=path.lanes.run_ahead.forget,
    ) as pool:
        yield pool


def _leave_alone_what_is_there() -> None:
    """Exclude the program and its libraries from garbage collection while rows are processed.

    It also keeps their memory shared with forked workers, since a collection would write to it (Python's documentation
    `gc.freeze`).
    """
    if not gc.get_freeze_count():  # once: garbage of a run may be collected later
        gc.freeze()


@contextmanager
def _pool(  # noqa: PLR0913 - independent collaborators
    program: Checking | Writing,
    staff: Staff,
    stop: StopRequest,
    *,
    own: OwnEngine,
    turn: Callable[[], None] = lambda: None,
    journal: Journal,
    chunk_size: ChunkSize,
    traffic: Traffic | None = None,
    on_lost: Callable[[int, int], None] = lambda _number, _committed_items: None,
) -> Iterator[WorkerPool]:
    pool = WorkerPool(
        program,
        staff.workers - 1,
        program.shared,
        stop,
        own=own,
        turn=turn,
        commit=journal.commit,
        on_chunk_done=chunk_size.record,
        keep_raw=program.recipe.keep_raw,
        traffic=traffic,
        on_death=journal.note,
        on_lost=on_lost,
    )
    try:
        yield pool
    finally:
        pool.kill()
