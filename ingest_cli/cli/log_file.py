"""Log file for messages; logrotate may move it at any time."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import cast

from ingest_cli.cli.console import escape
from ingest_cli.errors import UsageError
from ingest_cli.runtime.output_files import PRIVATE, opener


class LogFile(WatchedFileHandler):
    """Append lines; recreate the file, readable by its owner only, after it was renamed or removed.

    A failed write does not stop a load: it is reported once, and the line is lost.
    """

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        """Open the file.

        Args:
            complain: called once when lines cannot be written.

        Raises:
            UsageError: the file cannot be opened.
        """
        self._complain = complain
        self._complained = False
        try:
            super().__init__(path, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UsageError(
                f'the log file "{escape(str(path))}" cannot be written ({error.strerror}); give another with --log-file'
            ) from error
        self._path = path

    def add(self, text: str) -> None:
        """Append a line."""
        self.handle(logging.LogRecord("ingest-cli", logging.INFO, "", 0, text, None, None))

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`; failing to reopen the file is handled like any other fault."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        """See `logging.FileHandler`; creates the file for its owner only."""
        stream = open(  # noqa: SIM115 - closed by the handler
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=opener(PRIVATE),
        )
        return cast("TextIOWrapper", stream)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the handler's signature
        """Report the fault once, and reopen the file for the next line: the disk may have space again."""
        stream, self.stream = self.stream, cast("TextIOWrapper", None)
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # its buffered lines are lost, as reported
                stream.close()
        if not self._complained:
            self._complained = True
            self._complain(
                f'the log file "{escape(str(self._path))}" cannot be written; the command continues without it'
            )

    def close(self) -> None:
        """See `logging.Handler.close`."""
        with contextlib.suppress(OSError, ValueError):
            super().close()
