"""JSON documents: where the rows are, and how a broken one is got past."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ingest_cli.errors import ManifestError
from ingest_cli.formats import json_scan
from ingest_cli.formats.json_rows import JsonRows
from ingest_cli.formats.json_walk import MAX_DEPTH
from tests.support.chunks import cells, fates, repeated

ROWS = b'[{"a": "1"}, {"a": "2"}]'


def values(data: bytes, rows: str | None = None) -> list[bytes]:
    return [cell for (cell,) in cells(JsonRows(["a"], rows).read([data]), "a")]


@pytest.mark.parametrize(
    ("rows", "data"),
    [
        (None, ROWS),
        ("$", ROWS),
        (None, b'{"rows": ' + ROWS + b"}"),
        ("rows", b'{"rows": ' + ROWS + b"}"),
        (None, b'{"total": 2, "tags": ["x"], "none": [], "data": {"rows": ' + ROWS + b'}, "more": [{"a": "no"}]}'),
        ("data.rows", b'{"rows": [{"a": "no"}], "data": {"rows": ' + ROWS + b"}}"),
        ("data.rows", b'[{"data": {"rows": [{"a": "1"}]}}, {"data": {"rows": [{"a": "2"}]}}]'),
        (None, b'[[{"a": "1"}], [{"a": "2"}]]'),
        (None, b'{"a": "1"}\n{"a": "2"}'),
        ("$", b'{"a": "1"}{"a": "2"}'),
        (None, b'[{"a": "1"}]\n[{"a": "2"}]\n'),
        (None, b'{\n "a": "1"\n}\n{\n "a": "2"\n}\n'),
    ],
)
def test_the_rows_are_found(rows: str | None, data: bytes) -> None:
    assert values(data, rows) == [b"1", b"2"]


def test_numbers_are_the_digits_that_were_written() -> None:
    assert values(b'[{"a": 601234567890123456}, {"a": 6.01E+10}, {"a": 1.0}]') == [
        b"601234567890123456",
        b"6.01E+10",
        b"1.0",
    ]


def test_what_mongodbs_shell_prints() -> None:
    data = b'{\n "_id" : ObjectId("5f"),\n "a" : NumberLong("60123456789")\n}\n{\n "a" : NumberLong(2)\n}\n'
    assert values(data) == [b"60123456789", b"2"]


@pytest.mark.parametrize(
    "broken",
    [
        b'{"a": tru}',
        b'{"a": 1,}',
        b'{"a": "x}',
        b'{"a": ["x"}',
        b'{"a": {"b": 1}',
        b'{"a": "x\ny"}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": ' + b'{"b": ' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b"17",
        b'"x"',
        b"null",
    ],
)
def test_a_broken_row_is_given_up_alone(broken: bytes) -> None:
    data = b'[\n{"a": "1"},\n' + broken + b',\n{"a": "2"},\n{"a": "3"}]'
    chunks = list(JsonRows(["a"]).read([data]))
    assert cells(chunks, "a") == [(b"1",), (b"2",), (b"3",)]
    assert [(row, line) for row, line, _ in fates(chunks)] == [(2, 3)]


def test_a_document_cut_off_says_so() -> None:
    for data in (ROWS[:-1], b'{"rows": ' + ROWS):
        chunks = list(JsonRows(["a"]).read([data]))
        assert cells(chunks, "a") == [(b"1",), (b"2",)]
        assert [why for _, _, why in fates(chunks)] == ["broken_json"]


def test_a_document_without_the_rows_is_a_reject() -> None:
    assert [why for _, _, why in fates(JsonRows(["a"], "data.rows").read([b'{"rows": []}']))] == ["no_rows"]


def test_a_row_longer_than_any_may_be_is_given_up_alone() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'[{"a": "1"}, {"a": "'
        yield from repeated(b"x", 50 << 20)
        yield b'"}, {"a": "2"}]'

    chunks = list(JsonRows(["a"]).read(pieces()))
    assert cells(chunks, "a") == [(b"1",), (b"2",)]
    assert [why for _, _, why in fates(chunks)] == ["record_too_long"]


@pytest.mark.parametrize("rows", [None, "rows", "$"])
@pytest.mark.parametrize("bomb", [b"[", b'{"rows":', b'[{"a":', b'{"a":[', b"{"])
def test_a_nesting_bomb_is_one_broken_row(bomb: bytes, rows: str | None) -> None:
    chunks = list(JsonRows(["a"], rows).read(repeated(bomb, 1 << 20)))
    assert cells(chunks, "a") == []
    assert {why for _, _, why in fates(chunks)} == {"broken_json"}


def test_rows_may_lie_as_deep_as_anybodys_data() -> None:
    deep = b'{"x":' * (MAX_DEPTH - 1) + b'{"rows":' + ROWS + b"}" * MAX_DEPTH
    assert values(deep, ".".join(["x"] * (MAX_DEPTH - 1) + ["rows"])) == [b"1", b"2"]


@pytest.mark.parametrize("line", [b'{"a":\n', b'{"a":{"b":1}\n'])
@pytest.mark.parametrize("rows", [None, "$"])
def test_documents_left_open_are_not_followed_one_by_one(
    line: bytes, rows: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = json_scan.Brackets._look

    def count(brackets: json_scan.Brackets, at: int) -> int | None:
        nonlocal looks
        looks += 1
        return look(brackets, at)

    monkeypatch.setattr(json_scan.Brackets, "_look", count)
    chunks = list(JsonRows(["a"], rows).read([line * 10_000]))
    assert len(fates(chunks)) == 10_000
    assert looks < 50


def test_the_end_of_an_object_is_the_same_whoever_asked_before() -> None:
    data = b'{"a":{"b":[{"c":1},{"d":{"e":"}"},{"f":1}\n"x\ny"}'
    starts = [i for i in range(len(data)) if data[i : i + 1] == b"{"]

    def ask(brackets: json_scan.Brackets, at: int, size: int, limit: int) -> object:
        brackets.enter(data[1:size], 1)
        end = brackets.find_end(at - 1, limit - 1)
        return end + 1 if isinstance(end, int) else end

    shared = json_scan.Brackets()
    for size in range(len(data) + 1):
        for limit in range(size + 1):
            for at in starts[1:]:
                if at < limit:
                    assert ask(shared, at, size, limit) == ask(json_scan.Brackets(), at, size, limit)


def test_a_path_to_rows_has_names_only() -> None:
    with pytest.raises(ManifestError, match="names and dots only"):
        JsonRows(["a"], "rows[]")


def test_any_json_of_pythons_is_read_back() -> None:
    written = [{"a": text} for text in ("", "x", '"', "\\", "}", "],[", "é", "\u2028", "😀")]
    assert values(json.dumps(written).encode()) == [row["a"].encode() for row in written]
