"""Where rejects go: one JSON object per line, readable by their owner only, without any value."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from ingest_cli.errors import TryAgainError, UsageError
from ingest_cli.records import Reject

_MODE = 0o600


class RejectFile:
    """A file that rejects are appended to; with no path they are only counted.

    A line has `source, shard, row, line, stage, reason, field`, and `raw` only if asked for.
    """

    def __init__(self, path: Path | None) -> None:
        """Open the file, empty.

        Raises:
            UsageError: it cannot be written.
        """
        self._path = path
        self._file: TextIO | None = None
        if path is None:
            return
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _MODE)
            os.fchmod(descriptor, _MODE)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f'the reject file "{path}" cannot be written ({error.strerror}); give another place with --rejects'
            ) from error

    def write(self, source: str, shard: int, rejects: Iterable[Reject]) -> None:
        """Append `rejects`, and hand them to the operating system.

        Raises:
            TryAgainError: they cannot be written, for example because the disk is full.
        """
        if self._file is None:
            return
        try:
            for one in rejects:
                entry = {
                    "source": source,
                    "shard": shard,
                    "row": one.row,
                    "line": one.line,
                    "stage": one.stage,
                    "reason": one.reason,
                    "field": one.field,
                }
                if one.raw is not None:
                    entry["raw"] = one.raw
                self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        except OSError as error:
            raise TryAgainError(
                f'the reject file "{self._path}" cannot be written ({error.strerror}); make room, and run the same '
                "command again"
            ) from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
