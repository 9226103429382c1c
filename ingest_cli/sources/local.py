"""Files on this machine."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest_cli.errors import SourceError
from ingest_cli.sources.fingerprints import FingerprintCache

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A regular file.

    Attributes:
        path: where it is.
        name: the path as the manifest's author would recognise it.
        size_bytes: its size when the run was planned.
        state: what tells it from other files, and from itself after a change: device, inode, size and times.
    """

    path: Path
    name: str
    size_bytes: int
    state: tuple[int, ...]

    @property
    def identity(self) -> tuple[int, ...]:
        """See `Source.identity`."""
        return self.state[:2]

    def fingerprint(self) -> str:
        """SHA-256 of the bytes, remembered by device, inode, size and time of the last change."""
        cache = FingerprintCache.default()
        try:
            with self.path.open("rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if (known := cache.get(status)) is not None:
                    return known
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise _unreadable(self.name, error) from error
        cache.put(status, digest)
        return digest

    def open(self) -> Iterator[bytes]:
        """See `Source.open`."""
        try:
            with self.path.open("rb", buffering=0) as file:
                while piece := file.read(READ_BYTES):
                    yield piece
                changed = _state(os.fstat(file.fileno())) != self.state
        except OSError as error:
            raise _unreadable(self.name, error) from error
        if changed:
            raise SourceError("the file has changed since this run began; leave it alone, and load it with --restart")


def find(pattern: str, base: Path) -> list[LocalFile]:
    """The files that `pattern` names, in order of their names.

    Args:
        pattern: a path or a glob (`*`, `?`, `[…]`, `**`).
        base: the folder that relative patterns start from.

    Raises:
        SourceError: nothing matches, or what matches is not a readable regular file.
    """
    if any(sign in pattern for sign in "*?[") and not (base / pattern).is_file():
        return [
            _file(path, str(path.relative_to(base)) if path.is_relative_to(base) else str(path))
            for path in _glob(pattern, base)
        ]
    return [_file(base / pattern, pattern)]


def _glob(pattern: str, base: Path) -> list[Path]:
    import glob  # noqa: PLC0415 - only where a manifest has a pattern

    # From `root_dir` and not joined to it: the base may hold signs of its own that are none.
    names = glob.glob(pattern, root_dir=base, recursive=True)  # noqa: PTH207 - absolute patterns
    found = sorted(base / name for name in names)
    files = [path for path in found if not path.is_dir()]
    if not files:
        raise SourceError(f'no file matches "{pattern}" in {base}; check `sources` in [dataset]')
    return files


def _file(path: Path, name: str) -> LocalFile:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(name, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f'"{name}" is a folder; name the files in it, for example "{name.rstrip("/")}/*.csv"')
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f'"{name}" is not a regular file; copy its data into one')
    if not os.access(path, os.R_OK):
        raise SourceError(f'"{name}" may not be read by this user; check its permissions')
    return LocalFile(path, name, status.st_size, _state(status))


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _unreadable(name: str, error: OSError) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(f'"{name}" does not exist; check `sources` in [dataset]')
    return SourceError(f'"{name}" cannot be read ({error.strerror or type(error).__name__}); check it and try again')
