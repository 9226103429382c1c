"""The beginnings of all sources of a dump, for what one of them says about the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from ingest_cli.decoders import members
from ingest_cli.decoders.charset import to_utf8
from ingest_cli.errors import SourceError
from ingest_cli.formats import Described, FileFormat, Format, Wanted, open_format
from ingest_cli.formats.interface import ChunkBytes
from ingest_cli.model.manifest import Manifest
from ingest_cli.sources import Source

HEAD_BYTES = 256 << 10
"""More of a file than this is not read."""


def format_of(
    manifest: Manifest,
    wanted: Wanted,
    sources: Sequence[Source],
    chunk_bytes: ChunkBytes,
    age_identity: Callable[[], str] | None = None,
) -> Format | FileFormat:
    """The parser of a dump, which may learn from each of its sources what it needs for the others.

    Args:
        manifest: says how the dump is written.
        wanted: the columns to keep.
        sources: all of the dump.
        chunk_bytes: tells how many decoded bytes a chunk aims at.
        age_identity: see `members`.

    Raises:
        ManifestError: the manifest asks for what cannot be.
    """
    opened = open_format(manifest.format, wanted, chunk_bytes)
    if isinstance(opened, Described) and len(sources) > 1:
        opened.learn_from(partial(heads, sources, manifest.format.encoding, age_identity))
    return opened


def heads(sources: Iterable[Source], encoding: str, age_identity: Callable[[], str] | None = None) -> Iterator[bytes]:
    """The first bytes of the files in `sources`, in UTF-8.

    Of an archive, they are those of its files up to the first that is longer. A source that cannot be read has none;
    the error is raised when the whole of it is read.

    Args:
        sources: what to read.
        encoding: character set of files without a byte order mark.
        age_identity: see `members`.
    """
    for source in sources:
        try:
            for member in members(source.open(), age_key=age_identity, open_file=source.open_file):
                head = bytearray()
                for piece in to_utf8(member.pieces, encoding):
                    head += piece
                    if len(head) > HEAD_BYTES:
                        break
                yield bytes(head[:HEAD_BYTES])
                if len(head) > HEAD_BYTES:
                    break
        except SourceError:
            continue
