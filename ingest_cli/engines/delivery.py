"""Steps of delivering the items of several chunks at once: batch, sink and report. Replaces `pipeline.deliver`.

The caller schedules the steps. Items of ordinary keys are sent in batches of their chunk. Those of hot keys are first
put into a queue per key, and sent in batches of one key, from any chunks. A chunk is committed when all of its items
are acknowledged or refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from ingest_cli.checkpoint.chunk_result import PendingChunk
from ingest_cli.errors import ThrottledError, TransientFaultError
from ingest_cli.items.batching import Batch, Refusal, batches, batches_of
from ingest_cli.pipeline import Commit, PreparedChunk
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.lanes import Lanes
from ingest_cli.sinks.policies.hot_keys.queues import HotBatch, HotQueues


@dataclass(slots=True)
class ChunkInFlight:
    """A chunk with items in progress.

    Attributes:
        chunk: data needed to commit it.
        generation: generation of the hot keys when its items were last split.
        outstanding: items that are neither acknowledged nor refused.
        acknowledged: items acknowledged.
        refused: items refused permanently.
    """

    chunk: PendingChunk
    generation: int
    outstanding: int
    acknowledged: int = 0
    refused: tuple[Refusal, ...] = ()

    def done(self, acknowledged: int, refused: tuple[Refusal, ...]) -> bool:
        """Record results of items; return whether they were the last."""
        self.acknowledged += acknowledged
        self.refused += refused
        self.outstanding -= acknowledged + len(refused)
        return self.outstanding == 0


class Delivery:
    """Deliver the items of chunks.

    Attributes:
        open_entries: rows and items of chunks that are started and not committed.
    """

    def __init__(self, lanes: Lanes, commit: Commit, on_parked: Callable[[], None] = lambda: None) -> None:
        """Set up.

        Args:
            lanes: sinks for the batches.
            commit: called with the result of each chunk.
            on_parked: called when items were put into the queues of hot keys.
        """
        self._lanes = lanes
        self._commit = commit
        self._on_parked = on_parked
        self._queues: HotQueues[ChunkInFlight] = HotQueues(
            lanes.rules.clock, lanes.rules.random, lanes.hot_keys, lanes.hot_key_paces, lanes.rules.left_s
        )
        self.open_entries = 0

    @property
    def parked_items(self) -> int:
        """Number of items in the queues of hot keys."""
        return len(self._queues)

    @property
    def is_done(self) -> bool:
        """Whether the queues of hot keys are closed and empty."""
        return self._queues.is_done

    def may_begin(self, prepared: PreparedChunk) -> bool:
        """Return whether little enough is written ahead of the saved state to start a chunk."""
        return self._lanes.run_ahead.may_begin(len(prepared.items))

    def begin(self, prepared: PreparedChunk) -> list[tuple[Batch, ChunkInFlight]]:
        """Return the batches of a chunk, to be written in any order; commit a chunk without items at once.

        Raises:
            IngestError: the chunk cannot be committed.
        """
        items, hot_keys = prepared.items, self._lanes.hot_keys
        pending = ChunkInFlight(prepared.pending, hot_keys.generation, len(items))
        if not len(items):
            self._commit(prepared.pending.result(0, ()))
            return []
        self.open_entries += prepared.pending.entries
        self._lanes.run_ahead.begun(len(items))
        hot = hot_keys.among(items)
        if not len(hot):
            return [(batch, pending) for batch in batches(items)]
        self._park(Batch(items, hot), pending)
        cool = np.setdiff1d(np.arange(len(items)), hot, assume_unique=True)
        return [(batch, pending) for batch in batches_of(items, cool)]

    def write(self, batch: Batch, pending: ChunkInFlight) -> None:
        """Write a batch, except items of hot keys, which are put into their queues.

        Raises:
            IngestError: the batch cannot be written, or its chunk not committed.
        """
        cool: Batch | None = batch
        if pending.generation != self._lanes.hot_keys.generation:
            cool, hot = self._lanes.hot_keys.split(batch)
            if hot is not None:
                self._park(hot, pending)
        if cool is None:
            return
        receipt = self._lanes.ordinary.put(cool)
        if receipt.unprocessed is not None:
            self._park(receipt.unprocessed, pending)
        self._lanes.run_ahead.acknowledged(receipt.acknowledged)
        self._done(pending, receipt.acknowledged, receipt.refused)

    def next_hot(self) -> HotBatch[ChunkInFlight] | float:
        """Return the next items of a hot key, or the seconds until there may be any (infinity if none wait)."""
        return self._queues.take()

    def write_hot(self, sent: HotBatch[ChunkInFlight]) -> None:
        """Wait for the turn of a batch of a hot key, and make one attempt; put unprocessed items back into the queue.

        Raises:
            IngestError: as `write`.
        """
        rules, everything = self._lanes.rules, range(len(sent.entries))
        left: Iterable[int] = everything
        reason, throttled = "hot_key", True
        receipt = Receipt(0)
        try:
            if (wait_s := sent.at_s - rules.clock.monotonic_s()) > 0:
                rules.clock.sleep(wait_s)
            rules.stop.check()
            receipt = self._lanes.hot.put(sent.batch)
            left = () if receipt.unprocessed is None else receipt.unprocessed.index.tolist()
        except TransientFaultError as fault:
            reason = fault.reason
            throttled = isinstance(fault, ThrottledError) and fault.scope not in {"table", "account"}
        finally:
            self._queues.done(sent, left, throttled=throttled)
        if receipt.acknowledged or receipt.refused:
            rules.progress.made()
            self._lanes.run_ahead.acknowledged(receipt.acknowledged)
            self._share_out(sent, receipt, set(left))
        if left and receipt.acknowledged:  # not a failure: the wait for the pace of the key must not count as one
            rules.on_retry(reason)
            rules.stop.check()
        elif left:
            rules.note(reason)

    def close(self) -> None:
        """Close the queues: no further chunk will be started."""
        self._queues.close()

    def _share_out(self, sent: HotBatch[ChunkInFlight], receipt: Receipt, left: set[int]) -> None:
        """Record the results of a batch in each chunk that it has items of."""
        refused = {one.item: one.reason for one in receipt.refused}
        for position, reason in refused.items():
            owner, place = sent.owner_of(position)
            self._done(owner, 0, (Refusal(place, reason),))
        taken = (position for position in range(len(sent.entries)) if position not in left and position not in refused)
        for owner, count in sent.owners(taken):
            self._done(owner, count, ())

    def _park(self, batch: Batch, pending: ChunkInFlight) -> None:
        """Put items of hot keys into their queues."""
        for own in batch.by_key():
            self._queues.park(own, pending)
        self._on_parked()

    def _done(self, pending: ChunkInFlight, acknowledged: int, refused: tuple[Refusal, ...]) -> None:
        if pending.done(acknowledged, refused):
            self.open_entries -= pending.chunk.entries
            self._commit(pending.chunk.result(pending.acknowledged, pending.refused))
