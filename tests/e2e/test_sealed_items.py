"""A table tells nothing without the pepper: neither what an item holds, nor by its order which ones belong together."""

from __future__ import annotations

import base64
from itertools import combinations
from pathlib import Path

import boto3
import pytest

from tests.e2e.harness import KID, PEPPER_HEX, Cli, Place, small_dump
from tests.support.truth import Reference

REFERENCE = Reference(bytes.fromhex(PEPPER_HEX), KID, "demo-small", "")
ROWS = 1000
LARGE_ROWS = 200
"""Rows of a chunk in which distances can be told from those of chance."""


def rows() -> list[tuple[str, str, str, str]]:
    return [
        (
            f"KENARI {n}",
            f"{50 + n % 40}0101-10-{4000 + n:04d}",
            f"+60{120000000 + n}",
            f"kenari.{n}@example.org",
        )
        for n in range(ROWS)
    ]


def partition_keys(row: tuple[str, str, str, str]) -> list[str]:
    _, ic, phone, email = row
    return [REFERENCE.pk(own) for own in (("id", ic.replace("-", "")), ("phone", phone), ("email", email))]


@pytest.fixture
def loaded(cli: Cli, table: Place, tmp_path: Path) -> Place:
    how = ("--concurrency", "1", "--workers", "1")
    assert cli("load", small_dump(tmp_path, rows()), *table.to, *how).code == 0
    return table


def test_an_export_holds_no_mask_no_label_and_no_data_class(loaded: Place) -> None:
    items = list(loaded.items.values())
    assert len(items) == 3 * ROWS
    for item in items:
        assert {name: list(value) for name, value in item.items()} == {
            "pk": ["S"], "sk": ["S"], "sealed": ["B"], "src": ["S"], "canon": ["N"],
        }  # fmt: skip
    sealed = [base64.b64decode(item["sealed"]["B"]) for item in items]
    assert len(set(sealed)) == len(sealed), "equal contents do not look alike"
    assert {len(one) - 16 for one in sealed} <= {32, 64, 96, 128}
    whole = b"".join(sealed)
    for word in (b"***", b"mykad", b"phone", b"email", b"Names", b'",['):
        assert word not in whole


def test_content_that_was_changed_is_an_error_of_lookup_and_never_an_answer(loaded: Place, cli: Cli) -> None:
    _, ic, *_ = rows()[0]
    (key,) = [key for key in loaded.items if key[0] == partition_keys(rows()[0])[0]]
    item = loaded.items[key]
    sealed = bytearray(base64.b64decode(item["sealed"]["B"]))
    sealed[20] ^= 1
    client = boto3.client("dynamodb", **loaded.endpoint.client_arguments)
    bent = {**item, "sealed": {"B": bytes(sealed)}}
    client.put_item(TableName=loaded.name, Item=bent)
    client.close()
    result = cli("lookup", *loaded.to, stdin=f"{ic}\n")
    assert (result.code, result.out) == (4, "")
    assert "the content of an item is damaged or not authentic" in result.err


def test_the_order_of_writes_does_not_tell_which_items_belong_to_one_record(loaded: Place) -> None:
    """Within a chunk, items of one record are as far apart as any."""
    order = [write.pk for write in loaded.writes if write.pk[0] != "_"]
    place = {pk: at for at, pk in enumerate(order)}
    places = sorted(sorted(place[pk] for pk in partition_keys(row)) for row in rows())
    chunks: list[list[list[int]]] = [[]]
    end = -1
    for one in places:
        if one[0] > end >= 0:  # all items of the records before are written: a chunk begins
            chunks.append([])
        chunks[-1].append(one)
        end = max(end, one[-1])
    assert sum(map(len, chunks)) == ROWS
    large = [chunk for chunk in chunks if len(chunk) >= LARGE_ROWS]
    assert large
    for chunk in large:
        items = 3 * len(chunk)
        apart = [abs(one - other) for record in chunk for one, other in combinations(record, 2)]
        # The mean distance of two different places out of n is (n + 1) / 3; that of so many pairs hardly differs.
        assert sum(apart) / len(apart) == pytest.approx((items + 1) / 3, rel=0.1)
