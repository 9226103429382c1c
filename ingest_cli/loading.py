"""A load and a validation from beginning to end: everything around the pipeline, composed in one place.

Each manifest is an account of its own. Whatever goes wrong ends up in its report, together with what had
been settled by then; nothing is raised but bugs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ingest_cli import catalog
from ingest_cli.catalog import Catalog, DatasetRow
from ingest_cli.engines.journal import Books, Journal
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.errors import (
    DamagedError,
    IngestError,
    MissingTableError,
    SpentError,
    TryAgainError,
    UsageError,
)
from ingest_cli.formats import open_format
from ingest_cli.hashing import Hasher
from ingest_cli.items import ItemBuilder
from ingest_cli.keys import Pepper, ephemeral_pepper, read_age_identity
from ingest_cli.lock import Lease
from ingest_cli.outcome import accounted, check, counts, note_undecodable
from ingest_cli.paid import paid
from ingest_cli.pipeline import Plan, Preparation, Shard, Stages, Writer, plan, run_shard
from ingest_cli.policies.background import within
from ingest_cli.policies.checkpoint import Checkpoint, Identity
from ingest_cli.policies.chunking import ChunkSize
from ingest_cli.policies.pacing import Pacer
from ingest_cli.policies.rejects import RejectFile
from ingest_cli.policies.replay import Replay
from ingest_cli.policies.retry import insist
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.policies.window import RowWindow, Window
from ingest_cli.recording import recorded
from ingest_cli.report import Report
from ingest_cli.resuming import Resumable
from ingest_cli.settings import RunSettings, Target, state_folder
from ingest_cli.sinks.dynamodb import is_gone
from ingest_cli.sources import dataset_fingerprint
from ingest_cli.spending import limit_wcu, set_tariff
from ingest_cli.staffing import Staff, checking, writing
from ingest_cli.working import Recipe
from ingest_cli.writing import (
    Route,
    WritePath,
    provisioned_wcu,
    starting_pace,
    watched,
    write_path,
)

if TYPE_CHECKING:
    from ingest_cli.manifest import Manifest
    from ingest_cli.scaling import Scaling
    from ingest_cli.sinks.interface import Sink
    from ingest_cli.tables import Table

INCOMPLETE_REJECTS = "the reject file lacks the rejects of the earlier part; `validate --rejects` lists them all"

LAST_ACTION_S = 1.5
"""Seconds that saving, and then unlocking, may take on the way out; with the draining before it, under 10."""

SRC_DIGITS = 8
_NO_SRC = "0" * SRC_DIGITS


@dataclass(frozen=True, slots=True)
class Watcher:
    """Whom to tell how a run is getting on; called from several threads.

    Attributes:
        on_plan: told once what there is to do.
        on_bytes: told how many bytes were read from a source.
        on_settled: told after each settled chunk.
        on_pace: told once what keeps the rate of a load.
    """

    on_plan: Callable[[Plan], None] = lambda _: None
    on_bytes: Callable[[int], None] = lambda _: None
    on_settled: Callable[[Report], None] = lambda _: None
    on_pace: Callable[[Pacer], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is around a dump that is read to see what it gives.

    Attributes:
        target: whose profile and region count for sources in AWS.
        watcher: whom to tell how it is getting on.
        stop: ends it.
        on_src: told the state of the sources before the first row is read; may raise.
    """

    target: Target | None = None
    watcher: Watcher = field(default_factory=Watcher)
    stop: StopRequest = field(default_factory=StopRequest)
    on_src: Callable[[str], None] = lambda _: None


def validate(
    manifest: Manifest, settings: RunSettings, watcher: Watcher | None = None, stop: StopRequest | None = None
) -> Report:
    """Run all stages on a dump and write nothing. Needs no key, no table and no network."""
    watcher, stop = watcher or Watcher(), stop or StopRequest()
    report = Report("validate", manifest.dataset.id, manifest.dataset.title)
    with accounted(report):
        planned = _planned(plan(manifest, wait=stop.wait), report, watcher)
        recipe = Recipe(manifest.fields, ephemeral_pepper(), manifest.dataset.id, _NO_SRC, settings.rejects_include_raw)
        with _reject_file(settings) as rejects:
            journal, chunk_size = Journal(Books(report, rejects), watcher.on_settled), ChunkSize()
            stages = _stages(planned, _window(planned, settings), settings, chunk_size, _counting(report, watcher))
            with (
                checking(Staff.of(settings, planned), recipe, journal, chunk_size, stop) as engine,
                recorded(report),
                engine as writer,
            ):
                _run(planned.shards, stages, writer, journal)
        note_undecodable(report, manifest)
        check(report, manifest)
        report.outcome = "partial" if _is_partial(settings) else "complete"
    return report


