"""Phone numbers: E.164, several in a cell, and what is no phone number."""

from __future__ import annotations

import phonenumbers
import pyarrow as pa
import pytest

from ingest_cli.identifiers import IDENTIFIERS, phone

PHONE = IDENTIFIERS["phone"]


def values(text: str, region: str = "MY") -> list[str]:
    found: list[str] = PHONE.canonicalize(pa.array([text], pa.string()), region).value.to_pylist()
    return found


def reasons(text: str, region: str = "MY") -> list[str]:
    return PHONE.canonicalize(pa.array([text], pa.string()), region).rejected_reason


@pytest.mark.parametrize(
    "text",
    [
        "0123456789",
        "012-345 6789",
        "+60123456789",
        "+60 12-345 6789",
        "60123456789",
        "0060123456789",
        "123456789",
        "(012) 3456789",
        "60123456789.0",
        "6.0123456789E+10",
        "'0123456789",
        "tel:+60-12-345-6789",
        "tel:+60123456789;ext=12",
        "0123456789 ext 12",
        "\u202a+60123456789\u202c",
        "+60 012 345 6789",
    ],
)
def test_one_number_however_it_is_written(text: str) -> None:
    assert values(text) == ["+60123456789"]
    assert reasons(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0123456789/0198765432", ["+60123456789", "+60198765432"]),
        ("0123456789; 0198765432", ["+60123456789", "+60198765432"]),
        ("0123456789, 0198765432,", ["+60123456789", "+60198765432"]),
        ("0123456789 & 0198765432", ["+60123456789", "+60198765432"]),
        ("0123456789 or 0198765432", ["+60123456789", "+60198765432"]),
        ("0123456789OR0198765432", ["+60123456789", "+60198765432"]),
        ("/0123456789//-/", ["+60123456789"]),
        ("0123456789 / +60123456789", ["+60123456789"]),
        ("0123456789/+6581234567", ["+60123456789", "+6581234567"]),
    ],
)
def test_several_numbers_in_a_cell(text: str, expected: list[str]) -> None:
    assert values(text) == expected
    assert reasons(text) == []


def test_a_bad_part_is_rejected_alone() -> None:
    found = PHONE.canonicalize(pa.array(["0198765432", "0123456789/12345678901234/office"]), "MY")
    assert found.value.to_pylist() == ["+60198765432", "+60123456789"]
    assert found.cell.tolist() == [0, 1]
    assert found.rejected_cell.tolist() == [1, 1]
    assert found.rejected_reason == ["impossible_length", "not_a_phone"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "not_a_phone"),
        ("---", "not_a_phone"),
        ("", "not_a_phone"),
        ("+999123456789", "not_a_phone"),
        ("12345", "impossible_length"),
        ("01234567890123", "impossible_length"),
        ("1" * 300, "impossible_length"),
        ("1" * 1_000_000, "impossible_length"),
        ("6.01E+10", "precision_lost"),
        ("6,01E+10", "precision_lost"),
    ],
)
def test_rejected(text: str, reason: str) -> None:
    assert values(text) == []
    assert reasons(text) == [reason]


def test_possible_but_in_no_range_is_kept_and_flagged() -> None:
    found = PHONE.canonicalize(pa.array(["0123456789", "0100000000"]), "MY")
    assert not phonenumbers.is_valid_number(phonenumbers.parse("0100000000", "MY"))
    assert found.value.to_pylist() == ["+60123456789", "+60100000000"]
    assert found.flags == {"not_valid_today": 1}


def test_the_region_is_where_a_number_is_dialled() -> None:
    assert values("81234567", "SG") == ["+6581234567"]
    assert values("020 7946 0018", "GB") == ["+442079460018"]
    assert values("0123456789", "my") == ["+60123456789"]
    assert reasons("0123456789", "XX") == ["not_a_phone"]
    assert values("+60123456789", "XX") == ["+60123456789"]


def test_malaysia_has_a_fast_rule_and_regions_with_odd_prefixes_do_not() -> None:
    assert phone._fast_rule("MY") is not None
    assert [phone._fast_rule(region) for region in ("US", "GB", "IT", "BR", "JP", "RU", "AU", "XX", "")] == [None] * 9


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("+60123456789", "+60*******89"),
        ("+6012345678", "+60*******78"),
        ("+601234567", "************"),
        ("+12015550123", "+1*******23"),
        ("+3531234567890", "+353*******90"),
        ("+353123456789", "************"),
    ],
)
def test_mask(value: str, mask: str) -> None:
    assert PHONE.mask(pa.array([value])).to_pylist() == [mask]
