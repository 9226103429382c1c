"""What a source must offer: a name to show, a fingerprint, a size, and its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from ingest_cli.errors import ExitCode, SourceError

Wait = Callable[[float], None]
"""Lets seconds pass; raises what ends the run if the run is to end."""


class SourceBusyError(SourceError):
    """A source cannot be read just now: the same command, run again, goes on."""

    exit_code = ExitCode.TRY_AGAIN
    transient = True


class Source(Protocol):
    """One dump file, wherever it lies.

    Errors while it is read do not name it: whoever reads it does, for the whole of what reading involves.
    """

    @property
    def name(self) -> str:
        """How it is called in reports and reject files; nothing in it that a terminal would obey."""
        ...

    @property
    def size_bytes(self) -> int:
        """Its size as it lies there, i.e. packed; 0 where that is not known before its end."""
        ...

    @property
    def identity(self) -> object:
        """Equal for two names of the same thing."""
        ...

    def fingerprint(self) -> str:
        """A hex digest that changes when its content does.

        Raises:
            SourceError: it cannot be read.
            UsageError: it is read once only, so that something else has to stand for its content.
        """
        ...

    def open(self) -> Iterator[bytes]:
        """Its bytes from the first to the last, in pieces.

        Raises:
            SourceError: it cannot be opened, or, while iterating, read; or it is not what it was when it was found.
        """
        ...

    def open_file(self) -> BinaryIO:
        """The same for reading at any place, for formats that are not streams; to be closed by the caller.

        Raises:
            SourceError: it cannot be opened, or can only be read from the first byte to the last. So do the file's
                own methods, as in `open`.
        """
        ...
