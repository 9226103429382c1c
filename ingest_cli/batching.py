"""From items to request bodies: at most 25 of them, taken from memory as they lie there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingest_cli.items import WCU_BYTES, Items

MAX_BATCH_ITEMS = 25
"""The most puts that BatchWriteItem takes (DynamoDB API reference). Its other limit, 16 MB, cannot be
reached with items of at most 400 KB."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some items of one chunk, no two with the same key.

    Attributes:
        items: all items of the chunk.
        index: shape (n,), ascending: which of them are in the batch.
    """

    items: Items
    index: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.index)

    @property
    def wcu(self) -> int:
        """Write capacity units that writing it all consumes."""
        return int((-(-self.items.size_bytes[self.index] // WCU_BYTES)).sum())

    def body(self, table: str) -> bytes:
        """The request, in DynamoDB JSON."""
        return b'{"RequestItems":{%s:[%s]},"ReturnConsumedCapacity":"TOTAL"}' % (
            json.dumps(table).encode(),
            self._requests(),
        )

    def item_keys(self) -> list[tuple[str, str]]:
        """(pk, sk) of each item."""
        at = pa.array(self.index)
        return list(zip(self.items.pk.take(at).to_pylist(), self.items.sk.take(at).to_pylist(), strict=True))

    def only(self, places: list[int]) -> Batch:
        """The batch of the items at these places of this one."""
        return Batch(self.items, self.index[places])

    def split(self, size: int) -> tuple[Batch, Batch]:
        """The first `size` items, and the others."""
        return Batch(self.items, self.index[:size]), Batch(self.items, self.index[size:])

    def joined(self, other: Batch) -> Batch:
        """The items of both, which are of the same chunk."""
        return Batch(self.items, np.sort(np.concatenate((self.index, other.index))))

    def by_key(self) -> list[Batch]:
        """A batch for each partition key."""
        places: dict[str, list[int]] = {}
        for place, (pk, _) in enumerate(self.item_keys()):
            places.setdefault(pk, []).append(place)
        return [self.only(own) for own in places.values()]

    def alone(self) -> Batch:
        """The same batch, keeping nothing else of its chunk in memory."""
        return Batch(self.items.take(self.index), np.arange(len(self.index)))

    def _requests(self) -> bytes:
        """The put requests, with commas between them."""
        request = self.items.request
        first, last = int(self.index[0]), int(self.index[-1])
        if last - first + 1 == len(self.index):  # neighbours: what lies between them is the list
            run = request[first : last + 1]
            offsets = np.frombuffer(run.buffers()[1], np.int32)[run.offset : run.offset + len(run) + 1]
            return bytes(run.buffers()[2][int(offsets[0]) : int(offsets[-1]) - 1])
        return "".join(request.take(pa.array(self.index)).to_pylist()).encode()[:-1]


def batches(items: Items) -> Iterator[Batch]:
    """All items in batches as large as they may be, in order."""
    for first in range(0, len(items), MAX_BATCH_ITEMS):
        yield Batch(items, np.arange(first, min(first + MAX_BATCH_ITEMS, len(items))))
