"""Messages between worker processes and the reading process."""

from __future__ import annotations

import os
import pickle
import select
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Protocol

import pyarrow as pa

from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.errors import CrashError, IngestError
from ingest_cli.model.bundles import Bundle, Part
from ingest_cli.model.chunks import Position
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import StopRequest

ORPHANED = 1
"""Exit code of a worker whose parent is gone; nothing reads it."""

MOST_AROUND = 2
"""A column is copied if its buffers are this many times as large as the visible part."""

ChunkKey = tuple[int, int, Position]
"""Identity of a chunk: number of the source, number of the member, and start of its first part."""

END = b""
"""Sent instead of a chunk: end of the chunks."""


def chunk_key(parts: Sequence[Part]) -> ChunkKey:
    """Return the key that identifies the chunk of these parts within a load."""
    first = parts[0]
    return first.origin.shard, first.origin.member, first.span.start


def pack(bundle: Bundle, *, keep_raw: bool = False) -> bytes:
    """Serialize a chunk; the result is never empty.

    Args:
        bundle: the chunk.
        keep_raw: whether rejects need the records they are made of.
    """
    sent = bundle.rows if keep_raw else bundle.rows.without_bytes()
    compact = Bundle(bundle.parts, replace(sent, cells=_compact(sent.cells)))
    return pickle.dumps(compact, pickle.HIGHEST_PROTOCOL)


def unpack(packed: bytes) -> Bundle:
    """Restore a chunk from the bytes returned by `pack`."""
    chunk: Bundle = pickle.loads(packed)  # noqa: S301 - sent by this program
    return chunk


def _compact(cells: Mapping[str, pa.BinaryArray]) -> dict[str, pa.BinaryArray]:
    """Copy cells out of larger buffers, which would otherwise be sent along with slices of a column."""
    return {
        name: pa.concat_arrays([column, column.slice(0, 0)])
        if column.get_total_buffer_size() > MOST_AROUND * column.nbytes
        else column
        for name, column in cells.items()
    }


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """Report that a worker is ready for the next chunk.

    Attributes:
        size_bytes, duration_s: bytes and seconds of the last one.
    """

    size_bytes: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """Counters of a worker's requests since its last report; see `Traffic.take`."""

    requests: int
    retries: Counter[str]
    wcu_consumed: float
    latencies: Counter[int]


@dataclass(frozen=True, slots=True)
class Failed:
    """Report that a worker has failed.

    Attributes:
        error: cause.
    """

    error: IngestError | CrashError


@dataclass(frozen=True, slots=True)
class Finished:
    """Last message of a worker."""


Message = ChunkResult | ChunkDone | Sent | Failed | Finished


class ParentsStop(StopRequest):
    """Stop request of the reading process, as seen by a worker. A worker whose parent is gone exits at once."""

    def __init__(self, shared: SharedByProcesses, parent: int) -> None:
        super().__init__()
        self._shared = shared
        self._parent = parent

    @property
    def requested(self) -> bool:
        """Whether a stop was requested."""
        if os.getppid() != self._parent:
            os._exit(ORPHANED)
        if self._shared.stop.is_set and not self.event.is_set():
            self.request("stopped")
        return self.event.is_set()

    def check(self) -> None:
        """See `StopRequest.check`."""
        if self.requested:
            super().check()


class Link:
    """A worker's end of the two pipes to the reading process.

    Attributes:
        number: number of the worker, from 1.
    """

    def __init__(self, chunks: Connection, results: Connection, number: int = 1) -> None:
        self.number = number
        self._chunks = chunks
        self._results = results
        self._poll = select.poll()
        self._poll.register(chunks.fileno(), select.POLLIN)

    @property
    def readable(self) -> tuple[int]:
        """Return the file descriptors that chunks arrive on."""
        return (self._chunks.fileno(),)

    def has_chunk(self, timeout_s: float = 0.0) -> bool:
        """Return whether a chunk, or the end of the chunks, can be received."""
        return bool(self._poll.poll(timeout_s * 1000))

    def receive(self) -> Bundle | None:
        """Return the next chunk; None at the end."""
        data = self._chunks.recv_bytes()
        return None if data == END else unpack(data)

    def send(self, message: Message) -> None:
        """Send a message to the reading process."""
        self._results.send(message)


class Program(Protocol):
    """Program of a worker process, as plain data."""

    @property
    def shared(self) -> SharedByProcesses:
        """State shared with the reading process."""
        ...

    @property
    def keep_raw(self) -> bool:
        """Whether rejects need the records they are made of."""
        ...

    def __call__(self, link: Link) -> None:
        """Process chunks from a link until its end, and report their results to it."""
        ...
