"""Each hot key at a pace of its own, in order, and never more of them waiting than there is room for."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ingest_cli.fibers import Fibers, Room
from ingest_cli.policies.slow_lane import CAPACITY_ITEMS, MAX_WCU_PER_S, MIN_WCU_PER_S, START_WCU_PER_S, SlowLane
from ingest_cli.sinks.interface import Receipt
from tests.support.fake_clock import FakeClock, Waiting
from tests.support.synthetic_items import batch


def lane_of(clock: FakeClock, capacity_items: int = CAPACITY_ITEMS) -> SlowLane[str]:
    return SlowLane(clock, Waiting(clock), capacity_items)


def never() -> bool:
    return False


def test_items_come_out_as_they_went_in_alone_and_with_their_places() -> None:
    lane = lane_of(FakeClock())
    whole = batch("a", "b", "a", "c", "a")
    lane.park(whole.only([0, 2, 4]), "chunk 1", never)
    assert len(lane) == 3
    due = lane.take(never)
    assert due is not None
    pk, parked = due
    assert (pk, parked.place, parked.owner) == ("a", (0, 2, 4), "chunk 1")
    assert parked.batch.item_keys() == whole.only([0, 2, 4]).item_keys()
    assert len(parked.batch.items) == 3, "nothing else of the chunk is kept in memory"
    lane.done(pk, parked, Receipt(3, 3.0))
    assert len(lane) == 0


def test_what_is_left_waits_again_before_what_came_later() -> None:
    lane = lane_of(FakeClock())
    lane.park(batch("a", "a", "a"), "first", never)
    lane.park(batch("a"), "second", never)
    due = lane.take(never)
    assert due is not None
    pk, parked = due
    lane.done(pk, parked, Receipt(1, 1.0, parked.batch.only([0, 2])))
    assert len(lane) == 3
    again = lane.take(never)
    assert again is not None
    assert (again[1].owner, again[1].place) == ("first", (0, 2))
    lane.done(pk, again[1], None)
    third = lane.take(never)
    assert third is not None
    assert (third[1].owner, third[1].place) == ("first", (0, 2)), "nothing was written, so all of it is still to be"


def attempts(lane: SlowLane[str], clock: FakeClock, count: int, *, taken: bool) -> list[float]:
    """When items of one key were due, each attempt being taken or not."""
    times = []
    for _ in range(count):
        if taken:
            lane.park(batch("a"), "chunk", never)
        due = lane.take(never)
        assert due is not None
        times.append(clock())
        lane.done(due[0], due[1], Receipt(1, 1.0) if taken else None)
    return times


def test_a_key_is_tried_less_and_less_often_while_it_is_throttled() -> None:
    clock = FakeClock()
    lane = lane_of(clock)
    lane.park(batch("a"), "chunk", never)
    times = attempts(lane, clock, 40, taken=False)
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[0] == pytest.approx(1 / (0.7 * START_WCU_PER_S))
    assert all(after >= before - 1e-9 for before, after in pairwise(gaps))
    assert gaps[-1] == pytest.approx(1 / MIN_WCU_PER_S, abs=0.01), "but never less than once a second"


def test_a_key_that_is_taken_gets_faster_up_to_what_a_partition_takes() -> None:
    clock = FakeClock()
    lane = lane_of(clock)
    times = attempts(lane, clock, 60, taken=True)
    assert times[-1] - times[-2] == pytest.approx(1 / MAX_WCU_PER_S)


def test_a_throttled_key_does_not_hold_up_another() -> None:
    clock = FakeClock()
    lane = lane_of(clock)
    lane.park(batch("slow"), "chunk", never)
    attempts(lane, clock, 30, taken=False)
    began_s = clock()
    lane.park(batch("quick"), "chunk", never)
    due = lane.take(never)
    assert due is not None
    assert due[0] == "quick"
    assert clock() == began_s


def test_an_empty_closed_lane_ends_and_a_filled_one_is_emptied_first() -> None:
    lane = lane_of(FakeClock())
    lane.park(batch("a"), "chunk", never)
    lane.close()
    due = lane.take(never)
    assert due is not None
    lane.done(due[0], due[1], Receipt(1, 1.0))
    assert lane.take(never) is None


def test_a_stop_ends_the_waiting_of_both_sides() -> None:
    lane = lane_of(FakeClock(), 1)
    assert lane.take(lambda: True) is None
    lane.park(batch("a"), "chunk", never)
    lane.park(batch("b"), "chunk", lambda: True)
    assert lane.take(lambda: True) is None


def test_whoever_finds_it_full_waits_until_there_is_room() -> None:
    fibers, happened = Fibers(), list[str]()
    lane: SlowLane[str] = SlowLane(FakeClock(), Room(fibers), 2)

    def bring() -> None:
        lane.park(batch("a", "a"), "first", never)
        happened.append("first is in")
        lane.park(batch("b"), "second", never)
        happened.append("second is in")

    def take() -> None:
        due = lane.take(never)
        assert due is not None
        happened.append("first is being sent")
        fibers.sleep(0)
        lane.done(due[0], due[1], Receipt(2, 2.0))

    fibers.start(bring)
    fibers.start(take)
    fibers.run_until(lambda: "second is in" in happened)
    assert happened == ["first is in", "first is being sent", "second is in"], "what is being sent still takes room"
    assert len(lane) == 1
