"""The installed command as an operator runs it: its own home, its own environment, and what it said.

Whatever a test runs, its output is searched for secrets and for signs that a terminal would obey.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect  # type: ignore[import-untyped]  # published without types

from tests.support import waiting
from tests.support.command_server import CommandServer
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint

if TYPE_CHECKING:
    from tests.support.endpoint.audit import RequestRecord, WriteRecord
    from tests.support.endpoint.items import Item

COMMAND = Path(sys.executable).parent / "ingest-cli"
COMMANDS = CommandServer(COMMAND)
atexit.register(COMMANDS.close)
REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "sample_data"
SAMPLE_NAMES = tuple(sorted(path.stem for path in SAMPLES.glob("*.toml")))
SAMPLE_MANIFESTS = tuple(str(SAMPLES / f"{name}.toml") for name in SAMPLE_NAMES)

KID, PEPPER_HEX = "k1", "5ca1ab1e0ddba11c0ffee15be77ec0de" * 2
PEPPER_LINE = f"{KID}:{PEPPER_HEX}"
OTHER_LINE = f"{KID}:{PEPPER_HEX[::-1]}"

SMALL_ROWS = (
    ("SITI KENARI BINTI CONTOH", "870513-10-4739", "012-998 7341", "kenari.satu@example.org"),
    ("LIM KENARI HOE", "910722-07-5163", "+60 19-887 6452", "kenari.dua@example.org"),
    ("KAVITHA KENARI", "780130-08-6215", "0169987231", "Kenari.Tiga@Example.Org"),
)
"""The rows of a dump of three; every item of it is one of nine."""

SMALL_VALUES = (
    "KENARI",
    "kenari.",
    "8705131047",
    "870513-10",
    "9107220751",
    "7801300862",
    "9987341",
    "998 7341",
    "8876452",
    "887 6452",
    "9987231",
)
"""What must not be seen of them: the values, or the better part of them, in the dump's form and in ours."""

TERMINAL_TIMEOUT_S = 90
_COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_names = itertools.count(1)


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Its stdout, one JSON document a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def report(self) -> dict[str, Any]:
        """Its stdout, a single JSON document."""
        (report,) = self.reports
        return report

    def complains(self, code: int, *words: str) -> None:
        """Check that it failed with this code, and one sentence on stderr that holds these words."""
        assert self.code == code, self
        (sentence,) = self.err.splitlines()
        assert sentence.startswith("ingest-cli: "), self
        for word in words:
            assert word in sentence, self


