"""Adaptive chunk size: large enough for the fixed cost of a kernel call, small enough for a short write.

A crash repeats the chunks in progress. At full speed that takes a moment whatever the size; under
a low ceiling a large chunk would take minutes, and a process killed every minute would make no
progress. So chunks start small, grow while they are written quickly, and shrink when they are not.
"""

from __future__ import annotations

from ingest_cli.report.observer import RunObserver

MIN_BYTES = 1 << 10
MAX_BYTES = 1 << 20
FIRST_BYTES = 16 << 10
AIM_S = 0.2

BYTES_A_WCU = 50
"""Bytes of a dump per write capacity unit: a row of 150 bytes with three identifiers. Only used for the first size."""


def first_bytes(wcu_per_s: float) -> int:
    """Return the decoded bytes of the first chunk of a load: what is written at this rate in a few seconds."""
    return int(min(max(2.0 * wcu_per_s * BYTES_A_WCU, MIN_BYTES), FIRST_BYTES))


class ChunkSize(RunObserver):
    """Number of decoded bytes for the next chunk."""

    def __init__(self, first: int = FIRST_BYTES) -> None:
        self._bytes = first

    def __call__(self) -> int:
        """Return the size of the next chunk, in bytes."""
        return self._bytes

    def chunk_done(self, size_bytes: int, duration_s: float) -> None:
        """See `RunObserver.chunk_done`."""
        if not size_bytes:
            return
        fitting = size_bytes * AIM_S / max(duration_s, AIM_S / 1024)
        self._bytes = int(min(max(fitting, self._bytes / 4, MIN_BYTES), self._bytes * 2, MAX_BYTES))
