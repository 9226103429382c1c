"""Lists within a cell: taken apart as their writers wrote them, or called broken, never half a list for a value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.identifiers.lists import NoList, entries_of


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("{a,b}", ["a", "b"]),
        ('{"a","b"}', ["a", "b"]),
        ('{"a,b",c}', ["a,b", "c"]),
        (r'{"a\"b","c\\d"}', ['a"b', r"c\d"]),
        ("{a}", ["a"]),
        ("{{a,b},{c,d}}", ["a", "b", "c", "d"]),
        ("{o'brien,b}", ["o'brien", "b"]),
        ("{a,NULL,b}", ["a", "b"]),
        ('{"",a,-}', ["a"]),
        ("[0:1]={a,b}", ["a", "b"]),
        ("[1:1][-2:-1]={{a,b}}", ["a", "b"]),
        ('["a"]', ["a"]),
        ('["a", "b"]', ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("['a', \"o'b\"]", ["a", "o'b"]),
        ("[a, b]", ["a", "b"]),
        ('[["a"], ["b"]]', ["a", "b"]),
        ("[60123456781,60123456782]", ["60123456781", "60123456782"]),
        (r'["\u0061\u00e9"]', ["aé"]),
        (r'["\ud83d\ude00"]', ["😀"]),
        (r'["\ud83d"]', ["�"]),
        ('[null, "a"]', ["a"]),
        ('[""a"",""b""]', ["a", "b"]),
        ('{""a"",""b""}', ["a", "b"]),
        ("('a','b')", ["a", "b"]),
        ("('a',)", ["a"]),
        ('("a")', ["a"]),
        ("{ a , b }", ["a", "b"]),
        ("{}", []),
        ("[]", []),
        ("{{}}", []),
        ("{NULL}", []),
        ("[null]", []),
    ],
)
def test_entries(text: str, entries: list[str]) -> None:
    assert entries_of(text) == entries


@pytest.mark.parametrize(
    "text",
    [
        *("{a", "[a", '{"a', '["a"', "{a,b", "{{a},b", "[0:1]={a", "('a'", "{" * 4000),
        *("{a]", "[a}", '{"k":"a"}', '[{"k":"a"}]', '{a"b}', "{a{b}}", "('a' 'b')"),
    ],
)
def test_broken(text: str) -> None:
    assert entries_of(text) is NoList.BROKEN


@pytest.mark.parametrize(
    "text", ["", "a", "(012) 3456789", "[CLAN]name", "{a}@x", "[+60] 12", "a{b}", "()", "[a](b)", "{a}{"]
)
def test_what_goes_on_behind_a_bracket_or_does_not_begin_with_one_is_no_list(text: str) -> None:
    assert entries_of(text) is NoList.PLAIN


VALUE = st.from_regex(r"\A[a-z0-9@.+'\\\" ,{}-]{1,12}\Z").filter(
    lambda text: text.strip() == text and text.lower() not in {"-", "", "n.a", "n.a.", "nan", "null", "none"}
)


@pytest.mark.slow
@given(st.lists(VALUE, max_size=5))
def test_what_json_writes_is_read_as_it_was(values: list[str]) -> None:
    assert entries_of(json.dumps(values)) == values


@pytest.mark.slow
@given(st.lists(VALUE, max_size=5))
def test_what_postgresql_writes_is_read_as_it_was(values: list[str]) -> None:
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    assert entries_of("{" + ",".join(quoted) + "}") == values


@pytest.mark.slow
@given(st.lists(VALUE, min_size=1, max_size=3).map(json.dumps), st.data())
def test_a_list_that_is_cut_off_is_broken(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    assert entries_of(cut) is NoList.BROKEN
