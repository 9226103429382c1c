"""Where a load goes on: the state of a broken-off one, if there is one that fits, or the beginning."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest_cli.aws.catalog import LOADING
from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity, of_another_pepper
from ingest_cli.checkpoint.store import FileLedger, TableLedger
from ingest_cli.errors import KeyRefusedError, UntrustedStateError, UsageError
from ingest_cli.model.settings import state_folder

if TYPE_CHECKING:
    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.catalog import Catalog, DatasetRow
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.pipeline import Plan
    from ingest_cli.sources.shard import Shard

OUTDATED = (
    "the saved state was left aside: it is not that of the load which the table tells of, because the dataset was "
    "withdrawn or loaded otherwise since, or it is of an earlier version. The load began anew"
)

REPLACED = (
    "what the table said about the dataset was not authentic, and was replaced. Whether items of an older manifest or "
    "key are left is not known; `prune --all`, and then `load`, gives a clean table"
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
    """What the table says about a dataset before a load, and a note on it; None where there is none.

    A row of another pepper, or of another table, comes back as one that is not authentic: a load of all rows relies on
    nothing in it.

    Raises:
        UntrustedStateError: the row is not authentic, or damaged, and not all is begun anew.
        UsageError: it is of another pepper or table, and only some rows are to be loaded.
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


def new_generation() -> str:
    """A name for a load that begins."""
    return secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Resumable:
    """A load that can be gone on with after it was broken off.

    Attributes:
        checkpoint: how far it has come.
        ledger: where that is kept.
        outdated: whether there was the state of a load whose items may be gone, so that this one begins anew.
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
        """Read the state of the load, or begin with none.

        Args:
            planned: what there is to read.
            identity: what the load is a load of; if it begins, it gets a generation of its own.
            ledger: where the state is kept.
            settings: how it is run.
            before: what the table says about the dataset, read under its lock. Only if that is a load under way, and
                the very one which the state is of, is what the state says was done still there. Of a dataset that is
                complete or being withdrawn it is of no use: mostly that of the load which completed it, killed before
                it could remove it.

        Raises:
            UntrustedStateError: there is a state, and it is not authentic, or damaged; nothing was written.
            UsageError: there is a state, and it is of another load; nothing was written.
        """
        fresh = replace(identity, generation=new_generation())
        begun = cls(Checkpoint.new(fresh, len(planned.shards)), ledger)
        if settings.restart and isinstance(ledger, TableLedger):
            return begun
        found = _read(ledger, restart=settings.restart)
        if found is None:
            return begun
        checkpoint, is_authentic = found
        # Up to where its authenticity counts, a state can only be refused or left aside.
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
        """Make the state ours to write.

        Raises:
            UsageError, TableError: it cannot be written.
        """
        self.ledger.take_over(self.checkpoint.to_bytes())

    def remaining(self, planned: Plan) -> list[Shard]:
        """What there is still to read."""
        rest = []
        for shard in planned.shards:
            remaining = self.checkpoint.shards[shard.number].remaining()
            if remaining is not None:
                rest.append(replace(shard, remaining=remaining))
        return rest


def _read(ledger: TableLedger | FileLedger, *, restart: bool) -> tuple[Checkpoint, bool] | None:
    """The saved state, and whether it is authentic; None if there is none, or one that need not be read to restart."""
    try:
        saved = ledger.read()
        return None if saved is None else (Checkpoint.from_bytes(saved.state), saved.is_authentic)
    except UntrustedStateError:
        if restart:
            return None
        raise


def ledger_of(state: str, table: Table, dataset: str, token: str, key: StateKey) -> TableLedger | FileLedger:
    """Where the state of a load is kept.

    Args:
        state: the setting, see `RunSettings.state`.
        table: where the load goes.
        dataset: what is loaded.
        token: names this run.
        key: what the state is authenticated with.
    """
    folder = state_folder(state)
    if folder is not None:
        return FileLedger(folder, key)
    return TableLedger(table, dataset, token, key.for_table(table.identity))
