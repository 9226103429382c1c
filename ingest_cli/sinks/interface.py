"""What a sink must offer: it takes a batch, and says which of its items are safely there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ingest_cli.items.batching import Batch


@dataclass(frozen=True, slots=True)
class Refusal:
    """An item that will never be taken, however often it is sent.

    Attributes:
        item: its position among the items of its chunk.
        reason: a fixed word.
    """

    item: int
    reason: str


class Receipt(NamedTuple):
    """What became of a batch. A tuple: several are made for each request.

    Attributes:
        acknowledged: items that are safely there.
        wcu: write capacity units consumed, as counted by the other side.
        unprocessed: items to be sent again.
        refused: items given up.
    """

    acknowledged: int
    wcu: float = 0.0
    unprocessed: Batch | None = None
    refused: tuple[Refusal, ...] = ()

    def plus(self, other: Receipt) -> Receipt:
        """What became of both batches, which are of the same chunk."""
        left = [one.unprocessed for one in (self, other) if one.unprocessed is not None]
        return Receipt(
            self.acknowledged + other.acknowledged,
            self.wcu + other.wcu,
            left[0].joined(left[1]) if len(left) > 1 else next(iter(left), None),
            self.refused + other.refused,
        )


class TransientFaultError(Exception):
    """The batch may or may not have been written; sending all of it again is right, and safe.

    Attributes:
        reason: a fixed word for the report, e.g. `timeout`, `InternalServerError`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ThrottledError(TransientFaultError):
    """Nothing was written because some limit on the rate of writing was reached.

    Attributes:
        scope: whose limit: `table`, `account`, `key_range`, `index`, or `unknown`.
    """

    def __init__(self, reason: str, scope: str = "unknown") -> None:
        super().__init__(reason)
        self.scope = scope


class RefusedBatchError(Exception):
    """One of the items is such that the whole batch was refused; nothing of it was written.

    Attributes:
        reason: a fixed word for the report.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Sink(Protocol):
    """Somewhere to put items. Used by several fibers at once."""

    def put(self, batch: Batch) -> Receipt:
        """Write `batch`, replacing items with the same keys.

        Every item of the batch is counted in the receipt once: acknowledged, unprocessed or refused.

        Raises:
            TransientFaultError: not known to be written; worth another try.
            RefusedBatchError: not written, and not worth another try as it is.
            IngestError: nothing more can be written; the run has to stop.
        """
        ...
