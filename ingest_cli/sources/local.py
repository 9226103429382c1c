"""Read local files."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ingest_cli.errors import SourceError
from ingest_cli.sources import folders
from ingest_cli.sources.fingerprints import FingerprintCache
from ingest_cli.sources.places import PATTERN_SIGNS, READ_BYTES, Places, label

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_OPEN_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK  # the file may have been replaced by a pipe

_OTHER_THINGS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


@dataclass(frozen=True, slots=True)
class LocalFile:
    """Regular file.

    Attributes:
        name: path as written in the manifest.
        size_bytes: size when the run was planned.
        state: identity and version of the file: device, inode, size and time of the last change.
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
        """Return the SHA-256 of the bytes, cached by device, inode, size and times of the last change."""
        return digest_of([self])

    def open(self) -> Iterator[bytes]:
        """See `Source.open`."""
        with _PinnedFile(self) as file:
            while piece := file.read(READ_BYTES):
                yield piece

    def open_file(self) -> BinaryIO:
        """See `Source.open_file`."""
        return io.BufferedReader(_PinnedFile(self))


def digest_of(files: Sequence[LocalFile]) -> str:
    """Return the SHA-256 of the concatenated bytes of `files`, cached as for one file.

    Raises:
        SourceError: a file cannot be read.
    """
    cache = FingerprintCache.default()
    if (known := cache.get([_status(file) for file in files])) is not None:
        return known
    digest, states = hashlib.sha256(), list[os.stat_result]()
    for each in files:
        with _naming(each), _PinnedFile(each) as file:
            states.append(os.fstat(file.fileno()))
            while piece := file.read(READ_BYTES):
                digest.update(piece)
    cache.put(states, digest.hexdigest())
    return digest.hexdigest()


def _status(file: LocalFile) -> os.stat_result:
    with _naming(file), _PinnedFile(file) as opened:
        return os.fstat(opened.fileno())


@contextmanager
def _naming(file: LocalFile) -> Iterator[None]:
    try:
        yield
    except SourceError as error:
        raise SourceError(f'"{file.name}": {error}') from error


class _PinnedFile(io.FileIO):
    """File that must not change after it was found; every read checks that."""

    def __init__(self, found: LocalFile) -> None:
        with _sentences():
            super().__init__(os.open(found.path, _OPEN_FLAGS), "rb")
            self._state = found.state
            try:
                self._check()
            except BaseException:
                self.close()
                raise

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.RawIOBase.read`; raises `SourceError`."""
        with _sentences():
            data = super().read(-1 if size is None else size)
            self._check()
        return data

    def readall(self) -> bytes:
        """See `io.RawIOBase.readall`; raises `SourceError`."""
        return self.read()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """See `io.RawIOBase.readinto`; raises `SourceError`."""
        with _sentences():
            count = super().readinto(buffer)
            self._check()
        return count

    def _check(self) -> None:
        if _state(os.fstat(self.fileno())) != self._state:
            raise SourceError(
                "the file changed during this run; load it with --restart, and do not change it meanwhile"
            )


@contextmanager
def _sentences() -> Iterator[None]:
    """Translate operating system errors into messages."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError("the file no longer exists; restore it, and run the same command again") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SourceError(f"the file cannot be read ({reason}); check it, and run the same command again") from error


def find(pattern: str, places: Places) -> list[LocalFile]:
    """Return the files that `pattern` matches, sorted by name.

    Args:
        pattern: path, folder (all files below it), or glob (`*`, `?`, `[…]`, `**`).

    Raises:
        SourceError: nothing matches, or a match is not a readable regular file.
    """
    base = places.base
    if any(sign in pattern for sign in PATTERN_SIGNS) and not os.path.lexists(base / pattern):
        return [_file(path, _name(path, base)) for path in folders.matching(pattern, base)]
    path = base / pattern
    status = folders.status_of(path, label(pattern))
    if stat.S_ISDIR(status.st_mode):
        return [_file(one, _name(one, base)) for one in folders.files_in(path, label(pattern), places)]
    return [_file(path, label(pattern))]


def _name(path: Path, base: Path) -> str:
    return label(str(path.relative_to(base)) if path.is_relative_to(base) else str(path))


def _file(path: Path, name: str) -> LocalFile:
    status = folders.status_of(path, name)
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        other = _OTHER_THINGS.get(kind, "no file")
        way_out = (
            "copy its data into a file"
            if kind == stat.S_IFSOCK
            else f'write sources = ["-"], and run the same command with < "{name}"'
        )
        raise SourceError(f'"{name}" is {other}, not a regular file; {way_out}')
    if not os.access(path, os.R_OK):
        raise SourceError(f'"{name}" is not readable by this user; check its permissions')
    return LocalFile(path, name, status.st_size, _state(status))


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
