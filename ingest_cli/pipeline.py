"""The pipeline from the bytes of a dump to the items of a table. Read this first.

    source → decoder → format → normalize → hash → item → batch → sink → report

`run_shard` has the first three stages, `run_chunk` the next three, and `deliver` the last three. Between `run_shard`
and `run_chunk` a chunk of rows may move to another process, so that several work in parallel; an engine with several
requests in flight replaces `deliver` (`engines.delivery`). The pipeline must not depend on engines or commands.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import BinaryIO

from ingest_cli.checkpoint.chunk_result import ChunkResult, PendingChunk
from ingest_cli.decoders import HEAD_BYTES, Member, is_packed, members, to_utf8
from ingest_cli.decoders.interface import shown
from ingest_cli.decoders.reader import counted, in_memory, small_pieces, small_text
from ingest_cli.formats import FileFormat, Format, Wanted
from ingest_cli.formats.gathering import Gatherer
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.row_selection import RowSelection
from ingest_cli.formats.sniffing.magic import refuse_known
from ingest_cli.identifiers.normalize import normalize
from ingest_cli.items.batching import Refusal, batches
from ingest_cli.items.builder import ItemBuilder, Items
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.chunks import WHOLE, Origin, Position, RowChunk, Span
from ingest_cli.model.manifest import MAX_IDENTIFIERS, Field, Manifest
from ingest_cli.model.settings import Target
from ingest_cli.model.source_budget import Budget
from ingest_cli.report.observer import RunObserver
from ingest_cli.sinks.interface import Sink
from ingest_cli.sources import Sleep, Source, find_by_entry, join
from ingest_cli.sources.error_place import ErrorPlace
from ingest_cli.sources.parts import WholeEnd
from ingest_cli.sources.shard import Shard

Commit = Callable[[ChunkResult], None]
"""Records the result of a chunk, once all of its items are acknowledged or refused."""


def run_shard(shard: Shard, stages: RowStages, gatherer: Gatherer) -> int:
    """Read a shard to its end; return its number of members. The gatherer passes its rows to `run_chunk`.

    Raises:
        SourceError: the shard could not be read to its end; the rows before the fault were passed on.
        ManifestError: the manifest does not fit the shard.
        IngestError: the writer behind the gatherer cannot continue.
    """
    place = ErrorPlace(shard)
    with place.named():
        pieces = stages.open(shard)  # 1. source
        for member in stages.decode(shard, pieces, gatherer.most_text_bytes):  # 2. decoder
            place.begin(member.origin)
            if member.text is None or not gatherer.take(member.origin, member.text):
                for rows in stages.parse(member):  # 3. format
                    gatherer.add(member.origin, rows)  # → `run_chunk`
                    place.is_begun = True
                if stages.selection.exhausted():
                    break
                stages.observer.member_read(member.origin, member.end)
            place.end()
    return place.members


def run_chunk(chunk: Bundle, stages: ItemStages, deliver: Callable[[PreparedChunk], None]) -> None:
    """Turn a chunk of rows into items, and pass these to `deliver`, or to its replacement in an engine."""
    normalized = normalize(chunk.rows, stages.fields, stages.max_identifiers)  # 4. normalize
    hashed = stages.items.hash(normalized.records)  # 5. hash
    items = stages.items.build(hashed)  # 6. item
    deliver(PreparedChunk(items, PendingChunk.of(chunk, normalized, items, keep_raw=stages.keep_raw)))


def deliver(prepared: PreparedChunk, sink: Sink, commit: Commit) -> None:
    """Write the items of a chunk, one request at a time, and commit it to the report."""
    acknowledged, refused = 0, tuple[Refusal, ...]()
    for batch in batches(prepared.items):  # 7. batch
        receipt = sink.put(batch)  # 8. sink
        acknowledged += receipt.acknowledged
        refused += receipt.refused
    commit(prepared.pending.result(acknowledged, refused))  # 9. report


@dataclass(slots=True)
class DecodedMember:
    """A member of a shard, ready to be parsed.

    Attributes:
        origin: identity of the member.
        spans: ranges to read.
        budget: limits of the source.
        pieces: its text in UTF-8.
        file: its content as a seekable file, for a format that needs one.
        text: the whole text if it is small and all of its rows are selected, else None.
        end: end of the rows parsed so far.
    """

    origin: Origin
    spans: tuple[Span, ...]
    budget: Budget
    pieces: Iterator[bytes] = field(default_factory=lambda: iter(()))
    file: BinaryIO | None = None
    text: bytes | None = None
    end: Position = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.spans[-1].start


@dataclass(frozen=True, slots=True)
class RowStages:
    """The stages from bytes to rows, set up for one load.

    Attributes:
        encoding: character set of sources without a byte order mark.
        format: parser.
        selection: rows to load.
        observer: receives the events of reading.
        chunk_bytes: returns the target size of a chunk in decoded bytes.
        age_identity: returns the identities or passphrase for sources encrypted with age.
        ends: by shard number, what its text may end with if another shard follows.
        stream_format, file_format: `format` by what it reads; the other one is None.
    """

    encoding: str
    format: Format | FileFormat
    selection: RowSelection
    observer: RunObserver = field(default_factory=RunObserver)
    chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
    age_identity: Callable[[], str] | None = None
    ends: Mapping[int, WholeEnd] = field(default_factory=dict)
    stream_format: Format | None = field(init=False)
    file_format: FileFormat | None = field(init=False)

    def __post_init__(self) -> None:
        """Set `stream_format` and `file_format` once; checking for each small file would be slow."""
        reads_files = isinstance(self.format, FileFormat)
        object.__setattr__(self, "stream_format", None if reads_files else self.format)
        object.__setattr__(self, "file_format", self.format if reads_files else None)

    def open(self, shard: Shard) -> Iterator[bytes]:
        """Yield the bytes of a shard as stored. The source is opened when the first of them is wanted."""
        yield from counted(small_pieces(shard.source.open(), is_packed), self.observer.bytes_read)

    def decode(self, shard: Shard, pieces: Iterator[bytes], most_text_bytes: int) -> Iterator[DecodedMember]:
        """Yield the members of a shard that still have ranges to read.

        Args:
            shard: the shard.
            pieces: its bytes; not read if its format needs a file, and the shard is one.
            most_text_bytes: maximum size of a small text.
        """
        source, budget = shard.source, Budget(note=lambda note: self.observer.note(f'"{shard.source.name}": {note}'))
        if self.file_format is not None:
            with source.open_file() as file:
                head = file.read(HEAD_BYTES)
                if not is_packed(head, but_for=self.file_format.signatures):
                    refuse_known(head, but_for=self.file_format.signatures)
                    if spans := shard.remaining.of(0):
                        yield DecodedMember(Origin(shard.number, 0, source.name), spans, budget, file=file)
                    self.observer.bytes_read(source.size_bytes)
                    return
        found = members(pieces, budget, age_key=self.age_identity, open_file=source.open_file)
        for number, member in enumerate(found):
            if spans := shard.remaining.of(number):
                name = f"{source.name}/{member.name}" if member.name else source.name
                decoded = DecodedMember(Origin(shard.number, number, name), spans, budget)
                self._decode_member(member, decoded, most_text_bytes)
                yield decoded

    def parse(self, member: DecodedMember) -> Iterator[RowChunk]:
        """Yield the rows of a member, those that are not selected as skipped ones."""
        for rows in self.selection.take(member.origin.name, self._parse_all(member)):
            yield rows
            member.end = rows.end if rows.end.offset > member.end.offset else member.end

    def _parse_all(self, member: DecodedMember) -> Iterator[RowChunk]:
        if self.file_format is not None and member.file is not None:
            yield from self.file_format.read_file(member.file, member.spans)
        elif self.stream_format is not None:
            for rows in self.stream_format.read(member.pieces, member.spans):
                yield rows
                member.budget.add_rows(rows.records)

    def _decode_member(self, member: Member, decoded: DecodedMember, most_text_bytes: int) -> None:
        """Set the content of a member."""
        if self.file_format is not None:
            if not is_packed(member.head):
                refuse_known(member.head, shown(member.name), but_for=self.file_format.signatures)
            decoded.file = in_memory(member.pieces)
            return
        refuse_known(member.head, shown(member.name))
        text = counted(to_utf8(member.pieces, self.encoding), self.observer.text_decoded)
        if (end := self.ends.get(decoded.origin.shard)) is not None and not member.name:
            text = end.checked(text)
        if decoded.spans == (WHOLE,) and self.selection.takes_all():
            decoded.text, text = small_text(text, most_text_bytes)
        decoded.pieces = text


@dataclass(frozen=True, slots=True)
class ItemStages:
    """The stages from rows to items, set up for one load.

    Attributes:
        fields: contents of the columns.
        items: hashes identifiers and builds items.
        keep_raw: whether rejects keep the record they came from.
        max_identifiers: maximum number of different identifiers of one kind in a row.
    """

    fields: tuple[Field, ...]
    items: ItemBuilder
    keep_raw: bool = False
    max_identifiers: int = MAX_IDENTIFIERS


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A chunk ready to be written.

    Attributes:
        items: items to write.
        pending: counts and rejects to record once the items are written.
    """

    items: Items
    pending: PendingChunk


