"""Escapes, delimiters of several characters, spreadsheets' formulas, and lines before the header."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingest_cli.errors import ManifestError
from ingest_cli.formats import irregular
from ingest_cli.formats.framing import Dialect, RowRules
from ingest_cli.model.chunks import Position, RowChunk, Span
from tests.support.chunks import cells, fates, flags, repeated
from tests.support.text_formats import delimited_reader

MYSQL, SPARK = Dialect("\t", "", "\\"), Dialect(",", '"', "\\")
COMMA = Dialect(",", '"')


def read(
    data: bytes, dialect: Dialect, columns: Sequence[str] | None = None, chunk_bytes: int = 1 << 20
) -> list[RowChunk]:
    wanted = list(columns or "AB")
    made = delimited_reader(dialect, wanted, columns, header=columns is None, chunk_bytes=lambda: chunk_bytes)
    return list(made.read([data]))


def rows(data: bytes, dialect: Dialect, names: str = "AB") -> list[tuple[bytes, ...]]:
    return cells(read(data, dialect, list(names)), *names)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\\\tb\tc\n", (b"a\tb", b"c")),
        (b"a\\\nb\tc\n", (b"a\nb", b"c")),
        (b"a\\\r\nb\tc\r\n", (b"a\r\nb", b"c")),
        (b"a\\\rb\tc\r", (b"a\rb", b"c")),
        (b"a\\\\\tc\n", (b"a\\", b"c")),
        (b"a\\\\\\\tb\tc\n", (b"a\\\tb", b"c")),
        (b"\\N\t\\N\n", (b"\\N", b"\\N")),
        (b"a\\nb\\t\\r\\b\\Z\\0\tc\n", (b"a\nb\t\r\b\x1a\0", b"c")),
        (b"DOMAIN\\user\tc\n", (b"DOMAIN\\user", b"c")),
        (b"\\\xc3\xa9\t\\\xff\n", (b"\\\xc3\xa9", b"\\\xff")),
        (b'o\\\'b\t\\"c\\"\n', (b"o'b", b'"c"')),
        (b"a\tc\\", (b"a", b"c\\")),
        (b"a\tc\\\\", (b"a", b"c\\")),
    ],
)
def test_escapes_outside_quotes(data: bytes, expected: tuple[bytes, ...]) -> None:
    assert rows(data, MYSQL) == [expected]
    if b"\r" not in data and data.endswith(b"\n"):
        assert rows(data * 3, MYSQL) == [expected] * 3


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'"a\\"b",c\n', (b'a"b', b"c")),
        (b'"a\\\\",c\n', (b"a\\", b"c")),
        (b'"a\\\\\\"",c\n', (b'a\\"', b"c")),
        (b'"a\\"\n,b",c\n', (b'a"\n,b', b"c")),
        (b'"a\\\nb",c\n', (b"a\nb", b"c")),
        (b'"a""b",c\n', (b'a"b', b"c")),
        (b'"a""\\"b","\\N"\n', (b'a""b', b"\\N")),
        (b'\\"a,b\\"\n', (b'"a', b'b"')),
        (b'a\\,"b",c\n', (b'a,"b"', b"c")),
    ],
)
def test_escapes_with_quotes(data: bytes, expected: tuple[bytes, ...]) -> None:
    assert rows(data, SPARK) == [expected]
    assert rows(b"x,y\n" + data + b'"z",\n', SPARK) == [(b"x", b"y"), expected, (b"z", b"")]


def test_a_backslash_before_the_quote_is_none_without_an_escape() -> None:
    with_escape = read(b'A,B\n"a\\",b\n"c","d"\n', SPARK)
    assert cells(with_escape, "A", "B") == [(b'"a"', b"b"), (b"c", b"d")]
    assert flags(with_escape) == {"literal_quote": 1}
    assert cells(read(b'A,B\n"a\\",b\n', COMMA), "A", "B") == [(b"a\\", b"b")]


def test_a_phone_number_does_not_become_somebody_elses_id() -> None:
    data = b"Ali\\\tBoy\tali@example.com\t0123456781\t850101145678\n"
    assert fates(read(data, Dialect("\t", ""), list("abcd"))) == [(1, 1, "too_many_cells")]
    assert rows(data, MYSQL, "abcd")[0][2:] == (b"0123456781", b"850101145678")


@pytest.mark.slow
def test_lines_that_are_all_escaped_take_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    handed_out = 0
    give = irregular._Feed.__next__

    def count(feed: irregular._Feed) -> str:
        nonlocal handed_out
        handed_out += 1
        return give(feed)

    monkeypatch.setattr(irregular._Feed, "__next__", count)
    for line in (b"a\\\n", b'"a\\\n', b'"a\n', b'a","b\\\n', b'"\\"\n', b'x"\\\n'):
        handed_out = 0
        chunks = read(b'"' + line * 30_000, SPARK, ["A", "B"])
        assert sum(chunk.records for chunk in chunks) <= 30_001
        assert handed_out <= 12 * 30_000, line


@pytest.mark.parametrize("delimiter", ["||", "::", "|~|", "^|^", ";@/", "!#", "¦¦", "日本"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_delimiter_of_several_characters(delimiter: str, quote: str) -> None:
    text = f"A{delimiter}B\nB{delimiter[0]}n{delimiter}b@example.com\n{delimiter}\n"
    chunks = read(text.encode(), Dialect(delimiter, quote))
    assert cells(chunks, "A", "B") == [(f"B{delimiter[0]}n".encode(), b"b@example.com"), (b"", b"")]
    assert chunks[-1].end == Position(len(text.encode()), 2, 3)


def test_a_delimiter_of_several_characters_within_quotes_is_text() -> None:
    dialect = Dialect("||", '"')
    assert rows(b'"a||b"||"c"\n"d"||"e""||"\n', dialect) == [(b"a||b", b"c"), (b"d", b'e"||')]
    assert rows(b'"a\n||b"||c\n', dialect) == [(b"a\n||b", b"c")]


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize(
    ("delimiter", "overlapping"),
    [("||", "|||"), ("~|~", "~~|~|~"), ("^|^", "^|^|^"), ("~|^", "~~|^|^"), (", ", ",,  ")],
)
def test_a_row_in_which_two_delimiters_share_a_sign_is_rejected(
    delimiter: str, overlapping: str, quote: str, chunk_bytes: int
) -> None:
    text = f"A{delimiter}B\na{overlapping}b\nc{delimiter}d\n{delimiter}\n"
    chunks = read(text.encode(), Dialect(delimiter, quote), chunk_bytes=chunk_bytes)
    assert fates(chunks) == [(1, 2, "delimiter_ambiguous")]
    assert cells(chunks, "A", "B") == [(b"c", b"d"), (b"", b"")]


def test_a_quoted_cell_may_begin_as_a_delimiter_does() -> None:
    assert rows(b'a||"|b"\n"a|"||b\n', Dialect("||", '"')) == [(b"a", b"|b"), (b"a|", b"b")]
    assert rows(b'"a,", " b"\n"a,,  b", c\n', Dialect(", ", '"')) == [(b"a,", b" b"), (b"a,,  b", b"c")]


def test_delimiters_side_by_side_do_not_overlap() -> None:
    assert fates(read(b"a||||b\n", Dialect("||", ""), list("AB"))) == [(1, 1, "too_many_cells")]


def test_a_block_without_a_byte_to_spare_is_read_all_the_same() -> None:
    every = bytes(byte for byte in range(1, 32) if byte not in b"\n\r")
    assert rows(every + b"||b\n" + b"c||d\n", Dialect("||", "")) == [(every, b"b"), (b"c", b"d")]


def test_an_escape_before_a_delimiter_of_several_characters() -> None:
    assert rows(b"a\\||b||c\n", Dialect("||", "", "\\")) == [(b"a||b", b"c")]


def test_a_stream_of_rows_with_long_delimiters_is_read_in_chunks_that_tile_it() -> None:
    data = b'x||"y||\n"\n' * 2_000
    whole = read(data, Dialect("||", '"'), list("AB"))
    assert sum(len(chunk.index) for chunk in whole) == 2_000
    chunks = read(data, Dialect("||", '"'), list("AB"), chunk_bytes=100)
    assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]
    assert chunks[-1].end == whole[-1].end == Position(len(data), 2_000, 4_000)
    begun = delimited_reader(Dialect("||", '"'), list("AB"), list("AB"), header=False).read(
        [data], [Span(chunks[7].start)]
    )
    assert cells(begun, "A", "B") == [row for chunk in chunks[7:] for row in cells([chunk], "A", "B")]


FORMULAS = {
    b'="012",b\n': (b'="012"', b"b"),
    b'"=""012""",b\n': (b'="012"', b"b"),
    b'="a,b","c"\n': (b'="a,b"', b"c"),
    b'="a\nb",c\n': (b'="a\nb"', b"c"),
    b'x,="a,b"\n': (b"x", b'="a,b"'),
    b'="a""b,",c\n': (b'="a""b,"', b"c"),
    b'="",=""\n': (b'=""', b'=""'),
    b"=1+1,=A1\n": (b"=1+1", b"=A1"),
    b'<a href="x">,b\n': (b'<a href="x">', b"b"),
}


