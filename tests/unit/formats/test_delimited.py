"""Delimited text: headers, rows of the wrong width, broken quoting, damaged streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from ingest_cli.errors import ManifestError, SourceError
from ingest_cli.formats import delimited, framing, irregular, record_stream
from ingest_cli.formats.delimited import Delimited
from ingest_cli.formats.framing import Dialect
from ingest_cli.model.chunks import Position, RowChunk, Span
from tests.support.chunks import cells, fates, flags, repeated
from tests.support.text_formats import delimited_reader

COMMA = Dialect(",", '"')
NAMES = ("A", "B", "C")


def parser(
    wanted: Sequence[str] = NAMES,
    columns: Sequence[str] | None = None,
    *,
    header: bool = True,
    dialect: Dialect = COMMA,
    chunk_bytes: int = 1 << 20,
) -> Delimited:
    return delimited_reader(dialect, wanted, columns, header=header, chunk_bytes=lambda: chunk_bytes)


def read(made: Delimited, data: bytes) -> list[RowChunk]:
    return list(made.read([data]))


def loose(chunks: Sequence[RowChunk]) -> list[int]:
    """Numbers of the rows that fit by a rule only."""
    return [int(row) for chunk in chunks for row in chunk.rows(chunk.loose)]


def test_the_header_says_where_the_wanted_columns_are() -> None:
    chunks = read(parser(["C", "A"]), b"A,B,C\n1,2,3\n4,5,6\n")
    assert cells(chunks, "C", "A") == [(b"3", b"1"), (b"6", b"4")]
    assert set(chunks[0].cells) == {"A", "C"}, "what is not wanted is not kept"
    assert (chunks[0].start, chunks[0].end) == (Position(6, 0, 1), Position(18, 2, 3))


def test_blank_lines_before_the_header_are_no_rows() -> None:
    chunks = read(parser(["A"]), b"\n\r\nA,B\n1,2\n")
    assert chunks[0].start == Position(7, 0, 3)
    assert cells(chunks, "A") == [(b"1",)]


def test_names_are_trimmed_and_may_be_quoted() -> None:
    assert cells(read(parser(), b'\xef\xbb\xbfA ,"B"," C"\n1,2,3\n'), *NAMES) == [(b"1", b"2", b"3")]


def test_names_in_the_manifest_overrule_the_header() -> None:
    chunks = read(parser(["X"], ["", "X"]), b"A,B\n1,2\nA,B\n")
    assert cells(chunks, "X") == [(b"2",)]
    assert fates(chunks) == [(2, 3, "repeated_header")]


def test_a_missing_column_is_named_with_the_nearest_there_is() -> None:
    with pytest.raises(ManifestError, match='no column "MOBIL" in the header of 3 columns; did you mean "Mobile"'):
        read(parser(["NAME", "MOBIL"]), b"NAME,Mobile,B\n")
    with pytest.raises(ManifestError, match=r'no column "ZZZ" in the header of 3 columns$'):
        read(parser(["NAME", "ZZZ"]), b"NAME,Mobile,B\n")


def test_no_cell_is_shown_where_the_header_may_be_somebodys_data() -> None:
    with pytest.raises(ManifestError, match=r'no column "EMAIL" in the header of 2 columns$'):
        read(parser(["EMAIL"]), b"Aisyah,EMAILA\n")


def test_the_wrong_delimiter_is_found_out_by_the_header() -> None:
    with pytest.raises(ManifestError, match="in the header of 1 columns"):
        read(parser(["A"]), b"A;B;C\n1;2;3\n")


def test_two_columns_of_the_wanted_name_are_one_too_many() -> None:
    with pytest.raises(ManifestError, match='the header has 2 columns named "A"'):
        read(parser(["A"]), b"A,B,A\n1,2,3\n")
    assert cells(read(parser(["B"]), b"A,B,A\n1,2,3\n"), "B") == [(b"2",)], "where nobody asks for it, it is no matter"


def test_a_header_with_an_open_quote_cannot_be_read() -> None:
    with pytest.raises(ManifestError, match=r"header cannot be read.*unclosed_quote"):
        read(parser(), b'A,"B,C\n1,2,3\n')


@pytest.mark.parametrize(("header", "columns"), [(True, None), (True, NAMES), (False, NAMES)])
def test_an_empty_stream_has_no_rows(header: bool, columns: Sequence[str] | None) -> None:  # noqa: FBT001 - a parameter
    assert read(parser(columns=columns, header=header), b"") == []


def test_a_stream_of_blank_lines_has_blank_rows_and_every_column() -> None:
    chunks = read(parser(), b"\n\r\n\r")
    assert fates(chunks) == [(1, 1, "blank"), (2, 2, "blank"), (3, 3, "blank")]
    assert {name: len(column) for name, column in chunks[0].cells.items()} == dict.fromkeys(NAMES, 0)


def test_a_header_alone_has_no_rows() -> None:
    assert read(parser(), b"A,B,C") == []


def test_a_repeated_header_is_skipped_however_it_is_quoted() -> None:
    chunks = read(parser(["A", "B"]), b'A,B,C\n1,2,3\nA,B,C\n"A","B",x\nA,B\na,b,c\n')
    assert cells(chunks, "A", "B") == [(b"1", b"2"), (b"a", b"b")]
    assert fates(chunks) == [(2, 3, "repeated_header"), (3, 4, "repeated_header"), (4, 5, "repeated_header")]


def test_without_a_header_the_column_names_are_recognised_if_they_come_after_all() -> None:
    chunks = read(parser(columns=NAMES, header=False), b"1,2,3\nA,B,C\n")
    assert len(cells(chunks, *NAMES)) + len(fates(chunks)) == 2


def test_rows_of_the_wrong_width() -> None:
    chunks = read(parser(["A", "C"]), b"A,B,C\n1,2,3\n4\n5,6\n7,8,9,\n1,2,3, , \nx,y,z,!\n7,8,9\n")
    assert cells(chunks, "A", "C") == [(b"1", b"3"), (b"7", b"9")]
    few, many = "too_few_cells", "too_many_cells"
    assert fates(chunks) == [(2, 3, few), (3, 4, few), (4, 5, many), (5, 6, many), (6, 7, many)]
    assert flags(chunks) == {}
    assert loose(chunks) == []


def test_a_mark_inside_the_stream_is_part_of_its_cell() -> None:
    chunks = read(parser(["A"], ["A"], header=False), b"\xef\xbb\xbfa\nb\n\xef\xbb\xbfc\n")
    assert cells(chunks, "A") == [(b"\xef\xbb\xbfa",), (b"b",), (b"\xef\xbb\xbfc",)]


def test_undecodable_bytes_are_kept_and_their_rows_counted() -> None:
    chunks = read(parser(["A"]), b'A,B\n\xff,\xfe\nok,2\nx,\xe9\n"\xff\nq",\xc3\xa9\n')
    assert cells(chunks, "A") == [(b"\xff",), (b"ok",), (b"x",), (b"\xff\nq",)]
    assert flags(chunks) == {"undecodable_bytes": 3}


def test_an_unclosed_quote_costs_its_own_line_only() -> None:
    data = b'A,B,C\n1,2,3\n"4,5\n7,8,9\n"x\ny",1,2\nend,5,6\n'
    chunks = read(parser(), data)
    # The quote of row 2 finds its match in front of x, where no quote can end a cell.
    assert fates(chunks) == [(2, 3, "unclosed_quote")]
    assert [row[0] for row in cells(chunks, *NAMES)] == [b"1", b"7", b"x\ny", b"end"]


def test_a_quote_open_at_the_end_does_not_swallow_the_rows_behind_it() -> None:
    rows = b"".join(b"%d,b,c\n" % i for i in range(2000))
    chunks = read(parser(chunk_bytes=512), b'A,B,C\n"lost,b\n' + rows)
    assert fates(chunks) == [(1, 2, "unclosed_quote")]
    assert [row[0] for row in cells(chunks, *NAMES)] == [b"%d" % i for i in range(2000)]


def test_a_quote_inside_a_cell_is_a_letter() -> None:
    assert cells(read(parser(), b'A,B,C\n5" pipe,b "c" d,e"\n'), *NAMES) == [(b'5" pipe', b'b "c" d', b'e"')]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1 << 20])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_rejects_are_found_on_their_lines(newline: bytes, chunk_bytes: int) -> None:
    lines = [b"A,B", b'"1', b"", b'1",2', b"x,y,z", b"", b'"open', b"3,4", b"5,6,7"]
    chunks = read(parser(["A", "B"], chunk_bytes=chunk_bytes), newline.join(lines) + newline)
    assert fates(chunks) == [
        (2, 5, "too_many_cells"),
        (3, 6, "blank"),
        (4, 7, "unclosed_quote"),
        (6, 9, "too_many_cells"),
    ]
    assert cells(chunks, "A", "B") == [(newline.join([b"1", b"", b"1"]), b"2"), (b"3", b"4")]
    assert chunks[-1].end.line == len(lines)


@pytest.fixture
def short_records(monkeypatch: pytest.MonkeyPatch) -> int:
    limit = 64
    monkeypatch.setattr(record_stream, "MAX_RECORD_BYTES", limit)
    monkeypatch.setattr(delimited, "MAX_RECORD_BYTES", limit)
    monkeypatch.setattr(irregular, "MAX_RECORD_BYTES", limit)
    return limit


@pytest.mark.parametrize("chunk_bytes", [8, 50, 4096])
@pytest.mark.parametrize("piece", [3, 4096])
def test_a_record_longer_than_the_limit_is_given_up_alone(short_records: int, chunk_bytes: int, piece: int) -> None:
    data = b"1,2,3\n" + b"x" * (5 * short_records) + b",y,z\r\n4,5,6\n" + b"y" * (3 * short_records)
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    made = parser(columns=NAMES, header=False, chunk_bytes=chunk_bytes)
    chunks = list(made.read(pieces))
    assert cells(chunks, *NAMES) == [(b"1", b"2", b"3"), (b"4", b"5", b"6")]
    assert fates(chunks) == [(2, 2, "record_too_long"), (4, 4, "record_too_long")]
    assert chunks[-1].end == Position(len(data), 4, 3)
    assert all(set(chunk.cells) == set(NAMES) for chunk in chunks), "whatever became of its rows"


@pytest.mark.parametrize("chunk_bytes", [8, 50, 4096])
def test_a_quoted_record_longer_than_the_limit_is_not_believed(short_records: int, chunk_bytes: int) -> None:
    filling = [b"row %d,b,c" % i for i in range(short_records // 8)]
    data = b"\n".join([b'"open', *filling, b'close",b,c', b"end,b,c\n"])
    chunks = read(parser(columns=NAMES, header=False, chunk_bytes=chunk_bytes), data)
    assert fates(chunks)[0] == (1, 1, "unclosed_quote")
    assert cells(chunks, "A")[0] == (b"row 0",)
    assert cells(chunks, "A")[-1] == (b"end",)


@pytest.mark.parametrize("chunk_bytes", [8, 50, 4096])
def test_a_short_line_that_opens_a_quote_before_a_long_one_is_an_open_quote(
    short_records: int, chunk_bytes: int
) -> None:
    data = b'"a\n' + b"x" * (2 * short_records) + b"\n1,2,3\n"
    chunks = read(parser(columns=NAMES, header=False, chunk_bytes=chunk_bytes), data)
    assert fates(chunks) == [(1, 1, "unclosed_quote"), (2, 2, "record_too_long")]
    assert cells(chunks, *NAMES) == [(b"1", b"2", b"3")]


def test_a_header_longer_than_the_limit_is_none(short_records: int) -> None:
    with pytest.raises(ManifestError, match="record_too_long"):
        read(parser(chunk_bytes=16), b"x" * (3 * short_records))


def damaged(data: bytes, piece: int) -> Iterator[bytes]:
    for at in range(0, len(data), piece):
        yield data[at : at + piece]
    raise SourceError("the disk is broken")


@pytest.mark.parametrize("chunk_bytes", [4, 1 << 20])
@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_the_whole_rows_before_a_damage_are_read_and_then_it_is_raised(chunk_bytes: int, piece: int) -> None:
    made = parser(chunk_bytes=chunk_bytes)
    chunks: list[RowChunk] = []
    with pytest.raises(SourceError, match="the disk is broken"):  # noqa: PT012 - what came before it is the point
        for chunk in made.read(damaged(b'A,B,C\n1,2,3\n"4\n4",5,6\n7,8,', piece)):
            chunks.append(chunk)  # noqa: PERF402 - a list made at once would be lost
    assert cells(chunks, *NAMES) == [(b"1", b"2", b"3"), (b"4\n4", b"5", b"6")]
    assert fates(chunks) == []
    assert chunks[-1].end == Position(22, 2, 4)


@pytest.mark.parametrize("data", [b"", b"A,B", b'"A'])
def test_a_damage_in_the_header_is_raised(data: bytes) -> None:
    with pytest.raises(SourceError, match="the disk is broken"):
        list(parser().read(damaged(data, 1)))


def test_reading_begins_where_it_is_told_and_still_knows_the_header() -> None:
    data = b'A,B,C\n1,2,3\n4,5,6\n"7",8,9\n'
    chunks = list(parser(["B"]).read([data], [Span(Position(12, 1, 2))]))
    assert cells(chunks, "B") == [(b"5",), (b"8",)]
    assert (chunks[0].start, chunks[-1].end) == (Position(12, 1, 2), Position(len(data), 3, 4))
    assert list(parser(["B"]).read([data], [Span(Position(len(data), 3, 4))])) == []


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
@pytest.mark.parametrize("chunk_bytes", [1, 30, 1 << 20])
def test_only_the_spans_asked_for_are_read(chunk_bytes: int, piece: int) -> None:
    data = b"A,B,C\n" + b"".join(b'%d,"b\n",c\n' % i for i in range(9))
    every = read(parser(chunk_bytes=1), data)
    assert len(every) == 9
    spans = [Span(every[0].start, every[1].end), Span(every[4].start, every[4].end), Span(every[7].start)]
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    chunks = list(parser(chunk_bytes=chunk_bytes).read(pieces, spans))
    assert [row[0] for row in cells(chunks, *NAMES)] == [b"0", b"1", b"4", b"7", b"8"]
    assert sum(chunk.end.offset - chunk.start.offset for chunk in chunks) == 5 * len(b'0,"b\n",c\n')
    assert (chunks[0].start, chunks[-1].end) == (every[0].start, every[-1].end)


def test_line_ends_may_be_mixed() -> None:
    chunks = read(parser(), b'A,B,C\r1,2,3\n4,5,6\r\n7,"8\r\n\n\r",9\r\r\na,b,c')
    assert cells(chunks, *NAMES) == [
        (b"1", b"2", b"3"),
        (b"4", b"5", b"6"),
        (b"7", b"8\r\n\n\r", b"9"),
        (b"a", b"b", b"c"),
    ]
    assert fates(chunks) == [(4, 8, "blank")]


def test_a_zero_byte_is_a_byte_like_others() -> None:
    assert cells(read(parser(), b'A,B,C\n\0,2\0,"\0"\n'), *NAMES) == [(b"\0", b"2\0", b"\0")]
    assert cells(read(parser(), b'A,B,C\n5" \0,2\0,"\0"\n'), *NAMES) == [(b'5" \0', b"2\0", b"\0")]


@pytest.mark.parametrize("quoted", [b"x", b'"x"', b'x"'])
def test_a_cell_of_more_than_128_kib_is_read(quoted: bytes) -> None:
    cell = quoted.replace(b"x", b"x" * (1 << 20))
    chunks = read(parser(chunk_bytes=4096), b"A,B,C\n1," + cell + b",3\n4,5,6\n")
    assert cells(chunks, *NAMES) == [(b"1", cell.strip(b'"') if cell[:1] == b'"' else cell, b"3"), (b"4", b"5", b"6")]


@pytest.mark.parametrize(
    ("end", "last", "reason"),
    [(b"7,8", None, "too_few_cells"), (b'7,"8', None, "unclosed_quote"), (b"7,8,9", (b"7", b"8", b"9"), None)],
)
def test_a_last_line_cut_off(end: bytes, last: tuple[bytes, ...] | None, reason: str | None) -> None:
    chunks = read(parser(), b"A,B,C\n1,2,3\n" + end)
    assert cells(chunks, *NAMES)[1:] == ([last] if last else [])
    assert fates(chunks) == ([(2, 3, reason)] if reason else [])


EVIL = {
    "open at the end of each line": b'a","b\n',
    "the same with a doubled quote": b'x","""y\n',
    "open and closed wrongly": b'"a,b\n',
    "never closed": b"a,b,c\n",
    "two lines each": b'"\n',
    "half closed": b'{"a":"\n"},',
    "quotes alone": b'"',
}


