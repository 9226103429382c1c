"""Where a load goes on: the state of a broken-off one, if there is one that fits, or the beginning."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest_cli.catalog import LOADING
from ingest_cli.errors import UsageError
from ingest_cli.ledger import FileLedger, TableLedger
from ingest_cli.policies.checkpoint import Checkpoint, Identity
from ingest_cli.settings import state_folder

if TYPE_CHECKING:
    from ingest_cli.catalog import DatasetRow
    from ingest_cli.pipeline import Plan, Shard
    from ingest_cli.settings import RunSettings
    from ingest_cli.tables import Table

OUTDATED = (
    "the saved state was left aside: it is not that of the load which the table tells of, because the dataset was "
    "withdrawn or loaded otherwise since, or it is of an earlier version. The load began anew"
)


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
    def open(  # noqa: PLR0913 - what a load is, and how it is to be run
        cls,
        planned: Plan,
        identity: Identity,
        table: Table,
        settings: RunSettings,
        token: str,
        *,
        before: DatasetRow | None,
    ) -> Resumable:
        """Read the state of the load, or begin with none.

        Args:
            planned: what there is to read.
            identity: what the load is a load of; if it begins, it gets a generation of its own.
            table: where it goes.
            settings: how it is run.
            token: names this run.
            before: what the table says about the dataset, read under its lock. Only if that is a load under way, and
                the very one which the state is of, is what the state says was done still there. Of a dataset that is
                complete or being withdrawn it is of no use: mostly that of the load which completed it, killed before
                it could remove it.

        Raises:
            UsageError: there is a state, and it is of another load; nothing was written.
        """
        ledger = _ledger(settings.state, table, identity.dataset, token)
        saved, fresh = ledger.read(), replace(identity, generation=new_generation())
        begun = cls(Checkpoint.new(fresh, len(planned.shards)), ledger)
        if saved is None or (settings.restart and isinstance(ledger, TableLedger)):
            return begun
        try:
            checkpoint = Checkpoint.from_bytes(saved)
        except UsageError:
            if settings.restart:
                return begun
            raise
        checkpoint.check_dataset(identity)
        if settings.restart or (before is not None and before.state != LOADING):
            return begun
        if checkpoint.identity.table == identity.table:
            under_way = None if before is None else before.under_way
            if under_way is None or checkpoint.identity.generation != under_way:
                return replace(begun, outdated=checkpoint.is_started)
            identity = replace(identity, generation=under_way)
            if checkpoint.is_mended(identity):
                return begun
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


def _ledger(state: str, table: Table, dataset: str, token: str) -> TableLedger | FileLedger:
    folder = state_folder(state)
    return TableLedger(table, dataset, token) if folder is None else FileLedger(folder)
