"""Stand-ins for commands of a server, to be put first on PATH: each notes that it was called, and does what it is for.

`dnf`, `shutdown`, `systemctl`, `mail` and others only note it. `aws` copies files of folders that represent buckets,
if the policy allows it, and `curl` is the instance metadata service in its second version.
"""

from __future__ import annotations

import json
import shlex
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]


class Stubs:
    """A folder of such commands.

    Attributes:
        folder: where they are.
        log: where each writes a line when it is called: its name and arguments.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.log = folder / "called"
        self.log.touch()

    def add(self, *names: str, then: str = "exit 0") -> None:
        """Add commands that note their call and do nothing, or run a shell script.

        Args:
            names: of the commands.
            then: what they do; `$@` is what they were given.
        """
        for name in names:
            self.write(self.folder / name, then)

    def write(self, path: Path, then: str) -> None:
        """Write a command to another place than the folder."""
        called = f'printf "%s\\n" "{path.name}${{*:+ $*}}" >> {shlex.quote(str(self.log))}'
        path.write_text(f"#!/bin/bash\n{called}\n{then}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def add_python(self, name: str, **settings: Any) -> None:
        """Add `name`, which is a module of this package, with settings."""
        given = shlex.quote(json.dumps(settings))
        module = f"tests.support.stubs.{name}"
        script = f'PYTHONPATH={shlex.quote(str(REPOSITORY))} exec {sys.executable} -m {module} {given} "$@"'
        self.add(name, then=script)

    @property
    def called(self) -> list[str]:
        """The calls so far, in order."""
        return self.log.read_text(encoding="utf-8").splitlines()

    def names(self, but: Iterable[str] = ()) -> list[str]:
        """The names of what was called, in order."""
        return [name for name in (line.split()[0] for line in self.called) if name not in set(but)]

    def path(self, env: Mapping[str, str]) -> dict[str, str]:
        """An environment in which they come first."""
        return {**env, "PATH": f"{self.folder}:{env['PATH']}"}