@pytest.mark.parametrize("name", EVIL)
def test_no_line_is_followed_twice(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handed_out = 0
    give = irregular._Feed.__next__

    def count(feed: irregular._Feed) -> str:
        nonlocal handed_out
        handed_out += 1
        return give(feed)

    monkeypatch.setattr(irregular._Feed, "__next__", count)
    monkeypatch.setattr(framing, "MAX_RECORD_LINES", 500)
    monkeypatch.setattr(irregular, "MAX_RECORD_LINES", 500)
    monkeypatch.setattr(delimited, "MAX_RECORD_LINES", 500)
    data = b'"' + EVIL[name] * 20_000
    chunks = read(parser(columns=NAMES, header=False), data)
    lines = data.count(b"\n") + 1
    assert sum(chunk.records for chunk in chunks) <= lines
    # Each line may be asked for by itself, then by the lenient reader; a chunk's tail is read again by the next one.
    assert handed_out <= 12 * lines


def test_the_rows_behind_a_quote_that_is_never_closed_are_all_there() -> None:
    def pieces() -> Iterator[bytes]:
        yield b'A,B,C\n"lost,1\n'
        yield from repeated(b"abcdefghij,klmnopqrst,12345678\n", 31 * 1_000_000)

    made = parser()
    chunks = list(made.read(pieces()))
    assert sum(len(chunk.index) for chunk in chunks) == 1_000_000
    assert fates(chunks) == [(1, 2, "unclosed_quote")]
    assert max(len(chunk.data) for chunk in chunks) <= 4 << 20


def test_a_record_of_too_many_lines_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (framing, irregular, delimited):
        monkeypatch.setattr(module, "MAX_RECORD_LINES", 3)
    for chunk_bytes in (1, 1 << 20):
        chunks = read(parser(chunk_bytes=chunk_bytes), b'A,B,C\n"1\n\n",2,3\n"4\n\n\n",5,6\n7,8,9\n')
        assert cells(chunks, "A")[0] == (b"1\n\n",)
        assert cells(chunks, "A")[-1] == (b"7",)
        assert fates(chunks)[0] == (2, 5, "unclosed_quote")
