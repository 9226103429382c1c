"""Read a dump from standard input, so that its plaintext is never stored on disk; readable once."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from ingest_cli.errors import SourceError, UsageError
from ingest_cli.sources.interface import Sleep
from ingest_cli.sources.places import READ_BYTES, Places

NAME = "-"
"""Name of standard input in a manifest."""

_DESCRIPTOR = 0
_LOOK_UP_EVERY_MS = 250  # interval at which waiting for input checks for cancellation

_opened: set[tuple[int, int]] = set()
"""Device and inode of the standard input read in this process: a second manifest would find it empty."""


@dataclass(frozen=True, slots=True)
class StandardInput:
    """Stream at descriptor 0; readable once, from the first byte to the last."""

    wait: Sleep = time.sleep

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return NAME

    @property
    def size_bytes(self) -> int:
        """Return 0: the size is unknown; see `Source.size_bytes`."""
        return 0

    @property
    def identity(self) -> str:
        """See `Source.identity`."""
        return NAME

    def fingerprint(self) -> NoReturn:
        """See `Source.fingerprint`.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "standard input can be read only once, so its content cannot be compared with earlier loads; identify the "
            "content with --source-id NAME, and use another NAME for other content"
        )

    def open(self) -> Iterator[bytes]:
        """See `Source.open`."""
        status = _status()
        identity = status.st_dev, status.st_ino
        if identity in _opened:
            raise SourceError(
                'standard input has been read already; only one manifest of a command can have "-" as its source'
            )
        _opened.add(identity)
        return self._pieces()

    def open_file(self) -> BinaryIO:
        """See `Source.open_file`.

        Raises:
            SourceError: always.
        """
        raise SourceError(
            "this format requires random access, which standard input does not support; write it to a file, and list "
            "the file in `sources`"
        )

    def _pieces(self) -> Iterator[bytes]:
        ready = select.poll()
        ready.register(_DESCRIPTOR, select.POLLIN)
        try:
            while True:
                while not ready.poll(_LOOK_UP_EVERY_MS):
                    self.wait(0)
                try:
                    piece = os.read(_DESCRIPTOR, READ_BYTES)
                except BlockingIOError:  # another process read it first from a non-blocking descriptor
                    continue
                if not piece:
                    break
                yield piece
        except OSError as error:
            raise SourceError(
                f"standard input cannot be read ({error.strerror}); pipe a stream into it, as in: "
                "gpg -d dump.csv.gpg | ingest-cli load …"
            ) from error
        # Ctrl-C ends the other program too, and its output may be incomplete.
        self.wait(0)


def find(entry: str, places: Places) -> list[StandardInput]:  # noqa: ARG001 - as all finders
    """Return standard input, if something is piped in.

    Raises:
        SourceError: standard input is closed.
        UsageError: standard input is a terminal.
    """
    _status()
    if os.isatty(_DESCRIPTOR):
        raise UsageError(
            'the source is "-", and nothing is piped into standard input; run, for example: '
            "gpg -d dump.csv.gpg | ingest-cli load MANIFEST …"
        )
    return [StandardInput(places.wait)]


def _status() -> os.stat_result:
    """Return the status of descriptor 0.

    Raises:
        SourceError: standard input is closed; the descriptor may then belong to another file.
    """
    closed = 'the source is "-", and standard input is closed; pipe the dump into it'
    if sys.stdin is None:
        raise SourceError(closed)
    try:
        return os.fstat(_DESCRIPTOR)
    except OSError as error:
        raise SourceError(closed) from error