@pytest.mark.parametrize("data", FORMULAS)
def test_a_formula_around_a_text_is_one_cell(data: bytes) -> None:
    assert rows(data, COMMA) == [FORMULAS[data]]
    chunks = read(data + b'"x","y"\n' + data, COMMA, list("AB"))
    assert cells(chunks, "A", "B") == [FORMULAS[data], (b"x", b"y"), FORMULAS[data]]
    assert flags(chunks) == {}
    assert not any(len(chunk.loose) for chunk in chunks)


def test_a_formula_that_never_ends_is_letters() -> None:
    chunks = read(b'A,B\n="x,y\nc,d\n', COMMA)
    assert cells(chunks, "A", "B") == [(b'="x', b"y"), (b"c", b"d")]
    assert flags(chunks) == {"literal_quote": 1}


def test_a_name_in_the_header_may_be_a_formula() -> None:
    assert cells(read(b'="A","=""B"""\n1,2\n', COMMA), "A", "B") == [(b"1", b"2")]


def skipping(count: int) -> Dialect:
    return Dialect(",", '"', rules=RowRules(skip_lines=count))


PREAMBLE = b'Report "X,,\r\nmade: today\n\rA,B\n1,2\n'


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1 << 20])
def test_lines_before_the_header_can_be_skipped(chunk_bytes: int) -> None:
    chunks = read(PREAMBLE, skipping(3), chunk_bytes=chunk_bytes)
    assert cells(chunks, "A", "B") == [(b"1", b"2")]
    assert chunks[0].start == Position(PREAMBLE.index(b"1,2"), 0, 4)
    assert chunks[-1].end == Position(len(PREAMBLE), 1, 5)


