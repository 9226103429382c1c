"""The pipeline on bytes in memory: each chunk is written and committed at once, with nothing around it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ingest_cli.engines.chunk_size import ChunkSize
from ingest_cli.errors import IngestError
from ingest_cli.formats import Wanted, open_format
from ingest_cli.formats.gathering import Gatherer
from ingest_cli.formats.row_selection import RowRange
from ingest_cli.items.batching import Refusal, batches
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.bundles import Bundle, Part
from ingest_cli.model.chunks import Origin, Position, Reject
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import Manifest, parse_manifest
from ingest_cli.pipeline import ItemStages, PreparedChunk, RowStages, run_chunk, run_shard
from ingest_cli.report.account import Account
from ingest_cli.report.observer import RunObserver
from ingest_cli.sinks.interface import Sink
from ingest_cli.sinks.memory import MemorySink
from ingest_cli.sources.shard import Shard

PEPPER = Pepper("k1", bytes(range(32)))
SRC = "0123abcd"
CHUNK_BYTES = 2 << 20

Table = dict[tuple[str, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class BytesSource:
    """A source whose bytes are given, in pieces of `piece` bytes; raises `fault` behind the last, if there is one."""

    data: bytes
    piece: int = 1 << 20
    name: str = "memory.csv"
    fault: IngestError | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    @property
    def identity(self) -> str:
        return self.name

    def fingerprint(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def open_file(self) -> BinaryIO:
        return io.BytesIO(self.data)

    def open(self) -> Iterator[bytes]:
        for at in range(0, len(self.data), self.piece):
            yield self.data[at : at + self.piece]
        if self.fault is not None:
            raise self.fault


class FixedSize(ChunkSize):
    """Chunks of one size, however long they take."""

    def chunk_done(self, size_bytes: int, duration_s: float) -> None:
        """Learn nothing."""


@dataclass(slots=True)
class ChunkResult(RunObserver):
    """A writer that puts each chunk into `sink` and commits it at once; what a run came to.

    Attributes:
        origins: of the rejects.
        parts: of all chunks.
        ends: where each member that was read to its end ends.
    """

    sink: Sink
    stages: ItemStages | None = None
    account: Account = field(default_factory=Account)
    rejects: list[Reject] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    works: list[PreparedChunk] = field(default_factory=list)
    ends: dict[Origin, Position] = field(default_factory=dict)

    def member_read(self, origin: Origin, end: Position) -> None:
        self.ends[origin] = end

    def write(self, bundle: Bundle) -> None:
        assert self.stages is not None
        run_chunk(bundle, self.stages, self.put)
        self.parts += bundle.parts

    def put(self, work: PreparedChunk) -> None:
        acknowledged, refused = 0, tuple[Refusal, ...]()
        for batch in batches(work.items):
            receipt = self.sink.put(batch)
            assert receipt.unprocessed is None, "this writer is for sinks that leave nothing over"
            acknowledged += receipt.acknowledged
            refused += receipt.refused
        self.account.add(work.pending.account(acknowledged, refused))
        for origin, reject in work.pending.rejects(refused):
            self.origins.append(origin)
            self.rejects.append(reject)
        self.works.append(work)


def manifest(
    columns: Mapping[str, str], *, format_: str = 'header = true\nname = "csv"', dataset: str = "demo"
) -> Manifest:
    """A manifest of `columns`, name → kind; "" for one that only counts as there ("Names")."""
    lines = ["version = 1", "[dataset]", f'id = "{dataset}"', 'title = "Demo"', 'sources = ["memory.csv"]']
    lines += ["[format]", format_]
    for name, kind in columns.items():
        lines += ["[[fields]]", f'column = "{name}"', f'kind = "{kind}"' if kind else 'exposes = "Names"']
    return parse_manifest("\n".join(lines))


def run(
    wanted: Manifest,
    sources: Sequence[BytesSource],
    sink: Sink | None = None,
    *,
    chunk_bytes: int = CHUNK_BYTES,
    src: str = SRC,
) -> ChunkResult:
    """Take `sources` through all stages, into memory unless there is another `sink`.

    Raises:
        IngestError: as `run_shard`.
    """
    stages = ItemStages(wanted.fields, ItemBuilder(Hasher(PEPPER), wanted.dataset.id, src))
    settled = ChunkResult(MemorySink() if sink is None else sink, stages)
    run_into(settled, wanted, [Shard(number, source) for number, source in enumerate(sources)], chunk_bytes)
    return settled


def run_into(settled: ChunkResult, wanted: Manifest, shards: Sequence[Shard], chunk_bytes: int = CHUNK_BYTES) -> None:
    """Take `shards` through all stages; small ones share their chunks.

    Raises:
        IngestError: as `run_shard`.
    """
    stages = RowStages(
        encoding=wanted.format.encoding,
        format=open_format(wanted.format, Wanted.of(wanted), FixedSize(chunk_bytes)),
        selection=RowRange(),
        observer=settled,
        chunk_bytes=FixedSize(chunk_bytes),
    )
    with Gatherer(settled.write, stages.format, stages.chunk_bytes, stages.observer) as gatherer:
        for shard in shards:
            run_shard(shard, stages, gatherer)


def table_of(settled: ChunkResult) -> Table:
    """What a run into memory left there."""
    assert isinstance(settled.sink, MemorySink)
    return dict(settled.sink.items)
