"""Reference transport: boto3's low-level client, its serializer bypassed, its retries off.

Slower than `curl`, and the standard it is tested against: endpoint, credentials, signing and connection
are botocore's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, which is not a subclass of Python's
    HTTPClientError,
    NoCredentialsError,
)

from ingest_cli.aws.service_errors import is_too_large, is_unrenewed, not_renewable
from ingest_cli.errors import TableError, TransientFaultError
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.sinks.transports.credentials import EXPIRED_CREDENTIALS, Renewing, calls_expired
from ingest_cli.sinks.transports.interface import TOO_LARGE, Answer, no_limit

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from mypy_boto3_dynamodb import DynamoDBClient


class BotoTransport:
    """Send through a client that makes a single attempt per call; see `Transport`."""

    left_s: Callable[[], float]

    def __init__(
        self, client: DynamoDBClient, fibers: Fibers | None = None, credentials: Credentials | None = None
    ) -> None:
        """Take ownership of `client`.

        Args:
            client: used by this transport alone, with `retries={"total_max_attempts": 1}` and
                `parameter_validation=False`.
            fibers: loop of the sending fibers; None: nothing else runs meanwhile.
            credentials: credentials of the client, renewed in the background; None: the client renews them itself.
        """
        self.left_s = no_limit
        self._client = client
        self._fibers = fibers or Fibers()
        self._credentials = None if credentials is None else Renewing(credentials, self._fibers)
        self._local = threading.local()
        events = client.meta.events
        events.register("before-call.dynamodb.BatchWriteItem", self._inject)
        events.register("before-parse.dynamodb.BatchWriteItem", self._capture)

    def send(self, body: bytes) -> Answer:
        """See `Transport.send`."""
        if self._credentials is None:
            return self._fibers.in_thread(lambda: self._send(body))
        used = self._credentials.current()
        answer = self._fibers.in_thread(lambda: self._send(body))
        if calls_expired(answer) and self._credentials.replaced(used):
            raise TransientFaultError(EXPIRED_CREDENTIALS)
        return answer

    def _send(self, body: bytes) -> Answer:
        self._local.body, self._local.answer = body, None
        try:
            with time_limit(self.left_s()):
                self._client.batch_write_item(RequestItems={})
        except (ClientError, BotoCoreError, RuntimeError) as error:
            self._look_at(error)
        if self._local.answer is None:
            raise TransientFaultError("no_answer")
        answer: Answer = self._local.answer
        return answer

    def _look_at(self, error: ClientError | BotoCoreError | RuntimeError) -> None:
        """Raise the exception for `error`, unless the captured answer describes it."""
        if isinstance(error, ClientError) and self._local.answer is not None:
            return
        if isinstance(error, NoCredentialsError | ClientError) or is_unrenewed(error):
            raise not_renewable() from error
        if is_too_large(error):
            raise TransientFaultError(TOO_LARGE) from error
        if isinstance(error, ConnectionError | HTTPClientError):
            raise TransientFaultError(type(error).__name__) from error
        if isinstance(error, RuntimeError):
            raise error
        if self._local.answer is None and isinstance(error, BotoCoreError):
            raise TableError(f"the request could not be sent ({type(error).__name__}); check the settings") from error

    def close(self) -> None:
        """See `Transport.close`."""
        self._client.close()
        self._fibers.close()

    def _inject(self, params: dict[str, Any], **_: object) -> None:
        params["body"] = self._local.body

    def _capture(self, response_dict: dict[str, Any], **_: object) -> None:
        headers = response_dict["headers"]
        self._local.answer = Answer(response_dict["status_code"], response_dict["body"], headers.get("x-amz-crc32"))
