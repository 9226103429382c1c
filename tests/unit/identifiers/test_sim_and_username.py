"""The kinds of a telephone company's inner tables, and user names."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from ingest_cli.identifiers import IDENTIFIERS, digits


def outcome(kind: str, text: str) -> tuple[list[str], list[str], dict[str, int]]:
    found = IDENTIFIERS[kind].canonicalize(pa.array([text], pa.string()), "MY")
    return found.value.to_pylist(), found.rejected_reason, dict(found.flags)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("imsi", "502121234567890", "502121234567890"),
        ("imsi", "502-12-1234567890", "502121234567890"),
        ("imsi", "5.02121234567890E+14", "502121234567890"),
        ("imei", "490154203237518", "49015420323751"),
        ("imei", "49-015420-323751-8", "49015420323751"),
        ("imei", "490154203237510", "49015420323751"),
        ("imei", "4901542032375104", "49015420323751"),
        ("imei", "49015420323751", "49015420323751"),
        ("imei", "490154203237518.0", "49015420323751"),
        ("iccid", "8991101200003204514", "8991101200003204514"),
        ("iccid", "8991101200003204514F", "8991101200003204514"),
        ("iccid", "8991 1012 0000 3204 514f", "8991101200003204514"),
        ("username", " Mixed_Case.99", "mixed_case.99"),
        ("username", "STRASSE ß", "strasse ss"),
        ("username", "@handle", "@handle"),
    ],
)
def test_canonical(kind: str, text: str, value: str) -> None:
    assert outcome(kind, text) == ([value], [], {})


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("imsi", "50212123456789", "wrong_length"),
        ("imsi", "5021212345678901", "wrong_length"),
        ("imsi", "50212123456789X", "not_digits"),
        ("imsi", "", "not_digits"),
        ("imsi", "5.02E+14", "precision_lost"),
        ("imei", "490154203237517", "luhn_failure"),
        ("imei", "000000000000000", "dummy"),
        ("imei", "123456789012347", "dummy"),
        ("imei", "111111111111119", "dummy"),
        ("imei", "4901542032375", "wrong_length"),
        ("imei", "FFFFFFFFFFFFFFF", "not_digits"),
        ("iccid", "89911012000032045", "wrong_length"),
        ("iccid", "F" * 20, "not_digits"),
        ("username", "ana@example.com", "email_shaped"),
        ("username", "   ", "empty"),
        ("username", "x" * 5000, "too_long"),
        ("username", "\ufdfa" * 4000, "too_long"),
        ("username", "alice\0username\0bobby", "control_character"),
        ("username", "alice\tbobby", "control_character"),
        ("username", "évelyne\x1fbobby", "control_character"),
        ("username", "alice\x7f", "control_character"),
    ],
)
def test_rejected(kind: str, text: str, reason: str) -> None:
    assert outcome(kind, text) == ([], [reason], {})


@pytest.mark.parametrize(
    ("kind", "text", "flag"),
    [("imsi", "310150123456789", "mcc_not_502"), ("iccid", "8991101200003204511", "luhn_failure")],
)
def test_kept_and_flagged(kind: str, text: str, flag: str) -> None:
    assert outcome(kind, text) == ([text], [], {flag: 1})
    found = IDENTIFIERS[kind].canonicalize(pa.array([text], pa.string()), "MY")
    assert found.flagged.tolist() == [flag == "luhn_failure"], "a subscriber of another country is no doubtful one"


@pytest.mark.parametrize(
    ("kind", "value", "mask"),
    [
        ("imsi", "502121234567890", "**********90"),
        ("imei", "49015420323751", "**********51"),
        ("iccid", "8991101200003204514", "**********14"),
        ("username", "mixed_case", "m***********"),
        ("username", "_mixed_case", "************"),
        ("username", "évelyne", "************"),
        ("username", "anna", "************"),
    ],
)
def test_mask(kind: str, value: str, mask: str) -> None:
    assert IDENTIFIERS[kind].mask(pa.array([value])).to_pylist() == [mask]


@given(st.lists(st.from_regex(r"\A[0-9]{15}\Z"), max_size=20))
def test_luhn_is_stdnums(values: list[str]) -> None:
    expected = [luhn.is_valid(value) for value in values]
    assert [digits.passes_luhn(value) for value in values] == expected
    assert digits.column_passes_luhn(pa.array(values, pa.string()), 15).tolist() == expected
