"""Reference engine: prepare, write and commit each chunk before the next one is read."""

from __future__ import annotations

import time

from ingest_cli.engines.interface import Commit, OnChunkDone
from ingest_cli.items.batching import batches
from ingest_cli.model.bundles import Bundle
from ingest_cli.pipeline import Preparation
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.interface import Refusal, Sink


class SerialWriter:
    """Write and commit a chunk before returning."""

    def __init__(
        self,
        preparation: Preparation,
        sink: Sink,
        commit: Commit,
        on_chunk_done: OnChunkDone = lambda _bytes, _s: None,
        stop: StopRequest | None = None,
    ) -> None:
        self._preparation = preparation
        self._sink = sink
        self._commit = commit
        self._on_chunk_done = on_chunk_done
        self._stop = stop or StopRequest()

    def write(self, bundle: Bundle) -> None:
        """See `Writer.write`.

        Raises:
            TryAgainError: the run is stopping.
        """
        self._stop.check()
        began_s = time.monotonic()
        work = self._preparation.prepare(bundle)
        acknowledged, refused = 0, tuple[Refusal, ...]()
        for batch in batches(work.items):
            receipt = self._sink.put(batch)
            acknowledged += receipt.acknowledged
            refused += receipt.refused
        self._commit(work.pending.result(acknowledged, refused))
        self._on_chunk_done(bundle.rows.size_bytes, time.monotonic() - began_s)
