"""Where rejects go: one JSON object per line, readable by their owner only, without any value."""

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
_FIRST_BYTES = 64 << 10  # a line is shorter, but for one that shows its record


class RejectFile:
    """A file that rejects are appended to; with no path they are only counted.

    A line has `source, shard, row, line, stage, reason, field`, and `raw` only if asked for.

    Attributes:
        size_bytes: how much of the file is ours.
        lost: whether rejects of an earlier, broken-off run should be in the file, but are not.
    """

    def __init__(self, path: Path | None, keep_bytes: int | None = 0) -> None:
        """Open the file, and cut off what follows the first `keep_bytes`.

        Args:
            path: of the file; None: rejects are not written.
            keep_bytes: what to keep of it; None: all.

        Raises:
            UsageError: it cannot be written, or holds something else than rejects.
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
            if not stat.S_ISREG(status.st_mode):  # before its mode is changed: /dev/null belongs to everybody
                raise OSError(errno.EINVAL, "not a regular file")  # noqa: TRY301 - it is told like all others
            if not _holds_rejects(self._file.read(_FIRST_BYTES)):
                raise OSError(errno.EEXIST, "it holds something else than rejects")  # noqa: TRY301 - likewise
            os.fchmod(descriptor, PRIVATE)
            found = status.st_size
            keep_bytes = found if keep_bytes is None else keep_bytes
            self.lost = found < keep_bytes
            self.size_bytes = 0 if self.lost else keep_bytes  # of a part, the last line may be cut
            self._file.truncate(self.size_bytes)
        except OSError as error:
            if self._file is not None:
                self._file.close()
            raise UsageError(
                f'the reject file "{path}" cannot be written ({error.strerror}); give another place with --rejects'
            ) from error

    def write(self, rejects: Iterable[tuple[Origin, Reject]]) -> None:
        """Append `rejects`, each with where it comes from, and hand them to the operating system.

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
            with contextlib.suppress(OSError):  # the next lines begin where these did in any case
                self._file.truncate(self.size_bytes)
            raise self._full(error) from error
        self.size_bytes = at

    def sync(self) -> None:
        """Have what was written on the disk, before a state that speaks of it is saved.

        Raises:
            TryAgainError: the disk does not take it.
        """
        if self._file is None:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._full(error) from error

    def close(self) -> None:
        """Close the file; nothing can be written from then on."""
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
    """Whether a file that begins so is empty or a file of rejects, so that it may be written anew."""
    first, end, _ = head.partition(b"\n")
    if not end:  # nothing, or a first line that was cut off while it was written
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
