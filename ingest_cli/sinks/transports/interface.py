"""What a transport must offer: one request out, one answer back, nothing made of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ingest_cli.runtime.answer_limits import ANSWER_TIMEOUT_S


class Answer(NamedTuple):
    """An HTTP answer to BatchWriteItem.

    Attributes:
        status: HTTP status.
        body: as it came.
        crc32: the header `x-amz-crc32`, the CRC-32 of the body in decimal; None if there was none.
    """

    status: int
    body: bytes
    crc32: str | None


TOO_LARGE = "answer_too_large"
"""Reason of a `TransientFaultError`: more was sent than DynamoDB ever answers. None of it is kept."""


def no_limit() -> float:
    """Seconds that there are for an answer, where nobody has less."""
    return ANSWER_TIMEOUT_S


class Transport(Protocol):
    """Sends BatchWriteItem requests, each once. Used by several fibers at once.

    Attributes:
        left_s: tells how many seconds there are for a request that is sent now, connection and answer together.
    """

    left_s: Callable[[], float]

    def send(self, body: bytes) -> Answer:
        """Send `body` (DynamoDB JSON), wait for the whole answer, `ANSWER_TIMEOUT_S` at most.

        Raises:
            TransientFaultError: there was no whole answer in time, or a longer one than there can be.
            TryAgainError: the credentials have expired and cannot be refreshed.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
