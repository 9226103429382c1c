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
        ("contact.phones[]", '{"contact": {"phones": ["1", "2"]}}', "1;2"),
        ("contact.phones[1]", '{"contact": {"phones": ["1", "2"]}}', "2"),
        ("contact.phones[]", '{"contact": {"phones": "1"}}', "1"),
        ("people.phone", '{"people": [{"phone": "1"}, {"phone": "2"}, {}]}', "1;2"),
        ("people[].phone", '{"people": [{"phone": "1"}, {"phone": "2"}, {}]}', "1;2"),
        ('"e.mail".work', '{"e.mail": {"work": "x"}}', "x"),
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
    assert one("a", f'{{"a": [{number}, "x"]}}') == f"{number};x".encode()


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
    ],
)
def test_values_of_mongodb(value: str, cell: str) -> None:
    assert one("a", f'{{"a": {value}}}') == cell.encode()


def test_a_string_that_looks_like_the_shell_stays_where_the_rest_is_the_shells() -> None:
    assert one("a", '{"b": NumberLong(2), "a": "x \\" NumberLong(1)"}') == b'x " NumberLong(1)'


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


@pytest.mark.parametrize("path", ["", "a.", ".a", "a..b", "a[", "a[x]", 'a"b', '"a', "a]"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ManifestError, match=r"a column of JSON is a path"):
        parse_path(path)
