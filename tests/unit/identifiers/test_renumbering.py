"""Numbers of older plans: each published change with examples, and nothing that is valid today is touched."""

from __future__ import annotations

import datetime as dt
import re

import phonenumbers
import pyarrow as pa
import pytest

from ingest_cli.identifiers import IDENTIFIERS, phone_columns
from ingest_cli.identifiers.renumbering import CHANGES, today

PHONE = IDENTIFIERS["phone"]

CARRIER_BEFORE_COUNTRY_CODE = ("BR", "CL", "CO")
"""Where nobody dials 00 and a country code, but something that chooses a carrier between them."""

EXAMPLES = [
    # region, as it was dialled at home, as it was written abroad, today's number
    ("EG", "012 345 6789", "+20 12 345 6789", "+201223456789"),
    ("EG", "017 345 6789", "+20 17 345 6789", "+201273456789"),
    ("EG", "018 345 6789", "+20 18 345 6789", "+201283456789"),
    ("EG", "010 345 6789", "+20 10 345 6789", "+201003456789"),
    ("EG", "016 345 6789", "+20 16 345 6789", "+201063456789"),
    ("EG", "019 345 6789", "+20 19 345 6789", "+201093456789"),
    ("EG", "011 345 6789", "+20 11 345 6789", "+201113456789"),
    ("EG", "014 345 6789", "+20 14 345 6789", "+201143456789"),
    ("BR", "(11) 8123-4567", "+55 11 8123-4567", "+5511981234567"),
    ("BR", "0 15 21 9123-4567", "+55 21 9123-4567", "+5521991234567"),
    ("BR", "(51) 6123-4567", "+55 51 6123-4567", "+5551961234567"),
    ("CL", "(65) 350009", "+56 65 350009", "+56652350009"),
    ("CL", "02 3456789", "+56 2 3456789", "+56223456789"),
    ("SA", "01 234 5678", "+966 1 234 5678", "+966112345678"),
    ("SA", "02 634 5678", "+966 2 634 5678", "+966126345678"),
    ("CM", "99 12 34 56", "+237 99 12 34 56", "+237699123456"),
    ("CM", "77 12 34 56", "+237 77 12 34 56", "+237677123456"),
    ("VN", "0162 123 4567", "+84 162 123 4567", "+84321234567"),
    ("VN", "0169 123 4567", "+84 169 123 4567", "+84391234567"),
    ("VN", "0120 123 4567", "+84 120 123 4567", "+84701234567"),
    ("VN", "0121 123 4567", "+84 121 123 4567", "+84791234567"),
    ("VN", "0122 123 4567", "+84 122 123 4567", "+84771234567"),
    ("VN", "0126 123 4567", "+84 126 123 4567", "+84761234567"),
    ("VN", "0128 123 4567", "+84 128 123 4567", "+84781234567"),
    ("VN", "0123 123 4567", "+84 123 123 4567", "+84831234567"),
    ("VN", "0124 123 4567", "+84 124 123 4567", "+84841234567"),
    ("VN", "0125 123 4567", "+84 125 123 4567", "+84851234567"),
    ("VN", "0127 123 4567", "+84 127 123 4567", "+84811234567"),
    ("VN", "0129 123 4567", "+84 129 123 4567", "+84821234567"),
    ("VN", "0186 123 4567", "+84 186 123 4567", "+84561234567"),
    ("VN", "0188 123 4567", "+84 188 123 4567", "+84581234567"),
    ("VN", "0199 123 4567", "+84 199 123 4567", "+84591234567"),
    ("MX", "044 55 1234 5678", "+52 1 55 1234 5678", "+525512345678"),
    ("MX", "045 55 1234 5678", "+52 1 55 1234 5678", "+525512345678"),
    ("MX", "01 55 1234 5678", "+52 1 55 1234 5678", "+525512345678"),
    ("CI", "07 12 34 56", "+225 07 12 34 56", "+2250707123456"),
    ("CI", "48 12 34 56", "+225 48 12 34 56", "+2250748123456"),
    ("CI", "05 12 34 56", "+225 05 12 34 56", "+2250505123456"),
    ("CI", "01 12 34 56", "+225 01 12 34 56", "+2250101123456"),
    ("CI", "20 30 12 34", "+225 20 30 12 34", "+2252720301234"),
    ("CI", "20 00 12 34", "+225 20 00 12 34", "+2252520001234"),
    ("CI", "21 80 12 34", "+225 21 80 12 34", "+2252121801234"),
    ("CO", "(1) 234 5678", "+57 1 234 5678", "+576012345678"),
    ("CO", "(4) 234 5678", "+57 4 234 5678", "+576042345678"),
    ("BJ", "90 12 34 56", "+229 90 12 34 56", "+2290190123456"),
    ("BJ", "21 30 12 34", "+229 21 30 12 34", "+2290121301234"),
]


