"""Run a load from start to end: compose everything around the pipeline.

Each manifest has its own account. Every error ends up in its report, together with what had been
committed by then; only bugs raise.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.catalog import Catalog, DatasetRow
from ingest_cli.aws.lease import Lease
from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity
from ingest_cli.checkpoint.journal import Journal, JournalTargets
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.commands.outcome import accounted, check, counts
from ingest_cli.commands.preflight import check_sources
from ingest_cli.commands.resume import OUTDATED, Resumable, ledger_of, row_during_load, said_before
from ingest_cli.commands.run import (
    NO_SRC,
    RunContext,
    age_key_of,
    announced,
    fingerprints,
    kept_rejects,
    run_all,
    selection_of,
    src_of,
    stages_of,
)
from ingest_cli.commands.sampler import recorded
from ingest_cli.commands.spending import CostLimit, raised_capacity, set_tariff
from ingest_cli.commands.table_check import CheckedTable, check_table
from ingest_cli.commands.watchers import SourceWait, WriteObserver, follow_capacity, watched
from ingest_cli.engines.chunk_size import ChunkSize, first_bytes
from ingest_cli.engines.factory import ProcessPlan, load_engine
from ingest_cli.engines.worker import ItemSpec, LoadSpec
from ingest_cli.errors import ExitCode, IngestError, MissingTableError, SpentError, TryAgainError, UsageError
from ingest_cli.formats.row_selection import RowSelection
from ingest_cli.model.keys import Pepper
from ingest_cli.model.settings import RunSettings
from ingest_cli.pipeline import Plan, plan
from ingest_cli.report.observer import Observers, ReportUpdater
from ingest_cli.report.report import Report
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.background import within
from ingest_cli.runtime.stop import without_restart
from ingest_cli.sinks.dynamodb import is_gone
from ingest_cli.sinks.policies.retry import retry_until_done
from ingest_cli.sinks.write_path import Route, WritePath, path_to, starting_pace
from ingest_cli.sources.parts import WholeEnd
from ingest_cli.sources.shard import Shard

if TYPE_CHECKING:
    from ingest_cli.aws.capacity.temporary_raise import Scaling
    from ingest_cli.aws.table import Table
    from ingest_cli.model.manifest import Manifest

T = TypeVar("T")

INCOMPLETE_REJECTS = "the reject file lacks the rejects of the earlier part; `validate --rejects` lists them all"

LAST_ACTION_S = 1.5
"""Maximum seconds to save and then unlock at the end; with the draining before it, under 10."""


def load(
    manifest: Manifest,
    table: Table,
    pepper: Pepper,
    settings: RunSettings,
    context: RunContext | None = None,
    scaling: Scaling | None = None,
) -> Report:
    """Run all stages on a dump and write its items to a table, unless the table holds them already.

    Resumes an interrupted load of the same dump.
    """
    report = Report("load", manifest.dataset.id, manifest.dataset.title, table.target.table)
    context = context or RunContext()
    with accounted(report):
        _Load(manifest, table, pepper, settings, report, context, scaling).run()
    if report.exit_code == ExitCode.TRY_AGAIN and context.stop.is_restarted:
        report.message = without_restart(report.message or "")
    return report


@dataclass(frozen=True, slots=True)
class _Dump:
    """A dump that fits its manifest.

    Attributes:
        planned: its sources.
        selection: selected rows.
        prints: fingerprint of each source.
        ends: allowed ends of the text of packed sources.
        processes: processes that load it.
    """

    planned: Plan
    selection: RowSelection
    prints: Sequence[str]
    ends: Mapping[int, WholeEnd]
    processes: ProcessPlan


@dataclass(frozen=True, slots=True)
class _Load:
    """One load of one dataset."""

    manifest: Manifest
    table: Table
    pepper: Pepper
    settings: RunSettings
    report: Report
    context: RunContext
    scaling: Scaling | None
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    def run(self) -> None:
        """Make all checks that are possible before the first write, then load."""
        settings, report, wait = self.settings, self.report, SourceWait(self.context.stop)
        planned = announced(plan(self.manifest, self.table.target, wait), report, self.context.observer)
        selection = selection_of(planned, settings)
        checked = self._in_time(lambda: check_table(self.table, self.pepper))
        set_tariff(report, settings, checked.region, provisioned=checked.provisioned_wcu_per_s is not None)
        if self.scaling is not None:
            self._in_time(self.scaling.recover)
        prints = fingerprints(planned, settings)
        report.src = src_of(prints)
        self.context.observer.fingerprinted(report.src)
        rows = Catalog(self.table, self.pepper)
        before = self._in_time(lambda: self._before(rows))
        row = self._wanted(before)
        if before == row and self._is_done(before, row):
            self._leave(rows, row)
            return
        self.limit.check(report)
        ends = check_sources(planned, age_key_of(settings), wait)
        dump = _Dump(planned, selection, prints, ends, ProcessPlan.of(settings, planned))
        with self._open_path(dump, checked) as path:
            wait.meanwhile = path.outlet.fibers.turn
            with self._locked(path) as lease:
                self._run_locked(dump, path, lease, rows)

    @contextmanager
    def _open_path(self, dump: _Dump, checked: CheckedTable) -> Iterator[WritePath]:
        """Open the write path for the block."""
        settings, report = self.settings, self.report
        pace = starting_pace(checked.described, settings, dump.processes.shared, self.limit.wcu(report))
        with path_to(self.table, settings, report.traffic, self.context.stop, pace) as path:
            self.context.observer.pace_set(path.pacer)
            yield path

    @contextmanager
    def _locked(self, path: WritePath) -> Iterator[Lease]:
        """Hold the lock of the dataset during the block."""
        lease = Lease(self.table, self.manifest.dataset.id, self.token, fence=path.fence)
        retry_until_done(lease.acquire, path.rules)
        try:
            yield lease
        finally:
            _bounded(lease.release)

    def _run_locked(self, dump: _Dump, path: WritePath, lease: Lease, rows: Catalog) -> None:
        """Decide again what to do, since only a catalog row read under the lock is final, and load."""
        before = retry_until_done(lambda: self._before(rows), path.rules)
        row = self._wanted(before)
        if self._is_done(before, row):  # only the catalog entry has changed, or another run was faster
            retry_until_done(lambda: rows.put_dataset(row), path.rules)
            self._leave(rows, row)
            return
        resumable = self._resumable(dump, before)
        row = row_during_load(before, row, resumable, self.settings)
        follow = partial(follow_capacity, path, self.table, self.settings)
        with (
            self.limit.enforced(self.report),
            raised_capacity(self.scaling, self.report.tariff, lease, self.context.stop, follow),
            _under_way(self.table),
        ):
            _Writing(self, dump, path, lease, resumable, row).run(rows)

    @property
    def limit(self) -> CostLimit:
        """Return the limit on the cost of the load."""
        return CostLimit.of(self.settings, self.context.earlier)

    def _in_time(self, ask: Callable[[], T]) -> T:
        """Return the answer of the table to a check before the first write, within `--give-up-after`."""
        try:
            with time_limit(self.settings.give_up_after_s):
                return ask()
        except IngestError as error:
            if error.transient and self.scaling is not None:
                self.scaling.leave()
            raise

    def _before(self, rows: Catalog) -> DatasetRow | None:
        """Return the dataset's catalog row so far, see `said_before`."""
        before, note = said_before(rows, self.manifest.dataset.id, self.pepper, self.settings)
        if note is not None and note not in self.report.notes:
            self.report.notes.append(note)
        return before

    def _wanted(self, before: DatasetRow | None) -> DatasetRow:
        """Return the dataset's catalog row after the load.

        Raises:
            UsageError: --replay, and the rejects are from another state of the dump.
        """
        src = self.report.src or NO_SRC
        if self.settings.replay is not None and (before is None or before.src != src):
            raise UsageError(
                "the dump is not the one that the table was loaded from, so its rows are not those that the rejects "
                "name; load it again without --replay"
            )
        return DatasetRow.of(self.manifest, src, self.pepper, before)

    def _is_done(self, before: DatasetRow | None, row: DatasetRow) -> bool:
        """Return whether the table, by its row `before`, already holds everything wanted."""
        if before is None or self.settings.restart or self.settings.replay is not None:
            return False
        return before.completes(row)

    def _leave(self, rows: Catalog, row: DatasetRow) -> None:
        """Leave the dataset unchanged, and list it if it is not."""
        with suppress(IngestError):  # older versions did not list it, nor needed the permission to
            rows.enlist(self.manifest.dataset.id)
        self.report.outcome = "unchanged"
        if row.patchwork:
            self.report.notes.append(row.patchwork)

    def _resumable(self, dump: _Dump, before: DatasetRow | None) -> Resumable | None:
        """Read the saved checkpoint, or create one; None for a load of selected rows."""
        settings, dataset, pepper = self.settings, self.manifest.dataset.id, self.pepper
        if settings.is_partial:
            return None
        places = [str(len(dump.planned.shards)), *dump.prints]  # a checkpoint identifies sources by position
        if settings.source_id:
            places += [shard.source.name for shard in dump.planned.shards]
        in_order = hashlib.sha256("\n".join(places).encode()).hexdigest()
        identity = Identity(
            dataset, self.table.identity, in_order, self.manifest.digest, pepper.kid, pepper.check_value
        )
        ledger = ledger_of(settings.state_folder, self.table, dataset, self.token, StateKey.of(pepper))
        resumable = Resumable.open(dump.planned, identity, ledger, settings, before=before)
        if resumable.outdated:
            self.report.notes.append(OUTDATED)
        return resumable


