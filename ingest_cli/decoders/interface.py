"""What unpacking gives: the files within a source, one after another; and what the decompressors have in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

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


class Decompressor(Protocol):
    """What the decompressors of Python's library have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end was reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out without more going in."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack at most `max_length` bytes."""
        ...


def shown(name: str) -> str:
    """The name of a member as it may stand in a message: without signs a terminal obeys, and not too long."""
    cut = name if len(name) <= _MAX_SHOWN_CHARS else f"{name[:_MAX_SHOWN_CHARS]}…"
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in cut)
