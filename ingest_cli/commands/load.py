"""Run a load from start to end: compose everything around the pipeline.

Each manifest has its own account. Every error ends up in its report, together with what had been
committed by then; only bugs raise.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.catalog import COMPLETE, Catalog, DatasetRow
from ingest_cli.aws.lease import Lease
from ingest_cli.checkpoint.checkpoint import Identity
from ingest_cli.checkpoint.journal import Books, Journal
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.commands.outcome import accounted, check, counts
from ingest_cli.commands.paid import paid
from ingest_cli.commands.preflight import check_sources
from ingest_cli.commands.resume import OUTDATED, Resumable, ledger_of, new_generation, said_before
from ingest_cli.commands.run import (
    NO_SRC,
    Watcher,
    age_key_of,
    announced,
    counting,
    fingerprints,
    kept_rejects,
    run_all,
    src_of,
    stages_of,
    window_of,
)
from ingest_cli.commands.sampler import recorded
from ingest_cli.commands.spending import check_limit, limit_wcu, set_tariff
from ingest_cli.commands.watchers import watched
from ingest_cli.engines.chunk_size import ChunkSize, first_bytes
from ingest_cli.engines.factory import Staff, writing
from ingest_cli.engines.worker import Recipe
from ingest_cli.errors import (
    ExitCode,
    IngestError,
    MissingTableError,
    SpentError,
    TryAgainError,
    UsageError,
)
from ingest_cli.formats.row_selection import RowSelection
from ingest_cli.model.keys import Pepper
from ingest_cli.model.settings import RunSettings, state_folder
from ingest_cli.pipeline import Plan, plan
from ingest_cli.report.report import Report
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.background import within
from ingest_cli.runtime.fibers import LOOK_S
from ingest_cli.runtime.stop import StopRequest, without_restart
from ingest_cli.sinks.dynamodb import is_gone
from ingest_cli.sinks.policies.retry import retry_until_done
from ingest_cli.sinks.write_path import (
    Route,
    WritePath,
    provisioned_wcu,
    starting_pace,
    write_path,
)
from ingest_cli.sources.parts import WholeEnd

if TYPE_CHECKING:
    from ingest_cli.aws.capacity.temporary_raise import Scaling
    from ingest_cli.aws.table import Table
    from ingest_cli.model.manifest import Manifest

T = TypeVar("T")

INCOMPLETE_REJECTS = "the reject file lacks the rejects of the earlier part; `validate --rejects` lists them all"

LAST_ACTION_S = 1.5
"""Maximum seconds to save and then unlock at the end; with the draining before it, under 10."""


def load(  # noqa: PLR0913 - independent collaborators
    manifest: Manifest,
    table: Table,
    pepper: Pepper,
    settings: RunSettings,
    *,
    watcher: Watcher | None = None,
    stop: StopRequest | None = None,
    scaling: Scaling | None = None,
) -> Report:
    """Run all stages on a dump and write its items to a table, unless the table holds them already.

    Resumes an interrupted load of the same dump.
    """
    report = Report("load", manifest.dataset.id, manifest.dataset.title, table.target.table)
    stop = stop or StopRequest()
    with accounted(report):
        _Load(manifest, table, pepper, settings, report, scaling).run(watcher or Watcher(), stop)
    if report.exit_code == ExitCode.TRY_AGAIN and stop.is_restarted:
        report.message = without_restart(report.message or "")
    return report


@dataclass(frozen=True, slots=True)
class _Prepared:
    """State of a load before its first write.

    Attributes:
        planned: plan of the load.
        window: selected rows.
        staff: processes of the run.
        route: route to the table.
        path: write path.
        lease: lease of the dataset, held.
        resumable: checkpoint and its store; None for a load of selected rows.
        row: catalog row of the dataset during the load.
        ends: allowed ends of the text of packed sources.
    """

    planned: Plan
    window: RowSelection
    staff: Staff
    route: Route
    path: WritePath
    lease: Lease
    resumable: Resumable | None
    row: DatasetRow
    ends: Mapping[int, WholeEnd]


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
        """Make all checks that are possible before the first write, then load."""
        manifest, table, settings, report = self.manifest, self.table, self.settings, self.report
        state_folder(settings.state)
        patience = _Patience(stop)
        planned = announced(plan(manifest, table.target, patience), report, watcher)
        window = window_of(planned, settings)
        described = self._in_time(table.check)
        region = table.client.meta.region_name
        set_tariff(report, settings, region, provisioned=provisioned_wcu(described) is not None)
        rows = Catalog(table, self.pepper)
        self._in_time(lambda: rows.knows(self.pepper))
        if self.scaling is not None:
            self._in_time(self.scaling.recover)
        prints = fingerprints(planned, settings)
        report.src = src_of(prints)
        before = self._in_time(lambda: self._before(rows))
        row = self._wanted(before)
        if before == row and self._is_done(before, row):
            self._leave(rows, row)
            return
        check_limit(report, settings)
        ends = check_sources(planned, age_key_of(settings), patience)
        staff, route = Staff.of(settings, planned), Route.to(table, settings.transport)
        pace = starting_pace(described, settings, staff.shared, limit_wcu(report, settings))
        path = write_path(route.open(stop, table), settings, report.traffic, stop, pace)
        watcher.on_pace(path.pacer)
        patience.meanwhile = path.outlet.fibers.turn
        try:
            token = secrets.token_hex(16)
            lease = Lease(table, manifest.dataset.id, token, time.time, fence=path.fence)
            retry_until_done(lease.acquire, path.rules)
            try:
                # Only the row read under the lock is final.
                before = retry_until_done(lambda: self._before(rows), path.rules)
                row = self._wanted(before)
                if self._is_done(before, row):  # only the catalog entry has changed, or another run was faster
                    retry_until_done(lambda: rows.put_dataset(row), path.rules)
                    self._leave(rows, row)
                    return
                resumable = None
                if not settings.is_partial:
                    identity = self._identity(planned, prints)
                    ledger = ledger_of(settings.state, table, identity.dataset, token, StateKey.of(self.pepper))
                    resumable = Resumable.open(planned, identity, ledger, settings, before=before)
                row = self._meanwhile(before, row, resumable)
                with paid(path, table, settings, lease, report, self.scaling), _under_way(table):
                    self._write(_Prepared(planned, window, staff, route, path, lease, resumable, row, ends), watcher)
            finally:
                _bounded(lease.release)
        finally:
            path.outlet.transport.close()

    def _in_time(self, ask: Callable[[], T]) -> T:
        """What the table says before anything is written, if it says so before `--give-up-after`."""
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
            UsageError: only rejects are to be loaded, and they are from another state of the dump.
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
        """Leave the dataset unchanged, but make sure that it is listed."""
        with suppress(IngestError):  # older versions did not list it, nor needed the permission to
            rows.enlist(self.manifest.dataset.id)
        self.report.outcome = "unchanged"
        if row.patchwork:
            self.report.notes.append(row.patchwork)

    def _meanwhile(self, before: DatasetRow | None, row: DatasetRow, resumable: Resumable | None) -> DatasetRow:
        """Return the catalog row during the load, such that no state is trusted wrongly.

        Args:
            before: current row.
            row: row after the load.
            resumable: checkpoint of the load; None for a load of selected rows.
        """
        if resumable is not None:
            if resumable.outdated:
                self.report.notes.append(OUTDATED)
            return row.loading(resumable.checkpoint.identity.generation)
        # Selected rows of the same load do no harm: the interrupted load can still be resumed.
        same = before is not None and before.is_of(row) and not self.settings.restart
        under_way = before.under_way if before is not None and same else None
        if before is not None and (self.settings.replay is not None or before.state == COMPLETE):
            return replace(before.with_some_of(row.src), writers=row.writers, generation=under_way)
        return row.loading(under_way or new_generation())

    def _write(self, prepared: _Prepared, watcher: Watcher) -> None:
        """Write everything not yet written."""
        planned, path, resumable, row = prepared.planned, prepared.path, prepared.resumable, prepared.row
        manifest, settings, report, rules = self.manifest, self.settings, self.report, path.rules
        rows, checkpoint, shards = Catalog(self.table, self.pepper), None, list(planned.shards)
        if resumable is not None:
            checkpoint, shards = resumable.checkpoint, resumable.remaining(planned)
            report.account = checkpoint.account
            report.rows_before = checkpoint.account.rows_read
            report.wcu_before = checkpoint.wcu_consumed
            path.budget.settle(checkpoint.wcu_consumed)
        rejects = RejectFile(settings.rejects, kept_rejects(settings, checkpoint))
        if settings.rejects is not None and checkpoint is not None and checkpoint.lacks_rejects(rejects.size_bytes):
            report.notes.append(INCOMPLETE_REJECTS)
        books = Books(report, rejects, checkpoint, manifest.rejects)
        journal = Journal(books, watcher.on_commit, _store(resumable, path), path.lanes.run_ahead)
        try:
            retry_until_done(lambda: rows.register(self.pepper), rules)
            if resumable is not None:
                retry_until_done(resumable.begin, rules)
            retry_until_done(lambda: rows.enlist(manifest.dataset.id), rules)
            retry_until_done(lambda: rows.put_dataset(row), rules)
            rules.stop.is_restarted = settings.restart and resumable is not None
            keep_raw = settings.rejects_include_raw
            recipe = Recipe.of(manifest, self.pepper, report.src or NO_SRC, keep_raw=keep_raw)
            chunk_size = ChunkSize(first_bytes(path.pacer.rate_wcu_per_s))
            on_bytes = _meanwhile(counting(report, watcher), path.outlet.fibers.turn)
            stages = stages_of(planned, prepared.window, settings, chunk_size, on_bytes, ends=prepared.ends)
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
                    run_all(shards, stages, writer, journal)
                retry_until_done(journal.save, rules)
        finally:
            journal.close()
            rejects.close()
        check(report, manifest)
        if row.mixture:
            report.notes.append(row.mixture)
        report.outcome = "partial" if settings.is_partial else "complete"
        if report.outcome == "complete":
            retry_until_done(
                prepared.lease.renew, rules
            )  # the following steps require that this run still holds the lock
            retry_until_done(lambda: rows.put_dataset(row.completed(counts(report), dt.datetime.now(dt.UTC))), rules)
            if resumable is not None:
                retry_until_done(resumable.ledger.clear, rules)

    def _identity(self, planned: Plan, prints: Sequence[str]) -> Identity:
        dataset, pepper = self.manifest.dataset.id, self.pepper
        places = [str(len(planned.shards)), *prints]  # a checkpoint identifies sources by position
        if self.settings.source_id:
            places += [shard.source.name for shard in planned.shards]
        in_order = hashlib.sha256("\n".join(places).encode()).hexdigest()
        return Identity(dataset, self.table.identity, in_order, self.manifest.digest, pepper.kid, pepper.check_value)


def _meanwhile(on_bytes: Callable[[int], None], turn: Callable[[], None]) -> Callable[[int], None]:
    """Wrap `on_bytes` to also process requests in flight for each piece read; parsing may take long."""

    def counted(count: int) -> None:
        on_bytes(count)
        turn()

    return counted


@dataclass(slots=True)
class _Patience:
    """Wait for a source (see `sources.Sleep`) while processing requests in flight.

    Attributes:
        stop: stop request that ends the wait.
        meanwhile: processes the answers that have arrived.
    """

    stop: StopRequest
    meanwhile: Callable[[], None] = lambda: None

    def __call__(self, duration_s: float) -> None:
        """See `sources.Sleep`."""
        until_s = time.monotonic() + duration_s
        left_s = duration_s
        while left_s > 0:
            self.meanwhile()
            self.stop.wait(min(left_s, LOOK_S))
            left_s = until_s - time.monotonic()
        self.meanwhile()
        self.stop.check()


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


def _store(resumable: Resumable | None, path: WritePath) -> Callable[[bytes], None]:
    """Return the function that saves the journal's state; its consumption is counted like all other."""

    def store(state: bytes) -> None:
        if resumable is not None:
            path.note_state(resumable.ledger.write(state))

    return store
