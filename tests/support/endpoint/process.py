"""The endpoint in a separate process, controlled from this one."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .faults import Fault, Rule
from .server import Settings, client_arguments
from .tls import Certificate

if TYPE_CHECKING:
    from types import TracebackType

_REPOSITORY = Path(__file__).resolve().parents[3]
_STOP_TIMEOUT_S = 10.0


class EndpointProcess:
    """`python -m tests.support.endpoint`, started and stopped; a context manager.

    Args:
        options: command line options, such as "--null" or "--audit", "path".

    Attributes:
        url: where it listens, once started.
        ca_path: its certificate, with --tls.
        pid: its process id.
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        self.ca_path: str | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Start it and wait until it listens.

        Raises:
            RuntimeError: if it does not come up; its own words are on stderr.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.endpoint", *self._options],
            cwd=_REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            self.stop()
            raise RuntimeError("the endpoint did not start")
        described = json.loads(line)
        self.url, self.ca_path, self.pid = described["url"], described["ca_path"], described["pid"]
        return self

    def stop(self) -> None:
        """End it; only its audit file remains."""
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
        """Keyword arguments for `boto3.client("dynamodb", ...)`."""
        path = self.ca_path
        certificate = None if path is None else Certificate(Path(path), Path(path))
        return client_arguments(self.url, Settings(certificate=certificate))

    def audit(self) -> dict[str, Any]:
        """The audit log: {"writes": [...], "requests": [...]}."""
        return self._get("/__audit__")

    def state(self, *, items: bool = True) -> dict[str, Any]:
        """The tables and, in count mode, the summary of what was sent."""
        return self._get("/__state__" if items else "/__state__?items=0")

    def control(self, **wanted: Any) -> dict[str, Any]:
        """Change rules, seed, capacity, status or limits; see the module `control`.

        Raises:
            urllib.error.HTTPError: if it is not understood.
        """
        return self._get("/__control__", json.dumps(wanted).encode())

    def add_rule(self, fault: Fault, **conditions: Any) -> dict[str, Any]:
        """Append a rule made of a fault and the attributes of `Rule`."""
        return self.control(add=[Rule(fault, **conditions).to_json()])

    def _get(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        context = ssl.create_default_context(cafile=self.ca_path) if self.ca_path else None
        # The URL is the one that the endpoint printed: http(s)://127.0.0.1:PORT.
        request = urllib.request.Request(self.url + path, body)  # noqa: S310 - see above
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310 - see above
            document: dict[str, Any] = json.load(answer)
        return document
