"""Where the state is kept: in a file that is whole at any moment, or in a row that only one run can write."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.table import Table
from ingest_cli.checkpoint.store import MAX_ROW_BYTES, STATE_FILE, FileLedger, TableLedger
from ingest_cli.errors import LockedError, StateTooLargeError, TableError, TryAgainError, UsageError
from ingest_cli.model.keys import Pepper
from tests.support.endpoint import Endpoint, faults

KEY = StateKey.of(Pepper("k1", bytes(range(32))))


def read(ledger: FileLedger | TableLedger) -> bytes | None:
    """The state that is kept, if it is authentic."""
    saved = ledger.read()
    return saved.state if saved is not None and saved.is_authentic else None


def content(path: Path) -> bytes:
    """A state file without its first line, which has the MAC."""
    return path.read_bytes().partition(b"\n")[2]


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "state" / "demo", KEY)
    assert ledger.read() is None
    ledger.take_over(b"one")
    assert read(ledger) == b"one"
    assert ledger.write(b"two") == 0.0
    assert read(ledger) == b"two"
    ledger.clear()
    ledger.clear()
    assert ledger.read() is None
    assert list(ledger.folder.iterdir()) == []


def test_a_file_is_its_owners_only(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path / "state", KEY)
    ledger.take_over(b"one")
    assert stat.S_IMODE((ledger.folder / STATE_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(ledger.folder.stat().st_mode) == 0o700


def test_a_file_is_whole_and_on_the_disk_before_the_one_before_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = FileLedger(tmp_path, KEY)
    ledger.take_over(b"one")
    events: list[tuple[str, bytes]] = []
    fsync, replace = os.fsync, os.replace

    def noting_fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        events.append((f"sync {kind}", content(tmp_path / STATE_FILE)))
        fsync(descriptor)

    def noting_replace(source: str, target: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        events.append((f"replace by {content(tmp_path / source).decode()}", content(tmp_path / target)))
        replace(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(os, "replace", noting_replace)
    ledger.write(b"two")
    assert events == [("sync file", b"one"), ("replace by two", b"one"), ("sync folder", b"two")]


def test_a_full_disk_leaves_the_state_before(tmp_path: Path) -> None:
    ledger = FileLedger(tmp_path, KEY)
    ledger.take_over(b"one")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # writes end in the middle, as on a full disk
    try:
        with pytest.raises(TryAgainError, match=r"cannot be written to .* \(File too large\); make room, and run the"):
            ledger.write(b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(ledger) == b"one"
    ledger.write(b"two")
    assert read(ledger) == b"two"


def test_a_folder_that_cannot_be_written_is_told_before_the_first_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match=r"cannot be written to .*; give another folder with --state"):
        FileLedger(tmp_path / "file" / "state", KEY).take_over(b"one")
    read_only = tmp_path / "read-only"
    read_only.mkdir(mode=0o500)

    def refused(path: Path, *_: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refused)  # root may write anywhere, so the folder's mode alone says nothing
    with pytest.raises(UsageError, match=r"\(Permission denied\); give another folder with --state"):
        FileLedger(read_only, KEY).take_over(b"one")


def test_a_state_that_cannot_be_read_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).mkdir()
    with pytest.raises(UsageError, match=r"cannot be read .*; check --state"):
        FileLedger(tmp_path, KEY).read()
    with pytest.raises(TryAgainError, match="cannot be removed"):
        FileLedger(tmp_path, KEY).clear()


def test_a_row_is_read_as_it_was_written(table: Table) -> None:
    ledger = TableLedger(table, "demo", "run-1", KEY)
    assert ledger.read() is None
    ledger.take_over(b"\x00one\xff")
    assert read(ledger) == b"\x00one\xff"
    assert ledger.write(b"two" * 1000) == 3.0, "it says what it consumed"
    assert read(TableLedger(table, "demo", "another", KEY)) == b"two" * 1000
    assert TableLedger(table, "other", "run-1", KEY).read() is None
    ledger.clear()
    ledger.clear()
    assert ledger.read() is None


def test_a_state_that_no_row_can_hold_leaves_the_one_before(table: Table) -> None:
    ledger = TableLedger(table, "d" * 64, "run-1", KEY)
    ledger.take_over(b"1" * MAX_ROW_BYTES)
    with pytest.raises(StateTooLargeError, match=r"too large for a row of the table .*; keep it in a folder"):
        ledger.write(b"2" * (MAX_ROW_BYTES + 1))
    assert read(ledger) == b"1" * MAX_ROW_BYTES


def test_only_the_run_that_took_the_row_over_last_can_write_it(table: Table) -> None:
    first, second = TableLedger(table, "demo", "run-1", KEY), TableLedger(table, "demo", "run-2", KEY)
    with pytest.raises(LockedError):
        first.write(b"nobody has taken it over")
    first.take_over(b"one")
    second.take_over(b"two")
    with pytest.raises(LockedError, match='another run has taken over the load of "demo"; this one ends'):
        first.write(b"too late")
    assert read(second) == b"two"
    second.write(b"three")
    assert read(second) == b"three"


def test_a_table_that_is_busy_or_gone_is_told_apart(table: Table, endpoint: Endpoint) -> None:
    ledger = TableLedger(table, "demo", "run-1", KEY)
    ledger.take_over(b"one")
    endpoint.script.add(faults.error("AccessDeniedException"), operation="PutItem", times=1)
    with pytest.raises(TableError):
        ledger.write(b"two")
    assert read(ledger) == b"one"


def test_a_state_that_another_user_has_chosen_is_refused(tmp_path: Path) -> None:
    """A link where it is read and written, in a folder that everybody can write to."""
    shared, ledger = tmp_path / "shared", FileLedger(tmp_path / "shared", KEY)
    shared.mkdir()
    shared.chmod(0o1777)
    ledger.take_over(b"one")
    (shared / STATE_FILE).rename(tmp_path / "precious")
    (shared / STATE_FILE).symlink_to(tmp_path / "precious")
    said = r"\(it is a symbolic link in a folder that others can write to\)"
    with pytest.raises(UsageError, match=f"cannot be read {said}; check --state"):
        ledger.read()
    with pytest.raises(UsageError, match=f"{said}; give another folder with --state"):
        ledger.take_over(b"two")
    with pytest.raises(UsageError, match=f"{said}; remove it, or give another folder with --state"):
        ledger.write(b"two")
    assert content(tmp_path / "precious") == b"one"
    assert [path.name for path in shared.iterdir()] == [STATE_FILE]
