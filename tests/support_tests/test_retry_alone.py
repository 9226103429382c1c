"""Timed tests that fail are run again alone, whether or not the run is spread over processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import retry_alone

CONFTEST = """
from tests.support import retry_alone
def pytest_configure(config):
    config.addinivalue_line("markers", "timed: measures time")
    retry_alone.register(config)
"""
TESTS = f"""
import os, pytest
pytestmark = pytest.mark.timed
def test_busy():
    assert {retry_alone.ALONE!r} in os.environ
def test_wrong():
    assert {{is_right}}
def test_fine():
    pass
"""


@pytest.mark.parametrize("options", [[], ["--numprocesses", "2"]], ids=["alone", "spread"])
@pytest.mark.parametrize("is_right", [True, False])
def test_only_a_second_failure_counts(tmp_path: Path, options: list[str], is_right: bool) -> None:  # noqa: FBT001
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_timed.py").write_text(TESTS.format(is_right=is_right))
    command = [sys.executable, "-m", "pytest", "-q", "--rootdir", tmp_path, *options, tmp_path]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "run again alone" in done.stdout, done
    if is_right:
        assert (done.returncode, "1 passed in" in done.stdout) == (0, True), done.stdout
    else:
        assert (done.returncode, "1 failed, 1 passed in" in done.stdout) == (1, True), done.stdout
        assert "test_wrong - assert False" in done.stdout