@dataclass(frozen=True, slots=True)
class Plan:
    """Sources that a manifest resolves to at the time of the run.

    Attributes:
        manifest: the parsed manifest.
        shards: sources to read, in order.
        wanted: columns to keep.
        entries: shards grouped by the entry of `sources` that named them.
        notes: remarks for the report.
    """

    manifest: Manifest
    shards: tuple[Shard, ...]
    wanted: Wanted
    entries: tuple[tuple[Shard, ...], ...] = ()
    notes: tuple[str, ...] = ()


def plan(manifest: Manifest, target: Target | None = None, wait: Sleep = time.sleep) -> Plan:
    """Find the sources of `manifest`.

    Args:
        manifest: names the sources.
        target: profile and region for sources in AWS; None: those of the environment.
        wait: sleeps for a number of seconds while a source is awaited; raises if the run is to end.

    Raises:
        SourceError: no source is found, or one cannot be read, or the order of the parts of one file is unknown.
        UsageError: a source can only be read from standard input, which is not piped.
    """
    notes = list[str]()
    entries = manifest.dataset.sources
    found: Sequence[Sequence[Source]] = find_by_entry(entries, manifest.base_dir, target, wait, notes.append)
    if manifest.dataset.join:
        found = [[join(found)]]
    numbers = count()
    shards = tuple(tuple(Shard(next(numbers), source) for source in several) for several in found)
    return Plan(manifest, tuple(chain.from_iterable(shards)), Wanted.of(manifest), shards, tuple(notes))
