"""Reference engine: prepare, write and commit each chunk before the next one is read."""

from __future__ import annotations

import time
from functools import partial

from ingest_cli.model.bundles import Bundle
from ingest_cli.pipeline import Commit, ItemStages, deliver, run_chunk
from ingest_cli.report.observer import RunObserver
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.interface import Sink


class SerialWriter:
    """Write and commit a chunk before returning."""

    def __init__(
        self, stages: ItemStages, sink: Sink, commit: Commit, observer: RunObserver, stop: StopRequest
    ) -> None:
        self._stages = stages
        self._deliver = partial(deliver, sink=sink, commit=commit)
        self._observer = observer
        self._stop = stop

    def write(self, bundle: Bundle) -> None:
        """See `Writer.write`.

        Raises:
            TryAgainError: the run is stopping.
        """
        self._stop.check()
        began_s = time.monotonic()
        run_chunk(bundle, self._stages, self._deliver)
        self._observer.chunk_done(bundle.rows.size_bytes, time.monotonic() - began_s)
