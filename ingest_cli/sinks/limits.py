"""Check limits on single items before sending, so that one item does not fail its batch."""

from __future__ import annotations

from ingest_cli.items.batching import Batch
from ingest_cli.items.builder import MAX_ITEM_BYTES
from ingest_cli.sinks.interface import Refusal


def refusals(batch: Batch) -> tuple[Refusal, ...]:
    """Return the items of `batch` that exceed DynamoDB's maximum item size."""
    if batch.items.largest_bytes <= MAX_ITEM_BYTES:  # maximum of the whole chunk; nearly always within the limit
        return ()
    sizes = batch.items.size_bytes[batch.index]
    return tuple(Refusal(int(item), "item_too_large") for item in batch.index[sizes > MAX_ITEM_BYTES])
