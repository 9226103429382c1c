"""Find the item that makes DynamoDB refuse a whole batch; the refusal does not name it."""

from __future__ import annotations

from ingest_cli.errors import RefusedBatchError, TransientFaultError
from ingest_cli.items.batching import Batch, Refusal
from ingest_cli.sinks.interface import Receipt, Sink


class Isolating:
    """Sink that halves a refused batch until the bad item is alone; the others are written."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`; never raises RefusedBatchError."""
        try:
            return self._sink.put(batch)
        except RefusedBatchError as error:
            if len(batch) == 1:
                return Receipt(0, refused=(Refusal(int(batch.index[0]), error.reason),))
        first, second = batch.split(len(batch) // 2)
        return self._half(first).plus(self._half(second))

    def _half(self, batch: Batch) -> Receipt:
        """Write a half; a transient failure is returned as unprocessed, so that the other half's receipt counts."""
        try:
            return self.put(batch)
        except TransientFaultError:
            return Receipt(0, unprocessed=batch)
