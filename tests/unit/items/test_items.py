"""Items: their keys, their size by DynamoDB's rules, and that the same key is the same item."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ingest_cli.items import builder as items_module
from ingest_cli.items.builder import ItemBuilder, Items
from ingest_cli.items.hashing import Hasher
from ingest_cli.model.chunks import Records
from ingest_cli.model.keys import Pepper
from ingest_cli.sinks.memory import MemorySink
from tests.support.endpoint import item_bytes
from tests.support.pipelines import PEPPER, SRC, BytesSource, ChunkResult, manifest, run, table_of
from tests.support.truth import Reference

VECTORS = json.loads((Path(__file__).parents[2] / "support" / "key_vectors.json").read_text("utf-8"))
REFERENCE = Reference(PEPPER.secret, PEPPER.kid, "demo", SRC)
COLUMNS = {"IC": "id", "PHONE": "phone", "EMAIL": "email", "NAME": ""}


def items_of(csv: str, columns: dict[str, str] | None = None) -> Items:
    """The items of a dump that fits into one chunk."""
    [work] = run(manifest(columns or COLUMNS), [BytesSource(csv.encode())]).works
    return work.items


def documents(items: Items) -> list[dict[str, Any]]:
    """Each item as DynamoDB is to see it."""
    texts = items.request.to_pylist()
    assert all(text.endswith(",") for text in texts)
    return [json.loads(text[:-1])["PutRequest"]["Item"] for text in texts]


def test_the_published_record_gives_the_published_keys() -> None:
    record = VECTORS["record"]
    values = dict(record["identifiers"])
    wanted = manifest(COLUMNS, dataset=record["dataset"])
    line = f"{values['id']},{values['phone']},{values['email']},Aisyah\n"
    [work] = run(wanted, [BytesSource(f"IC,PHONE,EMAIL,NAME\n{line}".encode())]).works
    reference = Reference(PEPPER.secret, PEPPER.kid, record["dataset"], SRC)
    owners = [tuple(pair) for pair in record["identifiers"]]
    for item in documents(work.items):
        assert reference.opened(item, owners)[1] == sorted(record["classes"])
    columns = (getattr(work.items, name).to_pylist() for name in ("kind", "pk", "sk"))
    found = set(zip(*columns, strict=True))
    assert found == {(one["kind"], one["pk"], one["sk"]) for one in record["items"]}


def test_an_item_in_full() -> None:
    items = items_of("IC,PHONE,EMAIL,NAME\n850101-14-5678,012-345 6789,Aisyah@Example.com,-\n")
    pk = "k1.mibwIe-bP6cFgxWuSREZfK_sSMJCBl6I0TTVTEZAKlM"
    [first] = [item for item in documents(items) if item["pk"]["S"] == pk]
    label, classes, hints = REFERENCE.opened(first, [("email", "aisyah@example.com")])
    assert label == "email"
    assert classes == ["Email addresses", "Government issued IDs", "Phone numbers"]
    assert hints == {"id": ["**********78"], "phone": ["+60*******89"]}
    assert len(base64.b64decode(first.pop("sealed")["B"])) == 16 + 96
    assert first.pop("sk")["S"].startswith("demo#")
    assert first == {"pk": {"S": pk}, "src": {"S": "0123abcd"}, "canon": {"N": "1"}}


def test_a_lonely_identifier_has_no_hints() -> None:
    [item] = documents(items_of("IC,PHONE,EMAIL,NAME\n,0123456789,,\n"))
    assert REFERENCE.opened(item, [("phone", "+60123456789")]) == ("phone", ["Phone numbers"], {})


def test_items_are_in_the_order_of_their_key_hashes() -> None:
    rows = [f"{n:06d}-10-4{n % 1000:03d},01{2 + n % 7}-{1000000 + n},n{n}@example.com,X\n" for n in range(200)]
    hashes = items_of("IC,PHONE,EMAIL,NAME\n" + "".join(rows)).key_hash.tolist()
    assert len(hashes) > 300
    assert hashes == sorted(hashes)


def test_the_keys_and_kinds_beside_an_item_are_those_inside_it() -> None:
    items = items_of("IC,PHONE,EMAIL,NAME\n850101145678,0123456789/0198765432,a.b+c@gmail.com,X\n,0123456789,,\n")
    of_records = sorted(zip(items.record.tolist(), items.kind.to_pylist(), strict=True))
    assert of_records == [(0, "email"), (0, "email_base"), (0, "id"), (0, "phone"), (0, "phone"), (1, "phone")]
    inside = [(item["pk"]["S"], item["sk"]["S"]) for item in documents(items)]
    assert inside == list(zip(items.pk.to_pylist(), items.sk.to_pylist(), strict=True))
    assert items.count_by_kind() == {"email": 1, "id": 1, "phone": 3, "email_base": 1}
    assert len(set(items.key_hash.tolist())) == len(items)


@pytest.mark.parametrize(
    ("columns", "csv"),
    [
        (
            COLUMNS,
            "IC,PHONE,EMAIL,NAME\n850101145678,0123456789/0198765432/016-2345678,a.b+c@gmail.com;x@example.org,X\n",
        ),
        (COLUMNS, "IC,PHONE,EMAIL,NAME\n,0123456789,,\nA12345678,,,Y\n,,lim@bücher.example,\n"),
        ({"U": "username", "S": "iccid", "I": "imei"}, "U,S,I\némile 李,8960011234567890123,490154203237518\nzoë,,\n"),
    ],
)
def test_sizes_are_those_that_dynamodb_counts(columns: dict[str, str], csv: str) -> None:
    items = items_of(csv, columns)
    assert len(items)
    sizes = [item_bytes(item) for item in documents(items)]
    assert items.size_bytes.tolist() == sizes
    assert items.wcu.tolist() == [-(-size // 1024) for size in sizes]


def test_units_are_counted_from_one_byte_more_than_a_kibibyte() -> None:
    items = items_of("IC,PHONE,EMAIL,NAME\n,0123456789,,\n").take(np.zeros(4, np.int64))
    sized = replace(items, size_bytes=np.array([1, 1024, 1025, 400 * 1024]))
    assert sized.wcu.tolist() == [1, 1, 2, 400]


def test_records_of_nothing_give_no_items() -> None:
    builder = ItemBuilder(Hasher(Pepper("k1", bytes(range(32)))), "demo", "0123abcd")
    empty = np.empty(0, np.int32)
    items = builder.build(builder.hash(Records(empty, (), empty, ())))
    assert (len(items), items.merged, items.wcu.tolist(), items.count_by_kind()) == (0, 0, [], {})


def test_rows_that_are_the_same_give_one_item_each() -> None:
    row = "850101145678,0123456789,,Aisyah"
    items = items_of(f"IC,PHONE,EMAIL,NAME\n{row}\n850101-14-5678,+60123456789,NULL,Somebody else\n{row}\n")
    assert (len(items), items.merged) == (2, 4)
    assert items.record.tolist() == [0, 0], "the first of them is kept"


def test_rows_that_differ_in_a_class_alone_are_not_the_same() -> None:
    items = items_of("IC,PHONE,EMAIL,NAME\n850101145678,,,Aisyah\n850101145678,,,\n")
    assert (len(items), items.merged) == (2, 0)
    assert len(set(items.pk.to_pylist())) == 1


def test_keys_that_only_share_their_hash_are_all_kept() -> None:
    csv = "IC,PHONE,EMAIL,NAME\n" + "".join(f"850101{14:02d}{i:04d},012345{i:04d},,\n" for i in range(50))
    items = items_of(csv)
    colliding = replace(items, key_hash=items.key_hash % np.uint64(3))
    merged = items_module._merge(colliding)
    assert (len(merged), merged.merged) == (100, 0)
    assert merged.sk.equals(items.sk)


def test_of_keys_that_share_their_hash_only_the_same_are_merged() -> None:
    items = items_of("IC,PHONE,EMAIL,NAME\n" + "".join(f",012345{i:04d},,\n" for i in range(20)))
    order = np.array([*range(20), *range(0, 20, 3), 5, 5], np.int64)
    several = replace(items.take(order), key_hash=np.zeros(len(order), np.uint64))
    merged = items_module._merge(several)
    assert (len(merged), merged.merged) == (20, len(order) - 20)
    assert merged.sk.equals(items.sk), "in order, the first of each"
    assert len(documents(merged)) == 20


def test_the_same_pk_under_another_sk_is_another_item() -> None:
    items = items_of("IC,PHONE,EMAIL,NAME\n,0123456789,,A\n").take(np.zeros(2, np.int64))
    apart = replace(items, sk=pa.array(["demo#one", "demo#two"]))
    assert len(items_module._merge(apart)) == 2
    assert len(items_module._merge(replace(items, pk=pa.array(["k1.one", "k1.two"])))) == 2
    assert len(items_module._merge(items)) == 1


def test_a_table_does_not_depend_on_what_else_is_in_a_chunk() -> None:
    rows = ["850101145678,0123456789,a@example.com,X", ",0123456789,b+t@example.com,", "850101145678,,,Y"]
    together = run(manifest(COLUMNS), [BytesSource(("IC,PHONE,EMAIL,NAME\n" + "\n".join(rows)).encode())])
    apart = ChunkResult(MemorySink())
    for row in rows:
        apart = run(manifest(COLUMNS), [BytesSource(f"IC,PHONE,EMAIL,NAME\n{row}\n".encode())], apart.sink)
    assert table_of(together) == table_of(apart)
