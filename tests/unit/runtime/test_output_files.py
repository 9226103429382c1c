"""Nobody but the user chooses which files the program writes, or takes for its own."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.cli.log_file import LogFile
from ingest_cli.cli.operation import check_appendable
from ingest_cli.errors import UnsafeFileError, UsageError
from ingest_cli.runtime import output_files
from ingest_cli.runtime.output_files import (
    PUBLIC,
    StrPath,
    check_replaceable,
    new_file_for,
    open_file,
    opener,
    read_file,
    remove_file,
)

STRANGER = 47_110
"""The id of another user, who need not exist."""

SHARED = "in a folder that others can write to"


@dataclass(frozen=True)
class Folders:
    """Where things are planted.

    Attributes:
        shared: everybody can write there.
        own: the user alone can.
        precious: a file of the user's elsewhere.
    """

    shared: Path
    own: Path
    precious: Path


@pytest.fixture(params=[0o1777, 0o777, 0o770], ids=["sticky", "of the world", "of a group"])
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> Folders:
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    own.mkdir(mode=0o700)
    shared.chmod(request.param)
    (own / "precious").write_text("precious")
    return Folders(shared, own, own / "precious")


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a file somebody else's: really, where that is allowed, else by making this process somebody else."""
    if os.geteuid() == 0:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: STRANGER)


def append(path: StrPath) -> None:
    with open(path, "a", opener=opener(PUBLIC)) as file:
        file.write("ours\n")


def replace(path: Path) -> None:
    with new_file_for(path) as new:
        new.file.write(b"ours\n")
        new.put_in_place()


def hold_rejects(path: Path) -> None:
    os.close(open_file(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW))


WAYS: dict[str, Callable[[Path], object]] = {
    "append": append,
    "replace": replace,
    "check first": check_replaceable,
    "read and write": hold_rejects,
    "read": read_file,
}


def plant_pipe(path: Path, _: Folders) -> None:
    os.mkfifo(path, 0o666)


def plant_socket(path: Path, _: Folders) -> None:
    with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(path.parent):  # whose paths must be short
        one.bind(path.name)


