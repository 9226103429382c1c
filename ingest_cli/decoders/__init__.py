"""Convert a source's bytes to UTF-8 text: unpack files by their magic numbers, then decode the character set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingest_cli.decoders.archives import HEAD_BYTES, MAX_DEPTH, is_packed, members
from ingest_cli.decoders.charset import to_utf8
from ingest_cli.decoders.interface import Member
from ingest_cli.errors import SourceError

__all__ = ["HEAD_BYTES", "MAX_DEPTH", "Member", "decode", "is_packed", "members", "to_utf8", "unpack"]


def unpack(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of the only file within `stream`, packed or not; see `members`.

    Raises:
        SourceError: as for `members`, or there is more than one file.
    """
    files = members(stream)
    for number, member in enumerate(files):
        if number:
            raise SourceError("it holds more than one file; unpack it first")
        yield from member.pieces


def decode(stream: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the text of the only file within `stream` as UTF-8; a byte order mark overrides `encoding`."""
    return to_utf8(unpack(stream), encoding)
