"""Read this first: the way of a dump, from its bytes to the items of a table.

    source → decoder → format → normalize → hash → item → batch → sink → report

`plan` finds out what there is to do without reading a row. `run_shard` is the way itself: one
direction, chunk by chunk, until each chunk is handed to a writer, which batches its items, puts them
into the sink, and settles the chunk in the report once everything in it is safe.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ingest_cli.decoders import decode
from ingest_cli.formats import Format
from ingest_cli.items import ItemBuilder, Items
from ingest_cli.manifest import Field, Manifest
from ingest_cli.normalize import Normalized, normalize
from ingest_cli.policies.chunking import ChunkSize
from ingest_cli.policies.window import Window
from ingest_cli.records import WHOLE, Position, Reject, RowChunk, Span
from ingest_cli.report import Account
from ingest_cli.sinks.interface import Refusal
from ingest_cli.sources import Source, find_sources


@dataclass(frozen=True, slots=True)
class Shard:
    """What is to be read of one source.

    Attributes:
        number: its place among the shards of the load.
        source: what is read.
        spans: which stretches of it, in order.
    """

    number: int
    source: Source
    spans: tuple[Span, ...] = (WHOLE,)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a manifest comes to on this day.

    Attributes:
        manifest: what was asked for.
        shards: what there is to read, in order.
        wanted: columns to keep.
    """

    manifest: Manifest
    shards: tuple[Shard, ...]
    wanted: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """Size of all sources as they lie there."""
        return sum(shard.source.size_bytes for shard in self.shards)


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages a shard is run through, set up for one load.

    Attributes:
        encoding: character set of sources without a byte order mark.
        format: parses.
        chunk_size: learns how long a chunk keeps the writer busy, and tells the format what to aim at.
        window: which rows count.
        fields: what the columns hold.
        items: hashes, and builds items.
        on_bytes: told how many bytes were read from a source.
        keep_raw: whether rejects hold the record they were made of.
    """

    encoding: str
    format: Format
    chunk_size: ChunkSize
    window: Window
    fields: tuple[Field, ...]
    items: ItemBuilder
    on_bytes: Callable[[int], None]
    keep_raw: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A chunk at the end of its way: the items to write, and what to account for once they are written."""

    shard: Shard
    rows: RowChunk
    normalized: Normalized
    items: Items
    keep_raw: bool

    def account(self, acknowledged: int, refused: tuple[Refusal, ...]) -> Account:
        """The account of the chunk, given what the sink said."""
        return _account(self, acknowledged, refused)

    def rejects(self, refused: tuple[Refusal, ...]) -> Iterator[Reject]:
        """A reject for each row, and each item, that did not reach the table."""
        return _rejects(self, refused)


class Writer(Protocol):
    """Takes chunks, and settles each once all of its items are safe."""

    def write(self, work: Work) -> None:
        """Take a chunk; may return before it is written.

        Raises:
            IngestError: this chunk, or one taken before, cannot be written.
        """
        ...


def plan(manifest: Manifest) -> Plan:
    """Find the sources of `manifest`.

    Raises:
        SourceError: there is none, or one cannot be read.
    """
    sources = find_sources(manifest.dataset.sources, manifest.base_dir)
    wanted = dict.fromkeys(name for each in manifest.fields for name in each.columns)
    return Plan(
        manifest,
        tuple(Shard(number, source) for number, source in enumerate(sources)),
        tuple(wanted),
    )


def run_shard(shard: Shard, stages: Stages, writer: Writer) -> Position:
    """Take a shard through all stages; returns where it ends.

    Raises:
        SourceError: it could not be read to its end; the rows before were written.
        ManifestError: the manifest does not fit it.
        IngestError: the writer cannot go on.
    """
    text = decode(_counted(shard.source.open(), stages.on_bytes), stages.encoding)
    end = shard.spans[0].start if shard.spans else Position()
    for rows in stages.window.take(shard.source.name, stages.format.read(text, shard.spans)):
        began = time.monotonic()
        normalized = normalize(rows, stages.fields)
        items = stages.items.build(normalized.records)
        writer.write(Work(shard, rows, normalized, items, stages.keep_raw))
        stages.chunk_size.took(len(rows.data), time.monotonic() - began)
        end = rows.end
    return end


def _counted(pieces: Iterator[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        on_bytes(len(piece))
        yield piece


def _account(work: Work, acknowledged: int, refused: tuple[Refusal, ...]) -> Account:
    rows, normalized, items = work.rows, work.normalized, work.items
    account = Account(
        rows_read=rows.records,
        rows_kept=len(normalized.records.index),
        rejected_identifiers=Counter(normalized.rejected_identifiers),
        items_built=len(items) + items.merged,
        items_merged=items.merged,
        items_acknowledged=acknowledged,
        bytes_acknowledged=int(items.size_bytes.sum()),
        wcu_predicted=int(items.wcu.sum()),
        largest_item_bytes=int(items.size_bytes.max(initial=0)),
    )
    for skipped in (rows.skipped, normalized.skipped):
        account.skipped.update({reason: len(index) for reason, index in skipped.items()})
    account.rejected.update(reason for _, reason in rows.rejected)
    account.rejected.update(reason for _, reason, _ in normalized.rejected)
    account.flags.update(rows.flags)
    account.flags.update(normalized.flags)
    account.identifiers.update(items.count_by_kind())
    account.refused.update(one.reason for one in refused)
    for one in refused:
        account.bytes_acknowledged -= int(items.size_bytes[one.item])
        account.wcu_predicted -= int(items.wcu[one.item])
    return account


def _rejects(work: Work, refused: tuple[Refusal, ...]) -> Iterator[Reject]:
    rows, items = work.rows, work.items
    entries: list[tuple[int, str, str, str | None]] = [
        (index, "parse", reason, None) for index, reason in rows.rejected
    ]
    entries += [(index, "normalize", reason, column) for index, reason, column in work.normalized.rejected]
    entries += [(int(items.record[one.item]), "write", one.reason, items.kind[one.item].as_py()) for one in refused]
    if not entries:
        return
    entries.sort(key=lambda entry: entry[0])
    index = np.array([entry[0] for entry in entries], np.int32)
    for (at, stage, reason, column), row, line in zip(entries, rows.rows(index), rows.lines(index), strict=True):
        raw = rows.raw(at) if work.keep_raw else None
        yield Reject(int(row), int(line), stage, reason, column, raw)
