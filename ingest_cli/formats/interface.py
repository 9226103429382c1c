"""What a format must offer: a decoded byte stream in, chunks of columns out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, runtime_checkable

from ingest_cli.model.chunks import WHOLE, RowChunk, Span

DEFAULT_CHUNK_BYTES = 1 << 20
"""Decoded bytes a chunk aims at: some 10,000 rows, enough to make the fixed cost of a kernel vanish."""

MAX_CHUNK_ROWS = 20_000
"""Rows a chunk has at the most: what bounds memory where rows are short."""

ChunkBytes = Callable[[], int]
"""Asked before each chunk how many decoded bytes it should have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns to keep; all others are dropped while parsing.

    Attributes:
        names: of the columns, each once, in the order of the manifest.
        optional: those that a source may lack; their cells are empty there.
        presence: those of which only the presence counts: none of their values is looked at.
    """

    names: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    presence: frozenset[str] = frozenset()


class Format(Protocol):
    """One way of writing rows down."""

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """Parse the `spans` of `stream` into chunks.

        The chunks tile each span without gaps, whatever the sizes of its pieces, and every record
        is in exactly one of them. No content of the stream raises; what cannot be parsed is a reject.

        Args:
            stream: UTF-8, from its first byte.
            spans: in order; those without an end come last. Each begins and ends where a chunk did.

        Raises:
            ManifestError: a column the manifest names is not in the header.
            SourceError: what the stream raised, once the records before that place have been yielded.
        """
        ...


@runtime_checkable
class FileFormat(Protocol):
    """One way of writing rows down that is not a stream: something has to be read at its end first, for example.

    Attributes:
        signatures: what files begin with that are of this format without doubt.
    """

    signatures: tuple[bytes, ...]

    def read_file(self, file: BinaryIO, spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """Parse the `spans` of `file` into chunks; see `Format.read`, but that an offset is a number of rows.

        Args:
            file: open for reading at any place; not closed here.
            spans: as for `Format.read`.

        Raises:
            ManifestError: a column the manifest names is not there.
            SourceError: the file is damaged, or no file of this format.
        """
        ...


@runtime_checkable
class Described(Protocol):
    """A format in which one source may say what the columns of another are."""

    def learn_from(self, heads: Callable[[], Iterable[bytes]]) -> None:
        """Say where to look for what a source does not say itself.

        Args:
            heads: gives the beginnings of all sources of the dump, in UTF-8; called when it is needed, if ever.
        """
        ...
