"""Write files safely, and read the program's own, where other users may have chosen what a path leads to.

In a folder that others can write to, such as /tmp, another user may have placed something at the path to be written: a
symbolic link or hard link to another file, a pipe, another file. A path is therefore walked one component at a
time, from descriptor to descriptor, so that the file that was checked is the one that is opened. In a folder that
only its owner and root can write to, symbolic links are followed as usual: a log file may be one.

Linux has similar rules (proc(5), `protected_symlinks`, `protected_hardlinks`, `protected_regular`), but for sticky
folders only, and not on every machine.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingest_cli.errors import UnsafeFileError

PRIVATE, PUBLIC = 0o600, 0o666
"""Modes of new files: for their owner only, and as far as the umask allows."""

StrPath = str | os.PathLike[str]

_MAX_LINKS = 40  # as in the kernel (path_resolution(7))
_MODE_OF_FOLDERS = 0o700
# O_PATH (Linux) opens a folder that may be entered but not listed; elsewhere it has to be readable.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_SHARED = "in a folder that others can write to"
_STREAM = "it is an open stream, not a file"
_ROOT = 0
_PROC = Path("/proc")


def _unsafe(what: str) -> UnsafeFileError:
    return UnsafeFileError(errno.EPERM, f"{what} {_SHARED}")


@dataclass(frozen=True, slots=True)
class _Place:
    """End of a path walk.

    Attributes:
        folder: descriptor of the folder.
        name: name of the file in it, which need not exist.
        status: status of the folder.
        is_descriptor: whether it is a file of /proc that represents an open descriptor, as behind /dev/stdout.
    """

    folder: int
    name: str
    status: os.stat_result
    is_descriptor: bool

    def found(self) -> os.stat_result | None:
        """Return the status of the file with this name; None if there is none."""
        return _lstat(self.name, self.folder)

    def check(self, found: os.stat_result, *, to_read: bool = False) -> None:
        """Refuse to write to the file, or to trust its contents.

        Raises:
            UnsafeFileError: another user may have put it there.
            OSError: it is not a file.
        """
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not _others_can_write(self.status):
            if stat.S_ISFIFO(found.st_mode):  # opening one blocks, silently, until another process reads it
                raise OSError(errno.EINVAL, "not a regular file")
            return
        if stat.S_ISLNK(found.st_mode):
            raise _unsafe("it is a symbolic link")
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if not self._is_trusted_owner(found.st_uid, to_read=to_read):
            raise _unsafe("it belongs to another user and is")
        if found.st_nlink > 1:
            raise _unsafe("it is a file with several names (hard links)")

    def _is_trusted_owner(self, owner: int, *, to_read: bool) -> bool:
        """Return whether a file of this owner may be used: user, root, or, to write, the owner of a private folder."""
        if owner in _trusted():
            return True
        return not to_read and owner == self.status.st_uid and not self.status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def open_file(path: StrPath, flags: int, mode: int = PRIVATE) -> int:
    """Open a file like `os.open`; return its descriptor.

    A named pipe is refused. An unnamed one, such as /dev/stdin or the shell's `<(command)`, is already open and may be
    read. A stream is refused for writing: other output to it would be overwritten or interleaved.

    Args:
        path: path of the file. A symbolic link at its end is followed unless the flags have O_NOFOLLOW or O_EXCL.
        flags: as for `os.open`, but not O_TRUNC: nothing is truncated before the file has been checked.
        mode: mode of a new file, before the umask.

    Raises:
        UnsafeFileError: another user may have chosen the file to open.
        OSError: the file cannot be opened.
    """
    if flags & os.O_TRUNC:
        raise ValueError("a file that is truncated when opened cannot be checked first")
    is_new, to_read = bool(flags & os.O_EXCL), flags & os.O_ACCMODE == os.O_RDONLY
    with _walked(path, follow=not (is_new or flags & os.O_NOFOLLOW)) as place:
        if place.is_descriptor:
            if not to_read:
                raise OSError(errno.EINVAL, _STREAM)
            return os.open(place.name, flags | os.O_CLOEXEC, mode, dir_fd=place.folder)
        if not is_new and (found := place.found()) is not None:
            place.check(found, to_read=to_read)
            if stat.S_ISLNK(found.st_mode):  # not to be followed
                raise OSError(errno.ELOOP, _STREAM if _is_descriptor(path) else "it is a symbolic link")
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        descriptor = os.open(place.name, flags, mode, dir_fd=place.folder)
        try:
            if not is_new:
                place.check(os.fstat(descriptor), to_read=to_read)  # it may have been replaced since
            os.set_blocking(descriptor, True)
        except BaseException:
            os.close(descriptor)
            raise
    return descriptor


def opener(mode: int) -> Callable[[str, int], int]:
    """Return an `opener` for `open`: `open_file` with this mode for new files."""
    return lambda path, flags: open_file(path, flags, mode)


def read_file(path: StrPath, size: int = -1) -> bytes:
    """Return the first `size` bytes of a trusted file, or all of it.

    Raises:
        UnsafeFileError: another user may have written it.
        OSError: the file cannot be read.
    """
    with os.fdopen(open_file(path, os.O_RDONLY), "rb") as file:
        return file.read(size)


def remove_file(path: StrPath) -> None:
    """Remove a file if it exists.

    Raises:
        UnsafeFileError: another user may have chosen the file to remove.
        OSError: the file cannot be removed.
    """
    with suppress(FileNotFoundError), _walked(path) as place:
        os.unlink(place.name, dir_fd=place.folder)


def check_replaceable(path: StrPath) -> None:
    """Refuse early what `new_file_for` would refuse.

    Raises:
        UnsafeFileError, OSError: as in `new_file_for`.
    """
    with _walked(path) as place:
        _check_target(place)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A new file next to the one that it will replace.

    Attributes:
        file: file object, open for writing.
    """

    file: BinaryIO
    _place: _Place
    _name: str

    def put_in_place(self) -> None:
        """Flush the whole file to disk, then rename it to its final name.

        Raises:
            OSError: flushing or renaming failed; the previous file is still there.
        """
        self.file.flush()
        os.fsync(self.file.fileno())
        folder = self._place.folder
        os.replace(self._name, self._place.name, src_dir_fd=folder, dst_dir_fd=folder)
        listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)  # O_PATH has no fsync
        try:
            os.fsync(listed)
        finally:
            os.close(listed)


