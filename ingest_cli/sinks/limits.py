"""Limits on a single item that can be checked before it is sent, so that it does not spoil its batch."""

from __future__ import annotations

from ingest_cli.items.batching import Batch
from ingest_cli.items.builder import MAX_ITEM_BYTES
from ingest_cli.sinks.interface import Refusal


def refusals(batch: Batch) -> tuple[Refusal, ...]:
    """The items of `batch` that DynamoDB would refuse for their size."""
    if batch.items.largest_bytes <= MAX_ITEM_BYTES:  # of all the chunk, nearly always
        return ()
    sizes = batch.items.size_bytes[batch.index]
    return tuple(Refusal(int(item), "item_too_large") for item in batch.index[sizes > MAX_ITEM_BYTES])
