"""The beginnings of all sources of a dump, for what one of them says about the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ingest_cli.decoders import members
from ingest_cli.decoders.charset import to_utf8
from ingest_cli.errors import SourceError
from ingest_cli.sources import Source

HEAD_BYTES = 256 << 10
"""More of a file than this is not read."""


def heads(sources: Iterable[Source], encoding: str, age_identity: Callable[[], str] | None = None) -> Iterator[bytes]:
    """The first bytes of the files in `sources`, in UTF-8.

    Of an archive, they are those of its files up to the first that is longer. A source that cannot be read has none:
    whoever reads the whole of it will say so.

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
