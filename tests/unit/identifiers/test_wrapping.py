"""What stands around values, and between their characters, is taken off in the same way for every kind."""

from __future__ import annotations

import sys
import unicodedata

import pyarrow as pa
import pytest

from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.wrapping import says_nothing, unwrapped, visible

BY_KIND = {
    "id": ("850101145678", "A12345678"),
    "phone": ("+60123456789", "+6591234567"),
    "email": ("ana@example.com", "ben@example.com"),
    "imsi": ("502121234567890", "502121234567891"),
    "imei": ("49015420323751", "35209900176148"),
    "iccid": ("8991101200003204514", "8960011234567890123"),
    "username": ("ana_lim", "ben.tan"),
}
KINDS = pytest.mark.parametrize("kind", BY_KIND)


def found(kind: str, text: str | None) -> tuple[list[str], list[str]]:
    canonical = IDENTIFIERS[kind].canonicalize(pa.array([text], pa.string()), "MY")
    return canonical.value.to_pylist(), canonical.rejected_reason


def test_every_kind_is_asked() -> None:
    assert set(BY_KIND) == set(IDENTIFIERS)


@KINDS
@pytest.mark.parametrize(
    "template",
    [
        *("{{{0},{1}}}", '{{"{0}","{1}"}}', '["{0}", "{1}"]', "['{0}', '{1}']", "[{0}, {1}]", "('{0}', '{1}')"),
        *('[""{0}"",""{1}""]', "{{{{{0}}},{{{1}}}}}", "[0:1]={{{0},{1}}}", '="{{{0},{1}}}"', "\ufeff{{{0},{1}}}"),
        "{{{0},NULL,{1},{0}}}",
    ],
)
def test_a_list_yields_each_of_its_entries_once(kind: str, template: str) -> None:
    assert found(kind, template.format(*BY_KIND[kind])) == (list(BY_KIND[kind]), [])


@KINDS
@pytest.mark.parametrize("text", ["{{{0}", "[{0}", '["{0}"', "{{{0},{1}", '{{"k":"{0}"}}', "('{0}'"])
def test_half_a_list_is_no_value(kind: str, text: str) -> None:
    text = text.format(*BY_KIND[kind])
    if kind == "username":  # a bracket may be part of a name
        assert found(kind, text) == ([text], [])
    else:
        assert found(kind, text) == ([], ["broken_list"])


@KINDS
@pytest.mark.parametrize("template", ['="{0}"', '=""{0}""', '= "{0}"'])
def test_the_formula_of_a_spreadsheet_is_taken_off(kind: str, template: str) -> None:
    value = BY_KIND[kind][0]
    assert found(kind, template.format(value)) == ([value], [])


@KINDS
@pytest.mark.parametrize(
    "mark", list("\u200b\u200c\u200d\u200e\u202e\u2060\u2069\ufeff\u00ad\ufe0d\ufe0f\ufffc\U000e0101")
)
def test_invisible_characters_anywhere_change_nothing(kind: str, mark: str) -> None:
    value = BY_KIND[kind][0]
    texts = [value[:place] + mark + value[place:] for place in range(len(value) + 1)]
    canonical = IDENTIFIERS[kind].canonicalize(pa.array(texts, pa.string()), "MY")
    assert canonical.value.to_pylist() == [value] * len(texts)
    assert canonical.rejected_reason == []


def test_every_format_character_of_unicode_is_invisible() -> None:
    formats = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    assert len(formats) > 150
    cells = visible(pa.array([f"0123{mark}456789" for mark in formats], pa.string()))
    assert cells.to_pylist() == ["0123456789"] * len(formats)


@pytest.mark.parametrize("character", ["\ufffd", "\x00", "\x85", "é", "٣", "\u00a0x", "😀"])
def test_what_says_something_stays(character: str) -> None:
    cell = unicodedata.normalize("NFKC", f"a{character}b")
    assert visible(pa.array([cell])).to_pylist() == [cell]


def test_a_joiner_is_a_letter_in_some_domain_names_and_nowhere_else() -> None:
    with_joiner = "a@نامه\u200cای.example"  # noqa: RUF001 - Persian
    assert found("email", with_joiner)[0] == ["a@xn--mgba3gch31f060k.example"]
    assert found("email", with_joiner.replace("\u200c", ""))[0] != found("email", with_joiner)[0]
    assert found("email", "a\u200cna@exam\u200dple.com") == (["ana@example.com"], [])


def test_where_nothing_is_wrapped_the_column_comes_back_as_it_is() -> None:
    column = pa.array(["012-345 6789", None, "", "ana@example.com"])
    plain = unwrapped(column)
    assert plain.cells is column
    assert plain.cell is None
    assert plain.broken.tolist() == []


def test_places_of_values_and_of_broken_lists() -> None:
    plain = unwrapped(pa.array(["{a,b}", None, "c", "{d", "[]", "(e)", '="f"', "{g"]))
    assert plain.cells.to_pylist() == ["a", "b", None, "c", "", "(e)", "f"]
    assert plain.cell is not None
    assert plain.cell.tolist() == [0, 0, 1, 2, 4, 5, 6]
    assert plain.broken.tolist() == [3, 7]


def test_rejects_of_values_and_of_broken_lists_are_in_the_order_of_the_cells() -> None:
    cells = ["{a@x.example", "{b@x.example,c@}", "d@", "[e@x.example", "f@x.example"]
    canonical = IDENTIFIERS["email"].canonicalize(pa.array(cells), "MY")
    assert canonical.value.to_pylist() == ["b@x.example", "f@x.example"]
    assert canonical.cell.tolist() == [1, 4]
    assert canonical.rejected_cell.tolist() == [0, 1, 2, 3]
    assert canonical.rejected_reason == ["broken_list", "not_an_address", "not_an_address", "broken_list"]


@pytest.mark.parametrize("text", ["{}", "[]", "[ ]", "{{}}", "{NULL}", '[null, ""]', '=""', '="NULL"', '="{}"', '[""]'])
def test_some_cells_say_nothing_though_something_is_in_them(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize("text", ["{a}", "{", "[", '="0"', "=", "[0]", "{}a", '{"k":1}'])
def test_others_say_something(text: str) -> None:
    assert not says_nothing(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("850101145678;850102145678", ["850101145678", "850102145678"]),
        ("850101-14-5678;A1234567", ["850101145678", "A1234567"]),
        ("850101-14-5678\nA1234567", ["850101145678", "A1234567"]),
        ("850101/14/5678", ["850101145678"]),
        ("850101;14;5678", ["850101145678"]),
        ("T/1234567", ["T1234567"]),
        ("12.345.679", ["12345679"]),
    ],
)
def test_ids_that_are_joined_are_told_apart_from_one_with_punctuation_in_it(text: str, values: list[str]) -> None:
    assert found("id", text) == (values, [])


@pytest.mark.parametrize("kind", ["imsi", "imei", "iccid"])
def test_numbers_of_devices_that_are_joined_are_several(kind: str) -> None:
    one, other = BY_KIND[kind]
    assert found(kind, f"{one};{other}") == ([one, other], [])
    assert found(kind, f"{one};12") == ([one], ["wrong_length"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'@handle", "@handle"),
        ("'0123", "0123"),
        ("'=name", "=name"),
        ("''-name", "-name"),
        ("'name'", "'name'"),
        ("[CLAN]Name", "[clan]name"),
        ("{name", "{name"),
        ("a;b", "a;b"),
    ],
)
def test_what_may_be_part_of_a_user_name_stays(text: str, value: str) -> None:
    assert found("username", text) == ([value], [])
