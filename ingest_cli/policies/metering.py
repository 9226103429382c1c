"""Count what each attempt to write consumes, whatever becomes of it."""

from __future__ import annotations

from ingest_cli.batching import Batch
from ingest_cli.report import Traffic
from ingest_cli.sinks.interface import Receipt, Sink


class Metering:
    """A sink that notes each attempt in the traffic of a run."""

    def __init__(self, sink: Sink, traffic: Traffic) -> None:
        self._sink = sink
        self._traffic = traffic

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        wcu = 0.0
        try:
            receipt = self._sink.put(batch)
            wcu = receipt.wcu
        finally:
            self._traffic.note_request(wcu)
        return receipt
