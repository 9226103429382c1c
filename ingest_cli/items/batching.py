"""Build request bodies of at most 25 items directly from memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.items.builder import MAX_ITEM_BYTES, Items
from ingest_cli.model.arrow_bytes import bytes_of

MAX_BATCH_ITEMS = 25
"""Maximum number of puts in a BatchWriteItem request (DynamoDB API reference). Its other limit, 16 MB, cannot be
reached with items of at most 400 KB.
"""


@dataclass(slots=True)
class BatchRun:
    """Precomputed values of a batch of adjacent items.

    Attributes:
        wcu: write capacity units that writing all of it consumes.
        requests: its put requests with commas between them, as a slice of memory.
    """

    wcu: int
    requests: memoryview


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that is refused permanently.

    Attributes:
        item: position among the items of its chunk.
        reason: a fixed identifier.
    """

    item: int
    reason: str


@dataclass(slots=True, eq=False)
class Batch:
    """Some items of one chunk, no two with the same key. Immutable.

    Attributes:
        items: all items of the chunk.
        index: shape (n,), ascending: positions of the batch's items.
    """

    items: Items
    index: npt.NDArray[np.int64]
    _run: BatchRun | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def wcu(self) -> int:
        """Write capacity units that writing all of it consumes."""
        return int(self.items.wcu[self.index].sum()) if self._run is None else self._run.wcu

    def too_large(self) -> tuple[Refusal, ...]:
        """Return the items that exceed DynamoDB's maximum size, and would have the whole batch refused."""
        if self.items.largest_bytes <= MAX_ITEM_BYTES:  # of the whole chunk, nearly always
            return ()
        sizes = self.items.size_bytes[self.index]
        return tuple(Refusal(int(item), "item_too_large") for item in self.index[sizes > MAX_ITEM_BYTES])

    def body(self, table: str) -> bytes:
        """Return the request body, in DynamoDB JSON."""
        return b"".join((_opening(table), self._requests(), b']},"ReturnConsumedCapacity":"TOTAL"}'))

    def item_keys(self) -> list[tuple[str, str]]:
        """Return (pk, sk) of each item."""
        at = pa.array(self.index)
        return list(zip(self.items.pk.take(at).to_pylist(), self.items.sk.take(at).to_pylist(), strict=True))

    def only(self, places: list[int]) -> Batch:
        """Return the batch of the items at these positions in this one."""
        return Batch(self.items, self.index[places])

    def split(self, size: int) -> tuple[Batch, Batch]:
        """Return the first `size` items, and the rest."""
        return Batch(self.items, self.index[:size]), Batch(self.items, self.index[size:])

    def joined(self, other: Batch) -> Batch:
        """Join two batches of the same chunk."""
        return Batch(self.items, np.sort(np.concatenate((self.index, other.index))))

    def by_key(self) -> list[Batch]:
        """Return a batch for each partition key."""
        places: dict[str, list[int]] = {}
        for place, (pk, _) in enumerate(self.item_keys()):
            places.setdefault(pk, []).append(place)
        return [self.only(own) for own in places.values()]

    def alone(self) -> Batch:
        """Return a copy that keeps nothing else of its chunk in memory."""
        return Batch(self.items.take(self.index), np.arange(len(self.index)))

    def _requests(self) -> memoryview | bytes:
        """Return the put requests, with commas between them."""
        if self._run is not None:
            return self._run.requests
        _, data = bytes_of(self.items.request.take(pa.array(self.index)))
        return data[:-1].tobytes()


def batches(items: Items) -> Iterator[Batch]:
    """Cut all items into batches of maximum size, in order."""
    if not len(items):
        return
    starts = np.arange(0, len(items), MAX_BATCH_ITEMS)
    offsets, data = bytes_of(items.request)
    bounds, every, whole = offsets[starts].tolist(), np.arange(len(items)), data.data
    wcu = np.add.reduceat(items.wcu, starts).tolist()
    for at, (first, begin, end) in enumerate(zip(starts.tolist(), bounds, [*bounds[1:], len(data)], strict=True)):
        yield Batch(items, every[first : first + MAX_BATCH_ITEMS], BatchRun(wcu[at], whole[begin : end - 1]))


def batches_of(items: Items, index: npt.NDArray[np.int64]) -> Iterator[Batch]:
    """Cut the items at these ascending positions into batches of maximum size."""
    for first in range(0, len(index), MAX_BATCH_ITEMS):
        yield Batch(items, index[first : first + MAX_BATCH_ITEMS])


def positions(items: Items, keys: pa.StringArray) -> npt.NDArray[np.int64]:
    """Return the ascending positions of the items whose partition key is among `keys`."""
    return np.flatnonzero(pc.is_in(items.pk, value_set=keys).to_numpy(zero_copy_only=False))


@lru_cache(maxsize=8)
def _opening(table: str) -> bytes:
    return b'{"RequestItems":{%s:[' % json.dumps(table).encode()
