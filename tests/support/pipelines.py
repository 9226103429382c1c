"""The way of a dump run on bytes in memory, settled chunk by chunk as an engine does, with nothing around it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ingest_cli.engines.chunk_size import ChunkSize
from ingest_cli.errors import IngestError
from ingest_cli.formats import open_format
from ingest_cli.formats.gathering import Gatherer
from ingest_cli.formats.row_selection import RowRange
from ingest_cli.items.batching import batches
from ingest_cli.items.builder import ItemBuilder
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.bundles import Bundle, Part
from ingest_cli.model.chunks import Origin, Position, Reject
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import Manifest, parse_manifest
from ingest_cli.pipeline import Preparation, Stages, Work, run_shard, wanted_of
from ingest_cli.report.report import Account
from ingest_cli.sinks.interface import Refusal, Sink
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

    def record(self, size: int, duration_s: float) -> None:
        """Learn nothing."""


@dataclass(slots=True)
class ChunkResult:
    """A writer that puts each chunk into `sink` and settles it at once; what a run came to.

    Attributes:
        origins: of the rejects.
        parts: of all chunks.
        ends: where each member that was read to its end ends.
    """

    sink: Sink
    preparation: Preparation | None = None
    account: Account = field(default_factory=Account)
    rejects: list[Reject] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    ends: dict[Origin, Position] = field(default_factory=dict)

    def write(self, bundle: Bundle) -> None:
        assert self.preparation is not None
        work = self.preparation.prepare(bundle)
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
        self.parts += bundle.parts
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
    preparation = Preparation(wanted.fields, ItemBuilder(Hasher(PEPPER), wanted.dataset.id, src))
    settled = ChunkResult(MemorySink() if sink is None else sink, preparation)
    run_into(settled, wanted, [Shard(number, source) for number, source in enumerate(sources)], chunk_bytes)
    return settled


def run_into(settled: ChunkResult, wanted: Manifest, shards: Sequence[Shard], chunk_bytes: int = CHUNK_BYTES) -> None:
    """Take `shards` through all stages; small ones share their chunks.

    Raises:
        IngestError: as `run_shard`.
    """
    stages = Stages(
        encoding=wanted.format.encoding,
        format=open_format(wanted.format, wanted_of(wanted), FixedSize(chunk_bytes)),
        window=RowRange(),
        on_bytes=lambda _: None,
        chunk_bytes=FixedSize(chunk_bytes),
        on_end=settled.ends.__setitem__,
    )
    with Gatherer(settled.write, stages.format, stages.chunk_bytes, stages.on_end) as gatherer:
        for shard in shards:
            run_shard(shard, stages, gatherer)


def table_of(settled: ChunkResult) -> Table:
    """What a run into memory left there."""
    assert isinstance(settled.sink, MemorySink)
    return dict(settled.sink.items)
