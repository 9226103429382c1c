"""The pipeline from the bytes of a dump to the items of a table. Read this first.

    source → decoder → format → normalize → hash → item → batch → sink → report

`plan` finds the sources without reading a row. `run_shard` is the first half: it passes chunks of rows to a gatherer,
which passes them to a writer. `Preparation.prepare` is the second half: it turns rows into items. The writer batches
these, puts them into the sink, and commits the chunk to the report once all of its items are safe. Between the halves
a chunk may move to another process, so that several work in parallel.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count
from typing import BinaryIO, Protocol

from ingest_cli.checkpoint.chunk_result import PendingChunk
from ingest_cli.decoders import HEAD_BYTES, Member, is_packed, members
from ingest_cli.decoders.charset import raising, to_utf8
from ingest_cli.decoders.interface import shown
from ingest_cli.decoders.reader import FEED_BYTES, in_pieces
from ingest_cli.errors import IngestError, ManifestError, MissingColumnError, SourceError
from ingest_cli.formats import FileFormat, Format, Wanted
from ingest_cli.formats.gathering import Gatherer
from ingest_cli.formats.interface import DEFAULT_CHUNK_BYTES, ChunkBytes
from ingest_cli.formats.row_selection import RowSelection
from ingest_cli.formats.sniffing.magic import container_format, known_format
from ingest_cli.identifiers.normalize import normalize
from ingest_cli.items.builder import ItemBuilder, Items
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.chunks import WHOLE, Origin, Position, RowChunk, Span
from ingest_cli.model.manifest import MAX_IDENTIFIERS, Field, Manifest
from ingest_cli.model.settings import Target
from ingest_cli.model.source_budget import Budget
from ingest_cli.sources import Sleep, Source, find_by_entry, join
from ingest_cli.sources.parts import WholeEnd, with_advice
from ingest_cli.sources.shard import Shard

OPTIONAL = "If some of the files lack it, set `optional = true` in its [[fields]]"
"""Advice when a column is missing from some of several files."""

BEGUN = "The rows before it were read, and by a load written"
"""Remark for a manifest error that is found after rows were read."""

MAX_PACKED_FILE_BYTES = 64 << 20
"""Maximum unpacked size of a compressed file whose format needs random access: it is held in memory as a whole."""


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

    @property
    def size_bytes(self) -> int:
        """Total size of all sources as stored (compressed if they are)."""
        return sum(shard.source.size_bytes for shard in self.shards)


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages from bytes to rows, set up for one load.

    Attributes:
        encoding: character set of sources without a byte order mark.
        format: parser.
        window: selection of rows.
        on_bytes: called with the number of bytes read from a source.
        chunk_bytes: returns the target size of a chunk in decoded bytes.
        on_decoded: called with the number of decoded bytes.
        on_note: called with remarks about a source that are not errors.
        on_end: called with the end position of each member of a source that was read to its end.
        age_identity: returns the identities or passphrase for sources encrypted with age.
        ends: by shard number, what its text may end with if another shard follows.
        stream_format, file_format: `format` by what it reads; the other one is None.
    """

    encoding: str
    format: Format | FileFormat
    window: RowSelection
    on_bytes: Callable[[int], None]
    chunk_bytes: ChunkBytes = lambda: DEFAULT_CHUNK_BYTES
    on_decoded: Callable[[int], None] = lambda _count: None
    on_note: Callable[[str], None] = lambda _note: None
    on_end: Callable[[Origin, Position], None] = lambda _origin, _end: None
    age_identity: Callable[[], str] | None = None
    ends: Mapping[int, WholeEnd] = field(default_factory=dict)
    stream_format: Format | None = field(init=False)
    file_format: FileFormat | None = field(init=False)

    def __post_init__(self) -> None:
        """Set `stream_format` and `file_format` once; checking for each small file would be slow."""
        reads_files = isinstance(self.format, FileFormat)
        object.__setattr__(self, "stream_format", None if reads_files else self.format)
        object.__setattr__(self, "file_format", self.format if reads_files else None)


@dataclass(frozen=True, slots=True)
class Work:
    """A chunk after the last stage.

    Attributes:
        items: items to write.
        settlement: counts to record once the items are written.
    """

    items: Items
    pending: PendingChunk


