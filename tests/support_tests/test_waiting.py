"""Waits that follow progress: how long they last, and what ends them."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time

import pytest

from tests.support import waiting
from tests.support.fake_clock import FakeClock
from tests.support.processes import is_alive
from tests.support.waiting import Patience, StuckError, until

HANG = "import time; time.sleep(600)"


def test_a_wait_ends_with_its_condition() -> None:
    turns = itertools.count()
    until(lambda: next(turns) == 3)
    assert next(turns) == 4


def test_the_end_of_the_process_ends_a_wait() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        with pytest.raises(StuckError, match="has ended with 3"):
            until(lambda: False, process)
        until(lambda: process.returncode == 3, process)


def test_a_wait_without_progress_fails_and_one_with_progress_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "load_factor", lambda: 2.0)
    clock, value = FakeClock(), [0]
    patience = Patience(None, lambda: value[0], still_s=10.0, limit_s=100.0, now_s=clock.monotonic_s)
    for _ in range(10):
        clock.sleep(19.0)
        value[0] += 1
        patience.check()
    clock.sleep(9.0)
    patience.check()
    value[0] += 1
    clock.sleep(2.0)
    with pytest.raises(StuckError, match="not done after 201 s"):
        patience.check()
    patience = Patience(None, lambda: value[0], still_s=10.0, limit_s=100.0, now_s=clock.monotonic_s)
    clock.sleep(21.0)
    with pytest.raises(StuckError, match="no progress for 21 s"):
        patience.check()


def test_cpu_time_of_a_descendant_is_progress() -> None:
    clock = FakeClock()
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with subprocess.Popen([sys.executable, "-c", burn], start_new_session=True) as process:
        patience = Patience(process.pid, still_s=1e6, limit_s=1e9, now_s=clock.monotonic_s)
        while patience._moved_s == patience._began_s:
            clock.sleep(1.0)
            time.sleep(0.05)
            patience.check()
        waiting.kill(process)


def test_a_command_that_hangs_is_killed() -> None:
    command = [sys.executable, "-c", HANG]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        with pytest.raises(StuckError, match="no progress"):
            waiting.communicate(process, still_s=0.0)
        assert not is_alive(process.pid)


def test_a_command_is_fed_and_its_output_collected() -> None:
    code = "import sys; text = sys.stdin.read(); print(text.upper()); print(len(text), file=sys.stderr)"
    done = waiting.run([sys.executable, "-c", code], "ab" * 100_000, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "AB" * 100_000 + "\n", "200000\n")
    with pytest.raises(subprocess.CalledProcessError):
        waiting.run([sys.executable, "-c", "raise SystemExit(1)"], check=True)
