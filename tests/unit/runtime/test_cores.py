"""How many cores there are to work on: those of the machine, within what the container was given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest_cli.runtime.cores import available_cores


@pytest.fixture(autouse=True)
def _of_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of which this process may use eight cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def group(folder: Path, **files: str) -> Path:
    """The control group that holds these files; "__" in a name stands for a slash, "_" in its end for a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("cpu_", "cpu.")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("max 100000\n", 8),
        ("100000 100000\n", 1),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("10000 100000\n", 1),
        ("50000 25000\n", 2),
        ("350001 100000\n", 4),
        ("6400000 100000\n", 8),
        ("0 100000\n", 1),
        ("200000 0\n", 8),
        ("200000\n", 8),
        ("200000 100000 1\n", 8),
        ("-1 100000\n", 8),
        ("2e5 1e5\n", 8),
        ("", 8),
        ("\xb2\xb3 100000\n", 8),
    ],
)
def test_version_2(tmp_path: Path, content: str, expected: int) -> None:
    assert available_cores(group(tmp_path, cpu_max=content)) == expected


@pytest.mark.parametrize(
    ("quota", "period", "expected"),
    [
        ("-1\n", "100000\n", 8),
        ("200000\n", "100000\n", 2),
        ("250000\n", "100000\n", 3),
        ("5000\n", "100000\n", 1),
        ("9999999\n", "100000\n", 8),
        ("200000\n", "0\n", 8),
        ("", "100000\n", 8),
        ("many\n", "100000\n", 8),
    ],
)
def test_version_1(tmp_path: Path, quota: str, period: str, expected: int) -> None:
    files = {"cpu__cpu_cfs_quota_us": quota, "cpu__cpu_cfs_period_us": period}
    assert available_cores(group(tmp_path, **files)) == expected


def test_version_1_with_half_of_its_files(tmp_path: Path) -> None:
    assert available_cores(group(tmp_path, cpu__cpu_cfs_quota_us="200000\n")) == 8


def test_version_2_comes_before_version_1(tmp_path: Path) -> None:
    both = {"cpu_max": "300000 100000", "cpu__cpu_cfs_quota_us": "100000", "cpu__cpu_cfs_period_us": "100000"}
    assert available_cores(group(tmp_path, **both)) == 3


def test_no_control_group_at_all(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "nowhere") == 8


def test_what_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_bytes(b"\xff\xfe 100000")
    assert available_cores(tmp_path) == 8
    (tmp_path / "cpu.max").unlink()
    (tmp_path / "cpu.max").mkdir()
    assert available_cores(tmp_path) == 8


@pytest.mark.parametrize(("counted", "expected"), [(6, 6), (None, 1)])
def test_a_system_that_does_not_tell_who_may_run_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counted: int | None, expected: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert available_cores(tmp_path) == expected


def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
