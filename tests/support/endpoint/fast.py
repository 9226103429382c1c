"""Shortcuts for benchmarks: answer BatchWriteItem without parsing it, so that the client alone is measured.

`acknowledge_all` forgets what it was sent. `Recorder` keeps the bodies and can tell, later, exactly which
items were in them. Both acknowledge everything; faults, limits and signatures have no part in it.
"""

from __future__ import annotations

import json
import re
import tempfile
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

from .items import Item, item_sha256

_IN_MEMORY_BYTES = 256 * 1024 * 1024
_TARGET = b"DynamoDB_20120810.BatchWriteItem"
_TABLE = re.compile(rb'"RequestItems"\s*:\s*\{\s*"([^"]+)"')


@lru_cache(maxsize=256)
def acknowledgement(table: bytes, items: int) -> bytes:
    """The whole answer to a BatchWriteItem of so many items, each as if it were of up to 1 KiB."""
    body = b'{"UnprocessedItems":{},"ConsumedCapacity":[{"TableName":"%s","CapacityUnits":%d.0}]}' % (
        table,
        items,
    )
    return (
        b"HTTP/1.1 200 OK\r\nServer: Server\r\nContent-Type: application/x-amz-json-1.0\r\n"
        b"Content-Length: %d\r\nx-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
        b"x-amz-crc32: %d\r\n\r\n" % (len(body), zlib.crc32(body))
    ) + body


def batch_of(head: bytes, body: bytes) -> tuple[bytes, int] | None:
    """Table and number of items of a BatchWriteItem to one table; None for any other request.

    Args:
        head: request line and headers.
        body: the payload.
    """
    if _TARGET not in head:
        return None
    match = _TABLE.search(body, 0, 512)
    return match[1] if match else b"unknown", body.count(b'"PutRequest"')


def acknowledge_all(head: bytes, body: bytes) -> bytes | None:
    """Acknowledge a BatchWriteItem to one table; anything else goes the long way. Arguments as of `batch_of`."""
    batch = batch_of(head, body)
    return None if batch is None else acknowledgement(*batch)


class Recorder:
    """Acknowledges like `acknowledge_all`, and keeps every body (in memory, beyond 256 MB on disk)."""

    def __init__(self) -> None:
        # Lives as long as the endpoint does, and is deleted by the system.
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115 - see above

    def __call__(self, head: bytes, body: bytes) -> bytes | None:
        """A `Shortcut`."""
        answer = acknowledge_all(head, body)
        if answer is not None:
            self._spool.write(len(body).to_bytes(4, "big") + body)
        return answer

    def items(self) -> Iterator[tuple[str, Item]]:
        """Every (table, item) that was sent, in order, repeats included."""
        end = self._spool.tell()
        self._spool.seek(0)
        while self._spool.tell() < end:
            length = int.from_bytes(self._spool.read(4), "big")
            for table, writes in json.loads(self._spool.read(length))["RequestItems"].items():
                for write in writes:
                    yield table, write["PutRequest"]["Item"]
        self._spool.seek(end)

    def digests(self, pk_name: str = "pk", sk_name: str = "sk") -> dict[tuple[str, str, str], set[str]]:
        """(table, pk, sk) → SHA-256 of each different item sent under that key."""
        found: dict[tuple[str, str, str], set[str]] = {}
        for table, item in self.items():
            pk, sk = (next(iter(item.get(name, {"S": ""}).values())) for name in (pk_name, sk_name))
            found.setdefault((table, pk, sk), set()).add(item_sha256(item))
        return found

    def summary(self) -> dict[str, Any]:
        """How many items came, how many keys they have, and how many keys came with different items."""
        sent = sum(1 for _ in self.items())
        digests = self.digests()
        return {"items": sent, "keys": len(digests), "conflicts": sum(len(d) > 1 for d in digests.values())}
