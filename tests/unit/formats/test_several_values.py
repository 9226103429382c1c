"""Several values in one cell: a list that every kind of identifier takes apart again, whatever is in the values."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.formats.several_values import cell_of, cell_of_bytes, cells_of
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.lists import NoList, entries_of, is_null_like

VALUES = st.lists(
    st.text(st.sampled_from("ab;,\"\\[]{}('=\uff02\uff3c\ufe68é "), min_size=1).filter(
        lambda value: not is_null_like(value)
    ),
    min_size=2,
    max_size=5,
)


@given(VALUES)
def test_a_cell_of_several_values_is_read_as_these(values: list[str]) -> None:
    folded = [unicodedata.normalize("NFKC", value).strip() for value in values]
    found = entries_of(unicodedata.normalize("NFKC", cell_of(values)))
    assert not isinstance(found, NoList)
    assert found == folded


@given(st.lists(VALUES | st.lists(st.text('a"\\', min_size=1), max_size=1), max_size=4))
def test_columns_and_bytes_give_the_same_cells(rows: list[list[str]]) -> None:
    expected = [cell_of(values).encode() for values in rows]
    assert cells_of(pa.array(rows, pa.list_(pa.string()))).to_pylist() == expected
    assert [cell_of_bytes([value.encode() for value in values]) for values in rows] == expected


def test_one_value_stands_for_itself() -> None:
    assert (cell_of(['a"b']), cell_of([]), cell_of_bytes([b"\xff"])) == ('a"b', "", b"\xff")


def test_values_that_are_not_utf8_stay_what_they_are() -> None:
    assert cell_of_bytes([b"\xff", b"a"]) == b'["\xff","a"]'


@pytest.mark.parametrize(
    ("kind", "values", "canonical"),
    [
        ("username", ["Ah;Kow", "[CLAN]Siti", "ali,abu"], ["ah;kow", "[clan]siti", "ali,abu"]),
        ("email", ["A@x.example", "b@x.example"], ["a@x.example", "b@x.example"]),
        ("phone", ["0123456789", "+6591234567"], ["+60123456789", "+6591234567"]),
        ("id", ["800101-14-5678", "A12345678"], ["800101145678", "A12345678"]),
        ("imsi", ["502121234567890", "502121234567891"], ["502121234567890", "502121234567891"]),
    ],
)
def test_each_value_is_an_identifier(kind: str, values: list[str], canonical: list[str]) -> None:
    found = IDENTIFIERS[kind].canonicalize(pa.array([cell_of(values)]), "MY")
    assert found.value.to_pylist() == canonical
    assert found.rejected_reason == []
