"""What every sink promises, over every transport, against every implementation of DynamoDB at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer

from ingest_cli.errors import RefusedBatchError
from ingest_cli.items.batching import Batch, batches
from ingest_cli.items.builder import Items
from ingest_cli.sinks.interface import Receipt
from tests.support.dynalite import Dynalite
from tests.support.endpoint import Endpoint, canonical_json
from tests.support.pipelines import BytesSource, manifest, run
from tests.support.sinks import TRANSPORTS, Arguments, Rig, TableByKey, discard_rig, dynamodb_rig, memory_rig

CSV = "IC,PHONE,EMAIL,NAME\n" + "".join(
    f"850101{14:02d}{i:04d},01234{i:05d}/01987{i:05d},lim.{i}+x@bücher.example,{'N' * (i % 2)}\n" for i in range(30)
)
SERVERS = ("scripted", "moto", "dynalite")


def items_of(csv: str) -> Items:
    columns = {"IC": "id", "PHONE": "phone", "EMAIL": "email", "NAME": ""}
    [work] = run(manifest(columns), [BytesSource(csv.encode())]).works
    return work.items


ITEMS = items_of(CSV)


def documents(items: Items) -> list[dict[str, Any]]:
    return [json.loads(text[:-1])["PutRequest"]["Item"] for text in items.request.to_pylist()]


def expected(items: Items = ITEMS) -> TableByKey:
    return {(item["pk"]["S"], item["sk"]["S"]): canonical_json(item) for item in documents(items)}


@pytest.fixture(scope="module")
def moto() -> Iterator[Arguments]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "endpoint_url": f"http://{host}:{port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "anything",
        "aws_secret_access_key": "anything",
    }
    server.stop()


@pytest.fixture(scope="module")
def dynalite() -> Iterator[Arguments]:
    with Dynalite() as running:
        yield running.client_arguments


@pytest.fixture(scope="module")
def scripted() -> Iterator[Arguments]:
    with Endpoint() as running:
        yield running.client_arguments


def rigs(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield memory_rig()
    elif request.param == "discard":
        yield discard_rig()
    else:
        transport, server = request.param.split("-")
        # moto reports one unit for whatever is written, and takes items that DynamoDB refuses.
        exact = server != "moto"
        arguments = request.getfixturevalue(server)
        with dynamodb_rig(transport, arguments, counts_wcu=exact) as made:
            yield made


OVER_THE_WIRE = [f"{transport}-{server}" for server in SERVERS for transport in TRANSPORTS]
STRICT = [name for name in OVER_THE_WIRE if "moto" not in name]
rig = pytest.fixture(params=["memory", "discard", *OVER_THE_WIRE])(rigs)
wired = pytest.fixture(params=OVER_THE_WIRE)(rigs)
strict = pytest.fixture(params=STRICT)(rigs)
counting = pytest.fixture(params=["discard", *STRICT])(rigs)


def put_all(rig: Rig, items: Items = ITEMS) -> list[Receipt]:
    """Put every batch, check that each receipt counts each item once."""
    receipts = []
    for batch in batches(items):
        receipt = rig.sink.put(batch)
        left = 0 if receipt.unprocessed is None else len(receipt.unprocessed)
        assert receipt.acknowledged + left + len(receipt.refused) == len(batch)
        receipts.append(receipt)
    return receipts


def check(rig: Rig, table: TableByKey) -> None:
    if rig.content is not None:
        assert rig.content() == table


def test_items_arrive_exactly_as_they_were_built(rig: Rig) -> None:
    receipts = put_all(rig)
    assert sum(receipt.acknowledged for receipt in receipts) == len(ITEMS)
    assert all((receipt.unprocessed, receipt.refused) == (None, ()) for receipt in receipts)
    check(rig, expected())


def test_putting_them_again_changes_nothing(rig: Rig) -> None:
    put_all(rig)
    receipts = put_all(rig)
    assert sum(receipt.acknowledged for receipt in receipts) == len(ITEMS)
    check(rig, expected())


def test_receipts_tell_what_was_consumed(rig: Rig) -> None:
    for batch, receipt in zip(batches(ITEMS), put_all(rig), strict=True):
        if rig.content is None:
            assert receipt.wcu == 0  # nothing is written, so nothing is consumed
        elif rig.counts_wcu:
            assert receipt.wcu == batch.wcu
        else:
            assert receipt.wcu > 0


def test_any_choice_of_items_can_be_a_batch(rig: Rig) -> None:
    places = np.array([0, 2, 3, 50, len(ITEMS) - 1])
    assert rig.sink.put(Batch(ITEMS, places)) == Receipt(5, rig.sink.put(Batch(ITEMS, places)).wcu)
    assert rig.sink.put(Batch(ITEMS, np.array([7]))).acknowledged == 1
    check(rig, expected(ITEMS.take(np.array([*places, 7]))))


def test_several_fibers_may_write_at_once(rig: Rig) -> None:
    waiting, acknowledged = [*batches(ITEMS), *batches(ITEMS)], list[int]()

    def write() -> None:
        while waiting:
            acknowledged.append(rig.sink.put(waiting.pop()).acknowledged)

    for _ in range(4):
        rig.fibers.start(write)
    rig.fibers.run_until(lambda: sum(acknowledged) == 2 * len(ITEMS))
    check(rig, expected())


def with_request(items: Items, place: int, item: dict[str, Any], size_bytes: int) -> Items:
    """`items`, the one at `place` replaced."""
    texts = items.request.to_pylist()
    texts[place] = json.dumps({"PutRequest": {"Item": item}}, ensure_ascii=False) + ","
    sizes = items.size_bytes.copy()
    sizes[place] = size_bytes
    return replace(items, request=pa.array(texts), size_bytes=sizes)


@pytest.mark.parametrize("place", [0, 11, 24])
def test_an_item_too_large_is_refused_alone(rig: Rig, place: int) -> None:
    fat = documents(ITEMS)[place] | {"src": {"S": "x" * (400 * 1024)}}
    few = ITEMS.take(np.arange(25))
    items = with_request(few, place, fat, 401 * 1024)
    [receipt] = put_all(rig, items)
    assert receipt.acknowledged == 24
    assert [(one.item, one.reason) for one in receipt.refused] == [(place, "item_too_large")]
    check(rig, expected(few.take(np.delete(np.arange(25), place))))


def test_where_all_are_too_large_nothing_is_sent(rig: Rig) -> None:
    items = replace(ITEMS.take(np.arange(2)), size_bytes=np.full(2, 401 * 1024))
    receipt = rig.sink.put(Batch(items, np.arange(2)))
    assert (receipt.acknowledged, len(receipt.refused), receipt.unprocessed) == (0, 2, None)
    check(rig, {})


POISONS: dict[str, dict[str, Any]] = {
    "an empty key": {"sk": {"S": ""}},
    "a key of another type": {"sk": {"N": "1"}},
    "an empty set": {"classes": {"SS": []}},
    "a set with a member twice": {"classes": {"SS": ["Names", "Names"]}},
}


@pytest.mark.parametrize("poison", POISONS)
def test_a_poisoned_item_has_the_whole_batch_refused_and_nothing_written(strict: Rig, poison: str) -> None:
    few = ITEMS.take(np.arange(25))
    bad = documents(ITEMS)[13] | POISONS[poison]
    items = with_request(few, 13, bad, 200)
    with pytest.raises(RefusedBatchError) as caught:
        strict.sink.put(Batch(items, np.arange(25)))
    assert caught.value.reason in {"ValidationException", "SerializationException"}
    check(strict, {})
    others = Batch(items, np.delete(np.arange(25), 13))
    assert strict.sink.put(others).acknowledged == 24


def test_a_key_twice_in_one_batch_is_refused(wired: Rig) -> None:
    items = ITEMS.take(np.array([0, 1, 0]))
    with pytest.raises(RefusedBatchError):
        wired.sink.put(Batch(items, np.arange(3)))
    check(wired, {})


def test_more_items_than_a_batch_may_hold_are_no_batch(counting: Rig) -> None:
    with pytest.raises((RefusedBatchError, ValueError)):
        counting.sink.put(Batch(ITEMS, np.arange(26)))
    check(counting, {})
