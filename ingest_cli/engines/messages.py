"""What worker processes and the one that reads say to each other."""

from __future__ import annotations

import os
import pickle
import select
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

import pyarrow as pa

from ingest_cli.checkpoint.chunk_result import Settled
from ingest_cli.errors import CrashError, IngestError
from ingest_cli.model.bundles import Bundle, Part
from ingest_cli.model.chunks import Position
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import StopRequest

ORPHANED = 1
"""Exit code of a worker whose parent is gone, so that nobody sees it."""

MOST_AROUND = 2
"""A column is copied if its buffers are so many times as large as what it shows of them."""

ChunkKey = tuple[int, int, Position]
"""Which chunk it is: number of the source, number of the member, and where in it the first of its parts begins."""

END = b""
"""Sent instead of a chunk: there are no more."""


def chunk_key(parts: Sequence[Part]) -> ChunkKey:
    """What tells the chunk of these parts from all others of a load."""
    first = parts[0]
    return first.origin.shard, first.origin.member, first.span.start


def pack(bundle: Bundle, *, keep_raw: bool = False) -> bytes:
    """A chunk as it is sent; never empty.

    Args:
        bundle: the chunk.
        keep_raw: whether rejects are to show the records they are made of.
    """
    sent = bundle.rows if keep_raw else bundle.rows.without_bytes()
    compact = Bundle(bundle.parts, replace(sent, cells=_compact(sent.cells)))
    return pickle.dumps(compact, pickle.HIGHEST_PROTOCOL)


def unpack(packed: bytes) -> Bundle:
    """The chunk that `pack` made `packed` of."""
    chunk: Bundle = pickle.loads(packed)  # noqa: S301 - our own
    return chunk


def _compact(cells: Mapping[str, pa.BinaryArray]) -> dict[str, pa.BinaryArray]:
    """The same cells without what lies around them in memory, which would be sent along with slices of a column."""
    return {
        name: pa.concat_arrays([column, column.slice(0, 0)])
        if column.get_total_buffer_size() > MOST_AROUND * column.nbytes
        else column
        for name, column in cells.items()
    }


@dataclass(frozen=True, slots=True)
class Took:
    """A worker is ready for the next chunk.

    Attributes:
        size_bytes, duration_s: of the last one.
    """

    size_bytes: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """What a worker's requests came to since it last said so; see `Traffic.take`."""

    requests: int
    retries: Counter[str]
    wcu_consumed: float
    latencies: Counter[int]


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker cannot go on.

    Attributes:
        error: why.
    """

    error: IngestError | CrashError


@dataclass(frozen=True, slots=True)
class Finished:
    """A worker has nothing more to say."""


Message = Settled | Took | Sent | Failed | Finished


class ParentsStop(StopRequest):
    """The wish of the process that reads to stop, as a worker sees it. A worker whose parent is gone ends at once."""

    def __init__(self, shared: SharedByProcesses, parent: int) -> None:
        super().__init__()
        self._shared = shared
        self._parent = parent

    @property
    def requested(self) -> bool:
        """Whether somebody asked."""
        if os.getppid() != self._parent:
            os._exit(ORPHANED)
        if self._shared.stop and not self.event.is_set():
            self.request("stopped")
        return self.event.is_set()

    def check(self) -> None:
        """See `StopRequest.check`."""
        if self.requested:
            super().check()


class Link:
    """A worker's end of the two pipes between it and the process that reads.

    Attributes:
        number: of the worker, from 1.
    """

    def __init__(self, chunks: Connection, results: Connection, number: int = 1) -> None:
        self.number = number
        self._chunks = chunks
        self._results = results
        self._poll = select.poll()
        self._poll.register(chunks.fileno(), select.POLLIN)

    @property
    def readable(self) -> tuple[int]:
        """File descriptors from which a chunk comes."""
        return (self._chunks.fileno(),)

    def has_chunk(self, timeout_s: float = 0.0) -> bool:
        """Whether there is a chunk to receive, or the word that there are no more."""
        return bool(self._poll.poll(timeout_s * 1000))

    def receive(self) -> Bundle | None:
        """The next chunk; None if there are no more."""
        data = self._chunks.recv_bytes()
        return None if data == END else unpack(data)

    def send(self, message: Message) -> None:
        """Tell something to the process that reads."""
        self._results.send(message)


Program = Callable[[Link], None]
"""What a worker process does: takes chunks from a link until there are no more, and tells it what became of them."""
