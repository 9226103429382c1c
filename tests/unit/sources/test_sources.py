"""Files on this machine: which ones an entry names, whether they can be read, how they are recognised."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import ExitCode, SourceError
from ingest_cli.sources import dataset_fingerprint, find_sources
from ingest_cli.sources.fingerprints import MAX_ENTRIES, FingerprintCache
from ingest_cli.sources.local import LocalFile, find
from ingest_cli.sources.places import READ_BYTES, Places, label


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "with [signs] of its own *"
    for name in ("dumps/b.csv", "dumps/a.csv", "dumps/deep/c.csv", "dumps/notes.txt"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(name.encode())
    return base


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ingest-cli" / "fingerprints.json"


def names(base: Path, *entries: str) -> list[str]:
    return [source.name for source in find_sources(entries, base)]


def test_files_are_named_as_in_the_manifest_and_relative_to_it(folder: Path) -> None:
    [source] = find_sources(["dumps/a.csv"], folder)
    assert (source.name, source.size_bytes) == ("dumps/a.csv", len("dumps/a.csv"))
    assert b"".join(source.open()) == b"dumps/a.csv"


def test_globs_give_their_files_in_order_and_no_folders(folder: Path) -> None:
    assert names(folder, "dumps/*") == ["dumps/a.csv", "dumps/b.csv", "dumps/notes.txt"]
    assert names(folder, "dumps/[ab].csv") == ["dumps/a.csv", "dumps/b.csv"]
    assert names(folder, "dumps/?.csv") == ["dumps/a.csv", "dumps/b.csv"]
    assert names(folder, "dumps/**/*.csv") == ["dumps/a.csv", "dumps/b.csv", "dumps/deep/c.csv"]


def test_absolute_paths_and_globs(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_bytes(b"x")
    assert names(folder, str(elsewhere)) == [str(elsewhere)]
    assert names(folder, str(tmp_path / "else*.csv")) == [str(elsewhere)]


def test_a_file_named_twice_is_read_once(folder: Path) -> None:
    assert names(folder, "dumps/b.csv", "dumps/*.csv", "dumps/b.csv") == ["dumps/b.csv", "dumps/a.csv"]


def test_links_are_followed(folder: Path) -> None:
    (folder / "link.csv").symlink_to(folder / "dumps" / "a.csv")
    [source] = find_sources(["link.csv"], folder)
    assert b"".join(source.open()) == b"dumps/a.csv"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("dumps/none.csv", '"dumps/none.csv" does not exist; check `sources`'),
        ("dumps/*.gz", 'no file matches "dumps/[*].gz"'),
        ("dumps/dee?", 'no file matches "dumps/dee[?]", only folders do; write "dumps/dee[?]/[*][*]"'),
        ("empty", '"empty" is a folder without dumps'),
        ("empty/**", 'no file matches "empty/[*][*]" in'),
        ("nowhere/*.csv", "no file matches"),
        ("dumps/a.csv/*", "no file matches"),
        ("ftp://example.org/a.csv", "is not a supported source"),
        ("dangling*", '"dangling.csv" is a link whose target does not exist'),
        ("dangling.csv", '"dangling.csv" is a link whose target does not exist'),
        ("loop", '"loop" cannot be read'),
        ("dumps/a.csv/x", '"dumps/a.csv/x" cannot be read'),
        ("n" * 300, "cannot be read [(]File name too long[)]"),
        ("n" * 300 + "/*.csv", "cannot be read [(]File name too long[)]"),
        ("dumps\0.csv", r'"dumps\\x00.csv" is not a valid file name'),
        ("dumps\0/*.csv", r'no file matches "dumps\\x00/[*].csv"'),
        ("pipe", '"pipe" is a named pipe, not a regular file; write sources = ."-".,.* < "pipe"'),
        ("pip?", '"pipe" is a named pipe'),
        ("/dev/null", '"/dev/null" is a character device, not a regular file; write sources = ."-"'),
        ("socket", '"socket" is a socket, not a regular file; copy its data into a file'),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is(folder: Path, entry: str, words: str) -> None:
    (folder / "dangling.csv").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to("loop")
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe")
    os.mknod(folder / "socket", stat.S_IFSOCK | 0o600)
    with pytest.raises(SourceError, match=words) as caught:
        find_sources(["dumps/a.csv", entry], folder)
    assert caught.value.exit_code is ExitCode.UNUSABLE
    assert str(caught.value).isprintable()


def test_a_file_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs the tests may be root, to whom nothing is forbidden.
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path).name == "a.csv" and mode == os.R_OK))
    assert names(folder, "dumps/b.csv") == ["dumps/b.csv"]
    with pytest.raises(SourceError, match=r'"dumps/a.csv" is not readable by this user'):
        find_sources(["dumps/*.csv"], folder)


def test_a_file_that_went_away_is_missed_when_it_is_opened(folder: Path) -> None:
    [source] = find_sources(["dumps/a.csv"], folder)
    (folder / "dumps/a.csv").unlink()
    with pytest.raises(SourceError, match=r"^the file no longer exists"):
        list(source.open())
    with pytest.raises(SourceError, match=r"^the file no longer exists"):
        source.open_file()
    with pytest.raises(SourceError, match=r'^"dumps/a.csv": the file no longer exists'):
        source.fingerprint()


def test_large_files_come_in_pieces(folder: Path) -> None:
    data = os.urandom(2 * READ_BYTES + 5)
    (folder / "large").write_bytes(data)
    [source] = find_sources(["large"], folder)
    pieces = list(source.open())
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= READ_BYTES


# -- folders and globs


def test_a_folder_stands_for_all_files_in_it_and_in_its_folders(folder: Path) -> None:
    files = ["dumps/a.csv", "dumps/b.csv", "dumps/deep/c.csv", "dumps/notes.txt"]
    assert names(folder, "dumps") == names(folder, "dumps/") == names(folder, "./dumps") == files
    assert names(folder, str(folder / "dumps")) == files, "named from where the manifest is"
    assert names(folder / "dumps", ".") == ["a.csv", "b.csv", "deep/c.csv", "notes.txt"]
    assert names(folder / "dumps" / "deep", "..") == ["../a.csv", "../b.csv", "../deep/c.csv", "../notes.txt"]
    assert names(folder, "dumps", "dumps/a.csv") == files, "each once"


def test_what_is_obviously_no_dump_is_passed_over_in_folders(folder: Path) -> None:
    for name in (".DS_Store", ".git/config", "Thumbs.db", "__MACOSX/x.csv", "_SUCCESS", "telco.toml", "x_$folder$"):
        (folder / "dumps" / name).parent.mkdir(exist_ok=True)
        (folder / "dumps" / name).write_bytes(b"x")
    assert names(folder, "dumps") == ["dumps/a.csv", "dumps/b.csv", "dumps/deep/c.csv", "dumps/notes.txt"]
    assert names(folder, "dumps/_SUCCESS", "dumps/.git/*") == ["dumps/_SUCCESS", "dumps/.git/config"], "unless named"


def test_globs_match_as_a_shell_does(folder: Path) -> None:
    (folder / "dumps/.hidden.csv").write_bytes(b"x")
    (folder / "dumps/.old").mkdir()
    (folder / "dumps/.old/d.csv").write_bytes(b"x")
    all_files = ["dumps/a.csv", "dumps/b.csv", "dumps/deep/c.csv", "dumps/notes.txt"]
    assert names(folder, "dumps/**") == names(folder, "**") == names(folder, "**/**/*") == all_files
    assert names(folder, "*/*/*.csv") == names(folder, "dumps/**/deep/*") == ["dumps/deep/c.csv"]
    assert names(folder, "dumps/.*") == ["dumps/.hidden.csv"]
    assert names(folder, "dumps/deep/../a.*") == ["dumps/deep/../a.csv"]
    assert names(folder, "dumps/[!a].csv") == ["dumps/b.csv"]


def test_a_name_that_looks_like_a_pattern_is_one_only_where_there_is_no_such_file(folder: Path) -> None:
    (folder / "dumps/[a].csv").write_bytes(b"x")
    (folder / "dumps/[d]").mkdir()
    (folder / "dumps/[d]/e.csv").write_bytes(b"x")
    assert names(folder, "dumps/[a].csv") == ["dumps/[a].csv"]
    assert names(folder, "dumps/[d]") == ["dumps/[d]/e.csv"]
    assert names(folder, "dumps/[[]a].csv") == ["dumps/[a].csv"]


@pytest.mark.parametrize("entry", ["dumps", "dumps/**/*.csv"])
def test_links_to_folders_lead_nowhere_twice(folder: Path, entry: str) -> None:
    for n in range(3):  # followed, these alone would make 3 to the power of 40 folders
        (folder / f"dumps/deep/back{n}").symlink_to("..")
    (folder / "dumps/also-c.csv").symlink_to("deep/c.csv")
    assert [name for name in names(folder, entry) if name.endswith(".csv")] == [
        "dumps/a.csv",
        "dumps/also-c.csv",
        "dumps/b.csv",
    ], "the file behind the link is read under the first of its names"


@pytest.mark.parametrize("entry", ["dumps", "dumps/**/*.csv"])
def test_a_link_to_a_folder_elsewhere_does_not_go_unnoticed(folder: Path, tmp_path: Path, entry: str) -> None:
    (tmp_path / "other").mkdir()
    (folder / "dumps/deep/out").symlink_to(tmp_path / "other")
    with pytest.raises(SourceError, match=r'deep/out" is a link to a folder elsewhere, which is not followed'):
        names(folder, entry)


def test_a_folder_that_is_a_link_itself_was_meant(folder: Path) -> None:
    (folder / "current").symlink_to("dumps/deep")
    assert names(folder, "current") == names(folder, "current/*") == ["current/c.csv"]


def test_a_dangling_link_in_a_folder_is_named(folder: Path) -> None:
    (folder / "dumps/gone.csv").symlink_to("nowhere")
    with pytest.raises(SourceError, match=r'"dumps/gone.csv" is a link whose target does not exist'):
        names(folder, "dumps")


@pytest.mark.parametrize("entry", ["dumps", "dumps/**", "dumps/deep/*", "dumps/*/*.csv", "**/c.csv"])
def test_a_folder_that_is_closed_to_us_does_not_go_unnoticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    # Whoever runs the tests may be root, to whom nothing is forbidden.
    real = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(SourceError, match='deep" is not readable by this user; check its permissions'):
        names(folder, entry)


def test_names_that_are_no_text_are_shown_escaped(folder: Path) -> None:
    raw = os.fsencode(folder / "dumps") + b"/caf\xe9\x1b[2J\xe2\x80\xae.csv"
    with open(raw, "wb") as file:  # noqa: PTH123 - a path of bytes
        file.write(b"rows")
    shown = r"dumps/caf\udce9\x1b[2J\u202e.csv"
    found = [source for source in find_sources(["dumps"], folder) if "caf" in source.name]
    assert [source.name for source in found] == [shown]
    assert b"".join(found[0].open()) == b"rows"
    os.unlink(raw)  # noqa: PTH108 - a path of bytes
    os.symlink(b"nowhere", raw)  # noqa: PTH211 - a path of bytes
    with pytest.raises(SourceError, match="does not exist") as caught:
        names(folder, "dumps")
    assert str(caught.value).isprintable()


@given(st.text())
def test_a_label_is_printable_and_says_what_was_there(name: str) -> None:
    assert label(name).isprintable()
    assert label(label(name)) == label(name)
    assert label(name) == name or not name.isprintable()


# -- changes


def change(path: Path, how: str) -> None:
    """Do to a file of two pieces what may happen to it while it is read."""
    status = path.stat()
    if how == "appended":
        with path.open("ab") as file:
            file.write(b"more")
    elif how == "shrunk":
        os.truncate(path, status.st_size - 10)
    elif how == "replaced":
        path.with_name("new").write_bytes(path.read_bytes())
        path.with_name("new").replace(path)
    elif how == "touched":
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    elif how == "made a pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        path.unlink()
        path.symlink_to("/dev/zero")


BEFORE = ("appended", "shrunk", "replaced", "touched", "made a pipe", "made a device")
WHILE = ("appended", "shrunk", "touched")  # what replaces a file that is open does not reach who has opened it


@pytest.mark.parametrize("how", BEFORE)
def test_a_file_that_changes_before_it_is_read_is_refused_and_never_waited_for(folder: Path, how: str) -> None:
    (folder / "x.csv").write_bytes(bytes(2 * READ_BYTES))
    [source] = find_sources(["x.csv"], folder)
    change(folder / "x.csv", how)
    for read in (lambda: next(source.open()), source.open_file, source.fingerprint):
        with pytest.raises(SourceError, match="the file changed during this run; load it with --restart"):
            read()


@pytest.mark.parametrize("how", WHILE)
def test_a_file_that_changes_while_it_is_read_is_noticed_at_once(folder: Path, how: str) -> None:
    (folder / "x.csv").write_bytes(bytes(3 * READ_BYTES))
    [source] = find_sources(["x.csv"], folder)
    pieces = source.open()
    assert next(pieces) == bytes(READ_BYTES)
    with source.open_file() as file:
        assert file.read(10) == bytes(10)
        change(folder / "x.csv", how)
        with pytest.raises(SourceError, match="changed during this run"):
            next(pieces)
        file.seek(READ_BYTES)
        for read in (lambda: file.read(10), file.read, lambda: file.readlines(5)):
            with pytest.raises(SourceError, match="changed during this run"):
                read()


def test_a_file_that_is_appended_to_for_ever_has_an_end(folder: Path) -> None:
    path = folder / "log.csv"
    path.write_bytes(b"row\n")
    [source] = find_sources(["log.csv"], folder)
    with path.open("ab", buffering=0) as log, pytest.raises(SourceError, match="changed during this run"):  # noqa: PT012
        for _ in source.open():
            log.write(b"row\n")


def test_a_file_that_changes_while_its_digest_is_made_has_none(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "x.csv").write_bytes(bytes(2 * READ_BYTES))
    [source] = find_sources(["x.csv"], folder)

    class Sha256:
        def update(self, _: bytes) -> None:
            change(folder / "x.csv", "appended")

    monkeypatch.setattr(hashlib, "sha256", Sha256)
    with pytest.raises(SourceError, match=r'^"x.csv": the file changed'):
        source.fingerprint()
    assert not cache.exists()


def test_a_disk_that_fails_is_said_in_a_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = find_sources(["dumps/a.csv"], folder)
    pieces, file = source.open(), source.open_file()
    monkeypatch.setattr(os, "fstat", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    for read in (lambda: next(pieces), lambda: file.read(1), source.fingerprint):
        with pytest.raises(SourceError, match=r"the file cannot be read \(Input/output error\)"):
            read()
    monkeypatch.undo()
    file.close()


# -- at any place


def test_a_file_can_be_read_at_any_place(folder: Path) -> None:
    data = os.urandom(2 * READ_BYTES)
    (folder / "x.parquet").write_bytes(data)
    [source] = find_sources(["x.parquet"], folder)
    with source.open_file() as file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        assert file.seek(-8, io.SEEK_END) == len(data) - 8
        assert file.read() == data[-8:]
        file.seek(0)
        assert file.read() == data
        file.seek(READ_BYTES)
        assert file.read(100) == data[READ_BYTES : READ_BYTES + 100]


def test_a_sparse_file_is_read_in_bounded_pieces(folder: Path) -> None:
    path = folder / "sparse.csv"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    [source] = find_sources(["sparse.csv"], folder)
    assert source.size_bytes == 1 << 30
    sizes = [len(piece) for piece, _ in zip(source.open(), range(64), strict=False)]
    assert sizes == [READ_BYTES] * 64


@pytest.mark.slow
def test_files_on_this_machine_do_not_wait_for_boto3() -> None:
    program = (
        "import pathlib, sys; import ingest_cli.cli.validate; from ingest_cli.sources import find_sources\n"
        "find_sources([sys.argv[1]], pathlib.Path())\n"
        "sys.exit(' '.join({'boto3', 'botocore.session', 'ingest_cli.formats.sql_dump'} & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", program, __file__], check=True, timeout=60)


def local_file(path: Path) -> LocalFile:
    (file,) = find(path.name, Places(path.parent))
    return file


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_fingerprint_is_the_digest_of_the_bytes(folder: Path, cache: Path) -> None:
    file = local_file(folder / "dumps/a.csv")
    assert file.fingerprint() == sha256(b"dumps/a.csv")
    assert list(json.loads(cache.read_text()).values()) == [sha256(b"dumps/a.csv")]
    assert "a.csv" not in cache.read_text(), "the cache holds no names"


def test_an_unchanged_file_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = local_file(folder / "dumps/a.csv")
    known = file.fingerprint()
    monkeypatch.setattr(hashlib, "sha256", lambda *_: pytest.fail("it was read again"))
    assert file.fingerprint() == known
    assert local_file(folder / "dumps/a.csv").fingerprint() == known


def test_a_changed_file_has_another_fingerprint_even_where_its_size_and_time_are_the_same(folder: Path) -> None:
    path = folder / "dumps/a.csv"
    before = path.stat()
    known = local_file(path).fingerprint()
    path.write_bytes(b"DUMPS/A.CSV")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert local_file(path).fingerprint() == sha256(b"DUMPS/A.CSV") != known


def test_another_file_under_the_same_name_has_another_fingerprint(folder: Path) -> None:
    path, other = folder / "dumps/a.csv", folder / "other"
    local_file(path).fingerprint()
    other.write_bytes(b"DUMPS/A.CSV")
    other.replace(path)
    assert local_file(path).fingerprint() == sha256(b"DUMPS/A.CSV")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"'])
def test_a_broken_cache_is_as_good_as_none(folder: Path, cache: Path, content: bytes) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(content)
    file = local_file(folder / "dumps/a.csv")
    assert file.fingerprint() == sha256(b"dumps/a.csv")
    assert list(json.loads(cache.read_text()).values()) == [sha256(b"dumps/a.csv")], "and is mended"


@pytest.mark.parametrize("value", [None, 42, "", "0" * 63, ["0" * 64]])
def test_an_entry_that_is_no_digest_is_not_believed(folder: Path, cache: Path, value: object) -> None:
    file = local_file(folder / "dumps/a.csv")
    known = file.fingerprint()
    [key] = json.loads(cache.read_text())
    cache.write_text(json.dumps({key: value}))
    assert file.fingerprint() == known


def test_where_the_cache_cannot_be_written_the_digest_is_computed_again(folder: Path, cache: Path) -> None:
    cache.parent.parent.mkdir()
    cache.parent.write_bytes(b"a file where a folder should be")
    file = local_file(folder / "dumps/a.csv")
    assert [file.fingerprint(), file.fingerprint()] == [sha256(b"dumps/a.csv")] * 2


def test_the_cache_forgets_the_oldest(folder: Path, tmp_path: Path) -> None:
    cache = FingerprintCache(tmp_path / "small.json")
    old = {f"1:{i}:1:1:1": "0" * 64 for i in range(MAX_ENTRIES)}
    cache.path.write_text(json.dumps(old))
    status = (folder / "dumps/a.csv").stat()
    cache.put([status], "f" * 64)
    entries = json.loads(cache.path.read_text())
    assert len(entries) == MAX_ENTRIES
    assert cache.get([status]) == "f" * 64
    assert "1:0:1:1:1" not in entries
    assert "1:1:1:1:1" in entries


def test_the_fingerprint_of_a_dataset_is_that_of_its_set_of_files() -> None:
    one, two = sha256(b"1"), sha256(b"2")
    assert (
        dataset_fingerprint([one, two])
        == dataset_fingerprint([two, one])
        == sha256("".join(f"{digest}\n" for digest in sorted([one, two])).encode())
    )
    assert dataset_fingerprint([one]) != dataset_fingerprint([one, one])
    assert len({dataset_fingerprint(prints) for prints in ([], [one], [two], [one, two])}) == 4
