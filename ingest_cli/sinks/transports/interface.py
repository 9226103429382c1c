"""Interface of a transport: sends one request and returns one answer, interpreting neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ingest_cli.runtime.answer_limits import ANSWER_TIMEOUT_S


class Answer(NamedTuple):
    """An HTTP answer to BatchWriteItem.

    Attributes:
        status: HTTP status.
        body: body as received.
        crc32: the header `x-amz-crc32`, the CRC-32 of the body in decimal; None without one.
    """

    status: int
    body: bytes
    crc32: str | None


TOO_LARGE = "answer_too_large"
"""Reason of a `TransientFaultError`: the answer is longer than any of DynamoDB's. None of it is kept."""


def no_limit() -> float:
    """Return the seconds allowed for an answer where nothing else limits them."""
    return ANSWER_TIMEOUT_S


class Transport(Protocol):
    """Send BatchWriteItem requests, each once. Used by several fibers concurrently.

    Attributes:
        left_s: returns the seconds allowed for a request sent now, connection and answer together.
    """

    left_s: Callable[[], float]

    def send(self, body: bytes) -> Answer:
        """Send `body` (DynamoDB JSON) and wait for the whole answer, `ANSWER_TIMEOUT_S` at most.

        Raises:
            TransientFaultError: no complete answer in time, or one longer than the limit.
            TryAgainError: the credentials have expired and cannot be refreshed.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
