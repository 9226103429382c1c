"""Resolve entries that are folders or patterns to files.

Unreadable files are errors, never skipped: rows would be missing without notice. Links to folders are not followed
while searching, since they may form a loop; a link that leads out of the folder is an error.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from ingest_cli.errors import MissingSourceError, SourceError
from ingest_cli.sources.places import PATTERN_SIGNS, Places, is_companion, is_no_dump, label


def status_of(path: Path, name: str) -> os.stat_result:
    """Return the status of the file at `path`, following links.

    Raises:
        SourceError: nothing exists there, or it cannot be examined.
    """
    try:
        return path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise SourceError(f'"{name}" is a link whose target does not exist; restore it') from error
        raise MissingSourceError(f'"{name}" does not exist') from error
    except OSError as error:
        raise _unreadable(name, error) from error
    except ValueError as error:  # a null byte
        raise MissingSourceError(f'"{name}" is not a valid file name') from error


def files_in(folder: Path, name: str, places: Places) -> list[Path]:
    """Return all non-folders below `folder`, sorted, without what `is_no_dump` or `is_companion` match.

    Args:
        name: name of the folder in messages.
        places: receives a note about skipped companions.

    Raises:
        SourceError: the folder does not exist, or a folder cannot be searched.
    """
    files = sorted(
        each.path
        for one in _with_folders_in(folder, pass_over_known=True)
        for each in _entries(one)
        if not each.is_folder and not is_no_dump(each.path.name)
    )
    companions = [path for path in files if is_companion(path.name)]
    places.pass_over(f'"{name}"', [str(path.relative_to(folder)) for path in companions])
    files = [path for path in files if not is_companion(path.name)]
    if not files:
        raise MissingSourceError(f'"{name}" is a folder without dumps')
    return files


def matching(pattern: str, base: Path) -> list[Path]:
    """Return all non-folders that match `pattern`, sorted.

    As in a shell, `*`, `?` and `[…]` match within a name, but not a leading dot; `**` matches any number of folders.

    Args:
        pattern: glob, relative to `base` or absolute.
        base: folder taken literally, even if it contains glob characters.

    Raises:
        SourceError: nothing matches, or a folder cannot be searched.
    """
    *inner, last = Path(pattern).parts
    heads: Iterable[Path] = [base]
    for part in inner:
        heads = dict.fromkeys(_folders(heads, part))  # `**/**` yields a folder several times
    if last == "**":
        heads, last = dict.fromkeys(_folders(heads, last)), "*"
    found = [each for head in heads for each in _matches(head, last)]
    files = sorted(dict.fromkeys(each.path for each in found if not each.is_folder))
    if not files:
        if found:
            raise SourceError(
                f'no file matches "{label(pattern)}", only folders do; write "{label(pattern)}/**" for their files'
            )
        raise MissingSourceError(f'no file matches "{label(pattern)}" in {label(str(base))}')
    return files


@dataclass(frozen=True, slots=True)
class _Entry:
    """Folder entry; a link to a folder counts as a folder."""

    path: Path
    is_folder: bool
    is_link: bool


def _folders(heads: Iterable[Path], part: str) -> Iterator[Path]:
    """Yield the folders that one component of a pattern matches."""
    for head in heads:
        if part == "**":
            yield from _with_folders_in(head, pass_over_known=False)
        else:
            yield from (each.path for each in _matches(head, part) if each.is_folder)


def _matches(folder: Path, part: str) -> list[_Entry]:
    """Return the entries of a folder whose names match."""
    if not any(sign in part for sign in PATTERN_SIGNS):
        return _under(folder, part)
    hidden = part.startswith(".")
    return [
        each
        for each in _entries(folder)
        if fnmatchcase(each.path.name, part) and (hidden or not each.path.name.startswith("."))
    ]


def _under(folder: Path, name: str) -> list[_Entry]:
    """Return the entry of a folder with exactly this name, if any."""
    path = folder / name
    try:
        is_link = stat.S_ISLNK(path.lstat().st_mode)
        return [_Entry(path, is_folder=path.is_dir(), is_link=is_link)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _unreadable(label(str(path)), error) from error
    except ValueError:  # a null byte
        return []


def _with_folders_in(folder: Path, *, pass_over_known: bool) -> Iterator[Path]:
    """Yield the folder and all its subfolders at any depth."""
    root = os.path.realpath(folder)
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        yield here
        for each in _entries(here):
            name = each.path.name
            if not each.is_folder or name.startswith(".") or (pass_over_known and is_no_dump(name)):
                continue
            if not each.is_link:
                waiting.append(each.path)
            elif not Path(os.path.realpath(each.path)).is_relative_to(root):
                raise SourceError(
                    f'"{label(str(each.path))}" is a link to a folder elsewhere, which is not followed; remove it, or '
                    "list that folder in `sources` as well, and this one without the link"
                )


def _entries(folder: Path) -> list[_Entry]:
    """Return the entries of a folder, unordered.

    Raises:
        SourceError: the folder cannot be searched.
    """
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            return []
        with os.scandir(folder) as entries:
            return [
                _Entry(folder / entry.name, is_folder=_leads_to_folder(entry), is_link=entry.is_symlink())
                for entry in entries
            ]
    except OSError as error:
        raise _unreadable(label(str(folder)), error) from error


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself or to an inaccessible folder; reading it reports the error
        return False


def _unreadable(name: str, error: OSError) -> SourceError:
    if isinstance(error, PermissionError):
        return SourceError(f'"{name}" is not readable by this user; check its permissions and those of its folders')
    return SourceError(f'"{name}" cannot be read ({error.strerror or type(error).__name__}); check it and try again')
