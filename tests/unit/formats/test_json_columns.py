"""JSON by column: values that belong together are rows, and where nobody can tell, there are none."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ingest_cli.errors import DamagedError, ManifestError, SourceError
from ingest_cli.formats import json_columns
from ingest_cli.formats.interface import Wanted
from ingest_cli.formats.json_columns import JsonColumns
from ingest_cli.model.chunks import Position, RowChunk, Span
from tests.support.chunks import cells, fates, flags, read_to_fault, repeated

FRAME = b'{"a": {"0": "1", "1": "2"}, "x": {"0": "p", "1": "q"}, "b": {"0": 3, "1": null}}'
NAMES = ("a", "b")


def chunks(data: bytes, *names: str, rows: str | None = None, chunk_bytes: int = 1 << 20) -> list[RowChunk]:
    return list(JsonColumns(Wanted(names or NAMES), rows, chunk_bytes=lambda: chunk_bytes).read([data]))


@pytest.mark.parametrize(
    ("rows", "data", "expected"),
    [
        (None, FRAME, [(b"1", b"3"), (b"2", b"")]),
        ("f.g", b'{"a": {"0": "no"}, "f": {"g": ' + FRAME + b"}}", [(b"1", b"3"), (b"2", b"")]),
        (None, b'{"a": ["1", "2"], "b": [3, null]}', [(b"1", b"3"), (b"2", b"")]),
        (None, b'{"a": {"0": "1", "1": "2"}, "b": {"1": "4", "0": "3"}}', [(b"1", b"3"), (b"2", b"4")]),
        (None, b'{"a": {"0": "1"}, "b": {"2": "5", "0": "3"}}', [(b"1", b"3"), (b"", b"5")]),
        (None, b'{"a": {"p": "1", "q": "2"}, "b": {"q": "4"}}', [(b"1", b""), (b"2", b"4")]),
        (None, b'{"a": {}, "b": {}}', []),
        (None, b'{"a": [], "b": []}', []),
        (None, b"", []),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_values_under_one_key_or_at_one_place_are_a_row(
    rows: str | None, data: bytes, expected: list[tuple[bytes, ...]], chunk_bytes: int
) -> None:
    assert cells(chunks(data, rows=rows, chunk_bytes=chunk_bytes), *NAMES) == expected


def test_the_key_of_a_row_is_a_column_and_paths_lead_into_values() -> None:
    data = b'{"a": {"u@x": ["1", "2"], "v@x": []}, "b": {"u@x": {"c": {"$oid": "5"}}, "v@x": {}}}'
    found = chunks(data, "$key", "a[]", "a[0]", "b.c")
    assert cells(found, "$key", "a[]", "a[0]", "b.c") == [(b"u@x", b'["1","2"]', b"1", b"5"), (b"v@x", b"", b"", b"")]
    assert cells(chunks(b'{"a": ["1"]}', "$key", "a"), "$key", "a") == [(b"", b"1")]


@pytest.mark.parametrize(
    ("data", "kept", "rejected"),
    [
        (b'{"a": {"0": {"c": "1"}, "1": "2"}, "b": {"0": "3", "1": "4"}}', [(b"2", b"4")], ["object_in_cell"]),
        (b'{"a": {"0": "1", "1": "2"}, "b": {"0": ["3", "5"], "1": "4"}}', [(b"2", b"4")], ["array_in_cell"]),
        (b'{"a": ["1", NaN, "2"], "b": [3, 4, 5]}', [(b"1", b"3"), (b"2", b"5")], ["broken_json"]),
        (b'{"a": {"0": "1", "0": "2", "1": "6"}, "b": {"0": "3"}}', [(b"6", b"")], ["duplicate_key"]),
        (b'{"a": ["1" "2"], "b": [3, 4]}', [(b"1", b"3")], ["broken_json"]),
    ],
)
def test_a_row_with_a_value_that_is_no_cell_is_rejected_alone(
    data: bytes, kept: list[tuple[bytes, ...]], rejected: list[str]
) -> None:
    found = chunks(data)
    assert cells(found, *NAMES) == kept
    assert [why for _, _, why in fates(found)] == rejected


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": ["1", "2"], "b": ["3"]}', '"b" has 1 values and "a" has 2'),
        (b'{"a": ["1"], "b": {"0": "3"}}', "some of the columns are arrays and some are objects"),
        (b'{"a": ["1"], "x": ["3"]}', 'there is no column "b"'),
        (b'{"a": ["1"], "b": "3"}', 'there is no column "b"'),
        (b'[{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]', 'there is no column "a"'),
        (b'{"a": ["1"], "b": ["2"], "a": ["3"]}', 'the column "a" is there twice'),
        (FRAME + b"\n" + FRAME, 'the column "a" is there twice'),
        (b"[" + FRAME + b", " + FRAME + b"]", 'the column "a" is there twice'),
    ],
)
def test_what_nobody_can_tell_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        chunks(data)


@pytest.mark.parametrize(
    "data",
    [
        *(FRAME[:size] for size in (1, 10, 20, 30, 40, 70, len(FRAME) - 1)),
        b'{"a": ["1",, "2"], "b": [3, 4, 5]}',
        b'{"a": [,"1"], "b": [3, 4]}',
        b'{"a": ["1", ["2", "3"], "b": [4, 5]}',
        b"[" * 2_000,
        FRAME + b"x",
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_of_a_document_that_is_cut_off_or_broken_nothing_is_read(data: bytes, chunk_bytes: int) -> None:
    with pytest.raises(DamagedError, match="cut off or is not JSON"):
        chunks(data, chunk_bytes=chunk_bytes)


def test_a_stream_that_breaks_off_is_that_and_gives_no_row() -> None:
    found, fault = read_to_fault(JsonColumns(Wanted(NAMES)), [FRAME[:-1]])
    assert (found, str(fault)) == ([], "the disk is broken")


def test_an_optional_column_may_lack_and_is_empty_then() -> None:
    parser = JsonColumns(Wanted(("a", "z"), frozenset({"z"})))
    assert cells(parser.read([FRAME]), "a", "z") == [(b"1", b""), (b"2", b"")]


def test_of_a_column_of_which_presence_counts_everything_is_there() -> None:
    data = b'{"a": ["1", "2"], "b": [{"street": "x"}, {}]}'
    parser = JsonColumns(Wanted(NAMES, presence=frozenset({"b"})))
    assert cells(parser.read([data]), *NAMES) == [(b"1", b"x"), (b"2", b"")]


def test_bytes_that_are_not_utf_8_are_counted() -> None:
    found = chunks(b'{"a": ["\xff", "1", "\\ud800"], "b": ["2", "3", "4"]}')
    assert cells(found, *NAMES) == [(b"\xff", b"2"), (b"1", b"3"), (b"\xed\xa0\x80", b"4")]
    assert flags(found) == {"undecodable_bytes": 2}


def test_a_position_is_a_number_of_rows_and_any_of_them_are_read_again() -> None:
    rows = 1_000
    data = json.dumps({name: {str(i): f"{name}{i}" for i in range(rows)} for name in NAMES}).encode()
    found = chunks(data, chunk_bytes=700)
    assert len(found) > 10
    assert [chunk.start for chunk in found[1:]] == [chunk.end for chunk in found[:-1]]
    assert found[-1].end == Position(rows, rows, rows)
    spans = [Span(found[2].start, found[2].end), Span(found[5].start, found[7].end), Span(found[9].start)]
    again = list(JsonColumns(Wanted(NAMES), chunk_bytes=lambda: 5_000).read([data], spans))
    assert cells(again, *NAMES) == cells([found[2], *found[5:8], *found[9:]], *NAMES)


@pytest.mark.slow
def test_more_than_may_be_in_memory_is_refused_and_passed_over_columns_do_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(json_columns, "MAX_FRAME_BYTES", 1 << 20)

    def pieces(name: bytes) -> Iterator[bytes]:
        yield b'{"a": ["1"], "b": ["2"], "' + name + b'": ["'
        yield from repeated(b'x", "', 2_000_000)
        yield b'x"]}'

    parser = JsonColumns(Wanted(NAMES))
    assert cells(parser.read(pieces(b"y")), *NAMES) == [(b"1", b"2")]
    with pytest.raises(SourceError, match="take more than 1 MiB; write the document by rows first"):
        list(JsonColumns(Wanted(("a", "b", "z"))).read(pieces(b"z")))


@pytest.mark.parametrize(("names", "rows"), [(("a",), "f.*"), (("$key",), None), (("a[",), None)])
def test_what_cannot_be_by_column_is_no_manifest(names: tuple[str, ...], rows: str | None) -> None:
    with pytest.raises(ManifestError):
        JsonColumns(Wanted(names), rows)
