"""Counting what goes into the unpacking of a source and what comes out, and an end to it where that is too much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ingest_cli.decoders.interface import Limits
from ingest_cli.errors import SourceError

_MADE_FOR_IT = "that is what a file looks like that was made to fill a disk; if it is a dump, unpack it first"


class Meter:
    """How far one source has been unpacked."""

    def __init__(self, limits: Limits, note: Callable[[str], None] = lambda _: None) -> None:
        """Begin at nothing.

        Args:
            limits: how much may come out.
            note: told what whoever looks at the result should know.
        """
        self.note = note
        self._limits = limits
        self._packed = 0
        self._expanded = 0
        self._members = 0

    def packed(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on the bytes of the source, counted."""
        for piece in stream:
            self._packed += len(piece)
            yield piece

    def expanded(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Pass on what came out of a packing, counted.

        Raises:
            SourceError: while iterating, where it is more than the limits allow.
        """
        for piece in stream:
            self._expanded += len(piece)
            self._check()
            yield piece

    def read_at_any_place(self, size: int) -> None:
        """Take a source of `size` bytes for read to its end: one that is no stream."""
        self._packed = max(self._packed, size)

    def entry(self) -> None:
        """Count an entry of an archive.

        Raises:
            SourceError: it is one too many.
        """
        self._members += 1
        if self._members > self._limits.members:
            raise SourceError(
                f"the archive has more than {self._limits.members:,} entries; unpack it, and load fewer, larger files"
            )

    def _check(self) -> None:
        limits = self._limits
        if self._expanded > limits.expanded_bytes:
            raise SourceError(f"it unpacks to more than {limits.expanded_bytes:,} bytes; {_MADE_FOR_IT}")
        if self._expanded > limits.ratio_from_bytes and self._expanded > limits.ratio * self._packed:
            raise SourceError(
                f"its first {self._packed:,} bytes unpack to more than {limits.ratio:,} times as many; {_MADE_FOR_IT}"
            )
