"""Common parts of every run that reads a dump, whatever happens to its items: plan, stages, rejects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from ingest_cli.checkpoint.checkpoint import Checkpoint
from ingest_cli.checkpoint.journal import Journal
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.commands.heads import format_of
from ingest_cli.engines.chunk_size import ChunkSize
from ingest_cli.errors import DamagedError, UsageError
from ingest_cli.formats.gathering import Gatherer
from ingest_cli.formats.row_selection import Replay, RowRange, RowSelection
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.key_references import read_age_identity
from ingest_cli.model.settings import RunSettings
from ingest_cli.pipeline import Plan, Stages, Writer, run_shard
from ingest_cli.report.byte_progress import ByteProgress
from ingest_cli.report.report import Report
from ingest_cli.sinks.policies.pacing import Pacer
from ingest_cli.sources import dataset_fingerprint
from ingest_cli.sources.fingerprints import FingerprintCache
from ingest_cli.sources.parts import WholeEnd
from ingest_cli.sources.shard import Shard
from ingest_cli.sources.stdin import StandardInput

SRC_DIGITS = 8
NO_SRC = "0" * SRC_DIGITS


@dataclass(frozen=True, slots=True)
class Watcher:
    """Callbacks for the progress of a run; called from several threads.

    Attributes:
        on_plan: called once with the plan.
        on_bytes: called with the number of bytes read from a source.
        on_commit: called after each committed chunk.
        on_pace: called once with the pacer of a load.
    """

    on_plan: Callable[[Plan], None] = lambda _: None
    on_bytes: Callable[[int], None] = lambda _: None
    on_commit: Callable[[Report], None] = lambda _: None
    on_pace: Callable[[Pacer], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """State that the earlier manifests of the same command leave to the next one.

    Attributes:
        cost: what they may have cost, which counts against `RunSettings.max_cost`.
        has_rejects: whether the reject file holds their rejects, and is appended to.
    """

    cost: float = 0.0
    has_rejects: bool = False


def announced(planned: Plan, report: Report, watcher: Watcher) -> Plan:
    """Record the plan in the report, pass it to the watcher, and return it."""
    report.sources = tuple(shard.source.name for shard in planned.shards)
    report.notes += planned.notes
    report.byte_progress.plan([shard.source.size_bytes or 0 for shard in planned.shards])
    watcher.on_plan(planned)
    return planned


def stages_of(  # noqa: PLR0913 - independent collaborators
    planned: Plan,
    window: RowSelection,
    settings: RunSettings,
    chunk_size: ChunkSize,
    on_bytes: Callable[[int], None],
    *,
    ends: Mapping[int, WholeEnd],
) -> Stages:
    """Create the stages of a run from bytes to rows.

    Args:
        planned: plan of the run.
        window: selected rows.
        settings: how to read.
        chunk_size: returns the target size of a chunk.
        on_bytes: called with the number of bytes read.
        ends: see `Stages`.
    """
    manifest = planned.manifest
    age_identity = age_key_of(settings)
    sources = [shard.source for shard in planned.shards]
    return Stages(
        encoding=manifest.format.encoding,
        format=format_of(manifest, planned.wanted, sources, chunk_size, age_identity),
        chunk_bytes=chunk_size,
        window=window,
        on_bytes=on_bytes,
        age_identity=age_identity,
        ends=ends,
    )


def age_key_of(settings: RunSettings) -> Callable[[], str] | None:
    """Return a function that reads the key for sources encrypted with age; None without one."""
    return None if settings.age_identity is None else partial(read_age_identity, settings.age_identity)


def run_all(shards: Iterable[Shard], stages: Stages, writer: Writer, journal: Journal) -> None:
    """Run all shards through all stages, until the window of rows is used up."""
    byte_progress, shards = journal.byte_progress, list(shards)
    stages = replace(stages, on_end=journal.member_read, on_note=journal.note, on_decoded=byte_progress.decoded)
    byte_progress.begin({shard.number for shard in shards})
    with Gatherer(_Telling(writer, byte_progress).write, stages.format, stages.chunk_bytes, stages.on_end) as gatherer:
        for shard in shards:
            if stages.window.exhausted():
                return
            if isinstance(shard.source, StandardInput):  # the writing process may be slow
                gatherer.flush()
            byte_progress.source(shard.number)
            try:
                members = run_shard(shard, stages, gatherer)
            except DamagedError:
                journal.source_failed()
                raise
            gatherer.afterwards(partial(_shard_read, shard, members, journal))
    if note := stages.window.note():
        journal.note(note)


def _shard_read(shard: Shard, members: int, journal: Journal) -> None:
    """Record that a shard was read to its end, and its rows handed out."""
    journal.byte_progress.end(shard.number)
    journal.shard_read(shard, members)


@dataclass(frozen=True, slots=True)
class _Telling:
    """Writer that announces each chunk it is given."""

    writer: Writer
    byte_progress: ByteProgress

    def write(self, bundle: Bundle) -> None:
        """See `Writer.write`."""
        for part in bundle.parts:
            self.byte_progress.handed_out(part.origin, part.span)
        self.byte_progress.rows += bundle.rows.records
        self.writer.write(bundle)


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


def counting(report: Report, watcher: Watcher) -> Callable[[int], None]:
    """Return a function that counts bytes read, in the report and for the watcher."""

    def on_bytes(count: int) -> None:
        report.source_bytes += count
        report.byte_progress.read(count)
        watcher.on_bytes(count)

    return on_bytes


def fingerprints(planned: Plan, settings: RunSettings) -> list[str]:
    """Return the fingerprint of each source, in the order of the plan."""
    if settings.source_id:
        return [settings.source_id]
    with FingerprintCache.default().held():
        return [one.source.fingerprint() for one in planned.shards]


def src_of(prints: Sequence[str]) -> str:
    """Return the fingerprint of all sources together, as stored in items."""
    return dataset_fingerprint(prints)[:SRC_DIGITS]


def window_of(planned: Plan, settings: RunSettings) -> RowSelection:
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
