"""Read the heads of all sources of a dump, for what one source tells about the others."""

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
"""Maximum bytes read per file."""


def format_of(
    manifest: Manifest,
    wanted: Wanted,
    sources: Sequence[Source],
    chunk_bytes: ChunkBytes,
    age_identity: Callable[[], str] | None = None,
) -> Format | FileFormat:
    """Create the parser of a dump; it may learn from each of its sources what it needs for the others.

    Args:
        chunk_bytes: returns the target size of a chunk, in decoded bytes.
        age_identity: see `members`.

    Raises:
        ManifestError: the manifest's format is impossible.
    """
    opened = open_format(manifest.format, wanted, chunk_bytes)
    if isinstance(opened, Described) and len(sources) > 1:
        opened.learn_from(partial(heads, sources, manifest.format.encoding, age_identity))
    return opened


def heads(sources: Iterable[Source], encoding: str, age_identity: Callable[[], str] | None = None) -> Iterator[bytes]:
    """Yield the first bytes of the files in `sources`, in UTF-8.

    Of an archive, its files up to the first longer one are included. A source that cannot be read is skipped;
    the error is raised when the whole source is read.

    Args:
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
