"""A Secrets Manager on the loopback interface that holds one secret."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.support.iam import AccessRequest, Policy, policy_of

_FOUND, _REFUSED = 200, 400


class SecretStore:
    """The service; a context manager.

    Attributes:
        arn: of the secret.
        text: of the secret.
        policies: access key → what its role may do; a key that is not among them may do everything.
        url: where it listens.
    """

    def __init__(self, arn: str, text: str) -> None:
        self.arn = arn
        self.text = text
        self.policies: dict[str, Policy] = {}
        self._server = _Server(self)
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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: SecretStore) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = store


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        store = self.server.store
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["SecretId"]
        action = self.headers["X-Amz-Target"].replace(".", ":")
        policy = policy_of(store.policies, {name.lower(): text for name, text in self.headers.items()})
        if policy is not None and not policy.allows(AccessRequest(action, wanted)):
            self._send(_REFUSED, {"__type": "AccessDeniedException", "Message": f"not authorized to perform: {action}"})
        elif (action, wanted) != ("secretsmanager:GetSecretValue", store.arn):
            self._send(_REFUSED, {"__type": "ResourceNotFoundException", "Message": "there is no such secret"})
        else:
            self._send(_FOUND, {"ARN": store.arn, "Name": "pepper", "SecretString": store.text})

    def _send(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""
