"""Interface of a format: a decoded byte stream in, chunks of columns out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol, runtime_checkable

from ingest_cli.model.chunks import WHOLE, RowChunk, Span
from ingest_cli.model.manifest import Manifest

DEFAULT_CHUNK_BYTES = 1 << 20
"""Target size of a chunk in decoded bytes: some 10,000 rows, which make the fixed cost of a kernel negligible."""

MAX_CHUNK_ROWS = 20_000
"""Maximum number of rows of a chunk, which bounds memory for short rows."""

ChunkBytes = Callable[[], int]
"""Returns the target size of the next chunk in decoded bytes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Columns to keep; all others are dropped while parsing.

    Attributes:
        names: unique column names, in the order of the manifest.
        optional: columns that a source may lack; their cells are then empty.
        presence: columns of which only the presence of a value is recorded.
    """

    names: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    presence: frozenset[str] = frozenset()

    @classmethod
    def of(cls, manifest: Manifest) -> Wanted:
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
        return cls(tuple(optional), lacking, frozenset(optional) - read)


class Format(Protocol):
    """Row format that is read as a stream."""

    def read(self, stream: Iterable[bytes], spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """Parse the `spans` of `stream` into chunks.

        The chunks tile each span without gaps, whatever the sizes of the pieces, and every record is in exactly one
        of them. Unparsable content is a reject, never an exception.

        Args:
            stream: UTF-8, from its first byte.
            spans: in order, open-ended ones last. Each begins and ends at a chunk boundary.

        Raises:
            ManifestError: a column the manifest names is not in the header.
            SourceError: the stream failed; the records before that place have been yielded.
        """
        ...


@runtime_checkable
class FileFormat(Protocol):
    """Row format that needs a seekable file, for example because its index is at the end.

    Attributes:
        signatures: first bytes that identify the format.
    """

    signatures: tuple[bytes, ...]

    def read_file(self, file: BinaryIO, spans: Sequence[Span] = (WHOLE,)) -> Iterator[RowChunk]:
        """Parse the `spans` of `file` into chunks as `Format.read` does, with row numbers as offsets.

        Args:
            file: seekable file; not closed here.
            spans: as for `Format.read`.

        Raises:
            ManifestError: a column of the manifest is missing.
            SourceError: the file is damaged, or has another format.
        """
        ...


@runtime_checkable
class Described(Protocol):
    """Format in which one source may define the columns of another."""

    def learn_from(self, heads: Callable[[], Iterable[bytes]]) -> None:
        """Set where to find definitions that a source lacks.

        Args:
            heads: returns the first bytes of all sources of the dump, in UTF-8; called only if needed.
        """
        ...
