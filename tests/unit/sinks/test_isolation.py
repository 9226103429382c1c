"""One bad item is found by halving, and costs the others nothing but a few requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.errors import RefusedBatchError, TransientFaultError, TryAgainError
from ingest_cli.items.batching import Batch, Refusal
from ingest_cli.sinks.interface import Receipt
from ingest_cli.sinks.policies.isolation import Isolating
from tests.support.scripted_sink import ScriptedSink, all_taken
from tests.support.synthetic_items import batch


class Picky:
    """A table that refuses every batch with a bad item in it, and takes each good item once."""

    def __init__(self, bad: set[int], transient: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self.bad, self.transient = bad, transient
        self.taken: list[int] = []
        self.requests = 0

    def put(self, sent: Batch) -> Receipt:
        self.requests += 1
        places = {int(place) for place in sent.index}
        if places & self.bad:
            raise RefusedBatchError("ValidationException")
        if places & self.transient:
            raise TransientFaultError("timeout")
        self.taken += sorted(places)
        return Receipt(len(sent), float(sent.wcu))


def keys(count: int) -> Batch:
    return batch(*(f"k{n}" for n in range(count)))


@given(st.integers(1, 25), st.data())
def test_bad_items_are_refused_and_all_others_written_once(count: int, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, count - 1)))
    table = Picky(bad)
    receipt = Isolating(table).put(keys(count))
    assert sorted(table.taken) == sorted(set(range(count)) - bad)
    assert receipt.acknowledged == count - len(bad)
    assert {one.item for one in receipt.refused} == bad
    assert {one.reason for one in receipt.refused} <= {"ValidationException"}
    assert len(receipt.refused) == len(bad)
    assert receipt.unprocessed is None


def test_one_bad_item_of_25_costs_few_requests() -> None:
    table = Picky({17})
    Isolating(table).put(keys(25))
    assert table.requests <= 11, "two for each of five halvings, and the first"


def test_a_good_batch_is_sent_once() -> None:
    table = Picky(set())
    assert Isolating(table).put(keys(25)) == Receipt(25, 25.0)
    assert table.requests == 1


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_a_half_that_fails_for_now_does_not_undo_the_other(bad: set[int], failing: set[int]) -> None:
    table = Picky(bad, failing - bad)
    try:
        receipt = Isolating(table).put(keys(10))
    except TransientFaultError:
        assert not bad
        assert failing
        return
    left = [] if receipt.unprocessed is None else receipt.unprocessed.index.tolist()
    refused = [one.item for one in receipt.refused]
    assert sorted([*left, *refused, *table.taken]) == list(range(10)), "each item is counted once"
    assert receipt.acknowledged == len(table.taken)
    assert set(refused) <= bad


def test_of_a_chunk_the_item_is_named_by_its_position_there() -> None:
    whole = keys(40)
    receipt = Isolating(Picky({33})).put(whole.only(list(range(25, 40))))
    assert receipt.refused == (Refusal(33, "ValidationException"),)


def test_what_is_not_about_an_item_is_passed_on() -> None:
    for fault in (TransientFaultError("timeout"), TryAgainError("expired")):
        with pytest.raises(type(fault)):
            Isolating(ScriptedSink(fault)).put(keys(3))
    with pytest.raises(TryAgainError):
        Isolating(ScriptedSink(RefusedBatchError("x"), all_taken, TryAgainError("expired"))).put(keys(4))