PLANTED: dict[str, tuple[Callable[[Path, Folders], None], str]] = {
    "a link to a file": (lambda path, at: path.symlink_to(at.precious), f"it is a symbolic link {SHARED}"),
    "a link to nothing": (lambda path, at: path.symlink_to(at.own / "new"), f"it is a symbolic link {SHARED}"),
    "a link to a device": (lambda path, _: path.symlink_to("/dev/null"), f"it is a symbolic link {SHARED}"),
    "a second name of a file": (lambda path, at: path.hardlink_to(at.precious), "several names (hard links)"),
    "a pipe": (plant_pipe, "not a regular file"),
    "a socket": (plant_socket, "not a regular file"),
    "a folder": (lambda path, _: path.mkdir(), "Is a directory"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("planted", PLANTED)
def test_what_was_planted_in_a_shared_folder_is_refused(folders: Folders, planted: str, way: str) -> None:
    path = folders.shared / "file"
    plant, said = PLANTED[planted]
    plant(path, folders)
    before = path.lstat()
    with pytest.raises(OSError, match=r".+") as refused:
        WAYS[way](path)
    assert said in (refused.value.strerror or "")
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert folders.precious.read_text() == "precious"
    assert sorted(folders.own.iterdir()) == [folders.precious]
    assert list(folders.shared.iterdir()) == [path]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_another_user_in_a_shared_folder_is_refused(
    folders: Folders, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folders.shared / "file"
    path.write_text("theirs")
    path.chmod(0o666)
    give_away(path, monkeypatch)
    with pytest.raises(UnsafeFileError, match="belongs to another user and is in a folder that others can write to"):
        WAYS[way](path)
    assert path.read_text() == "theirs"


@pytest.mark.parametrize("way", WAYS)
def test_a_link_of_another_user_on_the_way_is_refused(
    folders: Folders, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = folders.shared / "folder"
    link.symlink_to(folders.own)
    give_away(link, monkeypatch)
    with pytest.raises(UnsafeFileError, match=f'"folder" on the way to it is a link {SHARED}'):
        WAYS[way](link / "precious")
    assert folders.precious.read_text() == "precious"
    with pytest.raises(UnsafeFileError), new_file_for(link / "made" / "file", make_folders=True):
        pass
    with pytest.raises(UnsafeFileError):
        remove_file(link / "precious")
    assert sorted(folders.own.iterdir()) == [folders.precious]


@pytest.mark.parametrize("way", ["append", "replace", "check first", "read"])
def test_ones_own_links_are_followed(folders: Folders, way: str) -> None:
    """One at the end of the path in a folder of the user's own, and one on the way, in a sticky folder, too."""
    (folders.own / "link").symlink_to("precious")
    folders.shared.chmod(0o1777)
    (folders.shared / "folder").symlink_to(folders.own)
    for path in (folders.own / "link", folders.shared / "folder" / "link", folders.shared / "folder" / "precious"):
        WAYS[way](path)
    assert (folders.own / "link").is_symlink()
    assert ("ours" in folders.precious.read_text()) == (way in {"append", "replace"})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", [0o777, 0o775, 0o770])
def test_a_link_that_others_can_replace_is_refused_whoever_made_it(folders: Folders, way: str, mode: int) -> None:
    folders.shared.chmod(mode)
    (folders.shared / "folder").symlink_to(folders.own)
    with pytest.raises(UnsafeFileError, match=f'"folder" on the way to it is a link {SHARED}'):
        WAYS[way](folders.shared / "folder" / "precious")
    assert folders.precious.read_text() == "precious"


def test_a_sticky_folder_keeps_no_links_from_its_owner(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.shared.chmod(0o1777)
    (folders.shared / "folder").symlink_to(folders.own)
    owned = os.fstat

    def foreign(descriptor: int) -> os.stat_result:
        status = owned(descriptor)
        is_shared = (status.st_dev, status.st_ino) == (folders.shared.stat().st_dev, folders.shared.stat().st_ino)
        return os.stat_result((*status[:4], STRANGER, *status[5:])) if is_shared else status

    monkeypatch.setattr(os, "fstat", foreign)
    with pytest.raises(UnsafeFileError, match="on the way to it is a link"):
        read_file(folders.shared / "folder" / "precious")


def test_a_link_of_ones_own_does_not_lead_to_a_planted_one(folders: Folders) -> None:
    (folders.own / "log").symlink_to(folders.shared / "log")
    (folders.shared / "log").symlink_to(folders.precious)
    with pytest.raises(UnsafeFileError, match="symbolic link"):
        append(folders.own / "log")
    assert folders.precious.read_text() == "precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_one_that_others_can_write_to(tmp_path: Path) -> None:
    """That user may keep files of their own there, which are written to as ever, but not trusted."""
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (theirs / "log").write_text("theirs\n")
    (theirs / "link").symlink_to("log")
    for path in (theirs, theirs / "log", theirs / "link"):
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    append(theirs / "log")
    assert (theirs / "log").read_text() == "theirs\nours\n"
    for way in (append, replace, read_file):
        with pytest.raises(UnsafeFileError, match="symbolic link"):
            way(theirs / "link")
    with pytest.raises(UnsafeFileError, match="another user"):
        read_file(theirs / "log")


@pytest.mark.parametrize("way", ["append", "replace", "read and write"])
def test_new_files_are_made_anywhere_and_used_again(folders: Folders, way: str) -> None:
    for path in (folders.shared / "new", folders.own / "new"):
        WAYS[way](path)
        WAYS[way](path)
        check_replaceable(path)
        assert path.read_bytes() == read_file(path)


@pytest.mark.parametrize(
    "swap", ["symbolic link", "hard link", "pipe"], ids=["a symbolic link", "a hard link", "a pipe"]
)
@pytest.mark.parametrize("way", ["append", "read and write", "read"])
def test_what_takes_the_place_of_a_file_after_the_look_at_it_is_refused(
    folders: Folders, monkeypatch: pytest.MonkeyPatch, swap: str, way: str
) -> None:
    path = folders.shared / "file"
    path.write_text("ours")
    real = os.open

    def hurry(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if name == "file":
            path.unlink()
            if swap == "symbolic link":
                path.symlink_to(folders.precious)
            elif swap == "hard link":
                path.hardlink_to(folders.precious)
            else:
                os.mkfifo(path)
        return real(name, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", hurry)
    with pytest.raises(OSError, match=r"symbolic links|hard links|not a regular file|No such device or address"):
        WAYS[way](path)
    assert folders.precious.read_text() == "precious"


def test_a_link_that_appears_before_the_renaming_is_replaced_and_not_followed(folders: Folders) -> None:
    path = folders.shared / "file"
    with new_file_for(path) as new:
        new.file.write(b"ours")
        path.symlink_to(folders.precious)
        new.put_in_place()
    assert not path.is_symlink()
    assert path.read_text() == "ours"
    assert folders.precious.read_text() == "precious"


def test_a_folder_that_is_exchanged_on_the_way_changes_nothing(folders: Folders) -> None:
    """Once it was walked through, its name is not asked for again."""
    state = folders.shared / "state"
    with new_file_for(state / "file", make_folders=True) as new:
        new.file.write(b"ours")
        state.rename(folders.shared / "moved")
        state.symlink_to(folders.own)
        new.put_in_place()
    assert (folders.shared / "moved" / "file").read_text() == "ours"
    assert list(folders.own.iterdir()) == [folders.precious]


def test_a_temporary_file_has_a_name_of_its_own_and_leaves_nothing(tmp_path: Path) -> None:
    names: list[str] = []
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), new_file_for(tmp_path / "file") as new:
            new.file.write(b"half")
            new.file.flush()
            (found,) = tmp_path.iterdir()
            names.append(found.name)
            assert stat.S_IMODE(found.stat().st_mode) == 0o600
            raise ZeroDivisionError
        assert list(tmp_path.iterdir()) == []
    assert names[0] != names[1]


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_modes(tmp_path: Path) -> None:
    for mode, expected in ((PUBLIC, 0o644), (0o600, 0o600)):
        with new_file_for(tmp_path / "new", mode) as new:
            new.put_in_place()
        with open(tmp_path / f"log{mode}", "a", opener=opener(mode)):
            pass
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == expected
        assert stat.S_IMODE((tmp_path / f"log{mode}").stat().st_mode) == expected
    with new_file_for(tmp_path / "a" / "b" / "new", make_folders=True) as new:
        new.put_in_place()
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o700, 0o700]


def test_devices_can_be_written_to() -> None:
    append("/dev/null")


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_stream_that_is_open_can_be_read_but_is_no_file_to_write_to(name: str) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"theirs")
    for way in ("append", "read and write", "replace"):
        with pytest.raises(OSError, match=r"an open stream, not a file|not a regular file"):
            WAYS[way](Path(name.format(writing)))
    os.close(writing)
    assert read_file(name.format(reading)) == b"theirs"
    os.close(reading)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/stderr", "/dev/fd/1"])
def test_standard_streams_are_refused_alike_as_files(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    said = "an open stream, not a file"
    with pytest.raises(UsageError, match=said):
        RejectFile(Path(name))
    with pytest.raises(UsageError, match=said):
        LogFile(Path(name), lambda _: None)
    with pytest.raises(UsageError, match=said):
        check_appendable(Path(name))
    assert capfd.readouterr() == ("", "")


def test_a_pipe_with_a_name_is_refused_anywhere(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for way in WAYS.values():
        with pytest.raises(OSError, match="not a regular file"):
            way(tmp_path / "pipe")


def test_paths_as_the_system_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "up").symlink_to("../a/./b/")
    (tmp_path / "absolute").symlink_to(tmp_path / "a" / "up")
    monkeypatch.chdir(tmp_path)
    for name in ("file", "./file", "a/../file", "a/up/../../file", "absolute/../../file", f"{tmp_path}//a/..//file"):
        append(name)
    assert (tmp_path / "file").read_text() == "ours\n" * 6
    (tmp_path / "loop").symlink_to("loop")
    for name, said in {"loop": "symbolic links", "none/file": "No such file", "file/x": "Not a directory"}.items():
        with pytest.raises(OSError, match=said):
            append(name)
    for name in ("a/..", "a", "a/", "/", "..", ""):
        with pytest.raises(IsADirectoryError):
            append(name)


def test_nothing_is_cut_off_before_it_is_checked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("ours")
    with pytest.raises(ValueError, match="truncated when opened"):
        open_file(tmp_path / "file", os.O_WRONLY | os.O_TRUNC)
    assert (tmp_path / "file").read_text() == "ours"


def test_removal(folders: Folders) -> None:
    path = folders.shared / "file"
    remove_file(path)
    path.touch()
    remove_file(path)
    assert not path.exists()
    path.symlink_to(folders.precious)
    with pytest.raises(UnsafeFileError):
        remove_file(path)
    assert folders.precious.exists()


def test_no_descriptor_is_left_open(folders: Folders) -> None:
    def descriptors() -> int:
        return len([*Path("/dev/fd").iterdir()])

    path = folders.shared / "link"
    path.symlink_to(folders.precious)
    before = descriptors()
    for way in WAYS.values():
        way(folders.own / "file") if way is not read_file else None
        with pytest.raises(OSError, match=r".+"):
            way(path)
        with pytest.raises(OSError, match=r".+"):
            way(folders.own / "none" / "file")
    assert descriptors() == before


def test_without_proc_nothing_is_taken_for_a_descriptor(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder /proc where nothing is mounted lies on the same device as all others."""
    monkeypatch.setattr(output_files, "_PROC", folders.own)
    path = folders.shared / "file"
    path.symlink_to(folders.precious)
    with pytest.raises(UnsafeFileError):
        append(path)
