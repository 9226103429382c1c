"""Items, batches and chunks out of nothing: a few characters each, in the shape that the write path takes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from ingest_cli.checkpoint.chunk_result import PendingChunk
from ingest_cli.identifiers.normalize import Normalized
from ingest_cli.items.batching import Batch
from ingest_cli.items.builder import WCU_BYTES, Items
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.chunks import Origin, Position, Records, RowChunk
from ingest_cli.pipeline import PreparedChunk
from ingest_cli.sources.shard import Shard

LINE_BYTES = 8
"""Every row of a synthetic source is a line of this length, its line end included."""


def items(pks: Sequence[str], sks: Sequence[str] | None = None, wcu: Sequence[int] | None = None) -> Items:
    """One item for each of `pks`, in order.

    Args:
        pks: partition keys.
        sks: sort keys; None: s0, s1, ….
        wcu: write capacity units of each; None: 1.
    """
    named = [f"s{n}" for n in range(len(pks))] if sks is None else list(sks)
    units = np.ones(len(pks), np.int64) if wcu is None else np.array(wcu, np.int64)
    request = [
        f'{{"PutRequest":{{"Item":{{"pk":{{"S":"{pk}"}},"sk":{{"S":"{sk}"}}}}}}}},'
        for pk, sk in zip(pks, named, strict=True)
    ]
    hashes = [hash64(f"{pk}/{sk}") for pk, sk in zip(pks, named, strict=True)]
    return Items(
        request=pa.array(request, pa.string()),
        pk=pa.array(pks, pa.string()),
        sk=pa.array(named, pa.string()),
        size_bytes=units * WCU_BYTES,
        kind=pa.array(["id"] * len(pks), pa.string()),
        record=np.arange(len(pks), dtype=np.int32),
        key_hash=np.array(hashes, np.uint64),
        seal_keys=np.zeros((len(pks), 32), np.uint8),
    )


def batch(*pks: str, wcu: Sequence[int] | None = None) -> Batch:
    """A batch of an item for each of `pks`, which may repeat."""
    return Batch(items(pks, wcu=wcu), np.arange(len(pks)))


def hash64(text: str) -> int:
    """64 bits that look random, and are the same in every run."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a synthetic source: an item, or nothing but a reason.

    Attributes:
        pk, sk: the key of its item.
        wcu: what the item costs.
        rejected: why there is none; None: there is one.
    """

    pk: str = ""
    sk: str = ""
    wcu: int = 1
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class SyntheticSource:
    """A source of given rows.

    Attributes:
        rows: all of them.
        name: what rejects call it.
    """

    rows: Sequence[Row]
    name: str = "memory.csv"
    size_bytes: int = field(default=0)

    @property
    def identity(self) -> str:
        return self.name

    def fingerprint(self) -> str:
        return f"{hash64(self.name):064x}"

    def open_file(self) -> BinaryIO:
        return io.BytesIO(b"".join(self.open()))

    def open(self) -> Iterator[bytes]:
        yield b"".join(b"%07d\n" % n for n in range(len(self.rows)))

    def position(self, row: int) -> Position:
        """The place before a row, counted from 0."""
        return Position(row * LINE_BYTES, row, row)


def work(shard: Shard, source: SyntheticSource, first: int, after: int) -> PreparedChunk:
    """The chunk of the rows from `first` to before `after`, as `run_chunk` would make it."""
    rows = source.rows[first:after]
    index = np.array([n for n, row in enumerate(rows) if row.rejected is None], np.int32)
    kept = [row for row in rows if row.rejected is None]
    built = items([row.pk for row in kept], [row.sk for row in kept], [row.wcu for row in kept])
    chunk = RowChunk(
        start=source.position(first),
        end=source.position(after),
        data=b"".join(b"%07d\n" % n for n in range(first, after)),
        bounds=np.arange(len(rows) + 1, dtype=np.int64) * LINE_BYTES,
        index=index,
        cells={},
        rejected=tuple((n, row.rejected) for n, row in enumerate(rows) if row.rejected is not None),
    )
    records = Records(index, (), np.zeros(len(index), np.int32), ((),))
    normalized = Normalized(records, {}, (), {})
    placed = Items(built.request, built.pk, built.sk, built.size_bytes, built.kind, index, built.key_hash)
    return PreparedChunk(
        placed, PendingChunk.of(Bundle.of(Origin(shard.number, 0, shard.source.name), chunk), normalized, placed)
    )
