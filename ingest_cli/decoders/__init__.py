"""From a source's bytes to UTF-8 text: the files within it, by their magic numbers, then the character set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest_cli.decoders.archives import HEAD_BYTES, MAX_DEPTH, is_packed, members
from ingest_cli.decoders.charset import to_utf8
from ingest_cli.decoders.interface import Member
from ingest_cli.errors import SourceError

__all__ = ["HEAD_BYTES", "MAX_DEPTH", "Member", "decode", "is_packed", "members", "to_utf8", "unpack"]


def unpack(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes of the only file within `stream`, which may be packed; see `members`.

    Raises:
        SourceError: as `members` does, and where there is another file.
    """
    files = members(stream)
    for number, member in enumerate(files):
        if number:
            raise SourceError("it holds more than one file; unpack it first")
        yield from member.pieces


def decode(stream: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The text of the only file within `stream` as UTF-8; `encoding` counts unless a byte order mark says otherwise."""
    return to_utf8(unpack(stream), encoding)
