"""How far writing may run ahead of the saved state: what a run that is resumed after a kill has to write again.

All processes count in `Shared.counts`, each in numbers of its own, so that none needs a lock. Numbers only ever grow:
items that are saved, and when that was, by the process that saves; and for each process the items of the chunks that it has begun to
write, and those that were acknowledged.
"""

from __future__ import annotations

import threading
from collections import deque

from ingest_cli.policies.clock import Clock
from ingest_cli.policies.shared import Shared

AHEAD_ITEMS = 4_000
"""Items of chunks that were begun, and that no saved state knows of; beside as many as were acknowledged during the
last `RECENT_S` seconds."""

RECENT_S = 2.0

STALE_S = 1.5
"""Seconds after the last state was saved from which what was acknowledged lately does not count: as long as saving is
slow, it would be older than `RECENT_S` before it is saved."""

_SAMPLE_S = 0.1
"""Seconds between two samples of what was acknowledged."""


class RunAhead:
    """Counts the items that no saved state knows of, and tells whether there may be more of them."""

    def __init__(self, shared: Shared, clock: Clock, process: int = 0) -> None:
        """Join those that count.

        Args:
            shared: where the numbers are.
            clock: tells the time.
            process: number of this process among those that write; 0 is the one that reads and saves.
        """
        self._counts = shared.counts
        self._clock = clock
        self._begun, self._acknowledged = 2 + 2 * process, 3 + 2 * process
        self._processes = len(shared.counts) // 2 - 1
        self._samples = deque[tuple[float, float]]()
        self._lock = threading.Lock()
        if not shared.counts[1]:
            shared.counts[1] = clock.monotonic_s()

    def begun(self, items: int) -> None:
        """Count the items of a chunk that is begun."""
        self._counts[self._begun] += items

    def acknowledged(self, items: int) -> None:
        """Count items that are in the table by now."""
        self._counts[self._acknowledged] += items
        self._sample(self._clock.monotonic_s())

    def saved(self, items: int) -> None:
        """Count items of chunks that a saved state knows of now. For the process that saves only."""
        with self._lock:
            self._counts[0] += items
            self._counts[1] = self._clock.monotonic_s()

    def forget(self, process: int, settled_items: int) -> None:
        """Leave out what a process that was killed had of chunks that others write again.

        Args:
            process: its number.
            settled_items: items of the chunks that it had come to the end of.
        """
        self.saved(int(self._counts[2 + 2 * process]) - settled_items)

    @property
    def unsaved_items(self) -> int:
        """Items of chunks begun, by whichever process, that no saved state knows of."""
        return int(sum(self._counts[2::2]) - self._counts[0])

    def may_begin(self, items: int) -> bool:
        """Whether a chunk of so many items may be begun.

        Each of the processes may begin one at the same moment. One that is larger than what all may run ahead is worth
        a moment of writing at a high rate, and is let through while the others leave half of that.
        """
        now_s = self._clock.monotonic_s()
        self._sample(now_s)
        reserved = min(items * self._processes, AHEAD_ITEMS // 2)
        recent = self._recent(now_s) if now_s - self._counts[1] <= STALE_S else 0.0
        return self.unsaved_items - recent + reserved <= AHEAD_ITEMS

    def _recent(self, now_s: float) -> float:
        """Items acknowledged during the last `RECENT_S`, rather fewer than more."""
        while self._samples and self._samples[0][0] < now_s - RECENT_S:
            self._samples.popleft()
        return sum(self._counts[3::2]) - self._samples[0][1] if self._samples else 0.0

    def _sample(self, now_s: float) -> None:
        if not self._samples or now_s - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now_s, sum(self._counts[3::2])))
            if self._samples[0][0] < now_s - RECENT_S:
                self._samples.popleft()
