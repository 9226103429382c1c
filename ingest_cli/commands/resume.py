"""Starting point of a load: the saved checkpoint of an interrupted one, if it fits, or the start."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest_cli.aws.catalog import COMPLETE, LOADING, DatasetRow
from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity, of_another_pepper
from ingest_cli.checkpoint.store import FileLedger, TableLedger
from ingest_cli.errors import KeyRefusedError, UntrustedStateError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.catalog import Catalog
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.pipeline import Plan
    from ingest_cli.sources.shard import Shard

OUTDATED = (
    "the saved checkpoint was ignored, and the load started over: it belongs to another load than the catalog names, "
    "because the dataset was withdrawn or loaded in another way, or it is from an earlier version"
)

REPLACED = (
    "the catalog row of the dataset was not authentic, and was replaced. Items of an older manifest or key may remain; "
    "for a clean table, run `prune --all`, and then `load`"
)


def of_another_table(dataset: str) -> str:
    """Return the beginning of a sentence about a catalog row that is not this table's."""
    return (
        f'what this table says about "{dataset}" was written to another table (its row was copied, or restored with a '
        "backup), and is not relied on"
    )


def said_before(
    rows: Catalog, dataset: str, pepper: Pepper, settings: RunSettings
) -> tuple[DatasetRow | None, str | None]:
    """Return the catalog row of a dataset before a load, and a note on it; None where there is none.

    A row of another pepper, or of another table, is returned as not authentic: a load of all rows does not rely on it.

    Raises:
        UntrustedStateError: the row is damaged or not authentic, and the load does not restart.
        UsageError: the row is of another pepper or table, and only selected rows would be loaded.
    """
    try:
        before = rows.dataset(dataset)
    except UntrustedStateError:
        if settings.is_partial or not settings.restart:
            raise
        return None, REPLACED
    if before is not None and before.is_elsewhere and settings.is_partial:
        raise UsageError(
            f"{of_another_table(dataset)}; load all of its rows first, without --skip, --limit and --replay"
        )
    if before is not None and not before.is_authentic and settings.is_partial:
        raise KeyRefusedError(
            f'"{dataset}" was loaded with the pepper "{before.kid}", and this is "{pepper.kid}": only all of its rows '
            "can be loaded with another one. Give that one with --key, or load all rows"
        )
    return before, None


def row_during_load(
    before: DatasetRow | None, row: DatasetRow, resumable: Resumable | None, settings: RunSettings
) -> DatasetRow:
    """Return the catalog row during a load, such that no state is trusted wrongly.

    Args:
        before: current row.
        row: row after the load.
        resumable: checkpoint of the load; None for a load of selected rows.
        settings: settings of the run.
    """
    if resumable is not None:
        return row.loading(resumable.checkpoint.identity.generation)
    # Selected rows of the same load do no harm: the interrupted load can still be resumed.
    is_same = before is not None and before.is_of(row) and not settings.restart
    under_way = before.under_way if before is not None and is_same else None
    if before is not None and (settings.replay is not None or before.state == COMPLETE):
        return replace(before.with_some_of(row.src), writers=row.writers, generation=under_way)
    return row.loading(under_way or new_generation())


def new_generation() -> str:
    """Return a name for a new load."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Resumable:
    """A load that can be resumed after an interruption.

    Attributes:
        checkpoint: progress of the load.
        ledger: store of the checkpoint.
        outdated: whether a saved state was ignored because its items may be gone, so that the load restarts.
    """

    checkpoint: Checkpoint
    ledger: TableLedger | FileLedger
    outdated: bool = False

    @classmethod
    def open(
        cls,
        planned: Plan,
        identity: Identity,
        ledger: TableLedger | FileLedger,
        settings: RunSettings,
        *,
        before: DatasetRow | None,
    ) -> Resumable:
        """Read the saved state of the load, or start without one.

        Args:
            planned: plan of the load.
            identity: identity of the load; a new load gets its own generation.
            ledger: store of the state.
            settings: settings of the run.
            before: catalog row of the dataset, read under its lock. Only if it is of a load in progress, and
                of the same load as the state, are the items that the state counts as done still there. The state of
                a complete dataset, or of one being withdrawn, is useless: mostly that of the completing load, killed
                before it could delete the state.

        Raises:
            UntrustedStateError: the saved state is damaged or not authentic; nothing was written.
            UsageError: the saved state is of another load; nothing was written.
        """
        fresh = replace(identity, generation=new_generation())
        begun = cls(Checkpoint.new(fresh, len(planned.shards)), ledger)
        if settings.restart and isinstance(ledger, TableLedger):
            return begun
        found = _read(ledger, restart=settings.restart)
        if found is None:
            return begun
        checkpoint, is_authentic = found
        # Until its authenticity is checked, a state can only be refused or ignored.
        checkpoint.check_dataset(identity)
        if settings.restart or (before is not None and before.state != LOADING):
            return begun
        if before is not None and not is_authentic:
            raise of_another_pepper(identity.dataset, checkpoint.identity.kid, identity.kid)
        if checkpoint.identity.table == identity.table:
            under_way = before.under_way if before is not None and before.is_authentic else None
            if under_way is None or checkpoint.identity.generation != under_way:
                return replace(begun, outdated=checkpoint.is_started)
            identity = replace(identity, generation=under_way)
            if checkpoint.is_mended(identity):
                return begun
        if not is_authentic:
            raise of_another_pepper(identity.dataset, checkpoint.identity.kid, identity.kid)
        checkpoint.check(identity)
        return cls(checkpoint, ledger)

    def begin(self) -> None:
        """Take over the state for writing.

        Raises:
            UsageError, TableError: the state cannot be written.
        """
        self.ledger.take_over(self.checkpoint.to_bytes())

    def remaining(self, planned: Plan) -> list[Shard]:
        """Return the shards, or parts of them, still to read."""
        rest = []
        for shard in planned.shards:
            remaining = self.checkpoint.shards[shard.number].remaining()
            if remaining is not None:
                rest.append(replace(shard, remaining=remaining))
        return rest


def _read(ledger: TableLedger | FileLedger, *, restart: bool) -> tuple[Checkpoint, bool] | None:
    """Return the saved state, and whether it is authentic; None without one, or if a restart can ignore it."""
    try:
        saved = ledger.read()
        return None if saved is None else (Checkpoint.from_bytes(saved.state), saved.is_authentic)
    except UntrustedStateError:
        if restart:
            return None
        raise


def ledger_of(folder: Path | None, table: Table, dataset: str, token: str, key: StateKey) -> TableLedger | FileLedger:
    """Return the store of a load's state.

    Args:
        folder: value of `RunSettings.state_folder`.
        table: table of the load.
        dataset: id of the dataset.
        token: identifies this run.
        key: key for authenticating the state.
    """
    if folder is not None:
        return FileLedger(folder, key)
    return TableLedger(table, dataset, token, key.for_table(table.identity))