@dataclass(frozen=True, slots=True)
class Preparation:
    """The stages from rows to items, set up for one load.

    Attributes:
        fields: contents of the columns.
        items: builder that hashes identifiers and builds items.
        keep_raw: whether rejects keep the record they came from.
        max_identifiers: maximum number of different identifiers of one kind in a row.
    """

    fields: tuple[Field, ...]
    items: ItemBuilder
    keep_raw: bool = False
    max_identifiers: int = MAX_IDENTIFIERS

    def prepare(self, bundle: Bundle) -> Work:
        """Turn the rows of a chunk into items."""
        normalized = normalize(bundle.rows, self.fields, self.max_identifiers)
        items = self.items.build(normalized.records)
        return Work(items, PendingChunk.of(bundle, normalized, items, keep_raw=self.keep_raw))


class Writer(Protocol):
    """Interface of writers, which commit each chunk of rows once all of its items are safe."""

    def write(self, bundle: Bundle) -> None:
        """Accept a chunk; may return before it is written.

        Raises:
            IngestError: this chunk, or an earlier one, cannot be written.
        """
        ...


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
    return Plan(manifest, tuple(chain.from_iterable(shards)), wanted_of(manifest), shards, tuple(notes))


def wanted_of(manifest: Manifest) -> Wanted:
    """Return the columns that the fields of `manifest` use."""
    optional: dict[str, bool] = {}
    read = set[str]()
    for each in manifest.fields:
        names = each.columns if each.region_column is None else (*each.columns, each.region_column)
        for name in names:
            optional[name] = optional.get(name, True) and each.optional
        if each.kind is not None:
            read.update(names)
    lacking = frozenset(name for name, may_lack in optional.items() if may_lack)
    return Wanted(tuple(optional), lacking, frozenset(optional) - read)


def run_shard(shard: Shard, stages: Stages, gatherer: Gatherer) -> int:
    """Read a shard to its end and pass its rows to `gatherer`; return its number of members.

    Raises:
        SourceError: the shard could not be read to its end; the rows before the fault were passed on.
        ManifestError: the manifest does not fit the shard.
        IngestError: the writer behind the gatherer cannot continue.
    """
    members_read, reading, is_begun = 0, shard.source.name, shard.number > 0
    try:
        for member in _members(shard, stages, gatherer.most_text_bytes):
            members_read, reading = member.origin.member + 1, member.origin.name
            if member.text is None or not gatherer.take(member.origin, member.text):
                end = member.spans[-1].start
                for rows in stages.window.take(member.origin.name, member.chunks()):
                    gatherer.add(member.origin, rows)
                    is_begun = True
                    end = rows.end if rows.end.offset > end.offset else end
                if stages.window.exhausted():
                    break
                stages.on_end(member.origin, end)
            is_begun = True
            reading = shard.source.name
    except (SourceError, ManifestError) as error:
        raise named(error, shard.source, reading, several=is_begun, is_begun=is_begun) from error
    return members_read


