"""Request bodies are the items' own bytes, whichever of them a batch holds and wherever they lie."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.items.batching import MAX_BATCH_ITEMS, Batch, batches
from ingest_cli.items.builder import Items
from tests.support.pipelines import BytesSource, manifest, run

CSV = "PHONE,EMAIL\n" + "".join(f"01234{i:05d},lim.{i}@bücher.example\n" for i in range(40))
[WORK] = run(manifest({"PHONE": "phone", "EMAIL": "email"}), [BytesSource(CSV.encode())]).works
ITEMS = WORK.items
TWO = manifest({"PHONE": "phone", "NAME": ""})
EVERY = [json.loads(text[:-1]) for text in ITEMS.request.to_pylist()]


def puts(batch: Batch, table: str = "people") -> list[Any]:
    """What the body of a batch asks for; the body holds nothing else."""
    document = json.loads(batch.body(table))
    assert document["ReturnConsumedCapacity"] == "TOTAL"
    assert set(document) == {"RequestItems", "ReturnConsumedCapacity"}
    assert list(document["RequestItems"]) == [table]
    requests: list[Any] = document["RequestItems"][table]
    return requests


def chosen(*places: int, items: Items = ITEMS) -> Batch:
    return Batch(items, np.array(places, np.int64))


def test_a_chunk_is_cut_into_batches_as_large_as_they_may_be() -> None:
    cut = list(batches(ITEMS))
    assert [len(batch) for batch in cut] == [25, 25, 25, 5]
    assert [put for batch in cut for put in puts(batch)] == EVERY
    assert [key for batch in cut for key in batch.item_keys()] == list(
        zip(ITEMS.pk.to_pylist(), ITEMS.sk.to_pylist(), strict=True)
    )
    assert sum(batch.wcu for batch in cut) == int(ITEMS.wcu.sum())
    assert max(map(len, cut)) == MAX_BATCH_ITEMS


def test_no_items_no_batches() -> None:
    assert list(batches(ITEMS.take(np.empty(0, np.int64)))) == []


@given(st.sets(st.integers(0, len(ITEMS) - 1), min_size=1, max_size=25))
def test_a_body_holds_the_items_of_the_batch_and_no_other(places: set[int]) -> None:
    batch = chosen(*sorted(places))
    assert puts(batch) == [EVERY[place] for place in sorted(places)]
    assert [(put["PutRequest"]["Item"]["pk"]["S"], put["PutRequest"]["Item"]["sk"]["S"]) for put in puts(batch)] == (
        batch.item_keys()
    )


@pytest.mark.parametrize("places", [(0,), (79,), (0, 1, 2), (77, 78, 79), (3, 5), (0, 79), (1, 2, 4)])
@pytest.mark.parametrize("start", [0, 1, 33])
def test_sliced_arrays_are_read_from_where_their_slice_begins(places: tuple[int, ...], start: int) -> None:
    names = ("request", "pk", "sk", "kind")
    padded = {name: getattr(ITEMS.take(np.arange(-start, len(ITEMS)) % len(ITEMS)), name)[start:] for name in names}
    items = replace(ITEMS, **padded)
    assert items.request.offset == start
    batch = chosen(*places, items=items)
    assert puts(batch) == [EVERY[place] for place in places]
    slice_of_slice = replace(items, **{name: getattr(items, name)[2:] for name in names})
    assert puts(Batch(slice_of_slice, np.array([0, 1]))) == EVERY[2:4]
    assert puts(Batch(slice_of_slice, np.array([0, 2]))) == [EVERY[2], EVERY[4]]


@given(st.sets(st.integers(0, len(ITEMS) - 1), min_size=2, max_size=25), st.integers(1, 24))
def test_what_is_split_can_be_joined(places: set[int], size: int) -> None:
    batch = chosen(*sorted(places))
    first, second = batch.split(min(size, len(batch) - 1))
    assert len(first) == min(size, len(batch) - 1)
    assert puts(first) + puts(second) == puts(batch)
    assert first.wcu + second.wcu == batch.wcu
    assert puts(second.joined(first)) == puts(batch)


def test_batches_by_partition_key_hold_each_item_once() -> None:
    [items] = [
        work.items for work in run(TWO, [BytesSource(b"PHONE,NAME\n0123456789,A\n0198765432,\n0123456789,\n")]).works
    ]
    found = chosen(0, 1, 2, items=items).by_key()
    assert sorted(len(batch) for batch in found) == [1, 2]
    assert all(len({pk for pk, _ in batch.item_keys()}) == 1 for batch in found)
    assert sorted(int(place) for batch in found for place in batch.index) == [0, 1, 2]


def test_a_batch_alone_asks_for_the_same() -> None:
    batch = chosen(2, 30, 31, 79)
    assert puts(batch.alone()) == puts(batch)
    assert batch.alone().item_keys() == batch.item_keys()
    assert len(batch.alone().items) == 4


def test_a_part_of_a_batch_counts_from_its_beginning() -> None:
    batch = chosen(10, 11, 12, 40)
    assert puts(batch.only([1, 3])) == [EVERY[11], EVERY[40]]
    assert puts(batch.only([1, 3]).only([1])) == [EVERY[40]]


@pytest.mark.parametrize("table", ["people", "arn:aws:dynamodb:ap-southeast-1:000000000000:table/people", 'odd"\\name'])
def test_the_name_of_the_table_is_written_as_json(table: str) -> None:
    assert puts(chosen(0), table) == [EVERY[0]]
