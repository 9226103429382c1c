"""Limit how far writing runs ahead of the saved state: the items to rewrite when a killed run is resumed.

All processes count in `ItemCounts`, each in its own cells, so that no lock is needed, and counts only grow. The saving
process counts items that are committed and saved, and records the time of each save; each process counts the items of
chunks that it has begun to write, and the acknowledged ones.
"""

from __future__ import annotations

import threading
from collections import deque

from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import ItemCounts

AHEAD_ITEMS = 4_000
"""Maximum number of items in begun chunks that no saved state includes, beside as many as were acknowledged during the
last `RECENT_S` seconds.
"""

RECENT_S = 2.0

STALE_S = 1.5
"""Seconds after the last save from which recently acknowledged items no longer count: while saving is slow, they would
be older than `RECENT_S` before they are saved.
"""

OPEN_SHARE = 0.25
"""Share of the items acknowledged during the last `RECENT_S` that begun but uncommitted chunks may hold, where that is
more than `AHEAD_ITEMS`: half a second, twice the duration of a chunk (`chunk_size.AIM_S`).
"""

_SAMPLE_S = 0.1
"""Seconds between two samples of the acknowledged items."""


class RunAhead:
    """Limit on the number of items that no saved state includes."""

    def __init__(self, counts: ItemCounts, clock: Clock, process: int = 0) -> None:
        """Set up for one process.

        Args:
            counts: counts of all processes.
            clock: source of the time.
            process: number of this process among those that write; 0 is the one that reads and saves.
        """
        self._counts = counts
        self._clock = clock
        self._process = process
        self._samples = deque[tuple[float, float]]()
        self._lock = threading.Lock()
        if not counts.saved_at_s:
            counts.saved_at_s = clock.monotonic_s()

    def begun(self, items: int) -> None:
        """Count the items of a chunk that is begun."""
        self._counts.begun[self._process] += items

    def acknowledged(self, items: int) -> None:
        """Count acknowledged items."""
        self._counts.acknowledged[self._process] += items
        self._sample(self._clock.monotonic_s())

    def committed(self, items: int) -> None:
        """Count the items of a committed chunk. For the saving process only."""
        with self._lock:
            self._counts.committed += items

    def saved(self, items: int) -> None:
        """Count items of chunks that a saved state now includes. For the saving process only."""
        with self._lock:
            self._counts.saved += items
            self._counts.saved_at_s = self._clock.monotonic_s()

    def forget(self, process: int, settled_items: int) -> None:
        """Remove the open items of a killed process, whose chunks others write again.

        Args:
            process: number of the killed process.
            settled_items: number of items in the chunks that it had completed.
        """
        lost = int(self._counts.begun[process]) - settled_items
        self.committed(lost)
        with self._lock:
            self._counts.saved += lost

    @property
    def unsaved_items(self) -> int:
        """Return the number of items in chunks begun by any process that no saved state includes."""
        return int(sum(self._counts.begun) - self._counts.saved)

    def may_begin(self, items: int) -> bool:
        """Return whether a chunk of `items` items may be begun.

        Each of the processes may begin one at the same moment. A chunk larger than the whole limit is worth a moment of
        writing at a high rate, and is let through while the others leave half of the limit.
        """
        now_s = self._clock.monotonic_s()
        self._sample(now_s)
        reserved = min(items * len(self._counts.begun), AHEAD_ITEMS // 2)
        recent = self._recent(now_s)
        open_items = sum(self._counts.begun) - self._counts.committed
        if open_items + reserved > max(AHEAD_ITEMS, OPEN_SHARE * recent):
            return False
        allowed = recent if now_s - self._counts.saved_at_s <= STALE_S else 0.0
        return self.unsaved_items - allowed + reserved <= AHEAD_ITEMS

    def _recent(self, now_s: float) -> float:
        """Return the items acknowledged during the last `RECENT_S`, as a low estimate."""
        while self._samples and self._samples[0][0] < now_s - RECENT_S:
            self._samples.popleft()
        return sum(self._counts.acknowledged) - self._samples[0][1] if self._samples else 0.0

    def _sample(self, now_s: float) -> None:
        if not self._samples or now_s - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now_s, sum(self._counts.acknowledged)))
            if self._samples[0][0] < now_s - RECENT_S:
                self._samples.popleft()
