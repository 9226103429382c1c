"""dynalite (npm, Apache-2.0): another implementation of DynamoDB, for a second opinion.

It checks requests strictly, but never throttles and never fails. The tests do not install it: run
`npm install --ignore-scripts` in `tests/support/node`, or name another `node_modules` folder in NODE_PATH
(Node's own variable). Where it is missing, the test that wants it is skipped with that reason.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

if TYPE_CHECKING:
    from types import TracebackType

_OWN_NODE_MODULES = Path(__file__).parent / "node" / "node_modules"
_START_ATTEMPTS = 3
_STOP_TIMEOUT_S = 10.0


def find_dynalite() -> list[str]:
    """The command that runs dynalite; skips the test if there is none."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("dynalite: there is no `node` on the PATH")
    named = [Path(folder) for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
    for modules in [*named, _OWN_NODE_MODULES]:
        script = modules / "dynalite" / "cli.js"
        if script.is_file():
            return [node, str(script)]
    pytest.skip("dynalite is not installed: run `npm install --ignore-scripts` in tests/support/node")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Dynalite:
    """dynalite in memory on a loopback port; a context manager.

    Args:
        create_table_ms: how long a new table stays CREATING.
        update_table_ms: how long a changed one stays UPDATING.
        delete_table_ms: how long a deleted one stays DELETING.

    Attributes:
        url: where it listens, once started.
        pid: its process id, once started.
    """

    def __init__(self, create_table_ms: int = 0, update_table_ms: int = 0, delete_table_ms: int = 0) -> None:
        self._options = [
            *("--createTableMs", str(create_table_ms)),
            *("--updateTableMs", str(update_table_ms)),
            *("--deleteTableMs", str(delete_table_ms)),
        ]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.pid = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it and wait until it listens; skips the test if it is not installed.

        Raises:
            RuntimeError: if it does not come up; its own words are on stderr.
        """
        command = find_dynalite()
        for _ in range(_START_ATTEMPTS):
            # dynalite takes port 0 for its default, and another process may take the free one first.
            port = _free_port()
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port), *self._options],
                stdout=subprocess.PIPE,
                text=True,
            )
            line = self._process.stdout.readline() if self._process.stdout else ""
            if "listening" in line:
                self.url, self.pid = f"http://127.0.0.1:{port}", self._process.pid
                return self
            self.stop()
        raise RuntimeError("dynalite did not start")

    def stop(self) -> None:
        """End it; its tables are gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    @property
    def client_arguments(self) -> dict[str, Any]:
        """Keyword arguments for `boto3.client("dynamodb", ...)`; any key pair is accepted."""
        return {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": "anything",
            "aws_secret_access_key": "anything",
        }
