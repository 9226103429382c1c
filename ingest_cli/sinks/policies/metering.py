"""Count the consumption and latency of each write attempt, whatever its result."""

from __future__ import annotations

from collections.abc import Callable

from ingest_cli.errors import TransientFaultError
from ingest_cli.items.batching import Batch
from ingest_cli.report.traffic import Traffic
from ingest_cli.runtime.clock import Clock
from ingest_cli.sinks.interface import Receipt, Sink


class Metered:
    """Sink that records each attempt in the traffic of a run."""

    def __init__(
        self,
        sink: Sink,
        traffic: Traffic,
        clock: Clock,
        on_fault: Callable[[float], object] = lambda _: None,
        on_progress: Callable[[], object] = lambda: None,
    ) -> None:
        """Wrap `sink`.

        Args:
            sink: sink to write to.
            traffic: counters of the run.
            clock: source of the time.
            on_fault: called when an attempt that was sent has failed.
            on_progress: called when an answer acknowledges something.
        """
        self._sink = sink
        self._traffic = traffic
        self._clock = clock
        self._on_fault = on_fault
        self._on_progress = on_progress

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        wcu, began_s = 0.0, self._clock.monotonic_s()
        try:
            receipt = self._sink.put(batch)
            wcu = receipt.wcu
        except TransientFaultError:
            self._on_fault(began_s)
            raise
        finally:
            self._traffic.note_request(wcu, self._clock.monotonic_s() - began_s)
        if receipt.acknowledged:
            self._on_progress()
        return receipt
