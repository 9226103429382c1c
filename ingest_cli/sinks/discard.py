"""The sink of a dry run: checks what DynamoDB would check, and drops everything."""

from __future__ import annotations

import numpy as np

from ingest_cli.batching import MAX_BATCH_ITEMS, Batch
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.limits import refusals


class DiscardSink:
    """Acknowledges every item that DynamoDB would take. No network, no state."""

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        if len(batch) > MAX_BATCH_ITEMS:
            raise ValueError(f"a batch of {len(batch)} items; DynamoDB takes {MAX_BATCH_ITEMS}")
        refused = refusals(batch)
        kept = np.setdiff1d(batch.index, [one.item for one in refused])
        wcu = float(batch.items.wcu[kept].sum())
        return Receipt(len(kept), wcu, refused=refused)
