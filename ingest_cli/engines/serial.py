"""The reference engine: writes each batch before the next one is made, in the calling thread."""

from __future__ import annotations

from ingest_cli.batching import batches
from ingest_cli.engines.journal import Journal
from ingest_cli.pipeline import Work
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.sinks.interface import Refusal, Sink


class SerialWriter:
    """Writes and settles a chunk before it returns."""

    def __init__(self, sink: Sink, journal: Journal, stop: StopRequest | None = None) -> None:
        self._sink = sink
        self._journal = journal
        self._stop = stop or StopRequest()

    def write(self, work: Work) -> None:
        """See `Writer.write`.

        Raises:
            TryAgainError: the run is being stopped.
        """
        self._stop.check()
        acknowledged, refused = 0, tuple[Refusal, ...]()
        for batch in batches(work.items):
            receipt = self._sink.put(batch)
            acknowledged += receipt.acknowledged
            refused += receipt.refused
        self._journal.settle(work.settlement, acknowledged, refused)
