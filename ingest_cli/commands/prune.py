"""Remove items that are no longer in a dump, or a whole dataset: count first, then remove only after confirmation.

An item is stale if its `src` is not that of the complete load in the catalog: a load rewrites all items
of a dump, so an item with another `src` is no longer in it. Items of the same files from an older
manifest or key have the same `src`, and are not found; the catalog row lists whether there may be any. BatchWriteItem
does not support conditions. The dataset's lock replaces them: while this run holds it no load writes, and it
is renewed, which fails if the lock is lost, at most `SURE_FOR_S` before any delete. Deleted keys were
read under the same lock, strongly consistently.

Nothing needs to be saved to resume: the same command finds the remaining items.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ingest_cli.aws.catalog import COMPLETE, LOADING, WITHDRAWING, Catalog, DatasetRow
from ingest_cli.aws.lease import Lease
from ingest_cli.checkpoint import store as ledger
from ingest_cli.commands.outcome import concluded
from ingest_cli.commands.prune_result import Pruning
from ingest_cli.commands.resume import of_another_table
from ingest_cli.commands.table_reader import Key, Reading, Selection, TableReader, keys_of, reader
from ingest_cli.errors import (
    IngestError,
    KeyRefusedError,
    LockedError,
    SpentError,
    TryAgainError,
    UntrustedStateError,
    UsageError,
)
from ingest_cli.items.batching import batches
from ingest_cli.items.builder import Items
from ingest_cli.model.settings import RunSettings
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.background import Repeater, within
from ingest_cli.runtime.fence import Fence
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.policies.pacing import SMOOTHING_S
from ingest_cli.sinks.policies.retry import retry_until_done
from ingest_cli.sinks.write_path import WritePath, path_to, starting_pace

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.items.batching import Batch
    from ingest_cli.model.keys import Pepper

SURE_FOR_S = 5.0
"""Seconds for which a renewed lock counts as held."""

LAST_ACTION_S = 1.5
"""Maximum seconds to unlock at the end."""

NOT_RESTORABLE = (
    "point-in-time recovery of the table is off: removed items can only be restored by loading their dump again"
)


NOT_AUTHENTICATED = (
    "the catalog row of the dataset is not authenticated with this pepper for this table, and not shown; all items are "
    "removed nevertheless"
)


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """Request to prune a dataset.

    Attributes:
        writing: rate, transport and retry limits of the deletes.
        everything: remove the whole dataset, and everything that the table stores about it.
        agree: called with the counts; returns whether to continue.
        on_progress: called regularly with the progress.
        limit_wcu: write capacity units that the deletes may consume; None: no limit.
    """

    reading: Reading
    writing: RunSettings
    everything: bool = False
    only_count: bool = False
    agree: Callable[[Pruning], bool] = lambda _: False
    on_progress: Callable[[Pruning], None] = lambda _: None
    limit_wcu: float | None = None


def prune(
    table: Table, pepper: Pepper, dataset: str, request: PruneRequest, stop: StopRequest | None = None
) -> Pruning:
    """Remove the items of `dataset` whose `src` is not the current one, or all of it.

    Only bugs raise; see `Pruning.message`.

    Args:
        pepper: pepper of the load: it authenticates the catalog row, which decides what is
            removed.
    """
    found = Pruning(dataset, table.target.table, request.everything)
    with concluded(found):
        _Run(table, pepper, dataset, request, found, stop or StopRequest()).run()
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    """One pruning of one dataset."""

    table: Table
    pepper: Pepper
    dataset: str
    request: PruneRequest
    found: Pruning
    stop: StopRequest

    def run(self) -> None:
        """Count, ask for confirmation, and remove."""
        with time_limit(self.request.reading.give_up_after_s):
            described = self.table.check()
            is_known = Catalog(self.table, self.pepper).knows(self.pepper)
        with reader(self.table, described, self.request.reading, self.stop) as source:
            try:
                with time_limit(self.request.reading.give_up_after_s):
                    row = self._row()  # a missing dataset needs no lock
                if not is_known:
                    raise KeyRefusedError(
                        f'the table "{self.table.target.table}" was never loaded with the pepper '
                        f'"{self.pepper.kid}" (it has no row "_key#{self.pepper.kid}"): nothing was removed. Give the '
                        f'--key that "{self.dataset}" was loaded with'
                    )
                if self.request.only_count:
                    if not self.request.everything and row.state != COMPLETE:
                        self._lease().check()
                    self._count(source, self._prunable(row))
                    self.found.outcome = "counted"
                    return
                settings = self.request.writing
                pace = starting_pace(described, settings, limit_wcu=self.request.limit_wcu)
                try:
                    with (
                        path_to(self.table, settings, self.found.traffic, self.stop, pace) as path,
                        self._locked(path) as lease,
                    ):
                        self._locked_run(source, path, lease)
                except SpentError:
                    self.found.is_spent = True
                    raise
            finally:
                self.found.rcu = source.rcu

    def _locked_run(self, source: TableReader, path: WritePath, lease: Lease) -> None:
        row, rows = self._prunable(self._row()), Catalog(self.table, self.pepper)
        self._count(source, row)
        if self.found.stale or self.request.everything:
            self._ask()
        self.stop.check()
        remover = _Remover(self.found, path, lease)
        if self.request.everything:
            # From here on no load may treat the dataset as complete, or resume an earlier one.
            remover.make_sure()
            retry_until_done(lambda: rows.put_dataset(row.withdrawing(self.pepper.kid)), path.rules)
            retry_until_done(lambda: ledger.forget(self.table, self.dataset), path.rules)
        if self.found.stale or self.request.everything:
            # Strongly consistent: what a load has just written must not be mistaken for what it replaced, and whatever
            # was counted, no item may remain of a dataset that is removed from the catalog.
            for page in source.scan(Selection.of_dataset(self.dataset, "pk", "sk", "src", consistent=True)):
                remover.remove([key for key, item in zip(keys_of(page), page, strict=True) if self._is_stale(item)])
                self.request.on_progress(self.found)
        if self.request.everything:
            remover.make_sure()
            retry_until_done(lambda: rows.delist(self.dataset), path.rules)
            retry_until_done(lambda: rows.remove_dataset(self.dataset), path.rules)
        elif self.found.stale and row != (pruned := row.pruned()):
            remover.make_sure()
            retry_until_done(lambda: rows.put_dataset(pruned), path.rules)
        self.found.outcome = "complete"

    def _ask(self) -> None:
        """Ask for confirmation, with a warning if the removal cannot be undone.

        Raises:
            IngestError: it was refused.
        """
        notes = self.found.notes
        if self.table.can_be_restored() is False:
            notes.append(NOT_RESTORABLE)
        try:
            if not self.request.agree(self.found):
                raise UsageError(f'nothing of "{self.dataset}" was removed')
        except IngestError:
            notes[:] = [one for one in notes if one is not NOT_RESTORABLE]  # nothing will have to be restored
            raise

    def _row(self) -> DatasetRow:
        """Return the dataset's catalog row.

        If it is damaged, forged, or of another table, all items can be removed with a pepper of the table, since then
        it decides nothing; but not if it names a pepper that is not given.

        Raises:
            UntrustedStateError: the row is not authentic.
            KeyRefusedError: it names another pepper.
            UsageError: there is none.
        """
        try:
            row = Catalog(self.table, self.pepper).dataset(self.dataset)
        except UntrustedStateError:
            if not self.request.everything:
                raise
            row = DatasetRow.unknown(self.dataset)
        if row is None:
            raise UsageError(
                f'the table "{self.table.target.table}" has no dataset "{self.dataset}"; '
                "`ingest-cli status` lists those it holds"
            )
        if row.is_authentic:
            return row
        if row.is_elsewhere and not self.request.everything:
            raise UsageError(f"{of_another_table(self.dataset)}; load it again first")
        if row.kid and row.kid != self.pepper.kid:
            raise KeyRefusedError(
                f'"{self.dataset}" was loaded with the pepper "{row.kid}", and this is "{self.pepper.kid}": nothing '
                f"was removed. Give the --key it was loaded with (kid {row.kid})"
            )
        if NOT_AUTHENTICATED not in self.found.notes:
            self.found.notes.append(NOT_AUTHENTICATED)
        return DatasetRow.unknown(self.dataset)

    def _prunable(self, row: DatasetRow) -> DatasetRow:
        """Return the row if it determines what is stale.

        Raises:
            UsageError: the load is not complete, so it does not.
        """
        if not self.request.everything and row.state != COMPLETE:
            why = {
                LOADING: "its load is not complete. Finish it first",
                WITHDRAWING: "it is being withdrawn. Finish that with --all",
            }
            raise UsageError(f'"{self.dataset}" cannot be pruned: {why.get(row.state, "its state is unknown")}')
        if not self.request.everything and row.patchwork:
            raise UsageError(
                f'it is unknown which items of "{self.dataset}" are stale: {row.patchwork}. Prune it after that'
            )
        self.found.title = row.title
        self.found.src = None if self.request.everything else row.src
        if row.mixture and not self.request.everything:
            self.found.notes.append(row.mixture)
        return row

    def _count(self, source: TableReader, row: DatasetRow) -> None:
        """Count all items, and those to remove.

        Eventually consistent: the counts are only shown and compared; every item is read again before it is deleted.
        """
        self.found.items = self.found.stale = 0
        for page in source.scan(Selection.of_dataset(row.dataset, "src", consistent=False)):
            self.found.items += len(page)
            self.found.stale += sum(map(self._is_stale, page))
            self.request.on_progress(self.found)

    def _is_stale(self, item: Mapping[str, Any]) -> bool:
        return self.request.everything or item.get("src", {}).get("S") != self.found.src

    def _lease(self, fence: Fence | None = None) -> Lease:
        return Lease(self.table, self.dataset, secrets.token_hex(16), fence=fence)

    @contextlib.contextmanager
    def _locked(self, path: WritePath) -> Iterator[Lease]:
        """Hold the dataset's lock during the block.

        Raises:
            LockedError: another run holds it.
        """
        lease = self._lease(path.fence)
        retry_until_done(lease.acquire, path.rules)

        def on_fault(fault: Exception) -> None:
            if isinstance(fault, LockedError) or not (isinstance(fault, IngestError) and fault.transient):
                self.stop.fail(fault)

        try:
            with Repeater("lease", lease.renew_every_s, lease.renew, on_fault):
                yield lease
        finally:
            with contextlib.suppress(IngestError, OSError):
                within(LAST_ACTION_S, lease.release)


class _Remover:
    """Delete items while this run holds the lock of their dataset."""

    def __init__(self, found: Pruning, path: WritePath, lease: Lease) -> None:
        self._found = found
        self._path = path
        self._lease = lease
        self._sure_until_s = -np.inf

    def make_sure(self) -> None:
        """Renew the lock, unless it was renewed recently.

        Raises:
            LockedError: the lock is lost.
        """
        clock = self._path.rules.clock
        if clock.monotonic_s() >= self._sure_until_s:
            retry_until_done(self._lease.renew, self._path.rules)
            self._path.note_state(1.0)
            self._sure_until_s = clock.monotonic_s() + SURE_FOR_S

    def remove(self, keys: Sequence[Key]) -> None:
        """Delete the items with these keys.

        Raises:
            IngestError: some of them could not be deleted.
        """
        for batch in batches(_deletions(keys)) if keys else ():
            left: Batch | None = batch
            while left is not None:
                part, left = self._part(left)
                self._delete(part)

    def _part(self, batch: Batch) -> tuple[Batch, Batch | None]:
        """Split off as much of `batch` as is sent at once, so that a stopped run can count its deletes."""
        size = max(int(self._path.pacer.rate_wcu_per_s * SMOOTHING_S), 1)
        return batch.split(size) if len(batch) > size else (batch, None)

    def _delete(self, part: Batch) -> None:
        left: Batch | None = part
        attempt = 0
        while left is not None:
            self.make_sure()
            self._path.rules.stop.check()
            receipt = self._path.lanes.ordinary.put(left)
            self._found.removed += receipt.acknowledged
            if receipt.refused:
                reason = receipt.refused[0].reason
                raise TryAgainError(f"DynamoDB does not delete some items ({reason}); run the same command again")
            left = receipt.unprocessed  # items of a hot key, retried one attempt at a time
            if left is not None:
                self._path.rules.wait(attempt, "hot_key")
                attempt += 1


def _deletions(keys: Sequence[Key]) -> Items:
    """Build requests to delete these keys, at the price of 1 KiB each: the items' sizes were not read."""
    count = len(keys)
    texts = [
        f'{{"DeleteRequest":{{"Key":{{"pk":{{"S":{json.dumps(pk)}}},"sk":{{"S":{json.dumps(sk)}}}}}}}}},'
        for pk, sk in keys
    ]
    pks, sks = zip(*keys, strict=True)
    return Items(
        request=pa.array(texts, pa.string()),
        pk=pa.array(pks, pa.string()),
        sk=pa.array(sks, pa.string()),
        size_bytes=np.ones(count, np.int64),
        kind=pa.array(["deletion"] * count, pa.string()),
        record=np.zeros(count, np.int32),
        key_hash=np.zeros(count, np.uint64),
    )