@dataclass(frozen=True)
class Cli:
    """The command, with a home of its own and nothing of this machine's settings.

    Attributes:
        home: its home directory; also holds its cache.
        env: all of its environment.
        secrets: what none of its output may hold.
    """

    home: Path
    env: Mapping[str, str]
    secrets: tuple[str, ...] = (PEPPER_HEX, PEPPER_HEX[::-1], SECRET_KEY, *SMALL_VALUES)

    def __call__(
        self,
        *arguments: str | Path,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        without: Iterable[str] = (),
        cwd: Path | None = None,
    ) -> Result:
        """Run it to its end.

        Args:
            arguments: of the command line.
            stdin: what it can read.
            env: variables to add.
            without: variables to leave out.
            cwd: where it runs; by default in its home.
        """
        everything = {name: value for name, value in {**self.env, **(env or {})}.items() if name not in set(without)}
        if COMMANDS.can_run(everything):
            done = COMMANDS.run([*map(str, arguments)], stdin.encode(), everything, cwd or self.home)
        else:
            done = waiting.run([COMMAND, *map(str, arguments)], stdin.encode(), env=everything, cwd=cwd or self.home)
        return self.checked(done.returncode, done.stdout, done.stderr)

    def telling(self) -> Cli:
        """The same, but that it says on stderr what it does, as on a terminal."""
        return replace(self, env={**self.env, "INGEST_VERBOSE": "1"})

    def from_cron(self, *arguments: str | Path) -> Result:
        """Run it as cron does: without a terminal, and what it says on stdout and stderr is one mail, here `out`."""
        done = waiting.run(
            [COMMAND, *map(str, arguments)],
            stderr=subprocess.STDOUT,
            env=self.env,
            cwd=self.home,
            start_new_session=True,
        )
        return self.checked(done.returncode, done.stdout, b"")

    def redirected(self, redirection: str, *arguments: str | Path, stdin: str = "") -> Result:
        """Run it with a redirection of the shell's, such as `>&-`, which closes its stdout."""
        done = waiting.run(
            ["/bin/sh", "-c", f'exec "$0" "$@" {redirection}', COMMAND, *map(str, arguments)],
            stdin.encode(),
            env=self.env,
            cwd=self.home,
        )
        return self.checked(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def started(
        self, *arguments: str | Path, stdout: int = subprocess.PIPE, stdin: int = subprocess.DEVNULL
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run it, and do not wait; at the end of the block it is gone."""
        process = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.home,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def on_terminal(self, *arguments: str | Path) -> Any:
        """Run it on a terminal of 24 lines of 120 characters: a `pexpect.spawn`, itself a context manager."""
        return pexpect.spawn(
            str(COMMAND),
            [*map(str, arguments)],
            env=self.env,
            cwd=str(self.home),
            timeout=TERMINAL_TIMEOUT_S * waiting.load_factor(),
            encoding="utf-8",
            dimensions=(24, 120),
        )

    def finish(self, process: subprocess.Popen[bytes]) -> Result:
        """Wait for one that was started."""
        out, err = waiting.communicate(process)
        return self.checked(process.returncode, out or b"", err)

    def checked(self, code: int, out: bytes, err: bytes) -> Result:
        """What it said, once it is sure that it said nothing it should not."""
        result = Result(code, out.decode(), err.decode())
        for text in (result.out, result.err):
            assert "Traceback" not in text, result
            assert not _COMMANDING.search(text), result
            for secret in self.secrets:
                assert secret not in text, result
        return result


def new_cli(home: Path, secrets: tuple[str, ...] | None = None) -> Cli:
    """The command with an empty home, credentials for the endpoint, and a pepper in `PEPPER`."""
    home.mkdir()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "us-east-1",
        # Where there are no credentials, botocore would otherwise ask the network for some.
        "AWS_EC2_METADATA_DISABLED": "true",
        "PEPPER": PEPPER_LINE,
        # Matplotlib looks all fonts over for each new home.
        "MPLCONFIGDIR": str(Path(tempfile.gettempdir()) / "ingest-cli-tests-matplotlib"),
    }
    return Cli(home, env) if secrets is None else Cli(home, env, secrets)


@dataclass(frozen=True)
class Place:
    """A table of the scripted endpoint that nobody else uses."""

    endpoint: Endpoint
    name: str = field(default_factory=lambda: f"table-{next(_names)}")

    @property
    def at(self) -> list[str]:
        """The options that name it."""
        return ["--table", self.name, "--endpoint-url", self.endpoint.url]

    @property
    def to(self) -> list[str]:
        """The options for a load into it."""
        return [*self.at, "--key", "env:PEPPER"]

    @property
    def writes(self) -> list[WriteRecord]:
        """Everything that was written into it."""
        return [write for write in list(self.endpoint.audit.writes) if write.table == self.name]

    @property
    def requests(self) -> list[RequestRecord]:
        """Everything it was asked."""
        return [one for one in list(self.endpoint.audit.requests) if self.name in one.tables]

    def operations(self, since: int = 0) -> set[str]:
        """The sorts of requests, the first `since` of them left out."""
        return {one.operation for one in self.requests[since:]}

    @property
    def everything(self) -> dict[tuple[str, str], Item]:
        """All that it holds by (pk, sk)."""
        return self.endpoint.items(self.name)

    @property
    def items(self) -> dict[tuple[str, str], Item]:
        """What it holds but for the reserved rows."""
        return {key: item for key, item in self.everything.items() if not key[0].startswith("_")}

    def reserved(self, pk: str) -> Item:
        """A reserved row."""
        return self.everything[pk, "_"]

    def goes_wrong(self, fault: Any, operation: str, **conditions: Any) -> None:
        """Have a fault happen to requests about items of this table, or to all that are about tables as a whole."""
        table = None if operation in {"DescribeTable", "UpdateTable", "DescribeLimits"} else self.name
        self.endpoint.script.add(fault, operation=operation, table=table, **conditions)


SMALL_MANIFEST = """\
version = 1
[dataset]
id = "{dataset}"
title = "{title}"
occurred_on = 2019-05-04
sources = ["{source}"]
[format]
name = "csv"
[[fields]]
column = "IC"
kind = "id"
[[fields]]
column = "TEL"
kind = "phone"
[[fields]]
column = "EMAIL"
kind = "email"
[[fields]]
column = "NAME"
exposes = "Names"
{rest}
"""


def small_dump(
    folder: Path,
    rows: Sequence[Sequence[str]] = SMALL_ROWS,
    change: Callable[[str], str] = lambda text: text,
    dataset: str = "demo-small",
    **facts: str,
) -> Path:
    """Write a dump with a header, and its manifest.

    Args:
        folder: where to.
        rows: NAME, IC, TEL and EMAIL of each row.
        change: what to do to the text of the manifest.
        dataset: id of the dataset; also the name of both files.
        facts: `title`, `source`, and `rest` of the manifest, each with a default.

    Returns:
        The manifest.
    """
    lines = ["NAME,IC,TEL,EMAIL", *(",".join(row) for row in rows)]
    (folder / f"{dataset}.csv").write_text("".join(f"{line}\n" for line in lines))
    text = SMALL_MANIFEST.format(
        **{"dataset": dataset, "title": "Demo of three rows", "source": f"{dataset}.csv", "rest": "", **facts}
    )
    path = folder / f"{dataset}.toml"
    path.write_text(change(text))
    return path


_LOUD = "import os, traceback; traceback.print_exc(); os._exit(70)"
"""Python itself only mentions what goes wrong in `sitecustomize`, and a test would run without its code."""


def plug(folder: Path, code: str) -> dict[str, str]:
    """The environment in which Python runs `code` before it runs the command; code that fails ends the process."""
    folder.mkdir(exist_ok=True)
    loud = f"try:\n    exec({code!r}, globals())\nexcept Exception:\n    {_LOUD}\n"
    (folder / "sitecustomize.py").write_text(loud)
    return {"PYTHONPATH": str(folder)}


def expected_counts(name: str) -> dict[str, Any]:
    """What a load of a sample must count."""
    counts: dict[str, Any] = json.loads((SAMPLES / f"{name}.expected.json").read_text())
    return counts
