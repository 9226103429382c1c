"""How far writing may run ahead of the saved state: what a run that is resumed after a kill has to write again.

All processes count in `Shared.counts`, each in numbers of its own, so that none needs a lock, and these only ever grow:
the process that saves counts items that are settled, and that are saved, and notes when that was; each process counts
the items of the chunks that it has begun to write, and those that were acknowledged.
"""

from __future__ import annotations

import threading
from collections import deque

from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import Shared

AHEAD_ITEMS = 4_000
"""Items of chunks that were begun, and that no saved state knows of; beside as many as were acknowledged during the
last `RECENT_S` seconds."""

RECENT_S = 2.0

STALE_S = 1.5
"""Seconds after the last state was saved from which what was acknowledged lately does not count: as long as saving is
slow, it would be older than `RECENT_S` before it is saved."""

OPEN_SHARE = 0.25
"""Share of what was acknowledged during the last `RECENT_S` that chunks may hold which are begun and not settled, where
that is more than `AHEAD_ITEMS`: half a second, twice what chunks are worth (`chunk_size.AIM_S`)."""

_SAVED, _SAVED_AT, _SETTLED, _FIRST = 0, 1, 2, 4

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
        self._begun, self._acknowledged = _FIRST + 2 * process, _FIRST + 1 + 2 * process
        self._processes = (len(shared.counts) - _FIRST) // 2
        self._samples = deque[tuple[float, float]]()
        self._lock = threading.Lock()
        if not shared.counts[_SAVED_AT]:
            shared.counts[_SAVED_AT] = clock.monotonic_s()

    def begun(self, items: int) -> None:
        """Count the items of a chunk that is begun."""
        self._counts[self._begun] += items

    def acknowledged(self, items: int) -> None:
        """Count items that are in the table by now."""
        self._counts[self._acknowledged] += items
        self._sample(self._clock.monotonic_s())

    def settled(self, items: int) -> None:
        """Count items of a chunk that is settled. For the process that saves only."""
        with self._lock:
            self._counts[_SETTLED] += items

    def saved(self, items: int) -> None:
        """Count items of chunks that a saved state knows of now. For the process that saves only."""
        with self._lock:
            self._counts[_SAVED] += items
            self._counts[_SAVED_AT] = self._clock.monotonic_s()

    def forget(self, process: int, settled_items: int) -> None:
        """Leave out what a process that was killed had of chunks that others write again.

        Args:
            process: its number.
            settled_items: items of the chunks that it had come to the end of.
        """
        lost = int(self._counts[_FIRST + 2 * process]) - settled_items
        self.settled(lost)
        with self._lock:
            self._counts[_SAVED] += lost

    @property
    def unsaved_items(self) -> int:
        """Items of chunks begun, by whichever process, that no saved state knows of."""
        return int(sum(self._counts[_FIRST::2]) - self._counts[_SAVED])

    def may_begin(self, items: int) -> bool:
        """Whether a chunk of so many items may be begun.

        Each of the processes may begin one at the same moment. One that is larger than what all may run ahead is worth
        a moment of writing at a high rate, and is let through while the others leave half of that.
        """
        now_s = self._clock.monotonic_s()
        self._sample(now_s)
        reserved = min(items * self._processes, AHEAD_ITEMS // 2)
        recent = self._recent(now_s)
        open_items = sum(self._counts[_FIRST::2]) - self._counts[_SETTLED]
        if open_items + reserved > max(AHEAD_ITEMS, OPEN_SHARE * recent):
            return False
        allowed = recent if now_s - self._counts[_SAVED_AT] <= STALE_S else 0.0
        return self.unsaved_items - allowed + reserved <= AHEAD_ITEMS

    def _recent(self, now_s: float) -> float:
        """Items acknowledged during the last `RECENT_S`, rather fewer than more."""
        while self._samples and self._samples[0][0] < now_s - RECENT_S:
            self._samples.popleft()
        return sum(self._counts[_FIRST + 1 :: 2]) - self._samples[0][1] if self._samples else 0.0

    def _sample(self, now_s: float) -> None:
        if not self._samples or now_s - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now_s, sum(self._counts[_FIRST + 1 :: 2])))
            if self._samples[0][0] < now_s - RECENT_S:
                self._samples.popleft()
