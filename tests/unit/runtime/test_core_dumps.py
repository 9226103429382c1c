"""Core dumps are forbidden for a process and its workers, by the command line only, and only unless asked for."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import pytest

from ingest_cli.engines import worker_process as module
from ingest_cli.engines.worker_process import Worker
from ingest_cli.runtime import core_dumps

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
SOFT, HARD = 4096, 8192

SAY = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (4096, 8192))
from ingest_cli.runtime import core_dumps
def say():
    print(json.dumps([*resource.getrlimit(resource.RLIMIT_CORE), core_dumps.is_undumpable()]))
"""


def told(code: str) -> list[Any]:
    """What a process of its own says of its limits, and whether it is out of reach of core dumps."""
    done = subprocess.run([sys.executable, "-c", SAY + code], capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@LINUX
def test_importing_the_library_changes_nothing() -> None:
    assert told("import ingest_cli.commands.load, ingest_cli.cli.load\nsay()") == [[SOFT, HARD, False]]


@LINUX
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("core_dumps.suspend(); say()", [0, HARD, True]),
        ("core_dumps.suspend(); core_dumps.decide(allowed=False); say()", [0, 0, True]),
        ("core_dumps.suspend(); core_dumps.decide(allowed=True); say()", [SOFT, HARD, False]),
        ("core_dumps.decide(allowed=False); say()", [SOFT, HARD, False]),
        ("core_dumps.decide(allowed=True); say()", [SOFT, HARD, False]),
        ("core_dumps.forbid(); core_dumps.suspend(); core_dumps.decide(allowed=True); say()", [0, 0, True]),
    ],
    ids=["until decided", "forbidden", "allowed", "not asked", "not asked, allowed", "never more than before"],
)
def test_what_is_set(code: str, expected: list[Any]) -> None:
    assert told(code) == [expected]


RUN = """
import atexit
from ingest_cli.cli import main
print, out = (lambda text: out.write(text + "\\n")), sys.stdout
sys.stdout = sys.stderr  # what the command says itself
atexit.register(say)
"""


@LINUX
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["key", "generate"], [0, 0, True]),
        (["key", "generate", "--allow-core-dumps"], [SOFT, HARD, False]),
        (["key", "generate", "--no-such-option"], [0, HARD, True]),
        (["completion", "bash"], [0, HARD, True]),
        ([], [0, HARD, True]),
    ],
    ids=["a command", "allowed", "a mistake", "a command without settings", "no command"],
)
def test_the_command_line_forbids_them(arguments: list[str], expected: list[Any]) -> None:
    assert told(RUN + f"main({arguments!r})") == [expected]


@LINUX
def test_a_process_that_is_not_dumpable_leaves_no_core_dump_whatever_its_limit(tmp_path: Path) -> None:
    """As it is where core dumps go to a program, for which the limit does not count."""
    abort = "resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE)[1:] * 2); os.abort()"
    dumped = []
    for code in (abort, f"from ingest_cli.runtime import core_dumps; core_dumps.suspend(); {abort}"):
        with subprocess.Popen([sys.executable, "-c", f"import os, resource; {code}"], cwd=tmp_path) as process:
            ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        assert ended.si_status == signal.SIGABRT
        dumped.append(ended.si_code == os.CLD_DUMPED)
    if not dumped[0]:
        pytest.skip("no process leaves a core dump here")
    assert not dumped[1]


NO_PRCTL = {
    "refused (seccomp)": "class Library:\n    prctl = staticmethod(lambda *_: -1)",
    "not in the C library": "class Library:\n    pass",
}


@pytest.mark.parametrize("way", NO_PRCTL)
def test_without_prctl_the_limit_is_set_even_so(way: str) -> None:
    code = f"{NO_PRCTL[way]}\ncore_dumps.ctypes.CDLL = lambda _: Library\n"
    assert told(code + "core_dumps.suspend(); say(); core_dumps.decide(allowed=False); say()") == [
        [0, HARD, False],
        [0, 0, False],
    ]
    assert told(code + "core_dumps.suspend(); core_dumps.decide(allowed=True); say()") == [[SOFT, HARD, False]]


def test_on_other_systems_there_is_the_limit() -> None:
    assert told("sys.platform = 'darwin'\ncore_dumps.suspend(); core_dumps.decide(allowed=False); say()") == [
        [0, 0, False]
    ]


def _report(_program: object, _chunks: Connection, results: Connection, _inherited: object, _number: int) -> None:
    results.send([*resource.getrlimit(resource.RLIMIT_CORE), core_dumps.is_undumpable()])


@pytest.mark.slow
@LINUX
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("is_forbidden", [True, False])
def test_a_worker_has_what_its_parent_has(monkeypatch: pytest.MonkeyPatch, method: str, *, is_forbidden: bool) -> None:
    """An exec, as `spawn` has it, makes a process dumpable again."""
    monkeypatch.setattr(module, "process_context", lambda: multiprocessing.get_context(method))
    monkeypatch.setattr(core_dumps, "is_undumpable", lambda: is_forbidden)
    worker = Worker.start(_report, cast("Any", None), [])
    monkeypatch.undo()
    try:
        said = worker.results.recv()
    finally:
        worker.end()
    assert said == ([0, 0, True] if is_forbidden else [*resource.getrlimit(resource.RLIMIT_CORE), False])
