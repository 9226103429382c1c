"""Create the engine of a run: this process alone, or worker processes that get chunks from it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_cli.engines.concurrent import MAX_OPEN_ENTRIES, ConcurrentWriter, InFlightLimits
from ingest_cli.engines.pool import LocalEngine, WorkerPool
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.engines.worker import DryRunProgram, ItemSpec, LoadProgram, LoadSpec
from ingest_cli.errors import TryAgainError
from ingest_cli.model.settings import AUTO_WORKERS
from ingest_cli.runtime.cores import available_cores
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import CONTINUE
from ingest_cli.sinks.discard import DiscardSink

if TYPE_CHECKING:
    from ingest_cli.engines.interface import Engine
    from ingest_cli.engines.messages import Program
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.pipeline import Commit, Plan
    from ingest_cli.report.observer import RunObserver
    from ingest_cli.runtime.stop import StopRequest
    from ingest_cli.sinks.write_path import WritePath

BYTES_PER_WORKER = 4 << 20
"""Bytes of a dump per worker process, if the number of processes is automatic."""


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """Number of processes of a run.

    Attributes:
        processes: processes that prepare and write, including this one, which also reads.
        shared: their shared state; None for a single process.
    """

    processes: int
    shared: SharedByProcesses | None

    @classmethod
    def of(cls, settings: RunSettings, planned: Plan) -> ProcessPlan:
        """Apply the setting, or use as many processes as cores, limited by the size of the dump."""
        processes = settings.workers
        if processes == AUTO_WORKERS:
            sizes = [shard.source.size_bytes for shard in planned.shards]
            worth = sum(sizes) // BYTES_PER_WORKER if all(sizes) else available_cores()
            processes = max(min(available_cores(), worth, settings.concurrency), 1)
        return cls(processes, _shared(processes) if processes > 1 else None)

    def limits(self, settings: RunSettings) -> InFlightLimits:
        """Return the limits of each process."""
        return InFlightLimits(max(settings.concurrency // self.processes, 1), MAX_OPEN_ENTRIES // self.processes)


def _shared(processes: int) -> SharedByProcesses:
    try:
        return SharedByProcesses(processes)
    except OSError as error:
        raise TryAgainError(
            f"worker processes cannot be started ({error.strerror}); {CONTINUE}, with --workers 1"
        ) from error


@contextmanager
def dry_run_engine(
    processes: ProcessPlan, items: ItemSpec, commit: Commit, observer: RunObserver, stop: StopRequest
) -> Iterator[Engine]:
    """Create the engine of a dry run. Its processes have ended when the block is left."""

    def local(commit: Commit) -> Engine:
        return nullcontext(SerialWriter(items.stages(), DiscardSink(), commit, observer, stop))

    program = None if processes.shared is None else DryRunProgram(items, processes.shared)
    with _engine(processes, program, local, commit, observer, stop) as engine:
        yield engine


@contextmanager
def load_engine(
    processes: ProcessPlan, load: LoadSpec, path: WritePath, commit: Commit, observer: RunObserver
) -> Iterator[Engine]:
    """Create the engine of a load. Its processes have ended when the block is left.

    Args:
        processes: number of processes.
        load: what each process does.
        path: write path of this process.
        commit: called with the result of each chunk.
        observer: receives the events of writing.
    """

    def local(commit: Commit) -> Engine:
        return ConcurrentWriter(load.items.stages(), path, commit, observer, load.limits)

    program = None if processes.shared is None else LoadProgram(load, processes.shared)
    with _engine(processes, program, local, commit, observer, path.rules.stop) as engine:
        yield engine


@contextmanager
def _engine(
    processes: ProcessPlan,
    program: Program | None,
    local: LocalEngine,
    commit: Commit,
    observer: RunObserver,
    stop: StopRequest,
) -> Iterator[Engine]:
    """Create a pool of processes with this program, or the local engine alone without one."""
    _freeze_garbage_collection()
    if program is None:
        yield local(commit)
        return
    pool = WorkerPool(program, processes.processes - 1, local, commit, observer, stop)
    try:
        yield pool
    finally:
        pool.kill()


def _freeze_garbage_collection() -> None:
    """Exclude the program and its libraries from garbage collection while rows are processed.

    It also keeps their memory shared with forked workers, since a collection would write to it (Python's documentation
    `gc.freeze`).
    """
    if not gc.get_freeze_count():  # once: garbage of a run may be collected later
        gc.freeze()
