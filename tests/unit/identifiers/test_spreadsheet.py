"""What a spreadsheet did to a number is undone exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.identifiers import spreadsheet


@pytest.mark.parametrize(
    ("damaged", "restored"),
    [
        ("60123456789.0", "60123456789"),
        ("60123456789.00", "60123456789"),
        ("+60123456789.0", "+60123456789"),
        ("6.0123456789E+10", "60123456789"),
        ("6.0123456789e10", "60123456789"),
        ("6,0123456789E+10", "60123456789"),
        ("+6.0123456789E+10", "+60123456789"),
        ("6.012345678900E+10", "60123456789"),
        ("'0123456789", "0123456789"),
        ("'6.0123456789E+10", "60123456789"),
        ("1.5E+1", "15"),
    ],
)
def test_damage_is_undone(damaged: str, restored: str) -> None:
    assert spreadsheet.restore(damaged) == restored


@pytest.mark.parametrize(
    "text",
    ["6.01E+10", "6,01E+10", "6E+10", "8.5E-05", "1.23E+1", "1.2E+999999999", "1.2E+" + "9" * 4000, "6.E+10"],
)
def test_lost_digits_are_not_invented(text: str) -> None:
    assert spreadsheet.restore(text) is None


@pytest.mark.parametrize("text", ["5E123", "12E5", "E1234567", "850101-14-5678", "1.000", "a.0", "", "1e", "=1"])
def test_what_is_no_damage_stays(text: str) -> None:
    assert spreadsheet.restore(text) == text


@given(st.integers(min_value=1, max_value=10**20))
def test_a_full_mantissa_is_the_number_as_decimal_has_it(number: int) -> None:
    digits = str(number)
    scientific = f"{digits[0]}.{digits[1:]}E+{len(digits) - 1}"
    assert Decimal(scientific if len(digits) > 1 else f"{digits}E+0") == number
    assert spreadsheet.restore(scientific) == digits


@given(st.lists(st.one_of(st.none(), st.text(alphabet="0123456789.'E+- a", max_size=20))))
def test_the_column_rule_does_nothing_that_the_cell_rule_does_not(texts: list[str | None]) -> None:
    column = spreadsheet.drop_float_tail(pa.array(texts, pa.string())).to_pylist()
    assert len(column) == len(texts)
    for text, after in zip(texts, column, strict=True):
        assert after == text or (text is not None and after == spreadsheet.restore(text))
