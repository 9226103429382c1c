"""Common parts of every run that reads a dump, whatever happens to its items: plan, stages, rejects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from ingest_cli.checkpoint.checkpoint import Checkpoint
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.commands.heads import format_of
from ingest_cli.engines.chunk_size import ChunkSize
from ingest_cli.engines.interface import Writer
from ingest_cli.errors import DamagedError, UsageError
from ingest_cli.formats.gathering import Gatherer
from ingest_cli.formats.row_selection import Replay, RowRange, RowSelection
from ingest_cli.model.key_references import read_age_identity
from ingest_cli.model.settings import RunSettings, Target
from ingest_cli.pipeline import Plan, RowStages, run_shard
from ingest_cli.report.observer import RunObserver
from ingest_cli.report.report import Report
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sources import dataset_fingerprint
from ingest_cli.sources.fingerprints import FingerprintCache
from ingest_cli.sources.parts import WholeEnd
from ingest_cli.sources.shard import Shard
from ingest_cli.sources.stdin import StandardInput

SRC_DIGITS = 8
NO_SRC = "0" * SRC_DIGITS


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """State that the earlier manifests of the same command leave to the next one.

    Attributes:
        cost: what they may have cost, which counts against `RunSettings.max_cost`.
        has_rejects: whether the reject file holds their rejects, and is appended to.
    """

    cost: float = 0.0
    has_rejects: bool = False


@dataclass(frozen=True, slots=True)
class RunContext:
    """Environment of a run.

    Attributes:
        observer: receives the events of the run.
        stop: stop request.
        target: profile and region for sources in AWS, for a run that has no table.
        earlier: earlier manifests of the same command.
    """

    observer: RunObserver = field(default_factory=RunObserver)
    stop: StopRequest = field(default_factory=StopRequest)
    target: Target | None = None
    earlier: EarlierRuns = field(default_factory=EarlierRuns)


def announced(planned: Plan, report: Report, observer: RunObserver) -> Plan:
    """Record the plan in the report, pass it to the observer, and return it."""
    report.sources = tuple(shard.source.name for shard in planned.shards)
    report.notes += planned.notes
    sizes = [shard.source.size_bytes or 0 for shard in planned.shards]
    report.byte_progress.plan(sizes)
    observer.planned(planned.manifest.dataset.id, sizes)
    return planned


def stages_of(
    planned: Plan,
    settings: RunSettings,
    selection: RowSelection,
    ends: Mapping[int, WholeEnd],
    chunk_size: ChunkSize,
    observer: RunObserver,
) -> RowStages:
    """Create the stages of a run from bytes to rows.

    Args:
        planned: plan of the run.
        settings: how to read.
        selection: selected rows.
        ends: see `RowStages`.
        chunk_size: returns the target size of a chunk.
        observer: receives the events of reading.
    """
    manifest = planned.manifest
    age_identity = age_key_of(settings)
    sources = [shard.source for shard in planned.shards]
    return RowStages(
        encoding=manifest.format.encoding,
        format=format_of(manifest, planned.wanted, sources, chunk_size, age_identity),
        selection=selection,
        observer=observer,
        chunk_bytes=chunk_size,
        age_identity=age_identity,
        ends=ends,
    )


def age_key_of(settings: RunSettings) -> Callable[[], str] | None:
    """Return a function that reads the key for sources encrypted with age; None without one."""
    return None if settings.age_identity is None else partial(read_age_identity, settings.age_identity)


def run_all(shards: Iterable[Shard], stages: RowStages, writer: Writer, report: Report) -> None:
    """Read all shards, until the last selected row, and pass their rows to the writer."""
    observer, shards = stages.observer, list(shards)
    report.byte_progress.begin({shard.number for shard in shards})
    with Gatherer(writer.write, stages.format, stages.chunk_bytes, observer) as gatherer:
        for shard in shards:
            if stages.selection.exhausted():
                return
            if isinstance(shard.source, StandardInput):  # the writing process may be slow
                gatherer.flush()
            observer.source_begun(shard.number)
            try:
                members = run_shard(shard, stages, gatherer)
            except DamagedError:
                observer.source_damaged()
                raise
            gatherer.afterwards(partial(observer.source_read, shard.number, members))
    if note := stages.selection.note():
        observer.note(note)


def kept_rejects(earlier: EarlierRuns, checkpoint: Checkpoint | None) -> int | None:
    """Return the bytes of the reject file to keep: those written by an earlier part of the load, or of the command."""
    if checkpoint is not None and checkpoint.is_started:
        return checkpoint.rejects_bytes
    return None if earlier.has_rejects else 0


@contextmanager
def reject_file(settings: RunSettings, earlier: EarlierRuns) -> Iterator[RejectFile]:
    """Open the reject file of a run without saved state."""
    rejects = RejectFile(settings.rejects, kept_rejects(earlier, None))
    try:
        yield rejects
    finally:
        rejects.close()


def fingerprints(planned: Plan, settings: RunSettings) -> list[str]:
    """Return the fingerprint of each source, in the order of the plan."""
    if settings.source_id:
        return [settings.source_id]
    with FingerprintCache.default().held():
        return [one.source.fingerprint() for one in planned.shards]


def src_of(prints: Sequence[str]) -> str:
    """Return the fingerprint of all sources together, as stored in items."""
    return dataset_fingerprint(prints)[:SRC_DIGITS]


def selection_of(planned: Plan, settings: RunSettings) -> RowSelection:
    """Return the selection of rows.

    Raises:
        UsageError: the rejects to replay are from another manifest.
    """
    if settings.replay is None:
        return RowRange(settings.skip, settings.limit)
    if settings.rejects is not None and settings.rejects.resolve() == settings.replay.resolve():
        raise UsageError("--rejects would overwrite the file that --replay reads; give it another name")
    replay = Replay.of(settings.replay)
    replay.check(shard.source.name for shard in planned.shards)
    return replay
