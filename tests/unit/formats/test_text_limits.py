"""Limits of the text formats: what is beyond one is a reject or a sentence, and what is below it is read."""

from __future__ import annotations

import pytest

from ingest_cli.errors import SourceError
from ingest_cli.formats import framing, irregular, json_columns
from ingest_cli.formats.delimited import MAX_COLUMNS
from ingest_cli.formats.framing import Dialect
from ingest_cli.formats.interface import Wanted
from ingest_cli.formats.json_columns import JsonColumns
from ingest_cli.formats.json_elements import MAX_DEPTH
from ingest_cli.formats.json_rows import JsonRows
from ingest_cli.formats.json_values import MAX_VALUES
from ingest_cli.formats.jsonl import JsonLines
from ingest_cli.formats.sql import values
from tests.support.chunks import cells, fates
from tests.support.text_formats import delimited_reader

COMMA = Dialect(",", '"')
ROW = b'{"a": "x"}'


def csv(data: bytes, dialect: Dialect = COMMA, columns: tuple[str, ...] | None = None) -> list[object]:
    chunks = list(delimited_reader(dialect, ["a"], columns, header=columns is None).read([data]))
    return [cells(chunks, "a"), fates(chunks)]


def test_a_header_has_no_more_columns_than_a_table() -> None:
    assert csv(b"a" + b"," * (MAX_COLUMNS - 1) + b"\n")[0] == []
    with pytest.raises(SourceError, match=r"has 32,768 columns, and 32,767 is the limit; check `delimiter`"):
        csv(b"a" + b"," * MAX_COLUMNS + b"\n")


@pytest.mark.parametrize("quote", [b"", b'"'])
def test_a_line_of_too_many_delimiters_is_rejected_alone(quote: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(irregular, "MAX_DELIMITERS", 5)
    crowded = quote + b"," * 6 + quote + b' "'  # a quote out of place, so that the careful parser reads it
    found, fate = csv(b"a,b\n1,2\n" + crowded + b"\n3,4\n")
    assert found == [(b"1",), (b"3",)]
    assert fate == [(2, 3, "too_many_cells")]


def test_a_block_of_quotes_reads_as_few_quotes_do(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'a,b\n"1","""2"\n"3,4","5\n6"\n7,8\n'
    expected = csv(data)
    monkeypatch.setattr(framing, "MAX_QUOTES", 3)
    assert framing.scan(data, COMMA, final=True) is None
    assert csv(data) == expected


def values_of(count: int) -> bytes:
    """An object of so many values, itself and its array among them."""
    return b'{"a": [' + b"0," * (count - 3) + b"0]}"


@pytest.mark.parametrize("count", [MAX_VALUES - 1, MAX_VALUES + 1])
def test_a_row_of_too_many_values_is_rejected_alone(count: int) -> None:
    expected = [(2, "array_in_cell" if count < MAX_VALUES else "record_too_long")]
    lines = list(JsonLines(["a"]).read([b"\n".join([ROW, values_of(count), ROW])]))
    assert cells(lines, "a") == [(b"x",)] * 2
    assert [(row, reason) for row, _, reason in fates(lines)] == expected
    rows = list(JsonRows(["a"]).read([b"[" + b",".join([ROW, values_of(count), ROW]) + b"]"]))
    assert cells(rows, "a") == [(b"x",)] * 2
    assert [(row, reason) for row, _, reason in fates(rows)] == expected


def test_what_is_in_strings_is_no_value() -> None:
    text = b'"' + b'[,{\\"' * MAX_VALUES + b'"'
    rows = list(JsonRows(["b"]).read([b'[{"a": ' + text + b', "b": "x"}]']))
    assert cells(rows, "b") == [(b"x",)]


def test_rows_after_one_of_many_values_are_read_as_ever() -> None:
    several = b",".join(b'{"a": [{"b": ["%d"]}]}' % place for place in range(1000))
    crowd = values_of(2 * MAX_VALUES)
    rows = list(JsonRows(["a.b"]).read([b"[" + crowd + b"," + several + b"]"]))
    assert cells(rows, "a.b") == [(b"%d" % place,) for place in range(1000)]
    assert [reason for _, _, reason in fates(rows)] == ["record_too_long"]


def test_arrays_within_each_other_around_the_rows_have_an_end() -> None:
    def nested(depth: int) -> list[object]:
        chunks = list(JsonRows(["a"]).read([b"[" * depth + ROW + b"]" * depth]))
        return [cells(chunks, "a"), [reason for _, _, reason in fates(chunks)]]

    assert nested(MAX_DEPTH) == [[(b"x",)], []]
    assert nested(MAX_DEPTH + 1) == [[], ["broken_json"]]


@pytest.mark.parametrize("value", [b'{"b":1}', b'""'])
def test_columns_count_what_values_take_beside_their_text(value: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_columns, "MAX_FRAME_BYTES", 100_000)
    with pytest.raises(SourceError, match="have to be in memory"):
        list(JsonColumns(Wanted(["a"])).read([b'{"a": [' + (value + b",") * 5_000 + b'""]}']))


@pytest.mark.parametrize("cell", [rb"\\\n", rb"a\x41\101b", rb"\t"])
def test_long_cells_are_unescaped_as_short_ones_are(cell: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = values.copied(cell * 3)
    monkeypatch.setattr(values, "_MAX_SUBSTITUTED_BYTES", 0)
    assert values.copied(cell * 3) == expected
