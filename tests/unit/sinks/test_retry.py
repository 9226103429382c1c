"""What is not acknowledged is sent again, and only that; for how long is decided by time without progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import (
    BusyError,
    RefusedBatchError,
    TableError,
    TransientFaultError,
    TryAgainError,
    UnreachableError,
)
from ingest_cli.items.batching import Batch, Refusal
from ingest_cli.report.traffic import Traffic
from ingest_cli.runtime.answer_limits import left_s
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.metering import Metered
from ingest_cli.sinks.policies.retry import LEAST_ATTEMPT_S, Backoff, Progress, Retrying, RetryRules, retry_until_done
from tests.support.fake_clock import FakeClock
from tests.support.scripted_sink import ScriptedSink, all_taken, leaving
from tests.support.synthetic_items import batch

FIVE = batch("a", "b", "c", "d", "e")


class Setting:
    """Retry rules on a fake clock, with a count of the reasons."""

    def __init__(self, give_up_after_s: float = 100.0) -> None:
        self.clock = FakeClock()
        self.reasons = Counter[str]()
        self.stop = StopRequest()
        self.progress = Progress(self.clock)
        self.hot_keys = HotKeys(self.clock)
        self.rules = RetryRules(
            self.clock,
            Random(1),
            self.progress,
            give_up_after_s,
            lambda reason: self.reasons.update([reason]),
            self.stop,
        )

    def retrying(self, *answers: Receipt | Exception | Callable[[Batch], Receipt]) -> tuple[Retrying, ScriptedSink]:
        sink = ScriptedSink(*answers)
        return Retrying(sink, self.rules, self.hot_keys), sink


def test_only_the_remainder_is_sent_again() -> None:
    setting = Setting()
    retrying, sink = setting.retrying(leaving(1, 3), leaving(1), all_taken)
    receipt = retrying.put(FIVE)
    assert sink.sent == [[0, 1, 2, 3, 4], [1, 3], [3]]
    assert (receipt.acknowledged, receipt.unprocessed, receipt.refused) == (5, None, ())
    assert receipt.wcu == 5.0
    assert setting.reasons == {"unprocessed": 2}


def test_after_a_fault_all_of_it_is_sent_again() -> None:
    setting = Setting()
    retrying, sink = setting.retrying(TransientFaultError("timeout"), TransientFaultError("http_500"), all_taken)
    assert retrying.put(FIVE).acknowledged == 5
    assert sink.sent == [[0, 1, 2, 3, 4]] * 3
    assert setting.reasons == {"timeout": 1, "http_500": 1}


def test_refused_items_are_counted_once_and_not_sent_again() -> None:
    refused = Receipt(2, 2.0, FIVE.only([3, 4]), (Refusal(0, "item_too_large"),))
    retrying, sink = Setting().retrying(refused, all_taken)
    receipt = retrying.put(FIVE)
    assert sink.sent == [[0, 1, 2, 3, 4], [3, 4]]
    assert (receipt.acknowledged, receipt.refused) == (4, (Refusal(0, "item_too_large"),))


def test_what_would_fail_again_is_not_sent_again() -> None:
    for fault in (RefusedBatchError("ValidationException"), TableError("gone"), TryAgainError("expired")):
        retrying, sink = Setting().retrying(fault)
        with pytest.raises(type(fault)):
            retrying.put(FIVE)
        assert len(sink.sent) == 1


def test_items_of_hot_keys_are_left_to_others() -> None:
    setting = Setting()
    setting.hot_keys.concerns_table(batch("b", "b"), "key_range")
    retrying, sink = setting.retrying(leaving(1, 2), all_taken)
    receipt = retrying.put(FIVE)
    assert sink.sent == [[0, 1, 2, 3, 4], [2]]
    assert receipt.acknowledged == 4
    assert receipt.unprocessed is not None
    assert receipt.unprocessed.index.tolist() == [1]


def test_gives_up_after_so_many_seconds_of_failures() -> None:
    setting = Setting(give_up_after_s=100.0)
    retrying, sink = setting.retrying(*[TransientFaultError("timeout")] * 500)
    began_s = setting.clock()
    with pytest.raises(
        TryAgainError, match=r"nothing could be written for 100 s \(last reason: timeout\); run the same"
    ):
        retrying.put(FIVE)
    assert 100.0 <= setting.clock() - began_s < 100.0 + Backoff().cap_s
    assert len(sink.sent) > 10, "it was tried all the time"


def test_progress_anywhere_keeps_everybody_going() -> None:
    setting = Setting(give_up_after_s=10.0)

    def others_write(sent: Batch) -> Receipt:
        setting.progress.made()
        raise TransientFaultError(f"timeout of {len(sent)}")

    retrying, sink = setting.retrying(*[others_write] * 100, all_taken)
    assert retrying.put(FIVE).acknowledged == 5
    assert len(sink.sent) == 101
    assert setting.clock() > 1_000.0 + 10.0


def test_partial_progress_is_progress() -> None:
    setting = Setting(give_up_after_s=10.0)

    def slowly(*left: int) -> Callable[[Batch], Receipt]:
        def reply(sent: Batch) -> Receipt:
            setting.clock.advance(9.0)
            return leaving(*left)(sent)

        return reply

    retrying, sink = setting.retrying(slowly(1, 2, 3, 4), slowly(1, 2, 3), slowly(1, 2), slowly(1), all_taken)
    assert retrying.put(FIVE).acknowledged == 5
    assert len(sink.sent) == 5


def test_time_in_which_nobody_failed_is_no_reason_to_give_up() -> None:
    setting = Setting(give_up_after_s=60.0)
    setting.clock.advance(3600.0)  # reading, or waiting for the rate
    retrying, _ = setting.retrying(TransientFaultError("timeout"), all_taken)
    assert retrying.put(FIVE).acknowledged == 5
    setting.clock.advance(3600.0)
    retrying, _ = setting.retrying(TransientFaultError("timeout"), all_taken)
    assert retrying.put(FIVE).acknowledged == 5


def test_an_answer_for_good_ends_a_stretch_of_failures() -> None:
    setting = Setting(give_up_after_s=60.0)
    retrying, _ = setting.retrying(TransientFaultError("timeout"), RefusedBatchError("ValidationException"))
    with pytest.raises(RefusedBatchError):
        retrying.put(FIVE)
    setting.clock.advance(3600.0)
    assert setting.progress.failed() == 0.0


def test_a_stop_ends_the_waiting() -> None:
    setting = Setting()
    setting.stop.request("stopped by SIGTERM")
    retrying, sink = setting.retrying(TransientFaultError("timeout"), all_taken)
    with pytest.raises(TryAgainError, match="stopped by SIGTERM"):
        retrying.put(FIVE)
    assert len(sink.sent) == 1
    assert setting.clock.slept_s == []


def test_waits_grow_up_to_the_cap_and_start_again_after_progress() -> None:
    class Longest(Random):
        def uniform(self, a: float, b: float) -> float:
            assert a == 0
            return b

    setting = Setting(give_up_after_s=1e9)
    rules = RetryRules(setting.clock, Longest(), setting.progress, 1e9, lambda _: None, setting.stop)
    faults = [TransientFaultError("timeout")] * 10
    Retrying(ScriptedSink(*faults, leaving(1), *faults[:2], all_taken), rules, setting.hot_keys).put(FIVE)
    rising = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert setting.clock.slept_s == pytest.approx([*rising, 0.05, 0.1, 0.2])


@given(st.integers(0, 10_000), st.integers(0, 2**32), st.floats(0.001, 1.0), st.floats(1.0, 100.0))
def test_a_wait_is_anything_from_nothing_to_its_bound(attempt: int, seed: int, base_s: float, cap_s: float) -> None:
    delay_s = Backoff(base_s, cap_s).delay_s(attempt, Random(seed))
    assert 0 <= delay_s <= min(cap_s, base_s * 2.0 ** min(attempt, 40))


def test_jitter_is_full() -> None:
    random = Random(3)
    delays = [Backoff().delay_s(20, random) for _ in range(1000)]
    assert min(delays) < 0.5
    assert max(delays) > 9.5
    assert 4.5 < sum(delays) / 1000 < 5.5


@pytest.mark.parametrize("error", [BusyError("busy"), UnreachableError("no connection")])
def test_insisting_goes_on_while_dynamodb_is_busy(error: Exception) -> None:
    setting = Setting()
    outcomes: list[Exception | int] = [error, error, 7]

    def action() -> int:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert retry_until_done(action, setting.rules) == 7
    assert setting.reasons == {type(error).__name__: 2}
    setting.clock.advance(1e6)
    assert setting.progress.failed() == 0.0, "success ends the stretch of failures"


def test_insisting_ends_with_the_error_itself() -> None:
    setting = Setting(give_up_after_s=50.0)

    def busy() -> None:
        raise BusyError("DynamoDB answered Throttling")

    with pytest.raises(BusyError, match="answered Throttling"):
        retry_until_done(busy, setting.rules)
    assert setting.clock() >= 1_050.0

    def gone() -> None:
        raise TableError("gone")

    with pytest.raises(TableError):
        retry_until_done(gone, Setting().rules)


def test_the_time_of_an_attempt_that_fails_counts_from_its_begin() -> None:
    setting = Setting(give_up_after_s=8.0)
    began_s = setting.clock.monotonic_s()
    assert setting.rules.left_s() == 8.0
    setting.clock.sleep(5.0)
    assert setting.progress.failed(began_s) == 5.0
    assert setting.rules.left_s() == 3.0
    setting.clock.sleep(3.0)
    with pytest.raises(TryAgainError, match="for 8 s"):
        setting.rules.note("timeout")


def test_an_attempt_that_fails_beside_others_that_succeed_counts_from_the_last_of_them() -> None:
    setting = Setting(give_up_after_s=8.0)
    began_s = setting.clock.monotonic_s()
    setting.clock.sleep(6.0)
    setting.progress.made()
    setting.clock.sleep(2.0)
    assert setting.progress.failed(began_s) == 2.0
    assert setting.rules.left_s() == 6.0


def test_an_attempt_always_has_a_little_time() -> None:
    setting = Setting(give_up_after_s=8.0)
    setting.progress.failed()
    setting.clock.sleep(8.0)
    assert setting.rules.left_s() == LEAST_ATTEMPT_S


def test_what_is_insisted_on_ends_in_time_although_each_attempt_takes_long() -> None:
    setting, attempts = Setting(give_up_after_s=8.0), list[float]()

    def dribbles() -> None:
        attempts.append(left_s())
        setting.clock.sleep(setting.rules.left_s())
        raise BusyError("no answer")

    with pytest.raises(BusyError):
        retry_until_done(dribbles, setting.rules)
    assert len(attempts) == 1
    assert attempts[0] <= 8.0


@pytest.mark.parametrize("seed", range(50))
def test_no_wait_goes_on_beyond_the_time_to_give_up(seed: int) -> None:
    setting = Setting(give_up_after_s=8.0)
    rules = replace(setting.rules, random=Random(seed))
    retrying = Retrying(ScriptedSink(*[TransientFaultError("timeout")] * 200), rules, setting.hot_keys)
    began_s = setting.clock.monotonic_s()
    with pytest.raises(TryAgainError, match="for 8 s"):
        retrying.put(FIVE)
    assert 8.0 <= setting.clock.monotonic_s() - began_s <= 8.0 + LEAST_ATTEMPT_S


def test_what_is_acknowledged_of_a_part_is_progress() -> None:
    """A batch that is sent in parts at a low rate may take longer than the time to give up."""
    setting = Setting()
    metered = Metered(
        ScriptedSink(TransientFaultError("timeout"), all_taken, leaving(0, 1, 2, 3, 4)),
        Traffic(),
        setting.clock,
        setting.progress.failed,
        setting.progress.made,
    )
    with pytest.raises(TransientFaultError):
        metered.put(FIVE)
    setting.clock.sleep(5.0)
    assert setting.progress.failing_s() == 5.0
    metered.put(FIVE)
    assert setting.progress.failing_s() == 0.0
    setting.progress.failed()
    setting.clock.sleep(1.0)
    metered.put(FIVE)  # of which nothing is taken
    assert setting.progress.failing_s() == 1.0