def named(
    error: SourceError | ManifestError, source: Source, name: str, *, several: bool, is_begun: bool = False
) -> IngestError:
    """Return a copy of the error that names the source or the file in it.

    Args:
        error: the original error.
        source: the source that was read.
        name: name of the source or of the file in it.
        several: whether other sources exist that may have a column missing from this one.
        is_begun: whether rows were read before the error.
    """
    text = f'"{name}": {with_advice(error, source.name) if isinstance(error, SourceError) else error}'
    if several and isinstance(error, MissingColumnError):
        text += f"{'' if text.endswith('?') else '.'} {OPTIONAL}"
    if is_begun and isinstance(error, ManifestError):
        text += f"{'' if text.endswith('?') else '.'} {BEGUN}"
    return error.with_text(text)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A member of a shard, ready to be parsed.

    Attributes:
        origin: identity of the member.
        spans: ranges to read.
        chunks: parses the member.
        text: the whole text if it is small and all of its rows are selected, else None.
    """

    origin: Origin
    spans: tuple[Span, ...]
    chunks: Callable[[], Iterator[RowChunk]]
    text: bytes | None = None


def _members(shard: Shard, stages: Stages, most_text_bytes: int) -> Iterator[_Reading]:
    """Yield the members of a shard that still have ranges to read; skip those that are done."""
    source, file_format = shard.source, stages.file_format
    if file_format is not None:
        with source.open_file() as file:
            head = file.read(HEAD_BYTES)
            if not is_packed(head, but_for=file_format.signatures):
                refuse_known(head, file_format)
                if spans := shard.remaining.of(0):
                    origin = Origin(shard.number, 0, source.name)
                    yield _Reading(origin, spans, partial(file_format.read_file, file, spans))
                stages.on_bytes(source.size_bytes)
                return
    budget = Budget(note=lambda note: stages.on_note(f'"{source.name}": {note}'))
    for number, member in enumerate(_unpacked(source, stages, budget)):
        spans = shard.remaining.of(number)
        if spans:
            refuse_known(member.head, file_format, member.name)
            origin = Origin(shard.number, number, f"{source.name}/{member.name}" if member.name else source.name)
            if stages.stream_format is not None:
                decoded = _counted(to_utf8(member.pieces, stages.encoding), stages.on_decoded)
                if shard.number in stages.ends and not member.name:
                    decoded = stages.ends[shard.number].checked(decoded)
                takes_all = spans == (WHOLE,) and stages.window.takes_all()
                text, decoded = _look(decoded, most_text_bytes) if takes_all else (None, decoded)
                yield _Reading(origin, spans, partial(_charged, stages.stream_format, decoded, spans, budget), text)
            elif file_format is not None:
                yield _Reading(origin, spans, partial(file_format.read_file, _in_memory(member.pieces), spans))


def _charged(
    stream_format: Format, decoded: Iterable[bytes], spans: Sequence[Span], budget: Budget
) -> Iterator[RowChunk]:
    """Yield the chunks of a member and charge their rows to the budget of the source."""
    for chunk in stream_format.read(decoded, spans):
        yield chunk
        budget.add_rows(chunk.records)


def _look(pieces: Iterator[bytes], most_bytes: int) -> tuple[bytes | None, Iterator[bytes]]:
    """Return the whole stream, or None if it exceeds `most_bytes`, and the same stream from its first byte."""
    seen, size = list[bytes](), 0
    try:
        while size <= most_bytes:
            if (piece := next(pieces, None)) is None:
                return b"".join(seen), iter(seen)
            seen.append(piece)
            size += len(piece)
    except SourceError as fault:
        return None, chain(seen, raising(fault))
    return None, chain(seen, pieces)


def refuse_known(head: bytes, file_format: FileFormat | None, member: str = "") -> None:
    """Refuse a file that is recognizably of another format.

    Args:
        head: first bytes of the file.
        file_format: the format that is to read it; None: a text format.
        member: name in the archive; empty if the source is not an archive.

    Raises:
        SourceError: the file has another format; names it and says what to do.
    """
    if file_format is not None and (head.startswith(file_format.signatures) or is_packed(head)):
        return
    if (known := known_format(head)) is not None:
        name = container_format(head)
        use = "" if name is None else f'; set `name = "{name}"` in [format], and leave out what is for text only'
        what = f'"{shown(member)}" in it' if member else "this"
        raise SourceError(f"{what} is {known.sentence}{use}")


def _unpacked(source: Source, stages: Stages, budget: Budget) -> Iterator[Member]:
    """Return the files within `source`."""
    pieces = _counted(_fed(source.open()), stages.on_bytes)
    return members(
        pieces,
        budget,
        age_key=stages.age_identity,
        open_file=source.open_file,
    )


def _in_memory(pieces: Iterable[bytes]) -> BinaryIO:
    """Read a compressed file whose format needs random access into memory.

    Raises:
        SourceError: the file is too large.
    """
    file = io.BytesIO()
    for piece in pieces:
        file.write(piece)
        if file.tell() > MAX_PACKED_FILE_BYTES:
            raise SourceError(
                f"a file of this format has to be read at any place, and packed ones of more than "
                f"{MAX_PACKED_FILE_BYTES >> 20} MiB are not; unpack it first"
            )
    file.seek(0)
    return file


def _fed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Split compressed bytes into the pieces that the decompressor takes, so that counting follows decoding."""
    for first in pieces:
        rest = chain([first], pieces)
        yield from in_pieces(rest, FEED_BYTES) if is_packed(first[:HEAD_BYTES]) else rest


def _counted(pieces: Iterator[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        on_bytes(len(piece))
        yield piece
