"""Keys that are left behind while others are taken are hot; a table that leaves anything is not their fault."""

from __future__ import annotations

from ingest_cli.sinks.policies.hot_keys.detection import FORGET_AFTER_S, HOT_AFTER, MAX_HOT_KEYS, HotKeys
from tests.support.fake_clock import FakeClock
from tests.support.synthetic_items import batch

MIXED = batch("hot", "a", "b", "hot", "c", "hot", "d", "e")
HOT_PLACES = [0, 3, 5]


def hot_among(keys: HotKeys, *names: str) -> set[str]:
    return {name for name in names if keys.split(batch(name))[1] is not None}


def test_a_key_that_leaves_several_items_at_once_is_hot_and_the_table_is_not_to_blame() -> None:
    keys = HotKeys(FakeClock())
    assert not keys.note(MIXED, MIXED.only(HOT_PLACES))
    assert hot_among(keys, "hot", "a", "b") == {"hot"}


def test_a_key_that_is_left_behind_again_and_again_is_hot() -> None:
    keys = HotKeys(FakeClock())
    for time in range(HOT_AFTER):
        assert hot_among(keys, "hot") == set(), time
        keys.note(MIXED, MIXED.only([0]))
    assert hot_among(keys, "hot", "a", "b") == {"hot"}


def test_evidence_is_forgotten() -> None:
    clock = FakeClock()
    keys = HotKeys(clock)
    for _ in range(HOT_AFTER * 3):
        keys.note(MIXED, MIXED.only([0]))
        clock.advance(FORGET_AFTER_S + 1)
    assert hot_among(keys, "hot") == set()


def test_a_table_that_leaves_items_of_many_keys_is_to_blame_and_no_key_becomes_hot() -> None:
    keys = HotKeys(FakeClock())
    for _ in range(100):
        assert keys.note(MIXED, MIXED.only([1, 2, 4, 6]))
    assert hot_among(keys, "a", "b", "c", "d", "hot") == set()


def test_with_a_hot_key_among_those_left_the_table_can_still_be_to_blame() -> None:
    keys = HotKeys(FakeClock())
    keys.note(MIXED, MIXED.only(HOT_PLACES))
    assert keys.note(MIXED, MIXED.only([0, 1, 2, 4]))
    assert not keys.note(MIXED, MIXED.only([0, 3]))


def test_one_item_left_by_itself_is_taken_for_the_table() -> None:
    assert HotKeys(FakeClock()).note(MIXED, MIXED.only([1]))


def test_all_of_a_batch_left_says_nothing_about_its_keys() -> None:
    keys = HotKeys(FakeClock())
    assert keys.note(MIXED, MIXED)
    assert hot_among(keys, "hot", "a") == set()


def test_throttles_of_the_table_and_of_the_account_are_what_they_say() -> None:
    keys = HotKeys(FakeClock())
    one_key = batch("hot", "hot")
    assert keys.concerns_table(one_key, "table")
    assert keys.concerns_table(one_key, "account")
    assert hot_among(keys, "hot") == set()


def test_a_throttle_of_a_single_key_is_its_own() -> None:
    keys = HotKeys(FakeClock())
    assert not keys.concerns_table(batch("hot", "hot"), "unknown")
    assert not keys.concerns_table(batch("warm"), "key_range")
    assert keys.concerns_table(batch("cold"), "unknown"), "one item is too little to tell"
    assert hot_among(keys, "hot", "warm", "cold") == {"hot", "warm"}


def test_a_throttle_of_nothing_but_hot_keys_is_theirs() -> None:
    keys = HotKeys(FakeClock())
    keys.concerns_table(batch("x", "x"), "key_range")
    keys.concerns_table(batch("y", "y"), "key_range")
    assert not keys.concerns_table(batch("x", "y"), "unknown")
    assert keys.concerns_table(batch("x", "y", "z"), "unknown")


def test_a_batch_is_split_into_hot_and_cool() -> None:
    keys = HotKeys(FakeClock())
    assert keys.split(MIXED) == (MIXED, None)
    keys.note(MIXED, MIXED.only(HOT_PLACES))
    cool, hot = keys.split(MIXED)
    assert cool is not None
    assert hot is not None
    assert (cool.index.tolist(), hot.index.tolist()) == ([1, 2, 4, 6, 7], HOT_PLACES)
    only_hot = MIXED.only(HOT_PLACES)
    cool, hot = keys.split(only_hot)
    assert cool is None
    assert hot is not None
    assert len(hot) == 3
    cold = MIXED.only([1, 2])
    assert keys.split(cold) == (cold, None)


def test_there_are_not_many_hot_keys() -> None:
    keys = HotKeys(FakeClock())
    for n in range(MAX_HOT_KEYS + 10):
        keys.concerns_table(batch(f"k{n}", f"k{n}"), "key_range")
    assert len(keys._hot) == MAX_HOT_KEYS
