"""Runs the installed command in forks of a process that has imported everything: most of a command's time is imports.

A fork has its own memory, environment, working directory and standard streams, runs the installed script to its end and
exits as any Python process does. What differs is what an interpreter reads when it starts (`BEFORE_THE_COMMAND`), and
that all modules are there: a test of either starts the command itself. So do all tests that send signals, have a
terminal, or look at the process.

Commands are asked for on a socket: a line of JSON, with the standard streams as ancillary data; the answers are lines,
the id of the process and, when it has ended, its exit status.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

BEFORE_THE_COMMAND = ("PYTHON", "LANG", "LC_", "LD_", "ARROW_", "MALLOC_", "OMP_", "OPENBLAS_", "TZ")
"""What the names of variables begin with that count when a process starts, or when a library is imported."""

AVAILABLE = hasattr(os, "pidfd_open")
"""Linux alone can wait for processes and sockets at once."""

MAX_REQUEST_BYTES = 1 << 20
STREAMS = 3
LOOK_EVERY_S = 0.5
OPTIONAL = ("boto3", "botocore.config", "botocore.httpsession", "pyarrow.ipc", "pyarrow.parquet", "tqdm")
"""Libraries that the program imports when it needs them, and mostly does."""


class CommandServer:
    """The process that has imported everything, started for the first command."""

    def __init__(self, command: Path) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="ingest-cli-commands-", ignore_cleanup_errors=True)

    @property
    def _address(self) -> str:
        """Path of the socket: each fork of the importing process starts its own server."""
        return str(Path(self._folder.name) / f"socket-{os.getpid()}")

    def can_run(self, env: Mapping[str, str]) -> bool:
        """Whether a command with this environment does not differ from one that is started."""
        counts = {name: value for name, value in env.items() if name.startswith(BEFORE_THE_COMMAND)}
        return AVAILABLE and counts == {"LANG": "C.UTF-8"}

    def run(
        self, arguments: Sequence[str], stdin: bytes, env: Mapping[str, str], cwd: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the command to its end, as `subprocess.run` does.

        Raises:
            StuckError: it made no progress for long; it was killed.
        """
        self._start(env)
        pipes = [os.pipe() for _ in range(STREAMS)]
        (its_in, to_in), (from_out, its_out), (from_err, its_err) = pipes
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(self._address)
            argv = [str(self._command), *arguments]
            line = json.dumps({"argv": argv, "env": dict(env), "cwd": str(cwd)}).encode() + b"\n"
            sent = socket.send_fds(asked, [line], [its_in, its_out, its_err])
            asked.sendall(line[sent:])
            for end in (its_in, its_out, its_err):
                os.close(end)
            out, err = bytearray(), bytearray()
            attendants = [
                threading.Thread(target=_feed, args=(to_in, stdin)),
                threading.Thread(target=_drain, args=(from_out, out)),
                threading.Thread(target=_drain, args=(from_err, err)),
            ]
            for one in attendants:
                one.start()
            code = _exit_code(asked)
            for one in attendants:
                one.join()
        return subprocess.CompletedProcess(argv, code, bytes(out), bytes(err))

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate()  # the end of its stdin is the end of it
        self._folder.cleanup()

    def _start(self, env: Mapping[str, str]) -> None:
        with self._lock:
            if self._process is not None:
                return
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(self._address)
                listening.listen()
                self._process = subprocess.Popen(
                    [sys.executable, __file__, str(listening.fileno())],
                    pass_fds=[listening.fileno()],
                    stdin=subprocess.PIPE,
                    env={"PATH": env["PATH"], "HOME": self._folder.name, "LANG": env["LANG"]},
                    cwd=self._folder.name,
                )


def _feed(end: int, data: bytes) -> None:
    with open(end, "wb", buffering=0) as pipe:
        view = memoryview(data)
        try:
            while view:
                view = view[pipe.write(view) :]
        except BrokenPipeError:
            return  # it does not read to the end


