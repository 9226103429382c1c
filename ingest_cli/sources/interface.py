"""Interface of a source: display name, fingerprint, size, and bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

Sleep = Callable[[float], None]
"""Function that waits for a number of seconds; raises an exception if the run is to end."""


class Source(Protocol):
    """One dump file, local or remote.

    Errors raised while reading do not name the source: the caller adds the name.
    """

    @property
    def name(self) -> str:
        """Return the name for reports and reject files, free of terminal control characters."""
        ...

    @property
    def size_bytes(self) -> int:
        """Return the stored (compressed) size in bytes; 0 if unknown before the end."""
        ...

    @property
    def identity(self) -> object:
        """Return a value that is equal for two names of the same file."""
        ...

    def fingerprint(self) -> str:
        """Return a hex digest that changes with the content.

        Raises:
            SourceError: the source cannot be read.
            UsageError: the source can be read only once, so the digest must come from elsewhere.
        """
        ...

    def open(self) -> Iterator[bytes]:
        """Return the bytes from first to last, in pieces.

        Raises:
            SourceError: the source cannot be opened or, while iterating, read; or it changed since it was found.
        """
        ...

    def open_file(self) -> BinaryIO:
        """Return a seekable file for formats that are not streams; the caller closes it.

        Raises:
            SourceError: the source cannot be opened, or is not seekable. The file's own methods raise it
                as in `open`.
        """
        ...
