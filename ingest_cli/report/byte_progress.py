"""Progress of a run in stored bytes of its sources: what is committed, not what was read ahead.

A chunk's position refers to decoded text, whose size differs from that of a packed source. So the position in a source
is estimated: the committed share of the bytes read equals that of the text decoded from them. While a source is
read, the estimate is off by what is unpacked at once; at its end it is exact. A format that is not a stream, such as
Parquet, only counts as done once it was read to its end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest_cli.model.chunks import Origin, Span


@dataclass(slots=True)
class _Part:
    """Progress in one source.

    Attributes:
        size_bytes: stored size; 0: unknown.
        read_bytes: bytes of it read so far.
        decoded_bytes: bytes of text decoded from them; 0 for a format that is not a stream.
        handed, committed: amount handed out in chunks, and committed, in the unit of positions: bytes, or rows.
        ends: member → end of the last chunk handed out of it.
        is_read: whether no further chunks will be handed out.
    """

    size_bytes: int
    read_bytes: int = 0
    decoded_bytes: int = 0
    handed: int = 0
    committed: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    is_read: bool = False
    _most: float = 0.0

    @property
    def done_bytes(self) -> float:
        """Settled stored bytes; never decreases."""
        if self.is_read:
            behind = float(self.size_bytes or self.read_bytes)
        else:
            behind = self.read_bytes * min(self.handed / self.decoded_bytes, 1.0) if self.decoded_bytes else 0.0
        done = behind * (self.committed / self.handed) if self.handed else behind
        self._most = max(self._most, done)
        return self._most


class ByteProgress:
    """Progress in the sources of one run, read one at a time. Updated by two threads, each with its own fields.

    A resumed run includes the progress of the earlier one.

    Attributes:
        rows: rows read and passed to the writer in this run.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._parts: list[_Part] = []
        self._current = _Part(0)

    def plan(self, sizes_bytes: Sequence[int]) -> None:
        """Set the sources by their sizes; a size of 0 is unknown."""
        self._parts = [_Part(size) for size in sizes_bytes]

    def begin(self, numbers: Collection[int]) -> None:
        """Set the sources to be read: the others are done."""
        for number, part in enumerate(self._parts):
            part.is_read = number not in numbers

    def source(self, number: int) -> None:
        """Set the source that is read from now on."""
        self._current = self._parts[number]

    def read(self, count: int) -> None:
        """Count stored bytes read from the source."""
        self._current.read_bytes += count

    def decoded(self, count: int) -> None:
        """Count bytes of text decoded from them."""
        self._current.decoded_bytes += count

    def handed_out(self, origin: Origin, span: Span) -> None:
        """Record a chunk that was handed out. The gap to the previous one was committed by an earlier run."""
        start, end = span.start, span.end or span.start
        part = self._parts[origin.shard]
        before = part.ends.get(origin.member, 0)
        part.committed += max(start.offset - before, 0)
        part.handed += max(end.offset - before, 0)
        part.ends[origin.member] = end.offset

    def commit(self, origin: Origin, span: Span) -> None:
        """Record a committed chunk."""
        if span.end is not None and origin.shard < len(self._parts):
            self._parts[origin.shard].committed += span.end.offset - span.start.offset

    def end(self, number: int) -> None:
        """Record that a source was read to its end."""
        self._parts[number].is_read = True

    @property
    def done_bytes(self) -> float:
        """Return the committed stored bytes of all sources."""
        return sum(part.done_bytes for part in self._parts)
