"""The reference itself against the published vectors, and its rules one by one."""

from __future__ import annotations

import ast
import base64
import json
from pathlib import Path

import phonenumbers
import pytest

from tests.support import truth as reference
from tests.support.truth import (
    Item,
    Reference,
    RowTruth,
    Tally,
    as_dynamodb_json,
    country_code,
    email_base,
    hints,
    mask,
    plaintext,
    record_bytes,
    seal,
    unseal,
)

SUPPORT = Path(reference.__file__).parent
VECTORS = json.loads((SUPPORT / "key_vectors.json").read_text(encoding="utf-8"))
PEPPER = bytes.fromhex(VECTORS["pepper_hex"])
REFERENCE = Reference(PEPPER, VECTORS["kid"], VECTORS["record"]["dataset"], "0123abcd")
AISYAHS_ROW = RowTruth(
    1,
    1,
    "kept",
    None,
    tuple(sorted(tuple(pair) for pair in VECTORS["record"]["identifiers"])),
    tuple(VECTORS["record"]["classes"]),
)


INDEPENDENT = ("truth", "people", "spelling", "oddities", "shapes", "wounds", "dumps", "make_samples")


@pytest.mark.parametrize("module", INDEPENDENT)
def test_the_reference_knows_nothing_of_the_program(module: str) -> None:
    tree = ast.parse((SUPPORT / f"{module}.py").read_text(encoding="utf-8"))
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert imported
    assert not any(name.split(".")[0] == "ingest_cli" for name in imported)


@pytest.mark.parametrize("kind", VECTORS["subkeys"])
def test_subkeys_are_those_published(kind: str) -> None:
    assert REFERENCE.subkey(kind).hex() == VECTORS["subkeys"][kind]


@pytest.mark.parametrize("vector", VECTORS["identifiers"], ids=lambda vector: vector["kind"])
def test_partition_keys_are_those_published(vector: dict[str, str]) -> None:
    assert REFERENCE.pk((vector["kind"], vector["canonical"])) == vector["pk"]


def test_the_record_and_its_items_are_those_published() -> None:
    assert record_bytes(AISYAHS_ROW).hex() == VECTORS["record"]["record_bytes_hex"]
    items = REFERENCE.items(AISYAHS_ROW)
    expected = {(item["pk"], item["sk"]) for item in VECTORS["record"]["items"]}
    assert {(item["pk"], item["sk"]) for item in items} == expected


def test_an_item_in_full() -> None:
    item = next(item for item in REFERENCE.items(AISYAHS_ROW) if item["label"] == "mykad")
    expected: dict[str, object] = {
        "pk": "k1.rbzvCNpaKBy969VVJ1Uq50bEjWU_poZc1dvfuh2WEpY",
        "sk": "demo-telco-2017#iCAuQC8RHeCzQhTq",
        "label": "mykad",
        "classes": ["Email addresses", "Government issued IDs", "Names", "Phone numbers"],
        "hints": {"email": ["a***@e***.com"], "phone": ["+60*******89"]},
        "sealed": next(one["sealed_base64"] for one in VECTORS["seal"]["items"] if one["sk"] == item["sk"]),
        "src": "0123abcd",
        "canon": 1,
    }
    assert item == expected
    assert as_dynamodb_json(item) == {
        **{name: {"S": item[name]} for name in ("pk", "sk", "src")},
        "sealed": {"B": item["sealed"]},
        "canon": {"N": "1"},
    }


def test_seals_are_those_published() -> None:
    for one in VECTORS["seal"]["items"]:
        key = REFERENCE.seal_key((one["kind"], one["canonical"]), one["sk"])
        text = plaintext(one["label"], one["classes"], one["hints"])
        assert text == one["plaintext"].encode()
        assert base64.b64encode(seal(key, text)).decode() == one["sealed_base64"]
        assert unseal(key, base64.b64decode(one["sealed_base64"])) == (
            one["label"],
            sorted(one["classes"]),
            one["hints"],
        )


