"""Full batches of one key, of whichever chunks, in order; and which of their items are whose."""

from __future__ import annotations

from random import Random

import pytest

from ingest_cli.items.batching import Batch
from ingest_cli.runtime.shared_state import SharedState
from ingest_cli.sinks.policies.hot_keys.detection import COOL_AFTER_S, HotKeys
from ingest_cli.sinks.policies.hot_keys.queues import LINGER_S, HotBatch, HotQueues
from tests.support.fake_clock import FakeClock
from tests.support.synthetic_items import batch, items


class Queues:
    """Queues, and what they work with."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hot_keys = HotKeys(self.clock)
        self.queues: HotQueues[str] = HotQueues(self.clock, Random(1), self.hot_keys, SharedState().hot_key_paces)

    def park(self, count: int, owner: str, pk: str = "a") -> None:
        self.hot_keys.concerns_table(batch(pk), "key_range")
        self.queues.park(
            Batch(items([pk] * count, [f"{owner}-{n}" for n in range(count)]), batch(*"x" * count).index), owner
        )

    def next(self) -> HotBatch[str]:
        while isinstance(due := self.queues.take(), float):
            assert due < 60, "nothing waits"
            self.clock.advance(due)
        return due


def owners(sent: HotBatch[str]) -> list[tuple[str, int]]:
    return list(sent.owners(range(len(sent.entries))))


def test_a_batch_is_gathered_from_several_chunks_in_order() -> None:
    all_of = Queues()
    for owner, count in (("first", 10), ("second", 10), ("third", 10)):
        all_of.park(count, owner)
    sent = all_of.next()
    assert owners(sent) == [("first", 10), ("second", 10), ("third", 5)]
    assert sent.owner_of(21) == ("third", 1)
    assert [sk for _, sk in sent.batch.item_keys()][19:22] == ["second-9", "third-0", "third-1"]
    assert owners(all_of.next()) == [("third", 5)]


def test_items_know_their_places_in_their_chunk() -> None:
    all_of = Queues()
    whole = batch("a", "b", "a", "c", "a")
    all_of.queues.park(whole.only([0, 2, 4]), "chunk")
    sent = all_of.next()
    assert [sent.owner_of(position) for position in range(3)] == [("chunk", 0), ("chunk", 2), ("chunk", 4)]
    assert len(sent.entries[0][0].items) == 3, "nothing else of the chunk is kept in memory"


def test_the_same_item_of_two_chunks_is_not_sent_twice_at_once() -> None:
    all_of = Queues()
    all_of.queues.park(batch("a", "a"), "first")
    all_of.queues.park(batch("a", "a", "a"), "second")
    assert owners(all_of.next()) == [("first", 2)]
    assert owners(all_of.next()) == [("second", 3)]


def test_what_is_left_is_sent_again_before_what_came_later() -> None:
    all_of = Queues()
    all_of.park(30, "first")
    sent = all_of.next()
    all_of.queues.done(sent, [3, 7])
    assert [sk for _, sk in all_of.next().batch.item_keys()][:3] == ["first-3", "first-7", "first-25"]


def test_a_batch_that_is_not_full_waits_a_moment() -> None:
    all_of = Queues()
    all_of.park(3, "first")
    assert all_of.queues.take() == pytest.approx(LINGER_S)
    all_of.queues.close()
    assert isinstance(all_of.queues.take(), HotBatch), "nothing more will come"


def test_a_slow_key_does_not_hold_up_another() -> None:
    all_of = Queues()
    all_of.park(200, "first", "slow")
    while isinstance(due := all_of.queues.take(), HotBatch):
        all_of.queues.done(due, range(25))
    all_of.park(25, "second", "quick")
    due = all_of.queues.take()
    assert isinstance(due, HotBatch)
    assert due.pk == "quick"


def test_a_key_whose_requests_fail_waits_longer_and_longer_whatever_its_pace() -> None:
    all_of, times = Queues(), list[float]()
    all_of.park(25, "first")
    for _ in range(12):
        times.append(all_of.clock())
        all_of.queues.done(all_of.next(), range(25), throttled=False)
    assert times[-1] - times[-3] > 1.0


def test_a_key_that_is_not_behind_is_an_ordinary_one_again() -> None:
    all_of = Queues()
    all_of.park(25, "first")
    all_of.queues.done(all_of.next(), ())
    all_of.clock.advance(COOL_AFTER_S + 1)
    all_of.queues.take()
    assert not all_of.hot_keys.is_hot("a")
    all_of.park(25, "second")
    assert all_of.hot_keys.is_hot("a"), "and hot when it is throttled again"


def test_a_key_that_is_behind_stays_hot() -> None:
    all_of = Queues()
    all_of.park(2000, "first")
    for _ in range(5):
        all_of.clock.advance(COOL_AFTER_S / 2)
        all_of.queues.done(all_of.next(), ())
    assert all_of.hot_keys.is_hot("a")


def test_it_is_done_when_what_is_being_sent_is() -> None:
    all_of = Queues()
    all_of.park(5, "first")
    all_of.queues.close()
    sent = all_of.next()
    assert (len(all_of.queues), all_of.queues.is_done) == (0, False)
    all_of.queues.done(sent, ())
    assert all_of.queues.is_done
