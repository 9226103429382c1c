"""The command line in one started process for many runs: each run is a fork of it, of which the memory is measured.

A started process spends most of a second on its imports; a fork of one that has made them spends none. What a fork
takes at its peak is counted from its beginning (`ru_maxrss` of `wait4`, Linux), what it shares with the parent
included, and so is what a started process would take.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MAX_ADDRESS_SPACE_BYTES = 4 << 30
"""Of a run: what takes more than this is stopped, for the sake of the machine."""

MAX_CPU_S = 120
"""Of a run: one that has used so many seconds of CPU has no end."""

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: its exit code; negative: the signal that killed it.
        out, err: what it printed.
        peak_bytes: the most memory that it had.
        cpu_s: seconds of CPU.
    """

    code: int
    out: str
    err: str
    peak_bytes: int
    cpu_s: float


class Forks:
    """Runs command lines, one after another."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder

    def __call__(self, *arguments: str | Path, stdin: Path | None = None, cwd: Path | None = None) -> Ended:
        """Run the command line `ingest-cli ARGUMENTS` to its end.

        Args:
            arguments: of the command line.
            stdin: file that it can read; None: nothing.
            cwd: where it runs; None: in the home.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {
            "arguments": [str(each) for each in arguments],
            "stdin": str(stdin or os.devnull),
            "cwd": str(cwd or self._folder),
        }
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        told = json.loads(self._process.stdout.readline())
        out, err = ((self._folder / name).read_text(encoding="utf-8") for name in ("out", "err"))
        return Ended(out=out, err=err, **told)


@contextmanager
def forks(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Forks]:
    """What runs command lines while the block lasts.

    Args:
        folder: home of the runs.
        env: variables beside the home.
    """
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_REPOSITORY,
        env={"PATH": os.defpath, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), **(env or {})},
    )
    with process:
        yield Forks(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def _serve(folder: Path) -> None:
    """Fork for each line of stdin."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ingest_cli.cli import main  # noqa: PLC0415 - in the started process only, and behind the line above

    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _run(main, folder, asked["arguments"], asked["stdin"], asked["cwd"])
        _, status, used = os.wait4(pid, 0)
        ended = {
            "code": os.waitstatus_to_exitcode(status),
            "peak_bytes": used.ru_maxrss * 1024,
            "cpu_s": used.ru_utime + used.ru_stime,
        }
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


def _run(main: object, folder: Path, arguments: Sequence[str], stdin: str, cwd: str) -> None:
    """Be the command."""
    os.chdir(cwd)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, path, how in ((0, stdin, os.O_RDONLY), (1, folder / "out", flags), (2, folder / "err", flags)):
        os.dup2(os.open(path, how, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w")))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE_BYTES, MAX_ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    code = 1
    try:
        main(list(arguments))  # type: ignore[operator]
    except SystemExit as done:
        code = int(done.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
