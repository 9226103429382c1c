"""The file that messages are kept in; logrotate may take it away at any moment."""

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
    """Appends lines; made anew, for its owner only, when the file was renamed or removed.

    A line that cannot be written is no reason to stop a load: that is said once, and lost lines stay lost.
    """

    def __init__(self, path: Path, complain: Callable[[str], None]) -> None:
        """Open it.

        Args:
            path: of the file; its folder has to be there.
            complain: told, once, that lines cannot be written.

        Raises:
            UsageError: it cannot be opened.
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
        """See `logging.Handler`; a file that cannot be opened anew is a fault like any other."""
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        """See `logging.FileHandler`; for the owner only."""
        stream = open(  # noqa: SIM115 - closed by the handler
            self.baseFilename,
            self.mode,
            encoding=self.encoding,
            errors=self.errors,
            opener=opener(PRIVATE),
        )
        return cast("TextIOWrapper", stream)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the handler's signature
        """Say so, once, and open the file anew for the next line: the disk may have room again."""
        stream, self.stream = self.stream, cast("TextIOWrapper", None)
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):  # what is left in its buffer is lost, as was said
                stream.close()
        if not self._complained:
            self._complained = True
            self._complain(f'the log file "{escape(str(self._path))}" cannot be written; the work goes on without it')

    def close(self) -> None:
        """See `logging.Handler.close`."""
        with contextlib.suppress(OSError, ValueError):
            super().close()
