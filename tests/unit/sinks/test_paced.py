"""Each attempt is paced, settled up with what it consumed, and small enough to be spread over a second."""

from __future__ import annotations

import time

import pytest

from ingest_cli.errors import RefusedBatchError, ThrottledError, TransientFaultError, TryAgainError
from ingest_cli.items.batching import Batch
from ingest_cli.runtime.fence import MARGIN_S, OVERDUE, Fence, since_start_s
from ingest_cli.runtime.shared_state import SharedState
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.pacing import SMOOTHING_S, Paced, Pacer
from tests.support.fake_clock import FakeClock
from tests.support.scripted_sink import Reply, ScriptedSink, all_taken, leaving
from tests.support.synthetic_items import batch

TEN = batch(*(f"k{n}" for n in range(10)))


class Setting:
    """A rate, and a fence by the same clock, which is open unless somebody closes it."""

    def __init__(self, rate_wcu_per_s: float, *answers: Receipt | Exception | Reply) -> None:
        self.clock = FakeClock(0.0)
        self.pacer = Pacer.starting(self.clock, rate_wcu_per_s)
        self.stop = StopRequest()
        self.sink = ScriptedSink(*answers)
        self.fence = Fence(SharedState().lease, self.clock)
        self.paced = Paced(self.sink, self.pacer, HotKeys(self.clock), self.stop, self.fence)

    def free_after_s(self) -> float:
        """Seconds from now on until the next unit may be used."""
        before_s = self.clock()
        self.pacer.acquire(1.0)
        return self.clock() - before_s


def test_a_batch_worth_less_than_a_moment_is_sent_whole() -> None:
    setting = Setting(10 / SMOOTHING_S, all_taken)
    assert setting.paced.put(TEN) == Receipt(10, 10.0)
    assert setting.sink.sent == [list(range(10))]
    assert setting.free_after_s() == pytest.approx(SMOOTHING_S)


def test_a_batch_worth_more_is_sent_in_parts_each_in_its_turn() -> None:
    setting = Setting(16.0, *[all_taken] * 3)
    assert setting.paced.put(TEN) == Receipt(10, 10.0)
    assert setting.sink.sent == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert setting.clock.slept_s == pytest.approx([0.25, 0.25])


def test_one_item_is_never_cut() -> None:
    large = batch("k", wcu=[300])
    setting = Setting(10.0, all_taken)
    assert setting.paced.put(large) == Receipt(1, 300.0)
    assert setting.free_after_s() == pytest.approx(30.0), "it is waited for afterwards"


def test_what_is_left_is_given_back_and_the_other_parts_are_not_sent() -> None:
    setting = Setting(16.0, all_taken, leaving(1, 2))
    receipt = setting.paced.put(TEN)
    assert setting.sink.sent == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert receipt.acknowledged == 6
    assert receipt.unprocessed is not None
    assert receipt.unprocessed.index.tolist() == [5, 6, 8, 9]


def test_a_fault_of_the_first_part_is_passed_on() -> None:
    for fault in (TransientFaultError("timeout"), RefusedBatchError("ValidationException"), TryAgainError("expired")):
        setting = Setting(16.0, fault)
        with pytest.raises(type(fault)):
            setting.paced.put(TEN)


def test_a_fault_of_a_later_part_does_not_undo_the_first() -> None:
    for fault in (TransientFaultError("timeout"), RefusedBatchError("ValidationException")):
        receipt = Setting(16.0, all_taken, fault).paced.put(TEN)
        assert receipt.acknowledged == 4
        assert receipt.unprocessed is not None
        assert receipt.unprocessed.index.tolist() == [4, 5, 6, 7, 8, 9]
    with pytest.raises(TryAgainError):
        Setting(16.0, all_taken, TryAgainError("expired")).paced.put(TEN)


def test_an_attempt_that_failed_may_have_consumed_all_and_is_paid_for() -> None:
    setting = Setting(100.0, TransientFaultError("timeout"))
    with pytest.raises(TransientFaultError):
        setting.paced.put(TEN)
    assert setting.free_after_s() == pytest.approx(0.1)


def test_more_consumed_than_predicted_slows_down_what_follows() -> None:
    setting = Setting(100.0, Receipt(10, 50.0))
    setting.paced.put(TEN)
    assert setting.free_after_s() == pytest.approx(0.5)


def test_an_answer_that_does_not_say_what_it_consumed_is_no_reason_to_speed_up() -> None:
    setting = Setting(100.0, Receipt(10, 0.0))
    setting.paced.put(TEN)
    assert setting.free_after_s() == pytest.approx(0.1)


@pytest.mark.parametrize("scope", ["table", "account", "unknown"])
def test_a_throttle_of_the_table_counts_for_the_rate(scope: str) -> None:
    setting = Setting(1000.0, ThrottledError("ProvisionedThroughputExceededException", scope))
    with pytest.raises(ThrottledError):
        setting.paced.put(TEN)
    assert (setting.pacer.state.sent_wcu, setting.pacer.state.unprocessed_wcu) == (10.0, 10.0)


def test_a_throttle_of_one_key_does_not() -> None:
    one_key: Batch = batch("hot", "hot", "hot")
    setting = Setting(1000.0, ThrottledError("TableWriteKeyRangeThroughputExceeded", "key_range"), leaving(0, 1))
    with pytest.raises(ThrottledError):
        setting.paced.put(one_key)
    setting.paced.put(one_key)
    assert setting.pacer.state.throttled == 0


def test_items_of_many_keys_left_over_count_for_it() -> None:
    setting = Setting(1000.0, leaving(1, 2, 3, 4), all_taken)
    setting.paced.put(TEN)
    setting.paced.put(TEN)
    state = setting.pacer.state
    assert (state.requests, state.throttled, state.sent_wcu, state.unprocessed_wcu) == (2, 1, 20.0, 4.0)


def test_nothing_is_sent_after_a_stop() -> None:
    setting = Setting(1000.0)
    setting.stop.request("stopped by SIGTERM")
    with pytest.raises(TryAgainError, match="SIGTERM"):
        setting.paced.put(TEN)
    assert setting.sink.sent == []


def test_nothing_is_sent_when_the_lock_may_be_another_ones() -> None:
    setting = Setting(100.0, all_taken, all_taken)
    setting.fence.extend(setting.clock(), MARGIN_S + 1.0)
    setting.paced.put(TEN)
    setting.clock.advance(1.0)
    with pytest.raises(TransientFaultError, match=OVERDUE):
        setting.paced.put(TEN)
    assert len(setting.sink.sent) == 1
    assert setting.free_after_s() == pytest.approx(0.0), "what was reserved is given back"
    setting.fence.extend(setting.clock(), MARGIN_S + 1.0)
    setting.paced.put(TEN)
    assert len(setting.sink.sent) == 2


def test_the_lock_is_looked_at_after_the_wait_for_the_rate() -> None:
    setting = Setting(1.0, all_taken)
    setting.pacer.acquire(60.0)
    setting.fence.extend(setting.clock(), MARGIN_S + 30.0)
    with pytest.raises(TransientFaultError, match=OVERDUE):
        setting.paced.put(TEN)
    assert setting.sink.sent == []


def test_time_in_which_a_machine_sleeps_counts() -> None:
    """Linux has a clock that goes on in a suspended machine; other systems have no other."""
    before_s = time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    assert before_s <= since_start_s() <= before_s + 60.0
