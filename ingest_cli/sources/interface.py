"""What a source must offer: a name to show, a fingerprint, a size, and its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Source(Protocol):
    """One dump file, wherever it lies."""

    @property
    def name(self) -> str:
        """How it is called in reports and reject files."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size as it lies there, i.e. packed."""
        ...

    @property
    def identity(self) -> object:
        """Equal for two names of the same thing."""
        ...

    def fingerprint(self) -> str:
        """A hex digest that changes when its content does.

        Raises:
            SourceError: it cannot be read.
        """
        ...

    def open(self) -> Iterator[bytes]:
        """Its bytes from the first to the last, in pieces.

        Raises:
            SourceError: it cannot be opened, or, while iterating, read.
        """
        ...
