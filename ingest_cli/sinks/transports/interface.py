"""What a transport must offer: one request out, one answer back, nothing made of either."""

from __future__ import annotations

from typing import NamedTuple, Protocol


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


class Transport(Protocol):
    """Sends BatchWriteItem requests, each once. Used by several fibers at once."""

    def send(self, body: bytes) -> Answer:
        """Send `body` (DynamoDB JSON), wait for the whole answer.

        Raises:
            TransientFaultError: there was no whole answer.
            TryAgainError: the credentials have expired and cannot be refreshed.
        """
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
