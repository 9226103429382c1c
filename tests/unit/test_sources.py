"""Files on this machine: which ones an entry names, whether they can be read, how they are recognised."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from ingest_cli.errors import ExitCode, SourceError
from ingest_cli.sources import dataset_fingerprint, find_sources
from ingest_cli.sources.fingerprints import MAX_ENTRIES, FingerprintCache
from ingest_cli.sources.local import READ_BYTES, LocalFile, find


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
        ("dumps", '"dumps" is a folder; .* for example "dumps/[*].csv"'),
        ("dumps/", '"dumps/" is a folder; .* for example "dumps/[*].csv"'),
        ("dumps/dee?", "no file matches"),
        ("ftp://example.org/a.csv", "is not a place this version can read"),
        ("dangling*", '"dangling.csv" does not exist'),
        ("dumps/a.csv/x", '"dumps/a.csv/x" cannot be read'),
        ("pipe", '"pipe" is not a regular file'),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is(folder: Path, entry: str, words: str) -> None:
    (folder / "dangling.csv").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe")
    with pytest.raises(SourceError, match=words) as caught:
        find_sources(["dumps/a.csv", entry], folder)
    assert caught.value.exit_code is ExitCode.UNUSABLE


def test_a_file_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs the tests may be root, to whom nothing is forbidden.
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path).name == "a.csv" and mode == os.R_OK))
    assert names(folder, "dumps/b.csv") == ["dumps/b.csv"]
    with pytest.raises(SourceError, match=r'"dumps/a.csv" may not be read by this user'):
        find_sources(["dumps/*.csv"], folder)


def test_a_file_that_went_away_is_missed_when_it_is_opened(folder: Path) -> None:
    [source] = find_sources(["dumps/a.csv"], folder)
    (folder / "dumps/a.csv").unlink()
    with pytest.raises(SourceError, match=r'"dumps/a.csv" does not exist'):
        list(source.open())
    with pytest.raises(SourceError, match=r'"dumps/a.csv" does not exist'):
        source.fingerprint()


def test_large_files_come_in_pieces(folder: Path) -> None:
    data = os.urandom(2 * READ_BYTES + 5)
    (folder / "large").write_bytes(data)
    [source] = find_sources(["large"], folder)
    pieces = list(source.open())
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= READ_BYTES


def local_file(path: Path) -> LocalFile:
    (file,) = find(path.name, path.parent)
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
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("it was read again"))
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
    cache.put(status, "f" * 64)
    entries = json.loads(cache.path.read_text())
    assert len(entries) == MAX_ENTRIES
    assert cache.get(status) == "f" * 64
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
