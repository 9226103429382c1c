"""A load from beginning to end: everything around the pipeline, composed in one place.

Each manifest is an account of its own. Whatever goes wrong ends up in its report, together with what had
been settled by then; nothing is raised but bugs.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

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
from ingest_cli.formats.row_selection import Window
from ingest_cli.model.keys import Pepper
from ingest_cli.model.settings import RunSettings, state_folder
from ingest_cli.pipeline import Plan, plan
from ingest_cli.report.report import Report
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.background import within
from ingest_cli.runtime.fence import Fence
from ingest_cli.runtime.fibers import LOOK_S
from ingest_cli.runtime.stop import StopRequest, without_restart
from ingest_cli.sinks.dynamodb import is_gone
from ingest_cli.sinks.policies.retry import insist
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
"""Seconds that saving, and then unlocking, may take on the way out; with the draining before it, under 10."""


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
    stop = stop or StopRequest()
    with accounted(report):
        _Load(manifest, table, pepper, settings, report, scaling).run(watcher or Watcher(), stop)
    if report.exit_code == ExitCode.TRY_AGAIN and stop.is_begun_anew:
        report.message = without_restart(report.message or "")
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
        row: what the table is to say about the dataset meanwhile.
        ends: what the text of packed sources may end with.
    """

    planned: Plan
    window: Window
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
        """Check everything that can be checked before the first write, then load."""
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
            lease = Lease(table, manifest.dataset.id, token, time.time, fence=Fence(path.pacer.shared))
            insist(lease.acquire, path.rules)
            try:
                # Only under the lock is what the table says the last word.
                before = insist(lambda: self._before(rows), path.rules)
                row = self._wanted(before)
                if self._is_done(before, row):  # only what it is called has changed, or another run was faster
                    insist(lambda: rows.put_dataset(row), path.rules)
                    self._leave(rows, row)
                    return
                resumable = None
                if not settings.is_partial:
                    identity = self._identity(planned, prints, described)
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
        """What the table says about the dataset so far, see `said_before`."""
        before, note = said_before(rows, self.manifest.dataset.id, self.pepper, self.settings)
        if note is not None and note not in self.report.notes:
            self.report.notes.append(note)
        return before

    def _wanted(self, before: DatasetRow | None) -> DatasetRow:
        """What the table is to say about the dataset once it is loaded.

        Raises:
            UsageError: only rejects are to be loaded, and they are of another state of the dump.
        """
        src = self.report.src or NO_SRC
        if self.settings.replay is not None and (before is None or before.src != src):
            raise UsageError(
                "the dump is not the one that the table was loaded from, so its rows are not those that the rejects "
                "name; load it again without --replay"
            )
        return DatasetRow.of(self.manifest, src, self.pepper, before)

    def _is_done(self, before: DatasetRow | None, row: DatasetRow) -> bool:
        """Whether the table, of which `before` tells, holds all that is wanted."""
        if before is None or self.settings.restart or self.settings.replay is not None:
            return False
        return before.completes(row)

    def _leave(self, rows: Catalog, row: DatasetRow) -> None:
        """Leave the dataset as it is."""
        with suppress(IngestError):  # versions before did not list it, nor need the permission to
            rows.enlist(self.manifest.dataset.id)
        self.report.outcome = "unchanged"
        if row.patchwork:
            self.report.notes.append(row.patchwork)

    def _meanwhile(self, before: DatasetRow | None, row: DatasetRow, resumable: Resumable | None) -> DatasetRow:
        """What the table is to say about the dataset while items are written, so that no state is trusted wrongly.

        Args:
            before: what it says so far.
            row: what it is to say in the end.
            resumable: how far the load has come; None for one of some rows only.
        """
        if resumable is not None:
            if resumable.outdated:
                self.report.notes.append(OUTDATED)
            return row.loading(resumable.checkpoint.identity.generation)
        # Some rows of the same load do it no harm: whoever was broken off can still go on with it.
        same = before is not None and before.is_of(row) and not self.settings.restart
        under_way = before.under_way if before is not None and same else None
        if before is not None and (self.settings.replay is not None or before.state == COMPLETE):
            return replace(before.with_some_of(row.src), writers=row.writers, generation=under_way)
        return row.loading(under_way or new_generation())

    def _write(self, prepared: _Prepared, watcher: Watcher) -> None:
        """Write all that is still to be written."""
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
        journal = Journal(books, watcher.on_settled, _store(resumable, path), path.lanes.run_ahead)
        try:
            insist(lambda: rows.register(self.pepper), rules)
            if resumable is not None:
                insist(resumable.begin, rules)
            insist(lambda: rows.enlist(manifest.dataset.id), rules)
            insist(lambda: rows.put_dataset(row), rules)
            rules.stop.is_begun_anew = settings.restart and resumable is not None
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
                insist(journal.save, rules)
        finally:
            journal.close()
            rejects.close()
        check(report, manifest)
        if row.mixture:
            report.notes.append(row.mixture)
        report.outcome = "partial" if settings.is_partial else "complete"
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


def _meanwhile(on_bytes: Callable[[int], None], turn: Callable[[], None]) -> Callable[[int], None]:
    """`on_bytes`, and with each piece that is read a look at what is in flight; parsing may take long."""

    def counted(count: int) -> None:
        on_bytes(count)
        turn()

    return counted


@dataclass(slots=True)
class _Patience:
    """Lets time pass while a source is waited for, see `sources.Wait`: what is in flight is not left alone meanwhile.

    Attributes:
        stop: ends the wait.
        meanwhile: takes in the answers that have come.
    """

    stop: StopRequest
    meanwhile: Callable[[], None] = lambda: None

    def __call__(self, duration_s: float) -> None:
        """See `sources.Wait`."""
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
