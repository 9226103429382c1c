"""Interfaces of unpacking: a file within a source, and a decompressor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_MAX_SHOWN_CHARS = 100


@dataclass(frozen=True, slots=True)
class Member:
    """One file within a source, or the source itself if it is no archive.

    Attributes:
        name: name in the archive, prefixed with the names of the enclosing archives, joined by `/`. Empty for
            a source that is no archive. A label for display, never a path; it may hold any character but a lone
            surrogate.
        pieces: unpacked bytes; unread ones are skipped when the next member is requested.
        head: first bytes, for detecting the format.
    """

    name: str
    pieces: Iterator[bytes]
    head: bytes = b""


class Decompressor(Protocol):
    """Common interface of the decompressors in Python's library."""

    @property
    def eof(self) -> bool:
        """Return whether the end was reached."""
        ...

    @property
    def needs_input(self) -> bool:
        """Return whether more input is needed for more output."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Return the input after the end."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Unpack at most `max_length` bytes."""
        ...


def shown(name: str) -> str:
    """Return a member's name for messages: without terminal control characters, and shortened."""
    cut = name if len(name) <= _MAX_SHOWN_CHARS else f"{name[:_MAX_SHOWN_CHARS]}…"
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in cut)
