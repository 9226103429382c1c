"""A new write policy is one class around any sink: it changes when or how items are sent, never which."""

from __future__ import annotations

import pytest

from ingest_cli.errors import TransientFaultError
from ingest_cli.items.batching import Batch, batches
from ingest_cli.sinks.interface import Receipt, Sink
from ingest_cli.sinks.memory import MemorySink
from ingest_cli.sinks.policies.isolation import Isolating
from tests.contract.test_sinks import ITEMS, check, expected, put_all
from tests.support.scripted_sink import ScriptedSink, all_taken
from tests.support.sinks import Rig, memory_rig


class Small:
    """Send at most so many items at once."""

    def __init__(self, sink: Sink, max_items: int) -> None:
        self._sink, self._max_items = sink, max_items

    def put(self, batch: Batch) -> Receipt:
        if len(batch) <= self._max_items:
            return self._sink.put(batch)
        first, rest = batch.split(self._max_items)
        receipt = self._sink.put(first)
        try:
            return receipt.plus(self.put(rest))
        except TransientFaultError:
            return receipt.plus(Receipt(0, unprocessed=rest))


@pytest.mark.parametrize("outside", [False, True])
def test_it_goes_with_any_sink_and_any_other_policy(outside: bool) -> None:  # noqa: FBT001
    rig = memory_rig()
    sink = Isolating(Small(rig.sink, 7)) if outside else Small(Isolating(rig.sink), 7)
    wrapped = Rig(sink, rig.content)
    assert sum(receipt.acknowledged for receipt in put_all(wrapped)) == len(ITEMS)
    check(wrapped, expected())


def test_it_counts_what_was_written_before_a_fault() -> None:
    batch = next(iter(batches(ITEMS)))
    scripted = ScriptedSink(all_taken, TransientFaultError("timeout"))
    receipt = Small(scripted, 7).put(batch)
    assert receipt.acknowledged == 7
    assert receipt.unprocessed is not None
    assert [len(sent) for sent in scripted.sent] == [7, 7]
    assert len(receipt.unprocessed) == len(batch) - 7
    assert isinstance(MemorySink().put(receipt.unprocessed), Receipt)