@pytest.mark.parametrize(("region", "at_home", "abroad", "now"), EXAMPLES)
def test_a_number_of_an_older_plan_becomes_todays_however_it_is_written(
    region: str, at_home: str, abroad: str, now: str
) -> None:
    without_plus = re.sub(r"\D", "", abroad)
    texts = [at_home, abroad, without_plus]
    if region not in CARRIER_BEFORE_COUNTRY_CODE:
        texts.append(abroad.replace("+", "00"))
    found = PHONE.canonicalize(pa.array(texts), region)
    assert found.value.to_pylist() == [now] * len(texts)
    assert found.flags == {"renumbered": len(texts)}
    assert not found.flagged.any(), "today's number is beyond doubt"

    elsewhere = PHONE.canonicalize(pa.array([abroad, without_plus, now]), "international")
    assert elsewhere.value.to_pylist() == [now] * 3
    assert elsewhere.flags == {"renumbered": 2}


@pytest.mark.parametrize(("region", "at_home", "abroad", "now"), EXAMPLES)
def test_the_examples_are_what_the_table_says_and_the_library_agrees(
    region: str, at_home: str, abroad: str, now: str
) -> None:
    old = re.sub(r"[^+\d]", "", abroad)
    assert today(old) == now
    assert not phonenumbers.is_valid_number(phonenumbers.parse(old))
    assert not phonenumbers.is_valid_number(phonenumbers.parse(at_home, region))
    assert phonenumbers.is_valid_number(phonenumbers.parse(now))
    assert phonenumbers.region_code_for_number(phonenumbers.parse(now)) == region


def test_every_entry_has_a_date_a_source_and_an_example_or_is_never_reached() -> None:
    olds = [re.sub(r"\D", "", abroad) for _, _, abroad, _ in EXAMPLES]
    # 015x of Egypt is in use again, by another operator: the library calls those numbers valid, and they stay.
    in_use_again = {change for change in CHANGES if change.old.startswith("2015")}
    assert len(in_use_again) == 3
    for change in CHANGES:
        assert change.old.startswith(change.code)
        assert change.source
        assert dt.date(2011, 1, 1) <= change.since <= dt.date(2025, 1, 1)
        assert change in in_use_again or any(re.fullmatch(change.old, old) for old in olds), change.old


def test_a_number_that_is_valid_today_stays_though_an_older_plan_had_it_too() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
            example = phonenumbers.example_number_for_type(region, kind)
            if example is not None:
                value = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
                found = PHONE.canonicalize(pa.array([value]), region)
                assert (found.value.to_pylist(), found.flags) == ([value], {})
    assert PHONE.canonicalize(pa.array(["0150 123 4567"]), "EG").value.to_pylist() == ["+201501234567"]
    assert PHONE.canonicalize(pa.array(["(11) 7712-3456"]), "BR").value.to_pylist() == ["+551177123456"]


@pytest.mark.parametrize("text", ["+551112345678", "+225991234567", "+2299012345", "+5212345678901", "+84170 123 4567"])
def test_where_the_new_number_would_not_be_valid_either_nothing_is_changed(text: str) -> None:
    found = PHONE.canonicalize(pa.array([text]), "MY")
    assert "renumbered" not in found.flags


def test_in_the_region_of_a_plan_its_numbers_come_before_numbers_without_their_plus() -> None:
    """`47 9123-4567` is a mobile number of Joinville; with a `+` it would be one of Norway."""
    found = PHONE.canonicalize(pa.array(["4791234567"]), "BR")
    assert found.value.to_pylist() == ["+5547991234567"]
    assert PHONE.canonicalize(pa.array(["4791234567"]), "international").value.to_pylist() == ["+4791234567"]


def test_the_column_rule_never_decides_a_number_of_an_older_plan() -> None:
    for region, at_home, abroad, _ in EXAMPLES:
        assert not phone_columns.decide(pa.array([at_home, abroad]), region).taken.any()