def load(  # noqa: PLR0913 - each is a thing of its own
    manifest: Manifest,
    table: Table,
    pepper: Pepper,
    settings: RunSettings,
    *,
    watcher: Watcher | None = None,
    stop: StopRequest | None = None,
    scaling: Scaling | None = None,
) -> Report:
    """Run all stages on a dump and write its items to a table, unless that was done before.

    Goes on where an earlier load of the same was broken off.
    """
    report = Report("load", manifest.dataset.id, manifest.dataset.title, table.target.table)
    with accounted(report):
        _Load(manifest, table, pepper, settings, report, scaling).run(watcher or Watcher(), stop or StopRequest())
    return report


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What a load has found and put together before the first write.

    Attributes:
        planned: what there is to read.
        window: which rows of it count.
        staff: who works on it.
        route: the way to the table.
        path: what is written through.
        lease: the lock, held.
        resumable: how far it has come; None for a load of some rows only.
        row: what the table is to say about the dataset in the end.
    """

    planned: Plan
    window: Window
    staff: Staff
    route: Route
    path: WritePath
    lease: Lease
    resumable: Resumable | None
    row: DatasetRow


@dataclass(frozen=True, slots=True)
class _Load:
    """One load of one dataset."""

    manifest: Manifest
    table: Table
    pepper: Pepper
    settings: RunSettings
    report: Report
    scaling: Scaling | None = None

    def run(self, watcher: Watcher, stop: StopRequest) -> None:
        """Check everything that can be checked before the first write, then load."""
        manifest, table, settings, report = self.manifest, self.table, self.settings, self.report
        state_folder(settings.state)
        planned = _planned(plan(manifest, table.target, stop.wait), report, watcher)
        window = _window(planned, settings)
        described = table.check()
        region = table.client.meta.region_name
        set_tariff(report, settings, region, provisioned=provisioned_wcu(described) is not None)
        if self.scaling is not None:
            self.scaling.recover()
        rows = Catalog(table)
        rows.knows(self.pepper)
        prints = _fingerprints(planned, settings)
        report.src = _src(prints)
        before = rows.dataset(manifest.dataset.id)
        row = DatasetRow.of(manifest, report.src, self.pepper, before)
        if settings.replay is not None and (before is None or before.src != report.src):
            raise UsageError(
                "the dump is not the one that the table was loaded from, so its rows are not those that the rejects "
                "name; load it again without --replay"
            )
        if before is not None and not settings.restart and settings.replay is None and before.completes(row):
            if before != row:  # only what it is called has changed
                rows.put_dataset(row)
            with suppress(IngestError):  # versions before did not list it, nor need the permission to
                rows.enlist(manifest.dataset.id)
            report.outcome = "unchanged"
            return
        staff, route = Staff.of(settings, planned), Route.to(table, settings.transport)
        pace = starting_pace(described, settings, staff.shared, limit_wcu(report, settings.max_cost))
        path = write_path(route.open(stop, table), settings, report.traffic, stop, pace)
        watcher.on_pace(path.pacer)
        try:
            token = secrets.token_hex(16)
            lease = Lease(table, manifest.dataset.id, token, time.time)
            insist(lease.acquire, path.rules)
            try:
                identity = self._identity(planned, prints, described)
                resumable = None
                if not _is_partial(settings):
                    finished = before is not None and before.state in {catalog.COMPLETE, catalog.WITHDRAWING}
                    resumable = Resumable.open(
                        planned, identity, table, settings, token, finished=finished, known=before is not None
                    )
                with paid(path, table, settings, lease, report, self.scaling), _under_way(table):
                    self._write(_Prepared(planned, window, staff, route, path, lease, resumable, row), watcher)
            finally:
                _bounded(lease.release)
        finally:
            path.outlet.transport.close()

    def _write(self, prepared: _Prepared, watcher: Watcher) -> None:
        """Write all that is still to be written."""
        planned, path, resumable, row = prepared.planned, prepared.path, prepared.resumable, prepared.row
        manifest, settings, report, rules = self.manifest, self.settings, self.report, path.rules
        rows, checkpoint, shards = Catalog(self.table), None, list(planned.shards)
        if resumable is not None:
            checkpoint, shards = resumable.checkpoint, resumable.remaining(planned)
            report.account = checkpoint.account
            report.rows_before = checkpoint.account.rows_read
            report.wcu_before = checkpoint.wcu_consumed
            path.budget.settle(checkpoint.wcu_consumed)
        rejects = RejectFile(settings.rejects, _kept_rejects(settings, checkpoint))
        if settings.rejects is not None and checkpoint is not None and checkpoint.lacks_rejects(rejects.size_bytes):
            report.notes.append(INCOMPLETE_REJECTS)
        books = Books(report, rejects, checkpoint, manifest.rejects)
        journal = Journal(books, watcher.on_settled, _store(resumable, path))
        try:
            insist(lambda: rows.register(self.pepper), rules)
            if resumable is not None:
                insist(resumable.begin, rules)
            if settings.replay is None:
                insist(lambda: rows.enlist(manifest.dataset.id), rules)
                insist(lambda: rows.put_dataset(replace(row, state=catalog.LOADING)), rules)
            recipe = Recipe(
                manifest.fields,
                self.pepper,
                manifest.dataset.id,
                report.src or _NO_SRC,
                settings.rejects_include_raw,
            )
            chunk_size = ChunkSize()
            stages = _stages(planned, prepared.window, settings, chunk_size, _counting(report, watcher))
            with (
                writing(
                    prepared.staff,
                    recipe,
                    path,
                    prepared.route,
                    settings,
                    table=self.table,
                    journal=journal,
                    chunk_size=chunk_size,
                    traffic=report.traffic,
                ) as engine,
                _saved(journal, report),
                watched(path, self.table, settings, prepared.lease, journal),
                recorded(report, path.pacer),
            ):
                with engine as writer:
                    _run(shards, stages, writer, journal)
                insist(journal.save, rules)
        finally:
            journal.close()
            rejects.close()
        check(report, manifest)
        report.outcome = "partial" if _is_partial(settings) else "complete"
        if report.outcome == "complete":
            insist(prepared.lease.renew, rules)  # what follows is for the run that holds the lock, and no other
            insist(lambda: rows.put_dataset(row.completed(counts(report), dt.datetime.now(dt.UTC))), rules)
            if resumable is not None:
                insist(resumable.ledger.clear, rules)

    def _identity(self, planned: Plan, prints: Sequence[str], described: Mapping[str, Any]) -> Identity:
        made = described.get("TableId") or str(described.get("CreationDateTime", ""))
        dataset, pepper = self.manifest.dataset.id, self.pepper
        places = [str(len(planned.shards)), *prints]  # a checkpoint knows sources by their place
        if self.settings.source_id:
            places += [shard.source.name for shard in planned.shards]
        in_order = hashlib.sha256("\n".join(places).encode()).hexdigest()
        return Identity(dataset, made, in_order, self.manifest.digest, pepper.kid, pepper.check_value)


@contextmanager
def _under_way(table: Table) -> Iterator[None]:
    """From now on, a table that is not there is one that was there, and may be again."""
    try:
        yield
    except MissingTableError as error:
        raise TryAgainError(is_gone(table.target.table)) from error


@contextmanager
def _saved(journal: Journal, report: Report) -> Iterator[None]:
    """Save how far the block came if it does not come to its end."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, SpentError):
            journal.note_spending()
        if not _bounded(journal.save):
            report.notes.append("the last moments could not be saved; they will be written again")
        raise


