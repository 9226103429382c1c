"""Sink in memory, for tests and comparisons."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from ingest_cli.items.batching import Batch
from ingest_cli.sinks.interface import Receipt

_TABLE = "memory"


class MemorySink:
    """Keep every item, as DynamoDB JSON, by its key.

    Attributes:
        items: (pk, sk) → attributes.
    """

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._lock = threading.Lock()

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        refused = batch.too_large()
        given_up = {one.item for one in refused}
        puts = json.loads(batch.body(_TABLE))["RequestItems"][_TABLE]
        wcu = 0
        with self._lock:
            for place, put in zip(batch.index, puts, strict=True):
                if int(place) not in given_up:
                    item = put["PutRequest"]["Item"]
                    self.items[item["pk"]["S"], item["sk"]["S"]] = item
                    wcu += int(batch.items.wcu[place])
        return Receipt(len(batch) - len(refused), float(wcu), refused=refused)
