"""Sink with scripted answers; it records the batches it receives."""

from __future__ import annotations

from collections.abc import Callable

from ingest_cli.items.batching import Batch
from ingest_cli.sinks.interface import Receipt

Reply = Callable[[Batch], Receipt]


class ScriptedSink:
    """Gives one answer after the other; when they run out it fails the test.

    Attributes:
        sent: positions in their chunk of the items of each batch it was sent.
    """

    def __init__(self, *answers: Receipt | Exception | Reply) -> None:
        self.sent: list[list[int]] = []
        self._answers = list(answers)

    def put(self, batch: Batch) -> Receipt:
        """See `Sink.put`."""
        self.sent.append([int(place) for place in batch.index])
        assert self._answers, "nothing was to be sent any more"
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Receipt) else answer(batch)


def all_taken(batch: Batch) -> Receipt:
    """Everything is acknowledged."""
    return Receipt(len(batch), float(batch.wcu))


def leaving(*places: int) -> Reply:
    """Everything is acknowledged but the items at these places of the batch."""

    def reply(batch: Batch) -> Receipt:
        left = batch.only(list(places))
        return Receipt(len(batch) - len(left), float(batch.wcu - left.wcu), left)

    return reply