def _drain(end: int, into: bytearray) -> None:
    with open(end, "rb", buffering=0) as pipe:
        while data := pipe.read(1 << 16):
            into += data


def _exit_code(asked: socket.socket) -> int:
    """The exit code of a command, as `subprocess` has it.

    Raises:
        StuckError: there was none, and the command made no progress for long.
    """
    from tests.support.waiting import Patience, StuckError  # noqa: PLC0415 - the server, a script, finds no `tests`

    answers = bytearray()
    patience = Patience()
    pid: int | None = None
    while answers.count(b"\n") < 2:
        if select.select([asked], [], [], LOOK_EVERY_S)[0]:
            more = asked.recv(64)
            assert more, "the server of the commands is gone"
            answers += more
            if pid is None and b"\n" in answers:
                pid = int(answers.partition(b"\n")[0])
                patience = Patience(pid)
            continue
        try:
            patience.check()
        except StuckError:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
            raise
    return int(answers.splitlines()[1])


# -- the server's side -------------------------------------------------------------------------------------------------


def _serve(listening: socket.socket) -> dict[str, object]:
    """Fork for each request; returns the request in the forked process, and never in this one."""
    running: dict[int, tuple[int, socket.socket]] = {}  # by the file descriptor of the process: its id, who asked
    poll = select.poll()
    poll.register(listening, select.POLLIN)
    poll.register(sys.stdin, select.POLLIN)  # whose end tells that nobody will ask any more
    while True:
        for ready, _ in poll.poll():
            if ready == sys.stdin.fileno():
                sys.exit()
            if ready != listening.fileno():
                pid, asked = running.pop(ready)
                poll.unregister(ready)
                os.close(ready)
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                _answer(asked, code)
                asked.close()
                continue
            asked, _ = listening.accept()
            line, streams = _request(asked)
            if (pid := os.fork()) == 0:
                for number, stream in enumerate(streams):
                    os.dup2(stream, number)
                os.closerange(STREAMS, max([ready, asked.fileno(), *streams, *_numbers(running)]) + 1)
                for one in (listening, asked, *(other for _, other in running.values())):
                    one.detach()  # closed above
                request: dict[str, object] = json.loads(line)
                return request
            for stream in streams:
                os.close(stream)
            _answer(asked, pid)
            handle = os.pidfd_open(pid)
            running[handle] = (pid, asked)
            poll.register(handle, select.POLLIN)


def _numbers(running: Mapping[int, tuple[int, socket.socket]]) -> list[int]:
    return [number for handle, (_, asked) in running.items() for number in (handle, asked.fileno())]


def _request(asked: socket.socket) -> tuple[bytes, list[int]]:
    line, streams, _, _ = socket.recv_fds(asked, MAX_REQUEST_BYTES, STREAMS)
    while not line.endswith(b"\n"):
        line += asked.recv(MAX_REQUEST_BYTES)
    return line, streams


def _answer(asked: socket.socket, number: int) -> None:
    try:
        asked.sendall(b"%d\n" % number)
    except OSError:
        return  # whoever asked waits no longer


def _import_everything() -> None:
    import ingest_cli  # noqa: PLC0415 - the other side needs none of it

    for module in pkgutil.walk_packages(ingest_cli.__path__, "ingest_cli."):
        if not module.name.endswith(("__main__", "._hmac_columns")):
            __import__(module.name)
    for name in OPTIONAL:
        __import__(name)
    gc.collect()
    gc.freeze()  # what all forks share is not gone through in each of them


def _become(request: Mapping[str, object]) -> NoReturn:
    """Run the script as the interpreter would have done."""
    argv, env, cwd = request["argv"], request["env"], request["cwd"]
    assert isinstance(argv, list)
    assert isinstance(env, dict)
    assert isinstance(cwd, str)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = argv
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115 - to the end
    sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    runpy.run_path(argv[0], run_name="__main__")
    sys.exit()


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.executable).parent)  # as for the installed script
    _import_everything()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