@contextmanager
def new_file_for(path: StrPath, mode: int = PRIVATE, *, make_folders: bool = False) -> Iterator[NewFile]:
    """Create a file with a random name next to `path`; remove it at the end of the block unless it was put in place.

    Args:
        path: file to replace. A symbolic link at its end is followed.
        mode: mode of the new file, before the umask.
        make_folders: whether to create missing folders, for their owner only.

    Raises:
        UnsafeFileError: another user may have chosen the file to replace.
        OSError: the file cannot be written.
    """
    with _walked(path, make_folders=make_folders) as place:
        _check_target(place)
        name = f".ingest-cli-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, mode, dir_fd=place.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield NewFile(file, place, name)
        finally:
            with suppress(FileNotFoundError):  # already renamed
                os.unlink(name, dir_fd=place.folder)


def _check_target(place: _Place) -> None:
    if place.is_descriptor:
        raise OSError(errno.EINVAL, "not a regular file")
    found = place.found()
    if found is not None:
        place.check(found)


@contextmanager
def _walked(path: StrPath, *, follow: bool = True, make_folders: bool = False) -> Iterator[_Place]:
    """Walk a path to its folder and the name in it.

    Raises:
        UnsafeFileError: a symbolic link on the path or at its end may be another user's.
        OSError: the path does not exist.
    """
    walk = _Walk(os.fspath(path))
    try:
        yield walk.to_the_end(follow=follow, make_folders=make_folders)
    finally:
        os.close(walk.folder)


def _is_descriptor(path: StrPath) -> bool:
    """Whether a path leads to an open descriptor, as /dev/stdout does."""
    with _walked(path) as place:
        return place.is_descriptor


class _Walk:
    """A walk along a path.

    Attributes:
        folder: descriptor of the folder reached so far.
    """

    def __init__(self, path: str) -> None:
        self._rest = _components(path)
        self._path = path
        self._links = 0
        self._proc = _proc_device()
        self.folder = os.open("/" if path.startswith("/") else ".", _FOLDER)

    def to_the_end(self, *, follow: bool, make_folders: bool) -> _Place:
        """Walk to the end of the path; see `_walked`."""
        while self._rest:
            name, is_last = self._rest.pop(), not self._rest
            found, status = _lstat(name, self.folder), os.fstat(self.folder)
            is_link = found is not None and stat.S_ISLNK(found.st_mode)
            is_in_proc = status.st_dev == self._proc
            if is_last and name != ".." and not (is_link and follow and not is_in_proc):
                return _Place(self.folder, name, status, is_in_proc and is_link)
            if found is not None and is_link and not is_in_proc:
                self._follow(name, found, status, is_last=is_last)
                continue
            if found is None and make_folders:
                with suppress(FileExistsError):  # another process created it first
                    os.mkdir(name, _MODE_OF_FOLDERS, dir_fd=self.folder)
            # Links of /proc cannot be read and walked: /proc/self/cwd leads to the folder itself.
            self._move_to(os.open(name, _FOLDER | (0 if is_in_proc else os.O_NOFOLLOW), dir_fd=self.folder))
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self._path)

    def _follow(self, name: str, link: os.stat_result, status: os.stat_result, *, is_last: bool) -> None:
        """Replace a symbolic link by its target.

        A link at the end of a path is never followed in a folder that others can write to. One on the way is, if it
        belongs to the user or root and the folder is sticky: no other user can replace it there.
        """
        if _others_can_write(status) and (is_last or link.st_uid not in _trusted() or not _keeps_links(status)):
            raise _unsafe("it is a symbolic link" if is_last else f'"{name}" on the way to it is a link')
        self._links += 1
        if self._links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), self._path)
        target = os.readlink(name, dir_fd=self.folder)
        self._rest += _components(target)
        if target.startswith("/"):
            self._move_to(os.open("/", _FOLDER))

    def _move_to(self, folder: int) -> None:
        before, self.folder = self.folder, folder
        os.close(before)


def _components(path: str) -> list[str]:
    """Return the components of a path, the last one first."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]


def _lstat(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _others_can_write(folder: os.stat_result) -> bool:
    """Return whether users other than this one and root can add files; of access lists, the group bits count."""
    return bool(folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH)) or folder.st_uid not in _trusted()


def _keeps_links(folder: os.stat_result) -> bool:
    """Return whether only the owner of a folder, the user or root, can replace a link of the user or of root in it."""
    return bool(folder.st_mode & stat.S_ISVTX) and folder.st_uid in _trusted()


def _trusted() -> set[int]:
    return {_ROOT, os.geteuid()}


def _proc_device() -> int | None:
    """Return the device number of /proc; None if it is not mounted."""
    return _PROC.stat().st_dev if _PROC.is_mount() else None
