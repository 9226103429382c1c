"""Queues for items of hot keys: one queue and one pace per key, separate from all other items.

A batch holds one key, and is full if enough of its items wait, of any chunks. The pace of a key follows its
acknowledged items, as the table's pace does, so that throttles unrelated to the rate do not lower it. `run_ahead`
bounds the number of items that wait: chunks are started only while little is written ahead of waiting ones.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from random import Random
from typing import Generic, TypeVar

import numpy as np

from ingest_cli.items.batching import MAX_BATCH_ITEMS, Batch
from ingest_cli.items.builder import Items
from ingest_cli.runtime.clock import Clock
from ingest_cli.runtime.shared_state import HotKeyPaces
from ingest_cli.sinks.policies.hot_keys.detection import MAX_HOT_KEYS, HotKeys
from ingest_cli.sinks.policies.hot_keys.pace import KeyPace
from ingest_cli.sinks.policies.retry import Backoff

T = TypeVar("T")

_BACKOFF = Backoff()
"""Seconds that a key waits after a request failed for a reason other than a throttle."""

AHEAD_S = 0.05
"""Seconds before its time at which a batch is taken from its queue, to compensate for the time that taking it needs."""

LINGER_S = 0.1
"""Seconds that a partial batch waits for more items."""

BACKLOG_S = 0.5
"""Seconds of writing, at the pace of a key, that may wait without the key counting as busy."""


@dataclass(frozen=True, slots=True)
class _Piece(Generic[T]):
    """Items of one key from one chunk.

    Attributes:
        items: exactly these items.
        sks: their sort keys.
        places: their positions in the chunk.
        owner: value given when they were parked.
        since_s: time at which they were parked.
    """

    items: Items
    sks: list[str]
    places: list[int]
    owner: T
    since_s: float


Entry = tuple[_Piece[T], int]
"""A waiting item: its piece, and its position there."""


@dataclass(frozen=True, slots=True)
class HotBatch(Generic[T]):
    """Items of one key to be sent together.

    Attributes:
        pk: the key.
        batch: items of one or several chunks.
        at_s: earliest time to send them.
    """

    pk: str
    batch: Batch
    at_s: float
    entries: list[Entry[T]] = field(repr=False)

    def owner_of(self, position: int) -> tuple[T, int]:
        """Return (owner, position in its chunk) of the item at a position of the batch."""
        piece, at = self.entries[position]
        return piece.owner, piece.places[at]

    def owners(self, positions: Iterable[int]) -> Iterator[tuple[T, int]]:
        """Yield (owner, number of items) for the items at these positions."""
        chosen = [self.entries[position][0] for position in positions]
        for _, pieces in groupby(chosen, key=id):
            some = list(pieces)
            yield some[0].owner, len(some)


@dataclass(slots=True)
class _Key(Generic[T]):
    """State of a hot key.

    Attributes:
        pace: its pace.
        waiting: its items, in sending order.
        in_flight: number of batches in flight.
        failures: consecutive requests that failed for a reason other than a throttle.
        held_until_s: time until which nothing is sent because of them.
    """

    pace: KeyPace
    waiting: deque[Entry[T]] = field(default_factory=deque)
    in_flight: int = 0
    failures: int = 0
    held_until_s: float = 0.0

    @property
    def is_behind(self) -> bool:
        """Whether more items wait than the key accepts in a moment."""
        return len(self.waiting) > max(MAX_BATCH_ITEMS, BACKLOG_S * self.pace.rate_wcu_per_s)


class HotQueues(Generic[T]):
    """Queues of items by key."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        hot_keys: HotKeys,
        paces: HotKeyPaces,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        """Create empty queues.

        Args:
            clock: source of the time.
            random: source of jitter.
            hot_keys: notified of busy keys.
            paces: paces of keys, shared by all processes.
            left_s: returns the seconds until the run gives up, the limit of every wait.
        """
        self._left_s = left_s
        self._clock = clock
        self._random = random
        self._hot_keys = hot_keys
        self._shared_paces = paces
        self._keys: dict[str, _Key[T]] = {}
        self._paces = OrderedDict[str, KeyPace]()
        self._size = 0
        self._is_closed = False

    def __len__(self) -> int:
        """Return the number of waiting items, without those in flight."""
        return self._size

    @property
    def is_done(self) -> bool:
        """Whether the queues are closed and empty, with nothing in flight."""
        return self._is_closed and not any(key.waiting or key.in_flight for key in self._keys.values())

    def park(self, batch: Batch, owner: T) -> None:
        """Queue items of one hot key from one chunk."""
        keys = batch.item_keys()
        pk, now_s = keys[0][0], self._clock.monotonic_s()
        piece = _Piece(batch.items.take(batch.index), [sk for _, sk in keys], batch.index.tolist(), owner, now_s)
        key = self._keys.get(pk)
        if key is None:
            key = self._keys[pk] = _Key(self._pace(pk))
        key.waiting.extend((piece, at) for at in range(len(keys)))
        self._size += len(keys)
        if key.is_behind:
            self._hot_keys.busy(pk)

    def take(self) -> HotBatch[T] | float:
        """Return the next items to send, or the seconds until there may be any (infinity if nothing waits)."""
        now_s = self._clock.monotonic_s()
        self._cool_down()
        soonest_s, chosen = float("inf"), ""
        for pk, key in self._keys.items():
            if key.waiting and (due_s := self._due_s(key)) < soonest_s:
                soonest_s, chosen = due_s, pk
        if soonest_s > now_s:
            return soonest_s - now_s
        return self._taken(chosen)

    def done(self, sent: HotBatch[T], left: Iterable[int], *, throttled: bool = True) -> None:
        """Record the result of a batch.

        Args:
            sent: the batch.
            left: positions of items to retry.
            throttled: whether they are left because the key lacks capacity.
        """
        key, again = self._keys[sent.pk], [sent.entries[position] for position in left]
        key.in_flight -= 1
        key.waiting.extendleft(reversed(again))
        self._size += len(again)
        if throttled or not again:  # a fault says nothing about the pace of the key
            wcu = float(sent.batch.wcu)
            key.pace.answered(wcu, wcu * len(again) / len(sent.entries), sent.at_s)
        if len(again) < len(sent.entries):
            key.failures = 0
        elif not throttled:
            delay_s = min(_BACKOFF.delay_s(key.failures, self._random), self._left_s())
            key.held_until_s = self._clock.monotonic_s() + delay_s
            key.failures += 1
        if key.is_behind:
            self._hot_keys.busy(sent.pk)
        if not key.waiting and not key.in_flight and not self._hot_keys.is_hot(sent.pk):
            del self._keys[sent.pk]

    def close(self) -> None:
        """Close the queues: only unprocessed items of batches in flight may still be parked."""
        self._is_closed = True

    def _due_s(self, key: _Key[T]) -> float:
        """Return the time at which a batch of the key is due."""
        due_s = max(key.pace.ready_s - AHEAD_S, key.held_until_s)
        if len(key.waiting) < MAX_BATCH_ITEMS and not self._is_closed:
            due_s = max(due_s, key.waiting[0][0].since_s + LINGER_S)
        return due_s

    def _taken(self, pk: str) -> HotBatch[T]:
        """Take the first items of a key, up to a duplicate of one: rows of two chunks can give the same item."""
        key = self._keys[pk]
        entries, sks = list[Entry[T]](), set[str]()
        while key.waiting and len(entries) < MAX_BATCH_ITEMS:
            piece, at = key.waiting[0]
            if piece.sks[at] in sks:
                break
            sks.add(piece.sks[at])
            entries.append(key.waiting.popleft())
        self._size -= len(entries)
        key.in_flight += 1
        batch = _together(entries)
        return HotBatch(pk, batch, key.pace.reserve(float(batch.wcu)), entries)

    def _pace(self, pk: str) -> KeyPace:
        """Return the pace of a key, kept from an earlier time as a hot key."""
        pace = self._paces.pop(pk, None)
        if pace is None:
            pace = KeyPace(self._clock, self._shared_paces, pk)
        self._paces[pk] = pace
        if len(self._paces) > MAX_HOT_KEYS:
            self._paces.popitem(last=False)
        return pace

    def _cool_down(self) -> None:
        """Remove keys that are no longer hot."""
        for pk in self._hot_keys.cool_down(lambda pk: pk in self._keys and self._keys[pk].is_behind):
            key = self._keys.get(pk)
            if key is not None and not key.waiting and not key.in_flight:
                del self._keys[pk]


def _together(entries: list[Entry[T]]) -> Batch:
    """Build one batch of items from several chunks."""
    pieces = list[Items]()
    for _, some in groupby(entries, key=lambda entry: id(entry[0])):
        own = list(some)
        pieces.append(own[0][0].items.take(np.array([at for _, at in own], np.int64)))
    items = pieces[0] if len(pieces) == 1 else Items.joined(pieces)
    return Batch(items, np.arange(len(items)))
