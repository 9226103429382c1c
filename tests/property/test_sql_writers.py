"""Whatever the rows, they come out of the dump of any tool as they went in, wherever reading begins."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.formats.sql import scanner
from ingest_cli.formats.sql_dump import SqlDump
from ingest_cli.model.chunks import WHOLE, RowChunk, Span
from tests.support.sql_writers import COLUMNS, WRITERS, Row, Writer

NASTY = [
    *["'", "''", "\\", "\\'", '"', "`", "\n", "\r", "\r\n", "\t", ";", ";\n", "(", ")", "),(", "--", "#", "/*", "*/"],
    *[
        "$$",
        "$a$",
        "[",
        "]",
        "]'",
        "}'",
        ")'",
        ">'",
        "!'",
        "|'",
        "\\.",
        "\\N",
        "\\n",
        "\\r",
        "\\012",
        "NULL",
        "é",
        "漢",
        "😀",
    ],
    *[
        "\x1a",
        "\b",
        "\v",
        "\\u0041",
        "GO\n",
        "\nGO\n",
        "/\n",
        "\n/\n",
        "INSERT INTO people VALUES (0);\n",
        "\n\\.\n",
        "x",
        "7",
    ],
    *["COPY people FROM stdin;\n", "q'[", "N'", "E'", "%", "&", "replace(", ",", "\x7f", "\u2028", "\ud7ff"],
]
text = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=3)), max_size=8).map("".join)
clean = text.map(lambda value: value.replace("\0", ""))
score = st.one_of(st.none(), st.integers(-(10**6), 10**6).map(lambda number: number / 10_000 + 0.5))


def lists_of_rows(texts: st.SearchStrategy[str]) -> st.SearchStrategy[list[Row]]:
    row = st.builds(
        Row, st.integers(-9, 10**9), texts, texts, st.one_of(st.none(), texts), score, st.binary(max_size=6)
    )
    return st.lists(st.one_of(row, row.map(lambda one: one._replace(photo=None))), max_size=9)


rows_of = {True: lists_of_rows(text), False: lists_of_rows(clean)}
plain_rows = lists_of_rows(clean.map(lambda value: value.replace("(", "")))  # nothing in them looks like a tuple


def read(data: bytes, *, chunk_bytes: int = 1 << 20, piece: int = 1 << 20, span: Span = WHOLE) -> list[RowChunk]:
    pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
    return list(SqlDump(["people"], COLUMNS, None, chunk_bytes=lambda: chunk_bytes).read(pieces, [span]))


Numbered = list[tuple[int, int, tuple[bytes, ...]]]


def cells(chunks: list[RowChunk]) -> Numbered:
    """(row number, line number, cells) of every row."""
    out: Numbered = []
    for chunk in chunks:
        assert not chunk.rejected
        assert not chunk.skipped
        columns = [chunk.cells[name].to_pylist() for name in COLUMNS]
        index = np.arange(chunk.records, dtype=np.int32)
        out += zip(chunk.rows(index).tolist(), chunk.lines(index).tolist(), zip(*columns, strict=True), strict=True)
    return out


def as_read(tool: Writer, rows: Sequence[Row]) -> list[tuple[bytes, ...]]:
    return [tuple(tool.cell(value) for value in row) for row in rows]


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40)
@given(data=st.data(), fast_after=st.sampled_from([0, 3, 1_000_000]))
def test_rows_come_out_of_every_dump_as_they_went_in(name: str, fast_after: int, data: st.DataObject) -> None:
    tool = WRITERS[name]
    rows = data.draw(rows_of[tool.nul])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "FAST_AFTER_TUPLES", fast_after)
        found = cells(read(tool.dump(rows)))
    assert [row for _, _, row in found] == as_read(tool, rows)
    assert [number for number, _, _ in found] == list(range(1, len(rows) + 1))


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=25)
@given(data=st.data(), chunk_bytes=st.integers(1, 2_000), piece=st.integers(1, 500))
def test_reading_a_dump_can_begin_wherever_a_chunk_ended(
    name: str, data: st.DataObject, chunk_bytes: int, piece: int
) -> None:
    tool = WRITERS[name]
    rows = data.draw(rows_of[tool.nul])
    dump = tool.dump(rows)
    chunks = read(dump, chunk_bytes=chunk_bytes, piece=piece)
    whole = cells(chunks)
    assert whole == cells(read(dump))
    for i, chunk in enumerate(chunks):
        assert cells(read(dump, span=Span(chunk.start))) == cells(chunks[i:])
        assert cells(read(dump, span=Span(chunk.start, chunk.end))) == cells(chunks[i : i + 1])


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40)
@given(data=st.data())
def test_a_dump_that_was_cut_off_costs_one_row_at_most(name: str, data: st.DataObject) -> None:
    tool = WRITERS[name]
    rows = data.draw(plain_rows)
    dump = tool.dump(rows)
    cut = dump[: data.draw(st.integers(0, len(dump)))]
    chunks = read(cut)
    read_rows = [row for chunk in chunks for row in zip(*(chunk.cells[n].to_pylist() for n in COLUMNS), strict=True)]
    rejected = [reason for chunk in chunks for _, reason in chunk.rejected]
    assert read_rows == as_read(tool, rows)[: len(read_rows)]
    reasons = {"broken_tuple", "not_values", "unread_statement"}
    assert len(rejected) <= 1, "in a row, or in the statement before its first row"
    assert reasons.issuperset(rejected)
    assert sum(chunk.records for chunk in chunks) == len(read_rows) + len(rejected)


# What others make of the same bytes


@pytest.mark.parametrize("name", ["sqlite3 .dump", "sqlite3 .dump, 3.50"])
@given(rows_of[False])
def test_sqlite_makes_of_the_statements_what_is_read(name: str, rows: list[Row]) -> None:
    tool = WRITERS[name]
    distinct = list({row.id: row for row in rows}.values())
    dump = tool.dump(distinct).decode()
    with sqlite3.connect(":memory:") as database:
        if "unistr(" in dump and sqlite3.sqlite_version_info < (3, 50):
            return
        dump = dump.replace("DELETE FROM sqlite_sequence;", "").replace("INSERT INTO sqlite_sequence VALUES", "--")
        database.executescript(dump)
        query = f"SELECT {', '.join(COLUMNS)} FROM people ORDER BY rowid"  # noqa: S608 - our own names
        told = [tuple(tool.cell(value) for value in row) for row in database.execute(query)]
    assert sorted(row for _, _, row in cells(read(dump.encode()))) == sorted(told)


@given(rows_of[False])
def test_what_sqlite_dumps_itself_is_read(rows: list[Row]) -> None:
    rows = [row._replace(score=None) for row in rows]  # it writes more digits than a number has
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE people (id integer, name text, email text, note text, score real, photo blob)")
        database.execute("CREATE TABLE 'no; (' (x)")
        database.executemany("INSERT INTO people VALUES (?,?,?,?,?,?)", rows)
        database.executemany("INSERT INTO 'no; (' VALUES (?)", [(row.name,) for row in rows])
        dump = "\n".join(database.iterdump()).encode()
    tool = WRITERS["sqlite3 .dump"]
    assert [row for _, _, row in cells(read(dump))] == as_read(tool, rows)
