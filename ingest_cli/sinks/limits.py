"""Limits on a single item that can be checked before it is sent, so that it does not spoil its batch."""

from __future__ import annotations

from ingest_cli.batching import Batch
from ingest_cli.items import MAX_ITEM_BYTES
from ingest_cli.sinks.interface import Refusal


def refusals(batch: Batch) -> tuple[Refusal, ...]:
    """The items of `batch` that DynamoDB would refuse for their size."""
    sizes = batch.items.size_bytes[batch.index]
    if not len(sizes) or sizes.max() <= MAX_ITEM_BYTES:
        return ()
    return tuple(Refusal(int(item), "item_too_large") for item in batch.index[sizes > MAX_ITEM_BYTES])
