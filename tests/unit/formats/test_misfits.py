"""Rows that have not as many cells as there are columns, and what a manifest may say about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ingest_cli.engines.messages import pack, unpack
from ingest_cli.errors import ManifestError
from ingest_cli.formats.framing import Dialect, RowRules
from ingest_cli.formats.row_selection import Replay, RowRange
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.chunks import Origin, RowChunk
from tests.support.chunks import cells, fates, flags
from tests.support.text_formats import delimited_reader

NAMES = ("A", "B", "C")
NO_RULES = RowRules()
FILL, TRIM, OVERFLOW = RowRules(fill=True), RowRules(trim=True), RowRules(overflow="B")
EVERY = RowRules(fill=True, trim=True, overflow="B")


def read(
    data: bytes,
    rules: RowRules = NO_RULES,
    *,
    wanted: Sequence[str] = NAMES,
    columns: Sequence[str] | None = None,
    delimiter: str = ",",
    quote: str = '"',
    chunk_bytes: int = 1 << 20,
) -> list[RowChunk]:
    header = columns is None or data.startswith(b"A")
    dialect = Dialect(delimiter, quote, rules=rules)
    return list(delimited_reader(dialect, wanted, columns, header=header, chunk_bytes=lambda: chunk_bytes).read([data]))


def loose(chunks: Sequence[RowChunk]) -> list[int]:
    return [int(row) for chunk in chunks for row in chunk.rows(chunk.loose)]


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
@pytest.mark.parametrize("quoted", [False, True])
def test_missing_cells_at_the_end_can_be_filled(chunk_bytes: int, quoted: bool) -> None:  # noqa: FBT001 - a parameter
    one = b'"1"' if quoted else b"1"
    data = b"A,B,C\n" + one + b",2,3\n4\n5,6\n7,8,9,\n7,8,9\n"
    chunks = read(data, FILL, chunk_bytes=chunk_bytes)
    assert cells(chunks, *NAMES) == [
        (b"1", b"2", b"3"), (b"4", b"", b""), (b"5", b"6", b""), (b"7", b"8", b"9"),
    ]  # fmt: skip
    assert fates(chunks) == [(4, 5, "too_many_cells")]
    assert flags(chunks) == {"filled_row": 2}
    assert loose(chunks) == [2, 3]


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_surplus_cells_at_the_end_that_are_empty_can_be_trimmed(chunk_bytes: int) -> None:
    chunks = read(b"A,B,C\n1,2,3\n1,2,3,\n4,5,6, ,,\n7,8,9,x\n7,8,9,,x\n7,8\n", TRIM, chunk_bytes=chunk_bytes)
    assert cells(chunks, *NAMES) == [(b"1", b"2", b"3"), (b"1", b"2", b"3"), (b"4", b"5", b"6")]
    assert fates(chunks) == [(4, 5, "too_many_cells"), (5, 6, "too_many_cells"), (6, 7, "too_few_cells")]
    assert flags(chunks) == {"trimmed_row": 2}
    assert loose(chunks) == [2, 3]


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_surplus_delimiters_can_belong_to_a_column(chunk_bytes: int) -> None:
    data = b'A,B,C\n1,2,3\n1,2,2,3\n4,"5,5",5, 5 ,6\n7,,,9\n7,8\n'
    chunks = read(data, OVERFLOW, chunk_bytes=chunk_bytes)
    assert cells(chunks, *NAMES) == [
        (b"1", b"2", b"3"), (b"1", b"2,2", b"3"), (b"4", b"5,5,5, 5 ", b"6"), (b"7", b",", b"9"),
    ]  # fmt: skip
    assert fates(chunks) == [(5, 6, "too_few_cells")]
    assert flags(chunks) == {"overflow_row": 3}
    assert loose(chunks) == [2, 3, 4]


@pytest.mark.parametrize(("column", "row"), [("A", (b"1,2", b"3", b"4")), ("C", (b"1", b"2", b"3,4"))])
def test_the_column_that_overflows_may_be_the_first_or_the_last(column: str, row: tuple[bytes, ...]) -> None:
    assert cells(read(b"A,B,C\n1,2,3,4\n", RowRules(overflow=column)), *NAMES) == [row]


def test_a_column_overflows_with_a_delimiter_of_several_characters() -> None:
    chunks = read(b"A||B||C\n1||2|2||2||3\n", OVERFLOW, delimiter="||")
    assert cells(chunks, *NAMES) == [(b"1", b"2|2||2", b"3")]


def test_trimming_comes_before_overflow_if_it_makes_the_row_fit() -> None:
    chunks = read(b"A,B,C\n1,2,3,,\n1,2,3,4,\n1\n", EVERY)
    assert cells(chunks, *NAMES) == [(b"1", b"2", b"3"), (b"1", b"2,3,4", b""), (b"1", b"", b"")]
    assert flags(chunks) == {"trimmed_row": 1, "overflow_row": 1, "filled_row": 1}


def test_the_column_that_overflows_has_to_be_there() -> None:
    with pytest.raises(ManifestError, match='no column "BB" in the header of 3 columns; did you mean "B"'):
        read(b"A,B,C\n1,2,3\n", RowRules(overflow="BB"))


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_a_quote_that_is_never_closed_is_a_letter_if_the_row_fits_then(chunk_bytes: int) -> None:
    data = b'A,B,C\n"1,2,3\n4,5,6\n"7, 8,8,9\n1,"2,3\n4,5,6\n'
    chunks = read(data, EVERY, chunk_bytes=chunk_bytes)
    assert cells(chunks, *NAMES) == [
        (b'"1', b"2", b"3"), (b"4", b"5", b"6"), (b"1", b'"2', b"3"), (b"4", b"5", b"6"),
    ]  # fmt: skip
    assert fates(chunks) == [(3, 4, "unclosed_quote")]
    assert flags(chunks) == {"literal_quote": 2}
    assert loose(chunks) == [1, 4]


@pytest.mark.parametrize(
    ("line", "is_loose"),
    [
        (b'x "y" z,2,3', False),  # encloses no delimiter
        (b'5" pipe,2,3', True),  # if it opened something, it would enclose the delimiters
        (b'5" pipe,"2","3"', True),
        (b'1,"2""2",3', False),
    ],
)
def test_a_quote_within_a_cell_makes_a_row_loose_if_it_could_enclose_delimiters(line: bytes, is_loose: bool) -> None:  # noqa: FBT001 - a parameter
    chunks = read(b'A,B,C\nq"q,2,3\n' + line + b"\n")
    assert len(cells(chunks, *NAMES)) == 2
    assert loose(chunks) == ([1, 2] if is_loose else [1])


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_a_row_with_a_quote_behind_a_blank_is_loose(chunk_bytes: int) -> None:
    chunks = read(b'A,B,C\n"1", "2", "3"\n1, 2, 3\n"1", "2, 2", "3"\n', chunk_bytes=chunk_bytes)
    assert loose(chunks) == [1], "whether the quotes are part of the cells, nobody knows"
    assert flags(chunks) == {"literal_quote": 1}
    assert fates(chunks) == [(3, 4, "too_many_cells")]


def test_a_header_with_quotes_behind_blanks_is_refused_with_what_reads_it() -> None:
    data = b'"A", "B", "C"\n"1", "2, 2", "3"\n'
    with pytest.raises(ManifestError, match='quoted behind a blank: set `delimiter = ", "`'):
        read(data)
    assert cells(read(data, delimiter=", "), *NAMES) == [(b"1", b"2, 2", b"3")]


def test_a_row_that_fits_for_want_of_one_delimiter_beside_a_quote_is_rejected() -> None:
    chunks = read(b'A,B,C\n1"2, 2",3\n1,"2, 2"3\n1"2, 2, 2",3\n')
    assert fates(chunks) == [(1, 2, "unclosed_quote"), (2, 3, "too_few_cells"), (3, 4, "too_many_cells")]


def test_a_repeated_header_is_one_though_the_rows_have_a_cell_more() -> None:
    chunks = read(b"A,B\n1,2,\nA,B\n3,4,\n", wanted=["A", "B"], columns=["A", "B", ""])
    assert cells(chunks, "A", "B") == [(b"1", b"2"), (b"3", b"4")]
    assert fates(chunks) == [(2, 3, "repeated_header")]
    assert loose(chunks) == [], "where columns has a name for it, no cell is surplus"


def test_a_column_that_the_header_lacks_can_be_named() -> None:
    data = b"A,B\n0,1,2\nA,B\n1,3,4\n"
    chunks = read(data, wanted=["A", "B"], columns=["", "A", "B"])
    assert cells(chunks, "A", "B") == [(b"1", b"2"), (b"3", b"4")]
    assert fates(chunks) == [(2, 3, "repeated_header")]
    assert fates(read(data, wanted=["A", "B"])) == [
        (1, 2, "too_many_cells"),
        (2, 3, "repeated_header"),
        (3, 4, "too_many_cells"),
    ]


def test_what_is_loose_stays_so_in_part_of_a_chunk() -> None:
    chunks = read(b"A,B,C\n1\n1,2,3\n2\n4,5,6\n3\n", FILL)
    assert loose(chunks) == [1, 3, 5]
    assert loose(list(RowRange(1, 3).take("x", chunks))) == [3]
    replayed = list(Replay({"x": np.array([1, 2, 5])}).take("x", chunks))
    assert loose(replayed) == [1, 5]
    for keep_raw in (False, True):
        sent = unpack(pack(Bundle.of(Origin(0, 0, "x"), chunks[0]), keep_raw=keep_raw))
        assert loose([sent.rows]) == [1, 3, 5]


def test_what_is_loose_stays_so_where_headers_are_taken_out() -> None:
    chunks = read(b"A,B,C\n1\nA,B,C\n2\nA,B\n4,5,6\n", FILL, wanted=["A", "B"])
    assert loose(chunks) == [1, 3]
    assert fates(chunks) == [(2, 3, "repeated_header"), (4, 5, "repeated_header")]
    assert cells(chunks, "A") == [(b"1",), (b"2",), (b"4",)]
