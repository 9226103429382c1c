"""Count what each attempt to write consumes and how long it takes, whatever becomes of it."""

from __future__ import annotations

from ingest_cli.batching import Batch
from ingest_cli.policies.clock import Clock
from ingest_cli.report import Traffic
from ingest_cli.sinks.interface import Receipt, Sink


class Metering:
    """A sink that notes each attempt in the traffic of a run."""

    def __init__(self, sink: Sink, traffic: Traffic, clock: Clock) -> None:
        self._sink = sink
        self._traffic = traffic
        self._clock = clock

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        wcu, began_s = 0.0, self._clock.monotonic_s()
        try:
            receipt = self._sink.put(batch)
            wcu = receipt.wcu
        finally:
            self._traffic.note_request(wcu, self._clock.monotonic_s() - began_s)
        return receipt
