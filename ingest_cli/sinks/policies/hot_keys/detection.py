"""Detect keys that get more writes than one partition accepts, so that they do not delay all others.

DynamoDB does not say which item of a batch met a hot key. But it lists the unprocessed items: a table
throttled as a whole leaves arbitrary items, while a hot key leaves its own repeatedly, although
others in the same batches are accepted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.items.batching import Batch, positions
from ingest_cli.items.builder import Items
from ingest_cli.runtime.clock import Clock

HOT_AFTER = 3
"""Number of times that a key is left unprocessed, while others are accepted, before it counts as hot."""

FORGET_AFTER_S = 10.0
"""Seconds after which the evidence is reset."""

COOL_AFTER_S = 5.0
"""Seconds after which a key is no longer hot, unless more of its items wait than it accepts in a moment."""

_LOOK_EVERY_S = 1.0

MAX_HOT_KEYS = 1000
"""Maximum number of hot keys; beyond it, they are not the exception that this module handles."""

CONCENTRATED = 0.5
"""Maximum ratio of distinct keys to unprocessed items at which the keys, not the table, are taken as the cause."""


class HotKeys:
    """Set of hot keys.

    Attributes:
        generation: incremented for each new hot key.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left: Counter[str] = Counter()
        self._since_s = self._looked_s = clock.monotonic_s()
        self._hot: dict[str, float] = {}
        self._names: pa.StringArray | None = None
        self.generation = 0

    def note(self, sent: Batch, left: Batch) -> bool:
        """Record that `left` of `sent` was unprocessed; return whether the table as a whole is the cause."""
        if len(left) == len(sent):
            return self.concerns_table(sent, "unknown")
        times = Counter(pk for pk, _ in left.item_keys())
        self._forget()
        self._add(pk for pk, count in times.items() if count >= HOT_AFTER)
        cold = [pk for pk in times.elements() if pk not in self._hot]
        if len(cold) > 1 and len(set(cold)) > CONCENTRATED * len(cold):
            return True
        self._left.update(cold)
        self._add(pk for pk in set(cold) if self._left[pk] >= HOT_AFTER)
        return len(cold) == 1

    def concerns_table(self, sent: Batch, scope: str) -> bool:
        """Return whether a throttle of all of `sent` concerns the table rather than a few keys."""
        keys = {pk for pk, _ in sent.item_keys()}
        if scope in {"table", "account"}:
            return True
        if len(keys) == 1 and (scope == "key_range" or len(sent) > 1):
            self._add(keys)
        return scope != "key_range" and not keys <= self._hot.keys()

    def is_hot(self, pk: str) -> bool:
        """Return whether a key is hot."""
        return pk in self._hot

    def busy(self, pk: str) -> None:
        """Record that more items of a hot key wait than it accepts in a moment."""
        if pk in self._hot:
            self._hot[pk] = self._clock.monotonic_s()

    def cool_down(self, is_busy: Callable[[str], bool]) -> list[str]:
        """Remove and return the keys that have not been busy for a while; checks once a second at most."""
        now_s = self._clock.monotonic_s()
        if not self._hot or now_s - self._looked_s < _LOOK_EVERY_S:
            return []
        self._looked_s = now_s
        idle = [pk for pk, busy_s in self._hot.items() if now_s - busy_s >= COOL_AFTER_S]
        cooled = []
        for pk in idle:
            if is_busy(pk):
                self._hot[pk] = now_s
            else:
                del self._hot[pk]
                self._left.pop(pk, None)
                cooled.append(pk)
        if cooled:
            self._names = None
        return cooled

    def among(self, items: Items) -> npt.NDArray[np.int64]:
        """Return the positions of the items of hot keys, ascending."""
        if not self._hot:
            return np.empty(0, np.int64)
        if self._names is None:
            self._names = pa.array(self._hot, pa.string())
        return positions(items, self._names)

    def split(self, batch: Batch) -> tuple[Batch | None, Batch | None]:
        """Return (items of other keys, items of hot keys) of `batch`; None where empty."""
        if not self._hot:
            return batch, None
        hot = [place for place, (pk, _) in enumerate(batch.item_keys()) if pk in self._hot]
        if not hot:
            return batch, None
        chosen = set(hot)
        cool = [place for place in range(len(batch)) if place not in chosen]
        return batch.only(cool) if cool else None, batch.only(hot)

    def _add(self, keys: Iterable[str]) -> None:
        """Mark these keys as hot, unless there are too many for keys to be the cause."""
        for pk in keys:
            if pk not in self._hot and len(self._hot) < MAX_HOT_KEYS:
                self._hot[pk] = self._clock.monotonic_s()
                self._names = None
                self.generation += 1

    def _forget(self) -> None:
        now = self._clock.monotonic_s()
        if now - self._since_s > FORGET_AFTER_S:
            self._left.clear()
            self._since_s = now
