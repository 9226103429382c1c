"""Rejects: a line each, for their owner only, no values; a full disk leaves neither half a line nor a wrong count."""

from __future__ import annotations

import json
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.errors import TryAgainError, UsageError
from ingest_cli.model.chunks import Origin, Reject

ONE = Reject(3, 4, "normalize", "too_short", "ICNUM")
LINE = '{"source": "a", "shard": 0, "row": 1, "line": 1, "stage": "parse", "reason": "x", "field": null}\n'
TWO = Reject(9, 12, "parse", "too_many_cells")


def of(source: str, *rejects: Reject, shard: int = 0) -> list[tuple[Origin, Reject]]:
    return [(Origin(shard, 0, source), one) for one in rejects]


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: writes end in the middle, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_says_where_and_why_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rejects"
    file = RejectFile(path)
    file.write(of("dumps/a.csv", ONE, TWO, shard=2))
    file.close()
    assert [list(line) for line in lines(path)] == [["source", "shard", "row", "line", "stage", "reason", "field"]] * 2
    assert [tuple(line.values()) for line in lines(path)] == [
        ("dumps/a.csv", 2, 3, 4, "normalize", "too_short", "ICNUM"),
        ("dumps/a.csv", 2, 9, 12, "parse", "too_many_cells", None),
    ]
    assert file.size_bytes == path.stat().st_size


def test_the_record_itself_is_there_only_where_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rejects"
    file = RejectFile(path)
    file.write(of("a", Reject(1, 1, "parse", "bad", None, 'x,"\u202e\n')))
    file.close()
    assert lines(path)[0]["raw"] == 'x,"\u202e\n'
    assert path.read_bytes().isascii(), "no control or direction characters reach a terminal"


def test_only_the_owner_can_read_it_even_where_it_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "rejects"
    path.write_text(LINE, encoding="utf-8")
    path.chmod(0o644)
    RejectFile(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b""
    RejectFile(tmp_path / "new").close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "found", ["IC,PHONE\n850101145678,0123456789\n", "k1:00ff\n", "{}\n", '{"a": 1}', "[]\n", "\n"]
)
def test_a_file_that_holds_something_else_is_left_as_it_is(tmp_path: Path, found: str) -> None:
    path = tmp_path / "dump.csv"
    path.write_text(found, encoding="utf-8")
    with pytest.raises(UsageError, match="something else than rejects"):
        RejectFile(path)
    assert path.read_text(encoding="utf-8") == found


def test_a_later_manifest_of_the_same_command_goes_on_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects"
    first = RejectFile(path)
    first.write(of("a", ONE))
    first.close()
    second = RejectFile(path, None)
    second.write(of("b", TWO))
    second.close()
    assert [line["source"] for line in lines(path)] == ["a", "b"]


def test_nothing_is_dropped_silently_once_it_is_closed(tmp_path: Path) -> None:
    file = RejectFile(tmp_path / "rejects")
    file.close()
    with pytest.raises(TryAgainError, match="closed"):
        file.write(of("a", ONE))


def test_on_a_resume_what_is_not_in_the_state_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "rejects"
    file = RejectFile(path)
    file.write(of("a", ONE))
    kept = file.size_bytes
    file.write(of("a", TWO, TWO))
    file.close()
    again = RejectFile(path, kept)
    assert again.size_bytes == kept == path.stat().st_size
    again.write(of("a", TWO))
    again.close()
    assert [line["row"] for line in lines(path)] == [3, 9]


@pytest.mark.parametrize("found", ["", LINE + '{"sour', '{"source": "a", "ro'])
def test_where_some_of_it_is_gone_it_begins_anew(tmp_path: Path, found: str) -> None:
    path = tmp_path / "rejects"
    path.write_text(found, encoding="utf-8")
    file = RejectFile(path, 10_000)
    assert file.size_bytes == 0, "of a part, the last line may be cut"
    file.write(of("a", ONE))
    file.close()
    assert len(lines(path)) == 1


def test_a_full_disk_is_a_reason_to_try_again_and_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "rejects"
    file = RejectFile(path)
    file.write(of("a", ONE))
    size = file.size_bytes
    with disk_of(size + 50), pytest.raises(TryAgainError, match="make room, and run the same command again"):
        file.write(of("a", TWO, TWO))
    assert file.size_bytes == size == path.stat().st_size
    file.write(of("a", TWO))
    file.sync()
    file.close()
    assert [line["row"] for line in lines(path)] == [3, 9]
    assert file.size_bytes == path.stat().st_size


def test_a_disk_that_does_not_take_it_for_good_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = RejectFile(tmp_path / "rejects")

    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(TryAgainError, match="Input/output error"):
            file.sync()
    file.close()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("precious", encoding="utf-8")
    (tmp_path / "rejects").symlink_to(target)
    with pytest.raises(UsageError, match="give another place with --rejects"):
        RejectFile(tmp_path / "rejects")
    assert target.read_text(encoding="utf-8") == "precious"


def test_what_is_not_a_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    pipe.chmod(0o644)
    with pytest.raises(UsageError, match="not a regular file"):
        RejectFile(pipe)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o644
    for path in (tmp_path, tmp_path / "missing" / "rejects", pipe / "rejects"):
        with pytest.raises(UsageError, match=r"cannot be written \(.+\)"):
            RejectFile(path)


def test_without_a_path_they_are_counted_elsewhere() -> None:
    file = RejectFile(None, 100)
    file.write(of("a", ONE))
    file.sync()
    file.close()
    assert file.size_bytes == 0


def test_no_rejects_no_bytes(tmp_path: Path) -> None:
    file = RejectFile(tmp_path / "rejects")
    file.write(of("a"))
    file.close()
    file.close()
    assert (tmp_path / "rejects").read_bytes() == b""
