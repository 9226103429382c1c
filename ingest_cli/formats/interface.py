"""What a format must offer: a decoded byte stream in, chunks of columns out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from ingest_cli.records import Position, RowChunk

DEFAULT_CHUNK_BYTES = 2 << 20
"""Decoded bytes a chunk aims at: some 10,000 rows, enough to make the fixed cost of a kernel vanish."""


class Format(Protocol):
    """One way of writing rows down."""

    def read(self, stream: Iterable[bytes], start: Position) -> Iterator[RowChunk]:
        """Parse `stream`, UTF-8 from its first byte, into chunks; those before `start` are not yielded.

        The chunks tile the stream without gaps, whatever the sizes of its pieces, and every record
        is in exactly one of them. No content of the stream raises; what cannot be parsed is a reject.

        Raises:
            ManifestError: a column the manifest names is not in the header.
        """
        ...
