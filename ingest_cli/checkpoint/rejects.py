"""Write rejects: one JSON object per line, readable by their owner only, without any value."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from ingest_cli.errors import TryAgainError, UsageError
from ingest_cli.model.chunks import Origin, Reject
from ingest_cli.runtime.output_files import PRIVATE, open_file

_LINE_BEGINS = b'{"source": '
_FIRST_BYTES = 64 << 10  # a line is shorter, unless it shows its record


class RejectFile:
    """File that rejects are appended to; without a path they are only counted.

    A line has `source, shard, row, line, stage, reason, field`, and `raw` only on request.

    Attributes:
        size_bytes: length of the file up to the last reject written.
        lost: whether rejects of an earlier, interrupted run are missing from the file.
    """

    def __init__(self, path: Path | None, keep_bytes: int | None = 0) -> None:
        """Open the file, and truncate it to its first `keep_bytes`.

        Args:
            path: path of the file; None: rejects are not written.
            keep_bytes: number of bytes to keep; None: all.

        Raises:
            UsageError: it cannot be written, or holds something other than rejects.
        """
        self._path = path
        self._closed = False
        self._file: IO[bytes] | None = None
        self.size_bytes = 0
        self.lost = False
        if path is None:
            return
        try:
            descriptor = open_file(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
            self._file = os.fdopen(descriptor, "r+b", buffering=0)
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):  # before the mode is changed: /dev/null is shared by all users
                raise OSError(errno.EINVAL, "not a regular file")  # noqa: TRY301 - reported like all others
            if not _holds_rejects(self._file.read(_FIRST_BYTES)):
                raise OSError(errno.EEXIST, "it holds something else than rejects")  # noqa: TRY301 - likewise
            os.fchmod(descriptor, PRIVATE)
            found = status.st_size
            keep_bytes = found if keep_bytes is None else keep_bytes
            self.lost = found < keep_bytes
            self.size_bytes = 0 if self.lost else keep_bytes  # the last line of an incomplete file may be truncated
            self._file.truncate(self.size_bytes)
        except OSError as error:
            if self._file is not None:
                self._file.close()
            raise UsageError(
                f'the reject file "{path}" cannot be written ({error.strerror}); give another place with --rejects'
            ) from error

    def write(self, rejects: Iterable[tuple[Origin, Reject]]) -> None:
        """Append `rejects`, each with its origin, and pass them to the operating system.

        Raises:
            TryAgainError: they cannot be written, for example because the disk is full. The file then ends where
                it did before.
        """
        if self._closed:
            raise TryAgainError("the reject file is closed already; run the same command again")
        if self._file is None:
            return
        lines = b"".join(_line(origin, one) for origin, one in rejects)
        if not lines:
            return
        rest, at = memoryview(lines), self.size_bytes
        try:
            while rest:
                written = os.pwrite(self._file.fileno(), rest, at)
                rest, at = rest[written:], at + written
        except OSError as error:
            with contextlib.suppress(OSError):  # the next lines overwrite these
                self._file.truncate(self.size_bytes)
            raise self._full(error) from error
        self.size_bytes = at

    def sync(self) -> None:
        """Flush to disk, before a state that refers to the rejects is saved.

        Raises:
            TryAgainError: the disk refuses it.
        """
        if self._file is None:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error

    def close(self) -> None:
        """Close the file; nothing can be written afterwards."""
        self._closed = self._path is not None
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                raise self._full(error) from error

    def _full(self, error: OSError) -> TryAgainError:
        return TryAgainError(
            f'the reject file "{self._path}" cannot be written ({error.strerror}); make room, and run the same command '
            "again"
        )


def _holds_rejects(head: bytes) -> bool:
    """Return whether a file that begins with `head` is empty or a reject file, and may be overwritten."""
    first, end, _ = head.partition(b"\n")
    if not end:  # empty, or a first line whose write was interrupted
        return head.startswith(_LINE_BEGINS) or _LINE_BEGINS.startswith(head)
    try:
        entry = json.loads(first)
    except ValueError:
        return False
    return isinstance(entry, dict) and {"source", "row", "reason"} <= entry.keys()


def _line(origin: Origin, one: Reject) -> bytes:
    entry: dict[str, object] = {
        "source": origin.name,
        "shard": origin.shard,
        "row": one.row,
        "line": one.line,
        "stage": one.stage,
        "reason": one.reason,
        "field": one.field,
    }
    if one.raw is not None:
        entry["raw"] = one.raw
    return json.dumps(entry).encode() + b"\n"
