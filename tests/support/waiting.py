"""Waits that follow progress: a busy machine makes them longer, only a process without progress makes them fail.

Progress is CPU time of the process and its descendants, or any change of a value that the test names. Both limits grow
with the load of the machine, so that a starved process is not mistaken for a hanging one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from tests.support.processes import tree_cpu_s

POLL_S = 0.005
STILL_S = 120.0
"""Longest time without progress on an idle machine."""
UNSEEN_S = 300.0
"""Longest wait for an event whose progress cannot be seen, on an idle machine."""
LIMIT_S = 900.0
"""Longest wait on an idle machine, whatever the progress."""
MIN_CPU_S = 0.5
"""CPU time that counts as progress: a hanging command still wakes up to renew its lock."""

_COMMUNICATE_S = 0.5


class StuckError(AssertionError):
    """The awaited event did not happen, and there was no progress towards it."""


class _Process(Protocol):
    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...


def _nothing() -> None:
    """Progress that cannot be seen."""


def load_factor() -> float:
    """How many runnable processes share one core: 1 on an idle machine."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Patience:
    """Ends a wait once the process has made no progress for long.

    Args:
        pid: the process whose CPU time counts as progress; None: only `progress` counts.
        progress: any value that changes while there is progress, such as a number of requests.
        still_s: longest time without progress, before it is scaled by the load of the machine.
        limit_s: longest wait in all, likewise.
        now_s: clock.
    """

    def __init__(
        self,
        pid: int | None = None,
        progress: Callable[[], object] = _nothing,
        *,
        still_s: float = STILL_S,
        limit_s: float = LIMIT_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pid = pid
        self._progress = progress
        self._still_s, self._limit_s = still_s, limit_s
        self._now_s = now_s
        self._began_s = self._moved_s = now_s()
        self._value, self._cpu_s = progress(), self._used_s()

    def check(self) -> None:
        """Look for progress.

        Raises:
            StuckError: there was none for long, or the wait as a whole takes too long.
        """
        now_s, value, cpu_s = self._now_s(), self._progress(), self._used_s()
        if value != self._value or cpu_s >= self._cpu_s + MIN_CPU_S:
            self._moved_s, self._value, self._cpu_s = now_s, value, cpu_s
        factor = load_factor()
        if now_s - self._moved_s > self._still_s * factor:
            raise StuckError(f"no progress for {now_s - self._moved_s:.0f} s (process {self._pid}, load {factor:.1f})")
        if now_s - self._began_s > self._limit_s * factor:
            raise StuckError(f"not done after {now_s - self._began_s:.0f} s (process {self._pid}, load {factor:.1f})")

    def _used_s(self) -> float:
        return 0.0 if self._pid is None else tree_cpu_s(self._pid)


def until(
    condition: Callable[[], object], process: _Process | None = None, progress: Callable[[], object] = _nothing
) -> None:
    """Wait until the condition holds.

    Args:
        condition: called every few milliseconds.
        process: must not end before; its CPU time counts as progress.
        progress: any value that changes while there is progress.

    Raises:
        StuckError: the process has ended without it, or there was no progress for long.
    """
    pid = None if process is None else process.pid
    patience = Patience(pid, progress, still_s=STILL_S if process or progress is not _nothing else UNSEEN_S)
    turn = 0
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            raise StuckError(f"process {process.pid} has ended with {process.poll()} before the awaited event")
        turn += 1
        if turn % 100 == 0:  # reading /proc costs more than most conditions
            patience.check()
        time.sleep(POLL_S)


def communicate(process: subprocess.Popen[Any], stdin: Any = None, *, still_s: float = STILL_S) -> tuple[Any, Any]:
    """Feed a process and collect its output until it ends, as `Popen.communicate` does.

    Raises:
        StuckError: it made no progress for long; it was killed, with its process group if it leads one.
    """
    patience = Patience(process.pid, still_s=still_s)
    while True:
        try:
            return process.communicate(stdin, timeout=_COMMUNICATE_S)
        except subprocess.TimeoutExpired:
            stdin = None  # has been taken
        try:
            patience.check()
        except StuckError:
            kill(process)
            raise


def kill(process: subprocess.Popen[Any]) -> None:
    """Kill a process, with its process group if it leads one, and wait for its end."""
    with suppress(ProcessLookupError):
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def run(
    command: Sequence[Any], stdin: Any = None, *, check: bool = False, **options: Any
) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end, as `subprocess.run` does with captured output, but wait by progress.

    Args:
        command: the program and its arguments.
        stdin: what it can read; by default nothing.
        check: whether an exit code other than 0 is an error.
        options: of `subprocess.Popen`; the output is captured unless they redirect it.

    Raises:
        StuckError: it made no progress for long.
        subprocess.CalledProcessError: see `check`.
    """
    pipe = subprocess.PIPE
    options = {"stdin": subprocess.DEVNULL if stdin is None else pipe, "stdout": pipe, "stderr": pipe, **options}
    with subprocess.Popen(command, **options) as process:
        try:
            out, err = communicate(process, stdin)
        except BaseException:
            process.kill()
            raise
    if check and process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, out, err)
    return subprocess.CompletedProcess(command, process.returncode, out, err)
