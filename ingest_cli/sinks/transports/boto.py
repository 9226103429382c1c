"""The reference transport: boto3's low-level client, its serializer bypassed, its retries off.

Slower than `curl`, and the measure of what is right: endpoint, credentials, signing and connection are
all botocore's.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, which is not a subclass of Python's
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
)

from ingest_cli.aws import not_renewable
from ingest_cli.errors import TableError
from ingest_cli.fibers import Fibers
from ingest_cli.sinks.interface import TransientFaultError
from ingest_cli.sinks.transports.interface import Answer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class BotoTransport:
    """Sends through a client that makes a single attempt per call."""

    def __init__(self, client: DynamoDBClient, fibers: Fibers | None = None) -> None:
        """Take over `client`.

        Args:
            client: for this transport alone, with `retries={"total_max_attempts": 1}` and
                `parameter_validation=False`.
            fibers: those that send; None: nobody else waits meanwhile.
        """
        self._client = client
        self._fibers = fibers or Fibers()
        self._local = threading.local()
        events = client.meta.events
        events.register("before-call.dynamodb.BatchWriteItem", self._inject)
        events.register("before-parse.dynamodb.BatchWriteItem", self._capture)

    def send(self, body: bytes) -> Answer:
        """See `Transport.send`."""
        return self._fibers.in_thread(lambda: self._send(body))

    def _send(self, body: bytes) -> Answer:
        self._local.body, self._local.answer = body, None
        try:
            self._client.batch_write_item(RequestItems={})
        except ClientError:
            pass  # the captured answer says so too
        except (NoCredentialsError, CredentialRetrievalError) as error:
            raise not_renewable() from error
        except (ConnectionError, HTTPClientError) as error:
            raise TransientFaultError(type(error).__name__) from error
        except BotoCoreError as error:
            if self._local.answer is None:
                raise TableError(
                    f"the request could not be sent ({type(error).__name__}); check the settings"
                ) from error
        if self._local.answer is None:
            raise TransientFaultError("no_answer")
        answer: Answer = self._local.answer
        return answer

    def close(self) -> None:
        """See `Transport.close`."""
        self._client.close()
        self._fibers.close()

    def _inject(self, params: dict[str, Any], **_: object) -> None:
        params["body"] = self._local.body

    def _capture(self, response_dict: dict[str, Any], **_: object) -> None:
        headers = response_dict["headers"]
        self._local.answer = Answer(response_dict["status_code"], response_dict["body"], headers.get("x-amz-crc32"))
