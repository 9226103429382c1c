"""Phone numbers: E.164, several in a cell, and what is no phone number."""

from __future__ import annotations

import phonenumbers
import pyarrow as pa
import pytest

from ingest_cli.identifiers import IDENTIFIERS, numbering_plan, phone_columns

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
    assert found.flagged.tolist() == [False, True]


def test_the_region_is_where_a_number_is_dialled() -> None:
    assert values("81234567", "SG") == ["+6581234567"]
    assert values("020 7946 0018", "GB") == ["+442079460018"]
    assert values("0123456789", "my") == ["+60123456789"]
    assert reasons("0123456789", "XX") == ["unknown_region"]
    assert reasons("office", "XX") == ["not_a_phone"]
    assert values("+60123456789", "XX") == ["+60123456789"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("60123456781", "+60123456781"),
        ("60 12-345 6782", "+60123456782"),
        ("+6281234567891", "+6281234567891"),
        ("006591234567", "+6591234567"),
        ("(65) 9123 4567", "+6591234567"),
        ("tel:60123456781", "+60123456781"),
        ("12025550123", "+12025550123"),
        ("60123456781.0", "+60123456781"),
        ("6.0123456781E+10", "+60123456781"),
        ("60 0 12 345 6781", "+60123456781"),
        ("60 (0)12-345 6781", "+60123456781"),
        ("60123456781 x12", "+60123456781"),
        ("٦٠١٢٣٤٥٦٧٨١", "+60123456781"),
    ],
)
def test_an_international_number_begins_with_its_country_code(text: str, value: str) -> None:
    assert values(text, "international") == [value]
    assert values(text, "INTERNATIONAL") == [value]
    assert reasons(text, "international") == []


def test_several_international_numbers_in_a_cell() -> None:
    assert values("60123456781 / 6591234567", "international") == ["+60123456781", "+6591234567"]
    assert values("{60123456781,006591234567}", "international") == ["+60123456781", "+6591234567"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0123456789", "no_country_code"),
        ("(012) 3456789", "no_country_code"),
        ("01160123456789", "no_country_code"),
        ("999123456789", "not_a_phone"),
        ("6512", "impossible_length"),
        ("123456789", "impossible_length"),
        ("office", "not_a_phone"),
        ("6.01E+10", "precision_lost"),
    ],
)
def test_what_is_no_international_number(text: str, reason: str) -> None:
    assert values(text, "international") == []
    assert reasons(text, "international") == [reason]


def test_an_international_number_of_no_range_is_kept_and_flagged() -> None:
    found = PHONE.canonicalize(pa.array(["60100000000"]), "international")
    assert (found.value.to_pylist(), found.flags) == (["+60100000000"], {"not_valid_today": 1})


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("6591234567", "MY"),
        ("4791234567", "MY"),
        ("65 9123-4567", "MY"),
        ("447911123456", "MY"),
        ("12025550123", "MY"),
        ("60123456789", "US"),
        ("60123456789", "SG"),
        ("6591234567.0", "MY"),
        ("tel:6591234567", "MY"),
        ("6591234567 x12", "MY"),
    ],
)
def test_a_number_of_another_country_without_its_plus_is_not_taken_for_one_of_the_region(
    text: str, region: str
) -> None:
    assert values(text, region) == []
    assert reasons(text, region) == ["no_plus"]


def test_what_keeps_a_number_from_being_one_without_its_plus() -> None:
    assert values("60123456789") == ["+60123456789"], "the country code is the region's own"
    assert values("5623456789", "CL") == ["+56223456789"], "though the library takes it for a part of the number"
    assert values("6591234567", "SG") == ["+6591234567"]
    assert values("0100000000") == ["+60100000000"], "no country code begins with 0"
    assert values("100000000") == ["+60100000000"], "it is not valid with a plus either"
    assert values("+60100000000") == ["+60100000000"], "it has its plus"
    assert values("0123456789/6591234567") == ["+60123456789"]
    assert reasons("0123456789/6591234567") == ["no_plus"]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("018153", "MY"),
        ("555-1234", "US"),
        ("5551234", "US"),
        ("2345678", "MY"),
        ("+15551234", "MY"),
    ],
)
def test_a_number_without_its_area_code_is_no_number(text: str, region: str) -> None:
    assert values(text, region) == []
    assert reasons(text, region) == ["local_only"]


def test_a_number_that_is_written_in_two_ways_is_as_good_as_the_better_one() -> None:
    found = PHONE.canonicalize(pa.array(["07123456 / 0707123456"]), "CI")
    assert found.value.to_pylist() == ["+2250707123456"]
    assert found.flags == {}


def test_malaysia_has_a_fast_rule_and_regions_with_odd_prefixes_do_not() -> None:
    assert phone_columns.rule_of("MY") is not None
    odd = ("US", "GB", "IT", "BR", "JP", "RU", "AU", "XX", "")
    assert [phone_columns.rule_of(region) for region in odd] == [None] * 9


def test_the_column_rule_decides_the_ways_in_which_malaysians_write_their_numbers() -> None:
    texts = ["0123456789", "+60 (0)12-345 6789", "0060123456789", "(012) 3456789", "0123456789 / 03-2345 6789"]
    decided = phone_columns.decide(pa.array(texts), "MY")
    assert decided.taken.all()
    assert decided.value.to_pylist() == ["+60123456789"] * 5 + ["+60323456789"]
    assert decided.cell is not None
    assert decided.cell.tolist() == [0, 1, 2, 3, 4, 4]


@pytest.mark.parametrize(
    ("text", "region", "expected"),
    [
        ("006591224449", "MY", ("+6591224449", "", True, True)),
        ("+65 9122-4449", "XX", ("+6591224449", "", True, True)),
        ("+12045550123", "MY", ("+12045550123", "", True, True)),
        ("+390612345678", "MY", ("+390612345678", "", True, True)),
        ("+441481960194", "MY", ("+441481960194", "", True, True)),
        ("(201) 555-0123", "US", ("+12015550123", "", True, False)),
        ("011 60 12 345 6789", "US", ("+60123456789", "", True, True)),
        ("+60100000000", "MY", ("+60100000000", "", False, True)),
        ("+6512", "MY", ("+6512", "impossible_length", False, True)),
        ("60123456789", "MY", ("+60123456789", "", True, False)),
        ("6591234567", "MY", ("+606591234567", "", False, False)),
        ("5551234", "US", ("+15551234", "local_only", False, False)),
        ("07123456", "CI", ("+22507123456", "impossible_length", False, False)),
    ],
)
def test_a_numbering_plan_reads_digits_without_the_library(
    text: str, region: str, expected: tuple[str, str, bool, bool]
) -> None:
    digits = numbering_plan.bare(text)
    assert digits is not None
    assert numbering_plan.read(digits, region) == expected


@pytest.mark.parametrize(
    ("digits", "region"),
    [("+54111523456789", "MY"), ("+999123456789", "MY"), ("0123456789", "XX"), ("0111523456789", "AR")],
    ids=["a mobile token", "no calling code", "no region", "a region that rewrites"],
)
def test_what_is_unusual_is_left_to_the_library(digits: str, region: str) -> None:
    assert numbering_plan.read(digits, region) is None


@pytest.mark.parametrize("text", ["12", "+1", "call 123456", "6.01E+10", "123.456", "1" + "-" * 250 + "23456"])
def test_what_is_more_than_digits_is_no_bare_number(text: str) -> None:
    assert numbering_plan.bare(text) is None


def test_a_number_stretched_beyond_what_the_library_reads_is_impossible() -> None:
    assert reasons("0123" + " " * 250 + "456789") == ["impossible_length"]


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