def _bounded(action: Callable[[], None]) -> bool:
    """Do something on the way out that may fail or hang; whether it was done in time."""
    try:
        return within(LAST_ACTION_S, action)
    except (IngestError, OSError):
        return False


def _store(resumable: Resumable | None, path: WritePath) -> Callable[[bytes], None]:
    """Where the journal keeps its state; what that consumes counts like everything else."""

    def store(state: bytes) -> None:
        if resumable is not None:
            path.note_state(resumable.ledger.write(state))

    return store


def _planned(planned: Plan, report: Report, watcher: Watcher) -> Plan:
    """The plan, noted in the report and told to whoever watches."""
    report.sources = tuple(shard.source.name for shard in planned.shards)
    watcher.on_plan(planned)
    return planned


def _stages(
    planned: Plan, window: Window, settings: RunSettings, chunk_size: ChunkSize, on_bytes: Callable[[int], None]
) -> Stages:
    """The stages of a run from bytes to rows, set up."""
    manifest = planned.manifest
    return Stages(
        encoding=manifest.format.encoding,
        format=open_format(manifest.format, planned.wanted, chunk_size),
        window=window,
        on_bytes=on_bytes,
        age_identity=None if settings.age_identity is None else partial(read_age_identity, settings.age_identity),
    )


def _run(shards: Iterable[Shard], stages: Stages, writer: Writer, journal: Journal) -> None:
    """Take all shards through all stages, until the window of rows is used up."""
    stages = replace(stages, on_end=journal.member_read, on_note=journal.note)
    for shard in shards:
        if stages.window.exhausted():
            return
        try:
            members = run_shard(shard, stages, writer)
        except DamagedError:
            journal.source_failed()
            raise
        journal.shard_read(shard, members)


