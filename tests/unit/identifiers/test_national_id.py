"""Which ids there are, how they are written, and which are nobody's."""

from __future__ import annotations

import pyarrow as pa
import pytest
from stdnum import numdb
from stdnum.my import nric

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.national_id import canonical_id, label_of

NATIONAL_ID = IDENTIFIERS["id"]


def one(text: str) -> tuple[str, str] | str:
    """Give (value, label) of a cell, or the reason against it; alone in a column, as the pipeline has it."""
    found = NATIONAL_ID.canonicalize(pa.array([text], pa.string()), "MY")
    if found.rejected_reason:
        assert not len(found.value)
        return found.rejected_reason[0]
    return found.value[0].as_py(), NATIONAL_ID.labels[found.label[0]]


@pytest.mark.parametrize(
    ("text", "value", "label"),
    [
        ("850101-14-5678", "850101145678", "mykad"),
        ("850101145678", "850101145678", "mykad"),
        ("850101 14 5678", "850101145678", "mykad"),
        ("850101145678.0", "850101145678", "mykad"),
        ("'850101145678", "850101145678", "mykad"),
        ("8.50101145678E+11", "850101145678", "mykad"),
        ("000229-14-5678", "000229145678", "mykad"),
        ("960229145678", "960229145678", "mykad"),
        ("201901000005", "201901000005", "other_id"),
        ("200102030405", "200102030405", "mykad"),
        ("7654321", "7654321", "old_ic"),
        ("a1234567", "A1234567", "old_ic"),
        ("A12345678", "A12345678", "passport"),
        ("AB 1234567", "AB1234567", "passport"),
        ("K1234567E", "K1234567E", "passport"),
        ("5E123", "5E123", "other_id"),
        ("RF/123456", "RF123456", "passport"),
        ("T 1234567", "T1234567", "old_ic"),
        ("1312525-A", "1312525A", "other_id"),
    ],
)
def test_canonical(text: str, value: str, label: str) -> None:
    assert one(text) == (value, label)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("123456", "dummy"),
        ("12345", "dummy"),
        ("123456789012", "dummy"),
        ("12345678901234567890", "dummy"),
        ("0123456789", "dummy"),
        ("9876543210", "dummy"),
        ("111111111111", "dummy"),
        ("111111-11-1111", "dummy"),
        ("XXXXX", "dummy"),
        ("xx-xx", "dummy"),
        ("000000-00-0000", "dummy"),
        ("test", "dummy"),
        ("Test 123456", "dummy"),
        ("UNKNOWN", "dummy"),
        ("1234", "too_short"),
        ("A1", "too_short"),
        ("", "too_short"),
        ("-", "too_short"),
        ("9" + "01" * 10, "too_long"),
        ("A1" * 5000, "too_long"),
        ("85010114567é", "non_ascii"),
        ("٨٥٠١٠١١٤٥٦٧٨", "non_ascii"),
        ("ß12345", "non_ascii"),
        ("8.5E+11", "precision_lost"),
        ("8.50101E+11", "precision_lost"),
    ],
)
def test_rejected(text: str, reason: str) -> None:
    assert one(text) == reason


@pytest.mark.parametrize(
    ("text", "value", "flag"),
    [
        ("10203145678", "010203145678", "padded"),
        ("1231145678", "001231145678", "padded"),
        ("853101145678", "853101145678", "other_id_12_digits"),
        ("850101175678", "850101175678", "other_id_12_digits"),
        ("201907000005", "201907000005", "other_id_12_digits"),
        ("850229145678", "850229145678", "other_id_12_digits"),
    ],
)
def test_kept_and_flagged(text: str, value: str, flag: str) -> None:
    found = NATIONAL_ID.canonicalize(pa.array([text]), "MY")
    assert found.value.to_pylist() == [value]
    assert found.flags == {flag: 1}


def test_ten_digits_that_are_no_mykad_stay_ten() -> None:
    assert canonical_id("9988776655").values == (("9988776655", NATIONAL_ID.labels.index("other_id")),)


def test_birthplace_codes_are_those_of_stdnum() -> None:
    codes = [f"{code:02d}" for code in range(100)]
    ours = {code for code in codes if label_of(f"850101{code}5678") == 0}
    assert ours == {code for code in codes if numdb.get("my/bp").info(code)[0][1]}


@pytest.mark.slow
def test_dates_are_those_of_stdnum() -> None:
    days = [f"{yy:02d}{mm:02d}{dd:02d}" for yy in range(100) for mm in range(14) for dd in range(33)]
    assert [day for day in days if label_of(f"{day}145678") == 0] == [
        day for day in days if nric.is_valid(f"{day}145678")
    ]


@pytest.mark.parametrize(
    ("value", "mask"),
    [
        ("850101145678", "**********78"),
        ("A12345678", "**********78"),
        ("A12345", "**********45"),
        ("A1234", "************"),
    ],
)
def test_mask(value: str, mask: str) -> None:
    assert NATIONAL_ID.mask(pa.array([value])).to_pylist() == [mask]
