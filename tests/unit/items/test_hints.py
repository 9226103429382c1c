"""Hints: what an item shows of the other identifiers of its record, against the plain reference."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.model.manifest import parse_manifest
from tests.support.endpoint import item_bytes
from tests.support.pipelines import PEPPER, SRC, BytesSource, run, table_of
from tests.support.truth import Reference, RowTruth, as_dynamodb_json, email_base

MANIFEST = parse_manifest("""
version = 1
[dataset]
id = "demo"
title = "Demo"
sources = ["memory.csv"]
[format]
name = "tsv"
columns = ["IC", "OLD", "PHONE", "EMAIL", "SECOND", "IMEI", "NAME"]
header = false
[[fields]]
column = "OLD"
kind = "id"
lookup = false
[[fields]]
column = "IC"
kind = "id"
[[fields]]
column = "PHONE"
kind = "phone"
[[fields]]
column = "EMAIL"
kind = "email"
[[fields]]
column = "SECOND"
kind = "email"
[[fields]]
column = "IMEI"
kind = "imei"
[[fields]]
column = "NAME"
exposes = "Names"
""")
CLASSES = {"IC": "Government issued IDs", "PHONE": "Phone numbers", "EMAIL": "Email addresses", "IMEI": "IMEI numbers"}
REFERENCE = Reference(PEPPER.secret, PEPPER.kid, "demo", SRC)

IDS = ["850101145678", "850101145686", "A12345678"]
PHONES = ["+60123456789", "+60198765489", "+60198765432", "+6581234567", "+441632960123"]
EMAILS = [
    "aisyah@example.com",
    "aisyah+a@example.com",
    "aisyah+b@example.com",
    "aina@elsewhere.com",  # the mask of the first
    "a.b@gmail.com",
    "ab@gmail.com",
    "ab@googlemail.com",
    "a@b.co",
]
IMEIS = ["49015420323751", "35209900176148"]


@st.composite
def records(draw: st.DrawFn) -> tuple[str, RowTruth]:
    """A row as it is written, and the truth about it."""
    ic = draw(st.sampled_from(["", *IDS]))
    phones = draw(st.lists(st.sampled_from(PHONES), max_size=4))
    emails, second = (draw(st.lists(st.sampled_from(EMAILS), max_size=4)) for _ in range(2))
    imei = draw(st.sampled_from(["", *IMEIS]))
    name = draw(st.sampled_from(["", "Aisyah"]))
    line = "\t".join([ic, "", "/".join(phones), ";".join(emails), " ".join(second), imei, name])
    found = {("phone", phone) for phone in phones} | {("email", email) for email in (*emails, *second)}
    found |= {(kind, value) for kind, value in (("id", ic), ("imei", imei)) if value}
    classes = {"Names"} if name else set()
    classes |= {CLASSES[column] for column, cell in (("IC", ic), ("PHONE", phones), ("IMEI", imei)) if cell}
    if emails or second:
        classes.add(CLASSES["EMAIL"])
    kept = bool(ic or phones or emails or second)
    outcome = RowTruth(1, 1, "kept" if kept else "skipped", None, tuple(sorted(found)), tuple(sorted(classes)))
    return line, outcome


@pytest.mark.slow
@settings(max_examples=100)
@given(st.lists(records(), min_size=1, max_size=12))
def test_items_are_those_of_the_reference_whatever_a_record_holds(rows: list[tuple[str, RowTruth]]) -> None:
    data = "".join(f"{line}\n" for line, _ in rows).encode()
    settled = run(MANIFEST, [BytesSource(data)])
    expected = {key: as_dynamodb_json(item) for key, item in REFERENCE.table(truth for _, truth in rows).items()}
    assert table_of(settled) == expected
    for work in settled.works:
        sizes = [item_bytes(json.loads(text[:-1])["PutRequest"]["Item"]) for text in work.items.request.to_pylist()]
        assert work.items.size_bytes.tolist() == sizes


OWNERS = [
    *(("id", value) for value in (*IDS, "7654321")),
    *(("phone", value) for value in (*PHONES, "+60198765489")),
    *(("email", value) for value in EMAILS),
    *(("email_base", email_base(value)) for value in EMAILS),
]


def hints(row: str) -> dict[str, dict[str, list[str]]]:
    """Label → hints of the items of one row."""
    table = table_of(run(MANIFEST, [BytesSource(f"{row}\n".encode())]))
    opened = [REFERENCE.opened(item, OWNERS) for item in table.values()]
    return {label: found for label, _, found in opened}


def test_the_own_identifier_is_not_among_its_hints() -> None:
    found = hints("850101145678\t\t0123456789\t\t\t\t")
    assert found == {"mykad": {"phone": ["+60*******89"]}, "phone": {"id": ["**********78"]}}


def test_equal_masks_of_different_identifiers_are_one_hint() -> None:
    found = hints("850101145678\t\t0123456789/0198765489\t\t\t\t")
    assert found["mykad"] == {"phone": ["+60*******89"]}
    assert found["phone"]["phone"] == ["+60*******89"], "the other one has the same mask"


def test_an_address_is_no_hint_of_its_own_base() -> None:
    assert hints("\t\t\taisyah+a@example.com\t\t\t") == {"email": {}, "email_base": {}}


def test_a_kind_that_is_not_looked_up_is_a_hint_to_the_others() -> None:
    assert hints("\t\t0123456789\t\t\t490154203237518\t") == {"phone": {"imei": ["**********51"]}}


@pytest.mark.parametrize("old", ["850101145678", "7654321"])
def test_an_identifier_that_is_looked_up_in_one_column_only(old: str) -> None:
    found = hints(f"850101145678\t{old}\t\t\t\t\t")
    assert list(found) == ["mykad"], "it is one item, even where both columns hold it"
    assert found["mykad"] == ({} if old == "850101145678" else {"id": ["**********21"]})
