"""What an answer about items of a hot key says of the load: one that takes some of them is no failure."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from ingest_cli.engines.delivery import ChunkInFlight, Delivery
from ingest_cli.errors import TransientFaultError, TryAgainError
from ingest_cli.runtime.run_ahead import RunAhead
from ingest_cli.runtime.shared_state import SharedState
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.lanes import Lanes
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.hot_keys.queues import HotBatch
from ingest_cli.sinks.policies.retry import LEAST_ATTEMPT_S, Progress, RetryRules
from tests.support.fake_clock import FakeClock
from tests.support.scripted_sink import Reply, ScriptedSink, leaving
from tests.support.synthetic_items import batch

COUNT = 30


class Hot:
    """A delivery with items of one hot key in its queue."""

    def __init__(self, *script: Exception | Reply, seed: int = 1) -> None:
        self.clock, self.retries = FakeClock(), Counter[str]()
        self.progress = Progress(self.clock)
        rules = RetryRules(
            self.clock, Random(seed), self.progress, 8.0, lambda reason: self.retries.update([reason]), StopRequest()
        )
        sink = ScriptedSink(*script)
        run_ahead = RunAhead(SharedState().item_counts, self.clock)
        self.delivery = Delivery(
            Lanes(sink, sink, HotKeys(self.clock), rules, SharedState().hot_key_paces, run_ahead), lambda _: None
        )
        chunk: Any = None  # it is not settled here
        self.delivery._queues.park(batch(*"a" * COUNT), ChunkInFlight(chunk, 0, COUNT))

    def write(self) -> None:
        while not isinstance(due := self.delivery.next_hot(), HotBatch):
            self.clock.sleep(due)
        self.delivery.write_hot(due)

    def write_on(self) -> None:
        while True:
            self.write()


def test_an_answer_that_takes_some_items_is_no_failure() -> None:
    hot = Hot(leaving(0), leaving(0))
    for _ in range(2):
        hot.write()
        hot.clock.sleep(100.0)
        assert hot.progress.failing_s() == 0.0
    assert hot.retries == {"hot_key": 2}


@pytest.mark.parametrize("seed", range(20))
def test_waiting_after_failures_ends_with_the_time_to_give_up(seed: int) -> None:
    hot = Hot(*[TransientFaultError("timeout")] * 200, seed=seed)
    hot.write()
    began_s = hot.clock.monotonic_s()
    with pytest.raises(TryAgainError, match="for 8 s"):
        hot.write_on()
    assert 8.0 <= hot.clock.monotonic_s() - began_s <= 8.0 + LEAST_ATTEMPT_S
