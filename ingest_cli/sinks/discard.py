"""Sink of a dry run: apply DynamoDB's item limits and discard everything."""

from __future__ import annotations

from ingest_cli.items.batching import MAX_BATCH_ITEMS, Batch
from ingest_cli.sinks.interface import Receipt


class DiscardSink:
    """Acknowledge every item that DynamoDB would accept. No network, no state."""

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        if len(batch) > MAX_BATCH_ITEMS:
            raise ValueError(f"a batch of {len(batch)} items; DynamoDB takes {MAX_BATCH_ITEMS}")
        refused = batch.too_large()
        return Receipt(len(batch) - len(refused), refused=refused)
