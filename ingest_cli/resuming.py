"""Where a load goes on: the state of a broken-off one, if there is one that fits, or the beginning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest_cli.errors import UsageError
from ingest_cli.ledger import FileLedger, TableLedger
from ingest_cli.policies.checkpoint import Checkpoint, Identity
from ingest_cli.settings import state_folder

if TYPE_CHECKING:
    from ingest_cli.pipeline import Plan, Shard
    from ingest_cli.settings import RunSettings
    from ingest_cli.tables import Table


@dataclass(frozen=True, slots=True)
class Resumable:
    """A load that can be gone on with after it was broken off.

    Attributes:
        checkpoint: how far it has come.
        ledger: where that is kept.
    """

    checkpoint: Checkpoint
    ledger: TableLedger | FileLedger

    @classmethod
    def open(  # noqa: PLR0913 - what a load is, and how it is to be run
        cls,
        planned: Plan,
        identity: Identity,
        table: Table,
        settings: RunSettings,
        token: str,
        *,
        finished: bool = False,
        known: bool = True,
    ) -> Resumable:
        """Read the state of the load, or begin with none.

        Args:
            planned: what there is to read.
            identity: what the load is a load of.
            table: where it goes.
            settings: how it is run.
            token: names this run.
            finished: the dataset is complete. A state then is that of the load which completed it, killed before
                it could remove it, or of one that was killed before its first write: of no use either way. So is one
                of a dataset that is being withdrawn.
            known: the table says something about the dataset. If it does not, what the state says was done in this
                table was withdrawn since.

        Raises:
            UsageError: there is a state, and it is of another load; nothing was written.
        """
        ledger = _ledger(settings.state, table, identity.dataset, token)
        saved, begun = ledger.read(), cls(Checkpoint.new(identity, len(planned.shards)), ledger)
        if saved is None or (settings.restart and isinstance(ledger, TableLedger)):
            return begun
        try:
            checkpoint = Checkpoint.from_bytes(saved)
        except UsageError:
            if settings.restart:
                return begun
            raise
        checkpoint.check_dataset(identity)
        withdrawn = not known and checkpoint.identity.table == identity.table
        if settings.restart or finished or withdrawn or checkpoint.is_mended(identity):
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
