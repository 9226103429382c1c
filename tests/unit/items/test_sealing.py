"""Seals of items: the published bytes, with and without the kernel; and only the reader with all secrets opens them."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ingest_cli.errors import BrokenSealError
from ingest_cli.items import sealing
from ingest_cli.items.sealed import SEAL_CLASS, Content, item_key, named, open_seal, seal
from ingest_cli.model.data_classes import DATA_CLASSES
from ingest_cli.model.keys import Pepper
from tests.support.pipelines import BytesSource, manifest, run
from tests.support.truth import DATA_CLASSES as PUBLISHED

VECTORS = json.loads((Path(__file__).parents[2] / "support" / "key_vectors.json").read_text("utf-8"))
PEPPER = Pepper(VECTORS["kid"], bytes.fromhex(VECTORS["pepper_hex"]))
ITEMS = VECTORS["seal"]["items"]


def key_of(item: dict[str, str], pepper: Pepper = PEPPER) -> bytes:
    return item_key(pepper.subkey(SEAL_CLASS + item["kind"]), item["canonical"], item["sk"])


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["kind"])
def test_published_seals(item: dict[str, str]) -> None:
    key, sealed = key_of(item), base64.b64decode(item["sealed_base64"])
    assert seal(key, item["plaintext"].encode()) == sealed
    opened = open_seal(key, sealed)
    assert opened.label == item["label"]
    assert list(opened.classes) == sorted(item["classes"])
    assert opened.hints == {kind: tuple(masks) for kind, masks in item["hints"].items()}  # type: ignore[attr-defined]


def test_the_published_record_has_the_published_seals() -> None:
    values = dict(VECTORS["record"]["identifiers"])
    wanted = manifest({"IC": "id", "PHONE": "phone", "EMAIL": "email", "NAME": ""}, dataset="demo-telco-2017")
    line = f"{values['id']},{values['phone']},{values['email']},Aisyah\n"
    [work] = run(wanted, [BytesSource(f"IC,PHONE,EMAIL,NAME\n{line}".encode())]).works
    items = [json.loads(text[:-1])["PutRequest"]["Item"] for text in work.items.request.to_pylist()]
    published = {one["sk"]: one["sealed_base64"] for one in ITEMS}
    assert {item["sk"]["S"]: item["sealed"]["B"] for item in items} == {
        item["sk"]["S"]: published[item["sk"]["S"]] for item in items
    }


def test_an_item_has_these_attributes_and_no_others() -> None:
    wanted = manifest({"IC": "id", "PHONE": "phone", "NAME": ""})
    [work] = run(wanted, [BytesSource(b"IC,PHONE,NAME\n850101145678,0123456789,X\n")]).works
    for text in work.items.request.to_pylist():
        item = json.loads(text[:-1])["PutRequest"]["Item"]
        assert {name: list(value) for name, value in item.items()} == {
            "pk": ["S"], "sk": ["S"], "sealed": ["B"], "src": ["S"], "canon": ["N"],
        }  # fmt: skip


HEADS = np.frombuffer(b"".join(b"<%03d>" % n for n in range(500)), np.uint8).reshape(500, 5)


def test_the_loop_gives_what_the_kernel_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    if sealing._KERNEL is None:
        pytest.skip("nothing was compiled: there was no C compiler")
    chance = random.Random(1)
    texts = pa.array([f"\0{'x' * 32 * chance.randrange(1, 6)}" for _ in range(500)])
    keys = np.frombuffer(chance.randbytes(32 * 500), np.uint8).reshape(500, 32)
    compiled = sealing.sealed_requests(keys, HEADS, b"</>", texts)
    monkeypatch.setattr(sealing, "_KERNEL", None)
    looped = sealing.sealed_requests(keys, HEADS, b"</>", texts)
    assert compiled[0].equals(looped[0])
    assert compiled[1].tolist() == looped[1].tolist()


def test_a_part_of_a_column_is_sealed_like_the_whole() -> None:
    texts = pa.array([f"\0{n:032d}" for n in range(40)])
    keys = np.arange(40 * 32, dtype=np.uint16).astype(np.uint8).reshape(40, 32)
    whole = sealing.sealed_requests(keys, HEADS[:40], b"", texts)[0].to_pylist()
    assert sealing.sealed_requests(keys[7:20], HEADS[7:20], b"", texts.slice(7, 13))[0].to_pylist() == whole[7:20]


@pytest.mark.parametrize(
    ("size", "padded"),
    [(1, 32), (32, 32), (33, 64), (64, 64), (65, 96), (96, 96), (97, 128), (128, 128), (129, 256), (257, 512)],
)
def test_padding(size: int, padded: int) -> None:
    assert sealing.padding_of(np.array([size])).tolist() == [padded - size]


def test_a_seal_that_was_changed_is_not_opened() -> None:
    for item in ITEMS:
        key, sealed = key_of(item), base64.b64decode(item["sealed_base64"])
        for place in range(len(sealed)):
            bent = bytearray(sealed)
            bent[place] ^= 1 << place % 8
            with pytest.raises(BrokenSealError, match="damaged or not authentic"):
                open_seal(key, bytes(bent))
        for shorter in (b"", sealed[:1], sealed[:16], sealed[:-1], sealed + b" "):
            with pytest.raises(BrokenSealError):
                open_seal(key, shorter)


def test_only_the_identifier_the_sort_key_and_the_pepper_together_open_it() -> None:
    item, *_ = ITEMS
    sealed = base64.b64decode(item["sealed_base64"])
    others = [
        key_of({**item, "canonical": "850101145679"}),
        key_of({**item, "sk": item["sk"][:-1] + "A"}),
        key_of({**item, "kind": "phone"}),
        key_of(item, Pepper(PEPPER.kid, bytes(range(1, 33)))),
        key_of(item, Pepper("k2", PEPPER.secret)),
    ]
    for key in others:
        with pytest.raises(BrokenSealError):
            open_seal(key, sealed)


@pytest.mark.parametrize("text", ["[]", "{}", '["id",[46],{}]', '["id",[0],{}]', '["id",[1],[]]', "x"])
def test_content_of_a_later_version_is_not_guessed_at(text: str) -> None:
    with pytest.raises(BrokenSealError, match="later version"):
        open_seal(bytes(32), seal(bytes(32), text.encode().ljust(32)))


def test_data_classes_have_the_published_numbers() -> None:
    assert list(DATA_CLASSES) == PUBLISHED


def test_data_classes_without_a_number_follow_by_name() -> None:
    entries = sealing.numbered(("Zebra", "Usernames", "Account balances", "Aardvark"))
    assert entries == [1, 43, "Aardvark", "Zebra"]
    assert named(entries) == ("Aardvark", "Account balances", "Usernames", "Zebra")


def test_content_without_classes_and_hints() -> None:
    assert Content("id", (), {}) == open_seal(bytes(32), seal(bytes(32), b'["id",[],{}]'.ljust(32)))