def test_an_item_without_others_has_no_hints() -> None:
    (item,) = REFERENCE.items(RowTruth(1, 1, "kept", None, (("phone", "+60123456789"),), ("Phone numbers",)))
    assert item["hints"] == {}


def test_a_base_address_is_an_item_that_hints_at_nothing_it_comes_from() -> None:
    truth = RowTruth(
        1,
        1,
        "kept",
        None,
        (("email", "ai.sy+x@gmail.com"), ("email", "other@example.com"), ("imsi", "502121234567890")),
        ("Email addresses",),
    )
    items = {item["pk"]: item for item in REFERENCE.items(truth)}
    base = items[REFERENCE.pk(("email_base", "aisy@gmail.com"))]
    assert len(items) == 3
    assert base["label"] == "email_base"
    assert base["hints"] == {"email": ["o***@e***.com"], "imsi": ["**********90"]}
    assert hints(("email", "other@example.com"), truth)["email"] == ["a***@g***.com"]


@pytest.mark.parametrize(
    ("canonical", "base"),
    [
        ("aisyah@example.com", "aisyah@example.com"),
        ("aisyah+x+y@example.com", "aisyah@example.com"),
        ("a.i@example.com", "a.i@example.com"),
        ("a.i+x@googlemail.com", "ai@gmail.com"),
        ("a.i@gmail.com", "ai@gmail.com"),
    ],
)
def test_base_addresses(canonical: str, base: str) -> None:
    assert email_base(canonical) == base


@pytest.mark.parametrize(
    ("kind", "canonical", "masked"),
    [
        ("phone", "+60123456789", "+60*******89"),
        ("phone", "+6088234567", "+60*******67"),  # exactly 60 % hidden
        ("phone", "+6738123456", "*" * 12),  # 50 %
        ("phone", "+12125550123", "+1*******23"),
        ("id", "850101145678", "**********78"),
        ("id", "A12345", "**********45"),
        ("id", "A1234", "*" * 12),  # three hidden
        ("imei", "26053179311383", "**********83"),
        ("email", "aisyah@example.com", "a***@e***.com"),
        ("email", "_x@example.com", "****@e***.com"),
        ("email", "ab@c.com", "*" * 12),
        ("email", "abc@example.technology", "*" * 12),
        ("username", "aisyah88", "a" + "*" * 11),
        ("username", "ab", "*" * 12),
    ],
)
def test_masks(kind: str, canonical: str, masked: str) -> None:
    assert mask(kind, canonical) == masked


def test_country_codes_are_those_of_libphonenumber() -> None:
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        assert country_code(f"+{code}000000000000"[:13]) == str(code)


def test_two_contents_for_one_key_are_an_error() -> None:
    one = RowTruth(1, 1, "kept", None, (("phone", "+60123456789"),), ("Phone numbers",))
    table = REFERENCE.table([one, one])
    assert len(table) == 1
    (item,) = table.values()

    class Broken(Reference):
        def items(self, truth: RowTruth) -> list[Item]:
            return [{**item, "canon": truth.row}]

    broken = Broken(PEPPER, "k1", "demo", "0123abcd")
    with pytest.raises(ValueError, match="one key, two contents"):
        broken.table([one, RowTruth(2, 2, "kept")])


def test_a_tally_counts_before_and_after_merging() -> None:
    one = RowTruth(1, 1, "kept", None, (("imei", "1" * 14), ("phone", "+60123456789")), ("Phone numbers",))
    tally = Tally()
    for truth in (one, one, RowTruth(3, 3, "skipped", "blank"), RowTruth(4, 4, "rejected", "dummy")):
        tally.add(truth)
    assert tally.expected() == {
        "rows": {"read": 4, "kept": 2, "rejected": 1, "skipped": 1},
        "rejected_by_reason": {"dummy": 1},
        "skipped_by_reason": {"blank": 1},
        "items": {"built": 2, "distinct": 1},
    }
