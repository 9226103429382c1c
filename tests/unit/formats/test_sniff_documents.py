"""JSON that is looked at: keys that people are kept under are told from names of columns, and are nowhere shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ingest_cli.commands.draft.draft import make_draft
from ingest_cli.commands.draft.kinds import LoadRules
from ingest_cli.commands.draft.looking import find_dumps, look_at
from ingest_cli.commands.draft.manifest_text import manifest_text
from ingest_cli.errors import IngestError
from ingest_cli.formats.sniff import Sample, sniff
from ingest_cli.formats.sniffing.guess import FileGuess
from ingest_cli.formats.sniffing.keys import described, identifier_in
from ingest_cli.formats.sniffing.trees import parse_sample
from ingest_cli.model.manifest import parse_manifest

IDENTIFIERS = {
    "phone numbers": ["+60123456781", "60123456782", "012-345 6783", "0123456784", "+1 (650) 253-0000"],
    "e-mail addresses": [
        "ali.ahmad@example.com",
        "ali@example,com",
        "first,last@example,co,uk",
        "ali%40example%2Ecom",
        "ali_at_example_dot_com",
        "ali-at-example-com",
        "ali_ahmad_example_com",
        "ali,ahmad,example,com",
    ],
    "identity card numbers": ["850101-14-5678", "850101145679"],
    "numbers of persons or documents": ["A12345678", "5512348", "9999999999999999"],
    "dates": ["2017-10-19", "19/10/2017"],
    "names of persons": ["Ahmad bin Abdullah", "SITI BINTI RAHMAN"],
    "keys that a program made": [
        "123e4567-e89b-12d3-a456-426614174000",
        "507f1f77bcf86cd799439011",
        "-KhTyPWYGpOkCWFIcVxq",
        "xY3kPq9ZrT5sLm2NvB8cWd4EfGh1",
    ],
}
NAMES = [
    *("email", "e-mail", "phone2", "addr_1", "created_at", "updated_at_utc", "contact.info", "contact_info"),
    *("user_org", "Q1 2019", "address_line_1", "sha256", "md5", "2fa_enabled", "is_net", "_id", "Item", "$oid"),
    *("@type", "NO_KP", "Nombor Kad Pengenalan", "x-forwarded-for", "dot_com", "ISO3166", "地址", ""),
]


@pytest.mark.parametrize(("what", "key"), [(what, key) for what, keys in IDENTIFIERS.items() for key in keys])
def test_a_key_that_may_be_an_identifier_is_told_as_such(what: str, key: str) -> None:
    assert identifier_in(key) == what


@pytest.mark.parametrize("key", NAMES)
def test_a_name_is_none(key: str) -> None:
    assert identifier_in(key) is None


def test_keys_are_described_by_what_most_of_them_look_like() -> None:
    assert described(["+60123456781", "+60123456782", "ali@example,com"]) == "what looks like phone numbers"
    assert described(["0", "1", "ali"]) == "what looks like numbers"
    assert described([]) == "nothing"


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ('{"a": [1, 2], "b": {"c": "x', [{"a": ["1", "2"]}]),
        ('[{"a": 1}, {"a": 2}, {"a"', [[{"a": "1"}, {"a": "2"}]]),
        ('[{"a": 1}, {"a": 2', [[{"a": "1"}]]),
        ('[{"a": {"b": ["x", "y"]', [[{"a": {"b": ["x", "y"]}}]]),
        ('{"a": 1} {"a": 2}', [{"a": "1"}, {"a": "2"}]),
        ('{"a": 1} {"a": 2, ', [{"a": "1"}, {"a": "2"}]),
        ('[{"a": 1}, {"a": x}, {"a": 3}]', [[{"a": "1"}]]),
        ('{"a": NumberLong(5), "b": ISODate("20', [{"a": ["5"]}]),
        ("[1, 2", [["1"]]),
        ("{", []),
        ("", []),
    ],
)
def test_a_sample_is_made_whole(text: str, documents: list[object]) -> None:
    assert parse_sample(text) == documents


# --- whom rows are kept under ------------------------------------------------------------------------------

ROWS = [{"name": f"Person {i}", "email": f"u{i}@example.com", "phone": f"01234567{i:02d}"} for i in range(12)]
KEYS: dict[str, Callable[[int], str]] = {
    "phones": lambda i: f"+6012999{i:04d}",
    "e-mail addresses": lambda i: f"canary{i}@mail.example",
    "e-mail addresses of Firebase": lambda i: f"canary{i}@mail,example",
    "escaped e-mail addresses": lambda i: f"canary{i}%40mail%2Eexample",
    "MyKad numbers": lambda i: f"85010114{i:04d}",
    "UUIDs": lambda i: f"123e4567-e89b-12d3-a456-4266141740{i:02d}",
    "user names": lambda i: f"canary{'abcdefghijklmnop'[i]}",
    "names": lambda i: f"Canary {'abcdefghijklmnop'[i].upper()} bin Ahmad",
    "numbers": lambda i: f"{770 + i}",
}


def keyed(key: Callable[[int], str], rows: Sequence[object] = ROWS) -> dict[str, object]:
    return {key(i): row for i, row in enumerate(rows)}


PLACES: dict[str, tuple[str, Callable[[Callable[[int], str]], object]]] = {
    "document": ("*", keyed),
    "inside": ("users.*", lambda key: {"n": 3, "users": keyed(key)}),
    "deep": ("a.b.users.*", lambda key: {"a": {"b": {"users": keyed(key)}, "c": 1}}),
    "in regions": (
        "regions.*.users.*",
        lambda key: {"regions": {f"region {x}": {"users": keyed(key)} for x in "abc"}},
    ),
}


def guess(data: bytes, *, complete: bool = True) -> FileGuess:
    return sniff(Sample(data, complete=complete), rules=LoadRules())


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_under_keys_are_found_and_no_key_is_told(key: str, place: str, indent: int | None) -> None:
    rows, make = PLACES[place]
    data = json.dumps(make(KEYS[key]), indent=indent).encode()
    found = guess(data)
    assert (found.format, found.rows) == ("json", rows)
    assert [column.title for column in found.columns if column.kind in {"email", "phone"}][-2:] == ["email", "phone"]
    assert "keyed by what looks like" in next(f.text for f in found.findings if f.code == "keyed_rows")
    for i in range(len(ROWS)):
        assert KEYS[key](i) not in repr(found)
    for cut in range(200, len(data), 171):
        told = repr(guess(data[:cut], complete=False))
        assert not any(KEYS[key](i) in told for i in range(len(ROWS)))


PEOPLE = [{"email": f"{name}@example.com", "phone": f"+6012345678{i}"} for i, name in enumerate(["ali", "ben", "cat"])]


@pytest.mark.parametrize("others", [{"meta": {"v": 1}}, {"posts": {"-P1": {"title": "x"}, "-P2": {"title": "y"}}}])
def test_a_map_of_rows_beside_other_objects_is_found_and_none_of_its_rows_is_a_column(others: object) -> None:
    keyed_people = {f"-Kx{i}": person for i, person in enumerate(PEOPLE)}
    found = guess(json.dumps({"users": keyed_people, **others}).encode())  # type: ignore[dict-item]
    assert (found.format, found.rows) == ("json", "users.*")
    assert [column.title for column in found.columns if column.kind is not None] == ["email", "phone"]


@pytest.mark.parametrize(
    "document",
    [
        {"+60123456781": PEOPLE[:1], "+60123456782": PEOPLE[1:]},
        [{"0": PEOPLE[0], "1": PEOPLE[1]}, {"2": PEOPLE[2]}],
    ],
)
def test_no_rows_are_proposed_that_would_not_be_read(document: object) -> None:
    found = guess(json.dumps(document).encode())
    assert found.format is None
    assert "60123456781" not in repr(found)


def test_lines_that_hold_maps_of_rows_are_documents() -> None:
    lines = [{"users": {f"{line}{i}": person for i, person in enumerate(PEOPLE)}} for line in "abc"]
    found = guess("".join(json.dumps(line) + "\n" for line in lines).encode())
    assert (found.format, found.rows) == ("json", "users.*")


@pytest.mark.parametrize("key", KEYS)
def test_keys_inside_of_rows_are_no_columns(key: str) -> None:
    two = [(KEYS[key](i), KEYS[key](i + 1)) for i in range(11)]
    friends: list[object] = [
        {"email": "u@example.com", "friends": {one: {"since": "x"}, other: {}}} for one, other in two
    ]
    values: list[object] = [{"email": "u@example.com", "likes": {one: "x", other: "y"}} for one, other in two]
    for rows in (friends, values) if key not in {"user names", "names"} else (friends,):
        for data in (json.dumps(rows), "".join(json.dumps(row) + "\n" for row in rows)):
            found = guess(data.encode())
            assert [column.title for column in found.columns] == ["email"]
            assert any(finding.code == "keyed_values" for finding in found.findings)
            assert not any(KEYS[key](i) in repr(found) for i in range(12))


@pytest.mark.parametrize("key", ["phones", "e-mail addresses of Firebase", "user names"])
def test_lines_with_keys_of_their_own_are_no_rows(key: str) -> None:
    data = "".join(json.dumps({KEYS[key](i): row}) + "\n" for i, row in enumerate(ROWS))
    found = guess(data.encode())
    assert (found.format, found.rows) == ("json", "*")
    assert not any(KEYS[key](i) in repr(found) for i in range(12))


def test_names_that_recur_are_columns_however_alike_what_they_hold() -> None:
    rows = [{"home": {"tel": f"01234567{i:02d}"}, "work": {"tel": f"01334567{i:02d}"}} for i in range(12)]
    assert [column.title for column in guess(json.dumps(rows).encode()).columns] == ["home.tel", "work.tel"]
    item = {
        "Item": {"email": {"S": "a@example.com"}, "phone": {"S": "0123456789"}, "phones": {"L": [{"S": "0133456789"}]}}
    }
    found = guess(2 * (json.dumps(item) + "\n").encode())
    assert [column.title for column in found.columns] == ["Item.email.S", "Item.phone.S", "Item.phones.L[].S"]


@pytest.mark.parametrize(
    ("document", "rows", "names"),
    [
        ({"email": {"0": "a@x.com", "1": "b@x.com"}, "phone": {"0": "012", "1": "013"}}, "", ["email", "phone"]),
        ({"email": ["a@x.com", "b@x.com"], "phone": ["012", "013"]}, "", ["email", "phone"]),
        ({"data": {"email": {"+60123456781": "a@x.com", "+60123456782": "b@x.com"}}}, "data", ["email"]),
        (
            {"email": {"ahkow": "a@x.com", "siti": "b@x.com"}, "phone": {"ahkow": "1", "siti": "2"}},
            "",
            ["email", "phone"],
        ),
    ],
)
def test_a_document_by_column_is_told_as_such(document: object, rows: str, names: list[str]) -> None:
    found = guess(json.dumps(document).encode())
    assert (found.format, found.layout, found.rows) == ("json", "columns", rows)
    assert [column.title for column in found.columns] == names
    assert found.rows_sampled == 2
    assert "ahkow" not in repr(found)
    assert "6012345678" not in repr(found)


@pytest.mark.parametrize(
    ("document", "rows", "titles"),
    [
        ([["a@x.com", "0123456789"], ["b@x.com", "0123456788"]], "$", ["", ""]),
        ([["email", "phone"], ["a@x.com", "0123456789"], ["b@x.com", "0123456788"]], "$", ["email", "phone"]),
        ({"values": [["email", "phone"], ["a@x.com", "0123456789"]]}, "values", ["email", "phone"]),
        ({"columns": ["email", "phone"], "data": [["a@x.com", "0123456789"]]}, "data", ["email", "phone"]),
    ],
)
def test_rows_that_are_arrays_are_told_as_such(document: object, rows: str, titles: list[str]) -> None:
    found = guess(json.dumps(document).encode())
    assert (found.format, found.layout, found.rows) == ("json", "arrays", rows)
    assert [column.title for column in found.columns] == titles


def test_lines_that_are_arrays_are_told_as_such() -> None:
    found = guess(b'["a@x.com", "0123456789"]\n["b@x.com", "0123456788"]\n')
    assert (found.format, found.layout, len(found.columns)) == ("jsonl", "arrays", 2)


@pytest.mark.parametrize("key", KEYS)
def test_a_draft_holds_no_key_and_is_a_manifest(key: str, tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text(json.dumps({"users": keyed(KEYS[key])}), encoding="utf-8")
    text = drafted(tmp_path / "users.json")
    assert 'rows = "users.*"' in text
    assert parse_manifest(text).format.rows == "users.*"
    assert not any(KEYS[key](i) in text for i in range(12))


def drafted(path: Path) -> str:
    return manifest_text(make_draft([look_at(source) for source in find_dumps([str(path)])]), [str(path)])


@pytest.mark.parametrize(
    "document",
    [
        {"users": {"+60123456781": "Ali", "+60123456782": "Ben"}},
        {"+60123456781": ["Ali"], "+60123456782": ["Ben"]},
        [{"+60123456781": "Ali"}, {"+60123456782": "Ben"}],
        {"email": {"+60123456781": {"x": "a@example.com"}, "+60123456782": {"x": "b@example.com"}}},
        {"+60123456781": {"0123456782": {"canary@mail,example": {"email": "a@example.com"}}}},
        {"a": [[{"+60123456781": {"email": "a@example.com"}, "+60123456782": {"email": "b@example.com"}}]]},
    ],
)
def test_whatever_the_document_no_key_is_told(document: object, tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(document), encoding="utf-8")
    told = repr(guess(json.dumps(document).encode()))
    try:
        told += drafted(tmp_path / "d.json")
    except IngestError as error:
        told += str(error)
    for key in ("6012345678", "0123456782", "canary"):
        assert key not in told
