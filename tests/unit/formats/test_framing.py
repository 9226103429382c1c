"""Where records end: `scan` against a reader that goes one byte at a time."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from ingest_cli.formats.framing import Dialect, count_cells, scan
from ingest_cli.model.chunks import Position, RowChunk, count_lines, line_ends

COMMA = Dialect(",", '"')


def bounds(data: bytes, *, dialect: Dialect = COMMA, final: bool = True) -> list[int] | None:
    found = scan(data, dialect, final=final)
    return None if found is None else found.tolist()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", [0]),
        (b"a,b", [0, 3]),
        (b"a,b\n", [0, 4]),
        (b"a\nb\n", [0, 2, 4]),
        (b"a\r\nb\r\n", [0, 3, 6]),
        (b"a\rb\r", [0, 2, 4]),
        (b"a\r\n\rb\n\n", [0, 3, 4, 6, 7]),
        (b'"a\nb",c\nd\n', [0, 8, 10]),
        (b'"a\r\nb"\r\nd', [0, 8, 9]),
        (b'"a""\n""b"\n', [0, 10]),
        (b'""\n""', [0, 3, 5]),
        (b'a,"\n"\n', [0, 6]),
        (b"\xff\xfe,\x00\n", [0, 5]),
    ],
)
def test_records_of_a_whole_stream(data: bytes, expected: list[int]) -> None:
    assert bounds(data) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a,b", [0]),
        (b"a\nb", [0, 2]),
        (b"a\nb\r", [0, 2]),  # its LF may be the next byte
        (b"a\r\nb", [0, 3]),
        (b'a\n"b\n', [0, 2]),  # still quoted
        (b'a\n"b\n"', [0, 2]),
    ],
)
def test_the_last_record_of_unfinished_data_is_left_for_later(data: bytes, expected: list[int]) -> None:
    assert bounds(data, final=False) == expected


@pytest.mark.parametrize(
    "data",
    [b'a"b\n', b'"a"b\n', b'"a" \n', b' "a"\n', b'"a\n', b'a\n"', b'"a""\n', b'x,"y" z,"w"\n', b'""a\n', b'"a"\x00\n'],
)
def test_quotes_out_of_place_are_left_to_the_careful_parser(data: bytes) -> None:
    assert bounds(data) is None


def test_an_open_quote_is_only_wrong_where_the_stream_ends() -> None:
    assert bounds(b'a\n"b\n', final=True) is None
    assert bounds(b'a\n"b\n', final=False) == [0, 2]


def test_without_a_quote_character_quotes_are_letters() -> None:
    assert bounds(b'"a\n"b"c\n', dialect=Dialect(",", "")) == [0, 3, 8]


def test_another_quote_character() -> None:
    assert bounds(b"'a\nb';\"\n", dialect=Dialect(";", "'")) == [0, 8]


def test_only_single_byte_dialects_can_be_scanned() -> None:
    assert COMMA.is_single_byte
    assert Dialect("\x01", "").is_single_byte
    assert not Dialect("¦", '"').is_single_byte
    assert not Dialect(",", "»").is_single_byte


def test_cells_are_counted_outside_quotes() -> None:
    data = b'a,b,c\n\n"x,y",z\n"1,""2,""\n,3"\n,,,\n'
    found = scan(data, COMMA, final=True)
    assert found is not None
    expected = [max(len(row), 1) for row in csv.reader(io.StringIO(data.decode(), newline=""))]
    assert count_cells(data, found, COMMA).tolist() == expected


def test_line_ends_and_their_number() -> None:
    data = b"a\nb\r\nc\rd\n\r\r\n"
    assert line_ends(data).tolist() == [2, 5, 7, 9, 10, 12]
    assert count_lines(data) == 6
    assert line_ends(b"a\r", final=False).tolist() == []
    assert line_ends(b"a\r\nb\r", final=False).tolist() == [3]
    assert count_lines(b"") == 0


def test_a_chunk_numbers_its_rows_and_the_lines_they_begin_on() -> None:
    data = b'a\r\n"b\nc\rd"\r\n\re\n'
    found = scan(data, COMMA, final=True)
    assert found is not None
    chunk = RowChunk(Position(100, 7, 20), Position(), data, found, np.arange(4, dtype=np.int32), {})
    index = np.arange(chunk.records, dtype=np.int32)
    assert chunk.records == 4
    assert chunk.rows(index).tolist() == [8, 9, 10, 11]
    assert chunk.lines(index).tolist() == [21, 22, 25, 26]
    assert [chunk.raw(i) for i in range(chunk.records)] == ["a", '"b\nc\rd"', "", "e"]
