"""Interface of a sink: takes a batch and reports which of its items are durably written."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ingest_cli.items.batching import Batch, Refusal


class Receipt(NamedTuple):
    """Result of writing a batch. A tuple, because several are created per request.

    Attributes:
        acknowledged: number of items durably written.
        wcu: write capacity units consumed, as counted by DynamoDB.
        unprocessed: items to retry.
        refused: items refused permanently.
    """

    acknowledged: int
    wcu: float = 0.0
    unprocessed: Batch | None = None
    refused: tuple[Refusal, ...] = ()

    def plus(self, other: Receipt) -> Receipt:
        """Combine the receipts of two batches of the same chunk."""
        left = [one.unprocessed for one in (self, other) if one.unprocessed is not None]
        return Receipt(
            self.acknowledged + other.acknowledged,
            self.wcu + other.wcu,
            left[0].joined(left[1]) if len(left) > 1 else next(iter(left), None),
            self.refused + other.refused,
        )


class Sink(Protocol):
    """Destination of items. Used by several fibers concurrently."""

    def put(self, batch: Batch) -> Receipt:
        """Write `batch`, replacing items with the same keys.

        Every item of the batch is counted once in the receipt: acknowledged, unprocessed or refused.

        Raises:
            TransientFaultError: the write is not confirmed; it can be retried.
            RefusedBatchError: nothing was written; retrying the same batch is useless.
            IngestError: no further writes are possible; the run must stop.
        """
        ...
