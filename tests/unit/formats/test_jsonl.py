"""JSON Lines: paths, numbers as they were written, and lines that are broken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest_cli.errors import ManifestError
from ingest_cli.formats.json_paths import parse_path
from ingest_cli.formats.jsonl import JsonLines
from tests.support.chunks import cells, fates, flags, repeated


def one(path: str, document: str | bytes) -> bytes:
    raw = document if isinstance(document, bytes) else document.encode()
    ((cell,),) = cells(JsonLines([path]).read([raw + b"\n"]), path)
    return cell


@pytest.mark.parametrize(
    ("path", "document", "cell"),
    [
        ("a", '{"a": "x"}', "x"),
        ("contact.email", '{"contact": {"email": "x"}}', "x"),
        ("contact.phones[]", '{"contact": {"phones": ["1", "2"]}}', '["1","2"]'),
        ("contact.phones[1]", '{"contact": {"phones": ["1", "2"]}}', "2"),
        ("contact.phones[]", '{"contact": {"phones": "1"}}', "1"),
        ("people.phone", '{"people": [{"phone": "1"}, {}]}', "1"),
        ("people[].phone", '{"people": [{"phone": "1"}, {"phone": "2"}, {}]}', '["1","2"]'),
        ('"e.mail".work', '{"e.mail": {"work": "x"}}', "x"),
        ("a[][]", '{"a": [["1"], ["2", "3"]]}', '["1","2","3"]'),
        ("a", '{"a": ["1"]}', "1"),
        ("a", '{"a": [null, "", [], {}, ["1"]]}', "1"),
        ("a", '{"a": []}', ""),
        ("a", '{"a": {}}', ""),
        ("a[]", '{"a": [{}, "1", null]}', "1"),
        ("Item.phones.SS[]", '{"Item": {"phones": {"SS": ["1", "2"]}}}', '["1","2"]'),
        ("Item.phones.L[].S", '{"Item": {"phones": {"L": [{"S": "1"}, {"S": "2"}]}}}', '["1","2"]'),
        ("$key", '{"$key": "1"}', "1"),
        ("a", '{"a": null}', ""),
        ("a", "{}", ""),
        ("a.b.c", '{"a": 1}', ""),
        ("a", '{"a": true}', "true"),
        ("a", '{"a": "1", "a": "2"}', "2"),
        ("a", '{"a": "\\u00e9\\ud83d\\ude00"}', "é😀"),
    ],
)
def test_a_column_is_a_path(path: str, document: str, cell: str) -> None:
    assert one(path, document) == cell.encode()


@pytest.mark.parametrize(
    "number",
    ["601234567890123456", "9" * 400, "6.01E+10", "1.0", "60123456789.0", "-0", "1e-7", "0.1000000000000000055511"],
)
def test_a_number_is_the_digits_that_were_written(number: str) -> None:
    assert one("a", f'{{"a": {number}}}') == number.encode()
    assert one("a[]", f'{{"a": [{number}, "x"]}}') == f'["{number}","x"]'.encode()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ('{"$numberLong": "60123456789"}', "60123456789"),
        ('{"$numberInt": "5"}', "5"),
        ('{"$numberDecimal": "6.01E+10"}', "6.01E+10"),
        ('{"$oid": "5f00"}', "5f00"),
        ('{"$date": "2017-10-19T00:00:00Z"}', "2017-10-19T00:00:00Z"),
        ('{"$date": {"$numberLong": "1508371200000"}}', "1508371200000"),
        ('{"$binary": {"base64": "eA==", "subType": "00"}}', "eA=="),
        ('{"$undefined": true}', ""),
        ("NumberLong(60123456789)", "60123456789"),
        ('NumberLong("60123456789")', "60123456789"),
        ('ObjectId("5f00")', "5f00"),
        ('ISODate("2017-10-19T00:00:00Z")', "2017-10-19T00:00:00Z"),
        ('"NumberLong(1)"', "NumberLong(1)"),
        ('BinData(0,"eA==")', "eA=="),
        ('[{"$numberLong": "1"}]', "1"),
        ('{"$date": {"$date": {"$numberLong": "1"}}}', "1"),
    ],
)
def test_values_of_mongodb(value: str, cell: str) -> None:
    assert one("a", f'{{"a": {value}}}') == cell.encode()


def test_a_string_that_looks_like_the_shell_stays_where_the_rest_is_the_shells() -> None:
    assert one("a", '{"b": NumberLong(2), "a": "x \\" NumberLong(1)"}') == b'x " NumberLong(1)'


OBJECTS = [
    ("a", '{"a": {"0": "1", "1": "2"}}', "object_in_cell"),
    ("a", '{"a": {"0": "1"}}', "object_in_cell"),
    ("a", '{"a": {"$oid": "1", "x": "2"}}', "object_in_cell"),
    ("a", '{"a": {"$ref": "users", "$id": "2"}}', "object_in_cell"),
    ("a", '{"a": {"$oid": {"x": "2"}}}', "object_in_cell"),
    ("a[]", '{"a": {"0": "1", "1": "2"}}', "object_in_cell"),
    ("a[]", '{"a": [{"x": "1"}, "2"]}', "object_in_cell"),
    ("a", '{"a": [{"x": "1"}]}', "object_in_cell"),
    ("a.b", '{"a": {"b": {"x": "1"}}}', "object_in_cell"),
    ("a", '{"a": ["1", "2"]}', "array_in_cell"),
    ("a", '{"a": [["1"], ["2"]]}', "array_in_cell"),
    ("a", '{"a": {"$oid": ["1", "2"]}}', "array_in_cell"),
    ("a[]", '{"a": [["1", "2"], "3"]}', "array_in_cell"),
    ("a.b", '{"a": [{"b": "1"}, {"b": "2"}]}', "array_in_cell"),
    ("a.b", '{"a": [{"b": "1"}, {"c": "2"}]}', "array_in_cell"),
    ("a.b", '{"a": {"b": ["1", "2"]}}', "array_in_cell"),
    ("a[].b", '{"a": [[{"b": "1"}, {"b": "2"}]]}', "array_in_cell"),
]


@pytest.mark.parametrize(("path", "document", "reason"), OBJECTS)
def test_an_object_is_no_cell_and_only_brackets_join(path: str, document: str, reason: str) -> None:
    around = [f'{{"{path[0]}": "x"}}\n' for _ in range(2)]
    chunks = list(JsonLines([path, "z"]).read([f"{around[0]}{document}\n{around[1]}".encode()]))
    assert fates(chunks) == [(2, 2, reason)]
    assert [len(chunk.cells[path]) for chunk in chunks] == [len(chunk.cells["z"]) for chunk in chunks] == [2]


@pytest.mark.parametrize(("path", "document"), [(path, document) for path, document, _ in OBJECTS])
def test_whatever_is_there_is_there_where_only_that_counts(path: str, document: str) -> None:
    chunks = list(JsonLines([path], presence=[path]).read([f"{document}\n".encode()]))
    assert fates(chunks) == []
    assert all(cell.strip() for (cell,) in cells(chunks, path))


@pytest.mark.parametrize(
    ("line", "fate"),
    [
        ('["1", "x", "2"]', (b"1", b"2")),
        ('["1", {"y": 1}, null]', (b"1", b"")),
        ('["1", "x", ["2", "3"]]', (b"1", b'["2","3"]')),
        ('["1", "x"]', "too_few_cells"),
        ("[]", "too_few_cells"),
        ('["1", "x", "2", ""]', "too_many_cells"),
        ('[["1", "2"], "x", "2"]', "array_in_cell"),
        ('[{"a": "1"}, "x", "2"]', "object_in_cell"),
        ('{"a": "1"}', "not_an_array"),
        ('"1"', "not_an_object"),
        ('["a", "x", "c[]"]', "repeated_header"),
    ],
)
def test_a_row_may_be_an_array_whose_elements_are_named(line: str, fate: tuple[bytes, ...] | str) -> None:
    chunks = list(JsonLines(["a", "c[]"], ["a", "", "c[]"]).read([f"{line}\n".encode()]))
    found = [why for _, _, why in fates(chunks)]
    assert [*found, *cells(chunks, "a", "c[]")] == [fate]


BROKEN = [
    b'{"a": "x"',
    b"{'a': 1}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"a": "tab\there"}',
    b'{"a": 1} x',
    b'{"a": eval(1)}',
    b'{"a": NumberLong(1}',
    b'{"a": 01}',
    b'{"a": ' + b"[" * 100_000,
    b'{"a":' * 100_000,
    b"\xef\xbb\xbf{}",
    b"\0",
]


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_is_rejected_alone(line: bytes) -> None:
    chunks = list(JsonLines(["a"]).read([b'{"a": "1"}\n' + line + b'\n{"a": "2"}']))
    assert cells(chunks, "a") == [(b"1",), (b"2",)]
    assert fates(chunks) == [(2, 2, "broken_json")]


@pytest.mark.parametrize("line", [b"[]", b'"x"', b"1", b"null", b'[{"a": 1}]'])
def test_what_is_no_object_is_no_row(line: bytes) -> None:
    assert fates(JsonLines(["a"]).read([line + b"\n\n"])) == [(1, 1, "not_an_object"), (2, 2, "blank")]


@pytest.mark.parametrize(
    ("value", "cell"), [(b'"\xff"', b"\xff"), (b'"\\ud800"', b"\xed\xa0\x80"), (b'"\\udcff"', b"\xff")]
)
def test_what_is_no_text_stays_undecodable(value: bytes, cell: bytes) -> None:
    found = one("a", b'{"a": ' + value + b"}")
    assert found == cell
    with pytest.raises(UnicodeDecodeError):
        found.decode()


def test_rows_with_bytes_that_are_not_utf_8_are_counted() -> None:
    chunks = list(JsonLines(["a"]).read([b'{"a": 1, "b": "\xff"}\n{"a": "\xc3\xa9"}\n']))
    assert cells(chunks, "a") == [(b"1",), ("é".encode(),)]
    assert flags(chunks) == {"undecodable_bytes": 1}


def test_a_line_longer_than_any_record_may_be_is_given_up_alone() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"a": "1"}\n{"a": "'
        yield from repeated(b"x", 50 << 20)
        yield b'"}\n{"a": "2"}\n'

    chunks = list(JsonLines(["a"]).read(pieces()))
    assert cells(chunks, "a") == [(b"1",), (b"2",)]
    assert fates(chunks) == [(2, 2, "record_too_long")]


@pytest.mark.parametrize("path", ["", "a.", ".a", "a..b", "a[", "a[x]", 'a"b', '"a', "a]", "*", "a.*.b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ManifestError, match=r"a column of JSON is a path"):
        parse_path(path)
