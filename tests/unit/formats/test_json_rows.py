"""JSON documents: where the rows are, and how a broken one is got past."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from ingest_cli.errors import ManifestError
from ingest_cli.formats import json_scan
from ingest_cli.formats.json_rows import JsonRows
from ingest_cli.formats.json_walk import MAX_DEPTH
from tests.support.chunks import cells, fates, repeated

ROWS = b'[{"a": "1"}, {"a": "2"}]'


def values(data: bytes, rows: str | None = None) -> list[bytes]:
    return [cell for (cell,) in cells(JsonRows(["a"], rows).read([data]), "a")]


def outcomes(data: str, rows: str | None, columns: Sequence[str] = ()) -> list[object]:
    """Of each record its key and cell, or the reason why it is none."""
    chunks = list(JsonRows(["$key", "a"], rows, columns).read([data.encode()]))
    found: dict[int, object] = {row: why for row, _, why in fates(chunks)}
    places = [row for chunk in chunks for row in chunk.rows(chunk.index).tolist()]
    found |= dict(zip(places, cells(chunks, "$key", "a"), strict=True))
    return [found[row] for row in sorted(found)]


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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("rows", "data", "expected"),
    [
        ("*", '{"k": {"a": "1"}, "l": {"a": "2"}}', [(b"k", b"1"), (b"l", b"2")]),
        ("*", '{"k": {"a": "1"}}\n{"l": {"a": "2"}}', [(b"k", b"1"), (b"l", b"2")]),
        (
            "users.*",
            '{"n": 2, "users": {"k": {"a": "1"}, "l": {"a": "2"}}, "x": {"m": {"a": "3"}}}',
            [(b"k", b"1"), (b"l", b"2")],
        ),
        ("x.users.*", '{"users": {"k": {"a": "0"}}, "x": {"users": {"k": {"a": "1"}}}}', [(b"k", b"1")]),
        ("users.*", '{"users": {"k": {"a": {"b": "1"}}, "l": {"a": "2"}}}', ["object_in_cell", (b"l", b"2")]),
        (
            "users.*",
            '{"users": {"k": "1", "l": null, "m": [{"a": "1"}], "n": {"a": "2"}}}',
            ["not_an_object"] * 3 + [(b"n", b"2")],
        ),
        ("users.*", '{"users": {"k": {"a": tru}, "l": {"a": "2"}}}', ["broken_json", (b"l", b"2")]),
        (
            "users.*",
            '{"users": {"k": {"a": "x}, "l": {"a": "2"}, "m": {"a": "3"}}}',
            ["broken_json", (b"l", b"2"), (b"m", b"3")],
        ),
        ("users.*", '{"users": {"k", "l": {"a": "2"}}}', ["broken_json", (b"l", b"2")]),
        ("users.*", '{"users": {{"a": "1"}, "l": {"a": "2"}}}', ["broken_json", (b"l", b"2")]),
        (
            "users.*",
            '{"users": {"k": {"a": "1"} "l": {"a": "2"}, "m": {"a": "3"}}}',
            [(b"k", b"1"), "broken_json", (b"m", b"3")],
        ),
        ("users.*", '{"users": {,"k": {"a": "1"}}}', ["broken_json", (b"k", b"1")]),
        ("users.*", '{"users": {"a\tb": {"a": "1"}, "l": {"a": "2"}}}', ["broken_json", (b"l", b"2")]),
        ("users.*", '{"users": {"\\u00e9\\"": {"a": "1"}}}', [('é"'.encode(), b"1")]),
        ("users.*", '{"users": {"k": {"a": "1"}, "k": {"a": "2"}}}', [(b"k", b"1"), (b"k", b"2")]),
        ("users.*", '{"users": [null, {"a": "1"}]}', ["not_an_object", (b"", b"1")]),
        ("users.*", '{"users": {}}', []),
        ("users.*", '{"users": "x"}', ["no_rows"]),
        ("users.*", '{"users": {"k": {"a": "1"}, "l"', [(b"k", b"1"), "broken_json"]),
        ("users.*", '{"users": {"k": {"a": "1"}, "l": ', [(b"k", b"1"), "broken_json"]),
        ("users.*", '{"users": {"k": {"a": "1"}', [(b"k", b"1"), "broken_json"]),
        (
            "r.*.users.*",
            '{"r": {"p": {"users": {"k": {"a": "1"}}}, "q": {"users": {"l": {"a": "2"}}}}}',
            [(b"k", b"1"), (b"l", b"2")],
        ),
        (
            "r.*.users",
            '{"r": {"p": {"users": [{"a": "1"}]}, "q": {"users": [{"a": "2"}, {"a": "3"}]}}}',
            [(b"p", b"1"), (b"q", b"2"), (b"q", b"3")],
        ),
        ("*.*", '{"r": {"k": {"a": "1"}}, "s": {"l": {"a": "2"}}}', [(b"k", b"1"), (b"l", b"2")]),
        ('"*"', '{"*": [{"$key": "k", "a": "1"}]}', [(b"k", b"1")]),
    ],
)
def test_the_values_of_an_object_are_rows_and_have_keys(rows: str, data: str, expected: list[object]) -> None:
    assert outcomes(data, rows) == expected


@pytest.mark.parametrize(
    ("rows", "data", "expected"),
    [
        (None, '[["a", "x"], ["1", "x"], ["2", 5]]', ["repeated_header", (b"", b"1"), (b"", b"2")]),
        (
            None,
            '{"index": [0], "data": [["1", "x"], ["2"], ["3", "x", "y"]]}',
            [(b"", b"1"), "too_few_cells", "too_many_cells"],
        ),
        ("data", '{"meta": {"view": [["m", "x"]]}, "data": [["1", "x"]]}', [(b"", b"1")]),
        (
            "data",
            '{"data": [["1", "x"], {"a": "1"}, "x", [["1", "2"], "x"]]}',
            [(b"", b"1"), "not_an_array", "not_an_object", "array_in_cell"],
        ),
        ("*", '{"k": ["1", "x"], "l": ["2", "x"]}', [(b"k", b"1"), (b"l", b"2")]),
        (None, '["1", "x"]\n["2", "x"]', [(b"", b"1"), (b"", b"2")]),
        ("$", '["1", "x"]', [(b"", b"1")]),
        (None, '[["1", tru], ["2", "x"]]', ["broken_json", (b"", b"2")]),
        (None, '[["1", "x], ["2", "x"], ["3", "x"]]', ["broken_json", (b"", b"2"), (b"", b"3")]),
        (None, '[{"a": "1"}]', ["not_an_array"]),
        (None, '{"a": "1"}', ["not_an_array"]),
        (None, '[["1", "x"], ["2", ', [(b"", b"1"), "broken_json"]),
    ],
)
def test_rows_may_be_arrays(rows: str | None, data: str, expected: list[object]) -> None:
    columns = ["a", "x"]
    keyed = rows == "*"
    chunks = list(JsonRows(["$key", "a"] if keyed else ["a"], rows, columns).read([data.encode()]))
    found: dict[int, object] = {row: why for row, _, why in fates(chunks)}
    places = [row for chunk in chunks for row in chunk.rows(chunk.index).tolist()]
    read = cells(chunks, "$key", "a") if keyed else [(b"", cell) for (cell,) in cells(chunks, "a")]
    found |= dict(zip(places, read, strict=True))
    assert [found[row] for row in sorted(found)] == expected


PEOPLE_BY_KEY = '{"+60123456781": {"email": "a"}, "+60123456782": {"email": "b"}, "x@y,com": {"email": "c"}}'
BY_COLUMN = '{"email": {"0": "a", "1": "b"}, "phone": {"0": "c", "1": "d"}}'


@pytest.mark.parametrize(
    ("rows", "data", "said"),
    [
        ("users", f'{{"users": {PEOPLE_BY_KEY}}}', 'what looks like phone numbers; set rows = "users.*" in [format]'),
        ("d.users", f'{{"d": {{"users": {PEOPLE_BY_KEY}}}}}', '"d.users" is an object of 3 objects, keyed by'),
        (None, f'{{"users": {PEOPLE_BY_KEY}}}', 'set rows = "users.*"'),
        (None, '{"users": {"-K1": {"email": "a"}, "-K2": {"email": "b"}}, "m": {"v": 1}}', 'set rows = "users.*"'),
        (
            None,
            PEOPLE_BY_KEY,
            'the document is an object of 3 objects, keyed by what looks like phone numbers; set rows = "*"',
        ),
        ("data", f'{{"data": {BY_COLUMN}}}', 'set rows = "data" and layout = "columns" in [format]'),
        (None, f'{{"data": {BY_COLUMN}}}', 'set rows = "data" and layout = "columns" in [format]'),
        (None, '[["a@x", "1"], ["b@x", "2"]]', 'columns = ["EMAIL", "", "PHONE"]'),
        ("data", '{"data": [["a@x", "1"], ["b@x", "2"]]}', 'columns = ["EMAIL", "", "PHONE"]'),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_what_plainly_holds_rows_is_refused_with_what_to_say_of_it(
    rows: str | None, data: str, said: str, chunk_bytes: int
) -> None:
    with pytest.raises(ManifestError) as refused:
        list(JsonRows(["email"], rows, chunk_bytes=lambda: chunk_bytes).read([data.encode()]))
    message = str(refused.value)
    assert said in message
    assert "6012345678" not in message
    assert "x@y" not in message


@pytest.mark.parametrize(
    ("rows", "data", "expected"),
    [
        ("users", '{"users": {"a": "1"}}', ["no_rows"]),
        ("users", '[{"users": [{"a": "1"}]}, {"users": {"k": {"a": "2"}}}]', [(b"", b"1"), "no_rows"]),
        ("users", '{"users": [{"a": "1"}]}\n{"users": {"k": {"a": "2"}}}', [(b"", b"1"), "no_rows"]),
        (None, '{"home": {"a": "1"}, "b": "2", "c": "3"}', [(b"", b"")]),
        (None, '[{"a": "1"}, [["x"]]]', [(b"", b"1"), "not_an_object"]),
    ],
)
def test_what_may_be_one_row_or_comes_later_is_not_refused(rows: str | None, data: str, expected: list[object]) -> None:
    assert outcomes(data, rows) == expected


def test_a_value_longer_than_any_row_may_be_is_given_up_alone_and_so_is_a_key() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"k": {"a": "1"}, "l": {"a": "'
        yield from repeated(b"x", 20 << 20)
        yield b'"}, "m": {"a": "2"}}'

    chunks = list(JsonRows(["$key", "a"], "*").read(pieces()))
    assert cells(chunks, "$key", "a") == [(b"k", b"1"), (b"m", b"2")]
    assert [why for _, _, why in fates(chunks)] == ["record_too_long"]


def test_a_path_to_rows_has_names_only() -> None:
    with pytest.raises(ManifestError, match="names and dots only"):
        JsonRows(["a"], "rows[]")


def test_any_json_of_pythons_is_read_back() -> None:
    written = [{"a": text} for text in ("", "x", '"', "\\", "}", "],[", "é", "\u2028", "😀")]
    assert values(json.dumps(written).encode()) == [row["a"].encode() for row in written]