def _kept_rejects(settings: RunSettings, checkpoint: Checkpoint | None) -> int | None:
    """How much of the reject file is to be kept: what an earlier part of the load, or of the command, wrote."""
    if checkpoint is not None and checkpoint.is_started:
        return checkpoint.rejects_bytes
    return None if settings.append_rejects else 0


@contextmanager
def _reject_file(settings: RunSettings) -> Iterator[RejectFile]:
    rejects = RejectFile(settings.rejects, _kept_rejects(settings, None))
    try:
        yield rejects
    finally:
        rejects.close()


def _counting(report: Report, watcher: Watcher) -> Callable[[int], None]:
    def on_bytes(count: int) -> None:
        report.source_bytes += count
        watcher.on_bytes(count)

    return on_bytes


def _fingerprints(planned: Plan, settings: RunSettings) -> list[str]:
    """The state of each source, in the order of the plan."""
    return [settings.source_id] if settings.source_id else [one.source.fingerprint() for one in planned.shards]


def _src(prints: Sequence[str]) -> str:
    """The state of all sources together, as items have it."""
    return dataset_fingerprint(prints)[:SRC_DIGITS]


def _is_partial(settings: RunSettings) -> bool:
    """Whether only some of the rows are to be loaded; such a load leaves no state, and does not complete a dataset."""
    return settings.skip > 0 or settings.limit is not None or settings.replay is not None


def _window(planned: Plan, settings: RunSettings) -> Window:
    """Which rows count.

    Raises:
        UsageError: the rejects to replay are not of this manifest.
    """
    if settings.replay is None:
        return RowWindow(settings.skip, settings.limit)
    if settings.rejects is not None and settings.rejects.resolve() == settings.replay.resolve():
        raise UsageError("--rejects would overwrite the file that --replay reads; give it another name")
    replay = Replay.of(settings.replay)
    replay.check(shard.source.name for shard in planned.shards)
    return replay


def reproduce(  # noqa: PLR0913 - each is a thing of its own
    manifest: Manifest,
    pepper: Pepper,
    settings: RunSettings,
    *,
    sink: Sink,
    report: Report,
    around: Surroundings | None = None,
) -> None:
    """Put the items that the sources of `manifest` give into `sink`, chunk by chunk.

    Args:
        manifest: of the dump.
        pepper: to hash with.
        settings: how to read.
        sink: takes the items.
        report: accounts for them.
        around: whom to tell, and whom to ask.

    Raises:
        IngestError: a source cannot be read, or does not fit the manifest; or `around` said so.
    """
    around = around or Surroundings()
    planned = _planned(plan(manifest, around.target, around.stop.wait), report, around.watcher)
    report.src = _src(_fingerprints(planned, settings))
    around.on_src(report.src)
    builder = ItemBuilder(Hasher(pepper), manifest.dataset.id, report.src)
    journal, chunk_size = Journal(Books(report, RejectFile(None)), around.watcher.on_settled), ChunkSize()
    stages = _stages(planned, _window(planned, settings), settings, chunk_size, _counting(report, around.watcher))
    preparation = Preparation(manifest.fields, builder)
    _run(planned.shards, stages, SerialWriter(preparation, sink, journal.settle, chunk_size.took, around.stop), journal)