@dataclass(frozen=True, slots=True)
class _Writing:
    """A load under its lock: write everything not yet written.

    Attributes:
        load: the load.
        dump: what to read.
        path: write path.
        lease: lock of the dataset, held.
        resumable: checkpoint and its store; None for a load of selected rows.
        row: catalog row of the dataset during the load.
    """

    load: _Load
    dump: _Dump
    path: WritePath
    lease: Lease
    resumable: Resumable | None
    row: DatasetRow

    def run(self, rows: Catalog) -> None:
        """Write the catalog rows and all items."""
        checkpoint, shards = self._take_over()
        rejects = self._open_rejects(checkpoint)
        targets = JournalTargets(self.load.report, rejects, checkpoint, self.load.manifest.rejects)
        journal = Journal(targets, self.load.context.observer, self._store, self.path.lanes.run_ahead)
        try:
            self._begin(rows)
            self._write_items(shards, journal)
        finally:
            journal.close()
            rejects.close()
        self._finish(rows)

    def _take_over(self) -> tuple[Checkpoint | None, Sequence[Shard]]:
        """Continue the account of the checkpoint; return it, and the shards still to read."""
        planned, report = self.dump.planned, self.load.report
        if self.resumable is None:
            return None, planned.shards
        checkpoint = self.resumable.checkpoint
        report.account = checkpoint.account
        report.rows_before = checkpoint.account.rows_read
        report.wcu_before = checkpoint.wcu_consumed
        self.path.budget.settle(checkpoint.wcu_consumed)
        return checkpoint, self.resumable.remaining(planned)

    def _open_rejects(self, checkpoint: Checkpoint | None) -> RejectFile:
        settings = self.load.settings
        rejects = RejectFile(settings.rejects, kept_rejects(self.load.context.earlier, checkpoint))
        if settings.rejects is not None and checkpoint is not None and checkpoint.lacks_rejects(rejects.size_bytes):
            self.load.report.notes.append(INCOMPLETE_REJECTS)
        return rejects

    def _begin(self, rows: Catalog) -> None:
        """Write the catalog rows of a load in progress, and the first checkpoint."""
        rules = self.path.rules
        retry_until_done(lambda: rows.register(self.load.pepper), rules)
        if self.resumable is not None:
            retry_until_done(self.resumable.begin, rules)
        retry_until_done(lambda: rows.enlist(self.load.manifest.dataset.id), rules)
        retry_until_done(lambda: rows.put_dataset(self.row), rules)
        rules.stop.is_restarted = self.load.settings.restart and self.resumable is not None

    def _write_items(self, shards: Sequence[Shard], journal: Journal) -> None:
        """Run the pipeline, with all background tasks beside it, and save the checkpoint."""
        load, dump, path = self.load, self.dump, self.path
        settings, report = load.settings, load.report
        chunk_size = ChunkSize(first_bytes(path.pacer.rate_wcu_per_s))
        observer = Observers(ReportUpdater(report), journal, chunk_size, load.context.observer, WriteObserver(path))
        stages = stages_of(dump.planned, settings, dump.selection, dump.ends, chunk_size, observer)
        items = ItemSpec(load.manifest, load.pepper, report.src or NO_SRC, settings.rejects_include_raw)
        route = Route.to(load.table, settings.transport)
        spec = LoadSpec(items, route, settings, dump.processes.limits(settings), load.table)
        with (
            load_engine(dump.processes, spec, path, journal.commit, observer) as engine,
            _saved(journal, report),
            watched(path, load.table, settings, self.lease, journal),
            recorded(report, path.pacer),
        ):
            with engine as writer:
                run_all(shards, stages, writer, report)
            retry_until_done(journal.save, path.rules)

    def _finish(self, rows: Catalog) -> None:
        """Check the result, and complete the catalog row."""
        report, rules = self.load.report, self.path.rules
        check(report, self.load.manifest)
        if self.row.mixture:
            report.notes.append(self.row.mixture)
        report.outcome = "partial" if self.load.settings.is_partial else "complete"
        if report.outcome == "complete":
            # The following steps require that this run still holds the lock.
            retry_until_done(self.lease.renew, rules)
            completed = partial(self.row.completed, counts(report))
            retry_until_done(lambda: rows.put_dataset(completed(dt.datetime.now(dt.UTC))), rules)
            if self.resumable is not None:
                retry_until_done(self.resumable.ledger.clear, rules)

    def _store(self, state: bytes) -> None:
        """Save the journal's state; its consumption is counted like all other."""
        if self.resumable is not None:
            self.path.note_state(self.resumable.ledger.write(state))


@contextmanager
def _under_way(table: Table) -> Iterator[None]:
    """Treat a missing table in the block as transient: it existed before."""
    try:
        yield
    except MissingTableError as error:
        raise TryAgainError(is_gone(table.target.table)) from error


@contextmanager
def _saved(journal: Journal, report: Report) -> Iterator[None]:
    """Save the checkpoint if the block ends early."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, SpentError):
            journal.note_spending()
        if not _bounded(journal.save):
            report.notes.append("the last moments could not be saved; they will be written again")
        raise


def _bounded(action: Callable[[], None]) -> bool:
    """Run a final action that may fail or hang; return whether it finished in time."""
    try:
        return within(LAST_ACTION_S, action)
    except (IngestError, OSError):
        return False
