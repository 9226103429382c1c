"""What unpacking gives: the files within a source, one after another; and how much of it there may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_MAX_SHOWN_CHARS = 100


@dataclass(frozen=True, slots=True)
class Member:
    """One file within a source, or the source itself where that is no archive.

    Attributes:
        name: what the archive calls it, with the names of the archives around it in front, joined by `/`. Empty for
            a source that is no archive. A label for people, never a path; it may hold any character but a lone
            surrogate.
        pieces: its bytes, unpacked; what is left of them is passed over when the next member is asked for.
        head: the first of them, by which its format may be known.
    """

    name: str
    pieces: Iterator[bytes]
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one source may unpack to.

    Bytes are counted at every packing they come out of, so that what is packed twice counts twice: it is work that
    is bounded. A log or a dump of a table shrinks to a tenth, one that repeats itself to a 300th; deflate cannot do
    more than 1,032:1 (https://zlib.net/zlib_tech.html), and only to data that says nothing.

    Attributes:
        expanded_bytes: the most that may come out.
        ratio: how many times the size it was packed to that may be.
        ratio_from_bytes: what may come out whatever the ratio.
        members: how many entries its archives may have, folders and other things passed over among them.
    """

    expanded_bytes: int = 1 << 40
    ratio: int = 1000
    ratio_from_bytes: int = 1 << 30
    members: int = 100_000


def shown(name: str) -> str:
    """The name of a member as it may stand in a message: without signs a terminal obeys, and not too long."""
    cut = name if len(name) <= _MAX_SHOWN_CHARS else f"{name[:_MAX_SHOWN_CHARS]}…"
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in cut)
