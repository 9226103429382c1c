"""Where the items of hot keys wait, each key at a pace of its own, out of the way of all others.

Bounded: when the lane is full, whoever brings more has to wait. From then on the hot key decides how fast
the load goes on, which no order of writing could change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from ingest_cli.batching import Batch
from ingest_cli.policies.clock import Clock
from ingest_cli.sinks.interface import Receipt

T = TypeVar("T")

CAPACITY_ITEMS = 50_000
"""Items that can wait: some 30 MB of requests and keys."""

START_WCU_PER_S, MIN_WCU_PER_S, MAX_WCU_PER_S = 200.0, 1.0, 1000.0
"""Bounds of a key's pace; a partition takes 1,000 a second (AWS, "Partitions and data distribution")."""

_DECREASE, _INCREASE = 0.7, 1.1
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Parked(Generic[T]):
    """Items of one key that are due.

    Attributes:
        batch: the items, on their own.
        place: position of each in the chunk they come from.
        owner: what they were parked with.
    """

    batch: Batch
    place: tuple[int, ...]
    owner: T


@dataclass(slots=True)
class _Key(Generic[T]):
    waiting: deque[Parked[T]] = field(default_factory=deque)
    rate: float = START_WCU_PER_S
    ready_s: float = 0.0


class Waiting(Protocol):
    """Where those wait that have to do with the lane."""

    def wait(self, timeout_s: float) -> None:
        """Wait until somebody says `wake`, or for so many seconds."""
        ...

    def wake(self) -> None:
        """Let all go on that wait here."""
        ...


class SlowLane(Generic[T]):
    """Queues of parked items by key. Filled by several fibers, emptied by one."""

    def __init__(self, clock: Clock, waiting: Waiting, capacity_items: int = CAPACITY_ITEMS) -> None:
        self._clock = clock
        self._capacity = capacity_items
        self._changed = waiting
        self._keys: dict[str, _Key[T]] = {}
        self._size = 0
        self._closed = False

    def park(self, batch: Batch, owner: T, stopped: Callable[[], bool]) -> None:
        """Leave items of one hot key here; waits while the lane is full, unless the run is being stopped."""
        pk = batch.item_keys()[0][0]
        parked = Parked(batch.alone(), tuple(int(place) for place in batch.index), owner)
        while self._size >= self._capacity and not stopped():
            self._changed.wait(_POLL_S)
        self._keys.setdefault(pk, _Key()).waiting.append(parked)
        self._size += len(batch)
        self._changed.wake()

    def take(self, stopped: Callable[[], bool]) -> tuple[str, Parked[T]] | None:
        """The next items that are due, waiting for them; None when the lane is closed and empty, or on a stop."""
        while not stopped():
            waiting = {pk: key for pk, key in self._keys.items() if key.waiting}
            if not waiting:
                if self._closed:
                    return None
                self._changed.wait(_POLL_S)
                continue
            pk = min(waiting, key=lambda one: waiting[one].ready_s)
            delay_s = waiting[pk].ready_s - self._clock.monotonic_s()
            if delay_s <= 0:
                return pk, waiting[pk].waiting.popleft()
            self._clock.sleep(min(delay_s, _POLL_S))
        return None

    def done(self, pk: str, parked: Parked[T], receipt: Receipt | None) -> None:
        """Learn what became of items that were due; None: nothing was written. What is left waits again."""
        key = self._keys[pk]
        left = parked.batch if receipt is None else receipt.unprocessed
        written = len(parked.batch) - (0 if left is None else len(left))
        key.rate = min(max(key.rate * (_INCREASE if left is None else _DECREASE), MIN_WCU_PER_S), MAX_WCU_PER_S)
        key.ready_s = self._clock.monotonic_s() + max(written, 1 if left is None else len(left)) / key.rate
        if left is not None:
            places = tuple(parked.place[int(at)] for at in left.index)
            key.waiting.appendleft(Parked(left.alone(), places, parked.owner))
        self._size -= written
        self._changed.wake()

    def close(self) -> None:
        """Nothing more will be parked; `take` ends when the lane is empty."""
        self._closed = True
        self._changed.wake()

    def __len__(self) -> int:
        return self._size
