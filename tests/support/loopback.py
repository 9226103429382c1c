"""HTTP servers on the loopback interface, served by threads of the test process."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class LoopbackServer:
    """A server for one handler class; a context manager.

    Attributes:
        url: its address.
    """

    def __init__(self, handler: type[LoopbackHandler], owner: Any) -> None:
        self._server = _Server(handler, owner)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in self._server.connections:
            with contextlib.suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingHTTPServer):
    """Keeps its connections, to close them at the end."""

    daemon_threads = True

    def __init__(self, handler: type[LoopbackHandler], owner: Any) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.owner = owner
        self.connections: list[socket.socket] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Report nothing about a client that closed its connection early, as some tests do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type] # as it came


class LoopbackHandler(BaseHTTPRequestHandler):
    """Base of the handlers: answers with a body, logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.append(self.connection)

    def lower_headers(self) -> dict[str, str]:
        """Return the headers of the request by their names in lower case."""
        return {name.lower(): text for name, text in self.headers.items()}

    def start_answer(self, status: int, length: int, headers: dict[str, str]) -> None:
        """Send everything that precedes the body."""
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send an answer; a client that closed its connection misses it."""
        with contextlib.suppress(ConnectionError):
            self.start_answer(status, len(body), headers)
            self.wfile.write(body)

    def answer_json(self, status: int, document: object, content_type: str = "application/json") -> None:
        """Send a JSON document."""
        self.answer(status, json.dumps(document).encode(), {"Content-Type": content_type})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Log nothing."""
