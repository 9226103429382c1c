"""How much of its sources a run has done, in bytes as they lie there: what is settled, not what was read ahead.

A chunk lies in decoded text, of which a packed source has another number of bytes. So where a run is in a source is
estimated: of the bytes that were read, as large a share is behind as of the text that came of them. While a source is
read the estimate is off by what is unpacked at once; at its end it is exact. A format that is no stream, such as
Parquet, is only known to be behind once it was read to its end.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest_cli.model.chunks import Origin, Span


@dataclass(slots=True)
class _Part:
    """One source.

    Attributes:
        size_bytes: as it lies there; 0: not known.
        read_bytes: of those, read so far.
        decoded_bytes: of text that came of them; 0 for a format that is no stream.
        handed, settled: how much was handed out in chunks, and settled, in whatever positions count: bytes, or rows.
        ends: member → where the last chunk that was handed out of it ends.
        is_read: whether nothing more will be handed out.
    """

    size_bytes: int
    read_bytes: int = 0
    decoded_bytes: int = 0
    handed: int = 0
    settled: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    is_read: bool = False
    _most: float = 0.0

    @property
    def done_bytes(self) -> float:
        """Settled bytes as they lie there; never fewer than before."""
        if self.is_read:
            behind = float(self.size_bytes or self.read_bytes)
        else:
            behind = self.read_bytes * min(self.handed / self.decoded_bytes, 1.0) if self.decoded_bytes else 0.0
        done = behind * (self.settled / self.handed) if self.handed else behind
        self._most = max(self._most, done)
        return self._most


class Extent:
    """Of the sources of one run, one of which is read at a time. Told by two threads, each of what is its own.

    A run that is gone on with has done what the earlier one did.

    Attributes:
        rows: that were read, and handed on to be written, in this run.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._parts: list[_Part] = []
        self._current = _Part(0)

    def plan(self, sizes_bytes: Sequence[int]) -> None:
        """Say which sources there are; a size of 0 is not known."""
        self._parts = [_Part(size) for size in sizes_bytes]

    def begin(self, numbers: Collection[int]) -> None:
        """Say which of them are to be read: the others are done."""
        for number, part in enumerate(self._parts):
            part.is_read = number not in numbers

    def source(self, number: int) -> None:
        """Say which of them is read from now on."""
        self._current = self._parts[number]

    def read(self, count: int) -> None:
        """Count bytes of the source as they lie there."""
        self._current.read_bytes += count

    def decoded(self, count: int) -> None:
        """Count bytes of the text that came of them."""
        self._current.decoded_bytes += count

    def handed_out(self, origin: Origin, span: Span) -> None:
        """Note a chunk. What lies between it and the one before was settled by an earlier run."""
        start, end = span.start, span.end or span.start
        part = self._parts[origin.shard]
        before = part.ends.get(origin.member, 0)
        part.settled += max(start.offset - before, 0)
        part.handed += max(end.offset - before, 0)
        part.ends[origin.member] = end.offset

    def settle(self, origin: Origin, span: Span) -> None:
        """Note that a chunk is settled."""
        if span.end is not None and origin.shard < len(self._parts):
            self._parts[origin.shard].settled += span.end.offset - span.start.offset

    def end(self, number: int) -> None:
        """Note that a source was read to its end."""
        self._parts[number].is_read = True

    @property
    def done_bytes(self) -> float:
        """Settled bytes of all sources, as they lie there."""
        return sum(part.done_bytes for part in self._parts)
