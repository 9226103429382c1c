"""Read this first: the way of a dump, from its bytes to the items of a table.

    source → decoder → format → normalize → hash → item → batch → sink → report

`plan` finds out what there is to do without reading a row. `run_shard` is the way itself: one
direction, chunk by chunk, until each chunk is handed to a writer, which batches its items, puts them
into the sink, and settles the chunk in the report once everything in it is safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ingest_cli.decoders import decode
from ingest_cli.formats import Format
from ingest_cli.items import ItemBuilder, Items
from ingest_cli.manifest import Field, Manifest
from ingest_cli.normalize import normalize
from ingest_cli.policies.chunking import ChunkSize
from ingest_cli.policies.window import Window
from ingest_cli.records import WHOLE, Position, Span
from ingest_cli.settlement import Settlement
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
    """A chunk at the end of its way.

    Attributes:
        items: what to write.
        settlement: what to account for once it is written.
    """

    items: Items
    settlement: Settlement


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
        settlement = Settlement.of(shard.source.name, shard.number, rows, normalized, items, keep_raw=stages.keep_raw)
        writer.write(Work(items, settlement))
        stages.chunk_size.took(len(rows.data), time.monotonic() - began)
        end = rows.end
    return end


def _counted(pieces: Iterator[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        on_bytes(len(piece))
        yield piece
