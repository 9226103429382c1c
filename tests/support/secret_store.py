"""Secrets Manager on the loopback interface, with one secret."""

from __future__ import annotations

import json
from typing import Any

from tests.support.iam import AccessRequest, Policy, policy_of
from tests.support.loopback import LoopbackHandler, LoopbackServer

_FOUND, _REFUSED = 200, 400


class SecretStore(LoopbackServer):
    """The service; a context manager.

    Attributes:
        arn: of the secret.
        text: of the secret.
        policies: access key → what its role may do; a key that is not among them may do everything.
    """

    def __init__(self, arn: str, text: str) -> None:
        self.arn = arn
        self.text = text
        self.policies: dict[str, Policy] = {}
        super().__init__(_Handler, self)


class _Handler(LoopbackHandler):
    def do_POST(self) -> None:  # noqa: N802 - named by `http.server`
        store: SecretStore = self.server.owner
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["SecretId"]
        action = self.headers["X-Amz-Target"].replace(".", ":")
        policy = policy_of(store.policies, self.lower_headers())
        if policy is not None and not policy.allows(AccessRequest(action, wanted)):
            self._send(_REFUSED, {"__type": "AccessDeniedException", "Message": f"not authorized to perform: {action}"})
        elif (action, wanted) != ("secretsmanager:GetSecretValue", store.arn):
            self._send(_REFUSED, {"__type": "ResourceNotFoundException", "Message": "there is no such secret"})
        else:
            self._send(_FOUND, {"ARN": store.arn, "Name": "pepper", "SecretString": store.text})

    def _send(self, status: int, document: dict[str, Any]) -> None:
        self.answer_json(status, document, "application/x-amz-json-1.1")