@pytest.mark.parametrize("piece", [1, 3])
def test_lines_are_skipped_whatever_the_pieces_of_the_stream(piece: int) -> None:
    made = delimited_reader(skipping(3), list("AB"), None, header=True)
    chunks = list(made.read(PREAMBLE[at : at + piece] for at in range(0, len(PREAMBLE), piece)))
    assert chunks[-1].end == Position(len(PREAMBLE), 1, 5)


def test_without_a_header_the_first_row_is_behind_the_skipped_lines() -> None:
    chunks = read(b"title\n1,2\n3\n", skipping(1), list("AB"))
    assert cells(chunks, "A", "B") == [(b"1", b"2")]
    assert chunks[0].start == Position(6, 0, 1)
    assert fates(chunks) == [(2, 3, "too_few_cells")]


def test_reading_goes_on_behind_skipped_lines_where_it_ended() -> None:
    data = b"title\nA,B\n" + b"".join(b"%d,x\n" % i for i in range(50))
    chunks = read(data, skipping(1), chunk_bytes=20)
    made = delimited_reader(skipping(1), list("AB"), None, header=True)
    again = list(made.read([data], [Span(chunks[5].start)]))
    assert cells(again, "A") == cells(chunks[5:], "A")
    assert again[0].start == chunks[5].start
    assert next(iter(made.read([data], [Span(Position())]))).start == Position(10, 0, 2)


def test_a_stream_may_end_within_the_skipped_lines() -> None:
    assert read(b"a\nb", skipping(9), list("AB")) == []
    assert read(b"", skipping(9), list("AB")) == []


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_where_the_header_seems_to_be_is_said(chunk_bytes: int) -> None:
    data = b"Member report,,\nGenerated: 19/10/2017 03:00,,\n# confidential\n\nB,A,C\n" + b"1,2,3\n" * 100
    with pytest.raises(ManifestError, match=r"the header seems to be in line 5: set `skip_lines = 4` in \[format\]"):
        read(data, COMMA, chunk_bytes=chunk_bytes)
    with pytest.raises(ManifestError, match="the header seems to be in line 5: set `skip_lines = 4`"):
        read(data, skipping(2), chunk_bytes=chunk_bytes)
    assert len(cells(read(data, skipping(4), chunk_bytes=chunk_bytes), "A")) == 100


def test_nothing_is_said_of_a_header_that_is_nowhere_near_nor_of_one_that_lacks_a_column() -> None:
    for data in (b"x\n" * 30 + b"A,B\n", b"x\nA,C\n"):
        with pytest.raises(ManifestError) as refusal:
            read(data, COMMA)
        assert "seems" not in str(refusal.value)


def test_lines_behind_the_last_row_are_rejects() -> None:
    chunks = read(b"A,B\n1,2\nTotal,2,\n(2 rows affected)\n", COMMA)
    assert fates(chunks) == [(2, 3, "too_many_cells"), (3, 4, "too_few_cells")]


def test_a_large_file_of_escapes_is_read_in_little_memory() -> None:
    made = delimited_reader(SPARK, list("AB"), list("AB"), header=False)
    line = b'"a\\"b",c\nd,\\N\n'
    chunks = list(made.read(repeated(line, 100_000 * len(line))))
    assert sum(len(chunk.index) for chunk in chunks) == 200_000
    assert max(len(chunk.data) for chunk in chunks) <= 1 << 20
