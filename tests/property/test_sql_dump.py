"""Whatever the bytes, the same rows come out however they are cut up; whatever the rows, they come out of any dump."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.formats import record_stream
from ingest_cli.formats.sql import scanner
from ingest_cli.formats.sql_dump import SqlDump
from ingest_cli.model.chunks import Position, RowChunk, Span

WANTED = ("a", "c")
COLUMNS = ("a", "b", "c")

HEADS = [
    b"",
    b"-- MySQL dump 10.13\n",
    b"-- MySQL dump 10.13\nUSE `d`;\n",
    b"--\n-- PostgreSQL database dump\n--\n",
    b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n",
    b"USE [d]\nGO\nSET ANSI_NULLS ON\nGO\n",
    b"SET DEFINE OFF;\n",
    b"SET standard_conforming_strings = off;\n",
]
STATEMENTS = [
    b"INSERT INTO t VALUES ",
    b"INSERT INTO t VALUES ",
    b"INSERT INTO `t` (`a`,`b`,`c`) VALUES\n",
    b"INSERT INTO s VALUES (1,'x'),(2);\n",
    b"INSERT [dbo].[t] ([c], [a]) VALUES ",
    b"INSERT ALL INTO t VALUES ",
    b" INTO t VALUES ",
    b"INSERT INTO t SELECT 1;\n",
    b"INSERT INTO t SELECT 1, 2, 'x' UNION ALL SELECT ",
    b"INSERT INTO t SELECT x FROM (VALUES ",
    b" UNION ALL SELECT 1, 2 AS b, 3",
    b"SELECT 1, 2, 3",
    b"INSERT INTO t SET a = 1, c = ",
    b"INSERT INTO t VALUES ROW",
    b"INSERT INTO t HOW VALUES ",
    b"INSERT INTO s HOW VALUES ",
    b"INSERT INTO t DEFAULT VALUES;\n",
    b"IF (1) INSERT INTO t VALUES ",
    b"MERGE INTO t USING (VALUES ",
    b"CREATE TABLE t (a int, b text, c text, PRIMARY KEY (a));\n",
    b"CREATE TRIGGER x BEGIN INSERT INTO t VALUES (1,2,3); END;\n",
    b"CREATE VIEW v AS SELECT 1;\n",
    b"COPY t (a, b, c) FROM stdin;\n",
    b"COPY t FROM stdin CSV;\n",
    b"\\.\n",
    b"DELIMITER ;;\n",
    b"DELIMITER ;\n",
    b"SET x ON\n",
    b"GO\n",
    b"USE d;\n",
    b"SOURCE it's.sql\n",
    b".shell ls\n",
    b"\\! ls\n",
    b"ON CONFLICT DO NOTHING;\n",
]
PIECES = [
    *[b",ROW(1,2,3)", b"ROW ", b" AS x", b"= 1", b" FROM dual"],
    *[b"(1,'x',2)", b"(1,2,3)", b"(NULL,'it''s','b\\'c')", b"('a','b','c\\')", b"(1,2)", b"(1,2,3,4)"],
    *[b"(N'x',0x41,_utf8'y')", b"(E'a\\'b',CAST('x' AS t),1)", b"('a'||chr(10),TO_DATE('x','y'),-1.5e-3)"],
    *[b"(q'[it's]',nq'{a}',md5('x'))", b"(1,_binary 'a',nextval('s'))", b"(date '2017',now(),e'\\ud83d\\ude00')"],
    *[b"q'", b"q'[", b"]'", b"nQ'", b"_utf8 ", b"date "],
    *[b"1\tx\t2\n", b"1\t\\N\t\\x41\n", b"1\n", b"a\\\tb\tc\td\n", b"a\\\nb\tc\td\n"],
    *[b",", b",", b",", b",\n", b";\n", b";\n", b";", b"\n", b"\n", b"\r\n", b"\r", b" "],
    *[b"(", b")", b"'", b"''", b'"', b"`", b"[", b"]", b"\\", b"$", b"$$", b"--", b"/*", b"*/", b"#", b"/", b"-"],
    *[b"a", b"7", b"N'", b"E'", b"\0", b"\xff", b"\xc3\xa9", b"REM ", b"INSERT ", b"END;", b"BEGIN "],
]
soup = st.builds(
    lambda head, body: head + b"".join(body),
    st.sampled_from(HEADS),
    st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(PIECES), st.sampled_from(STATEMENTS)), max_size=40),
)


def read(
    data: bytes, *, chunk_bytes: int = 1 << 20, piece: int = 1 << 20, spans: list[Span] | None = None
) -> list[RowChunk]:
    pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
    parser = SqlDump(["t"], WANTED, COLUMNS, chunk_bytes=lambda: chunk_bytes)
    return list(parser.read(pieces, *([] if spans is None else [spans])))


Fates = list[tuple[int, int, object]]


def rows(chunks: list[RowChunk]) -> Fates:
    """(row number, line number, what became of it) of every record, in order."""
    out: Fates = []
    for chunk in chunks:
        fate: dict[int, object] = dict(chunk.rejected)
        for place, index in enumerate(chunk.index.tolist()):
            assert index not in fate
            fate[index] = tuple(chunk.cells[name][place].as_py() for name in WANTED)
        assert sorted(fate) == list(range(chunk.records))
        assert chunk.bounds[0] == 0
        assert chunk.bounds[-1] == len(chunk.data)
        lines = chunk.lines(np.arange(chunk.records, dtype=np.int32))
        out += [(chunk.start.row + i, int(lines[i]), fate[i]) for i in range(chunk.records)]
    return out


def passed_over(chunks: list[RowChunk]) -> Counter[str]:
    out = Counter[str]()
    for chunk in chunks:
        out.update(chunk.passed_over)
        out.update({name: count for name, count in chunk.flags.items() if name.startswith("estimated")})
    return out


def undecodable(chunks: list[RowChunk]) -> int:
    return sum(chunk.flags.get("undecodable_bytes", 0) for chunk in chunks)


@pytest.mark.parametrize("fast_after", [0, 2, 1_000_000])
@given(data=soup, chunk_bytes=st.integers(1, 60), piece=st.integers(1, 20))
def test_neither_chunk_size_nor_pieces_nor_patterns_change_what_is_read(
    data: bytes, chunk_bytes: int, piece: int, fast_after: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanner, "FAST_AFTER_TUPLES", 1_000_000)
        with pytest.MonkeyPatch.context() as slow:
            slow.setattr(scanner, "read_usual", lambda *_, **__: None)
            whole = read(data)
        patch.setattr(scanner, "FAST_AFTER_TUPLES", fast_after)
        chunks = read(data, chunk_bytes=chunk_bytes, piece=piece)
    assert rows(chunks) == rows(whole)
    assert undecodable(chunks) == undecodable(whole)
    assert passed_over(chunks) == passed_over(whole)
    assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]
    if chunks:
        assert chunks[-1].end == whole[-1].end
        assert chunks[-1].end.offset == len(data)


@given(data=soup, chunk_bytes=st.integers(1, 60), piece=st.integers(1, 20), limit=st.integers(1, 80))
def test_what_is_too_long_does_not_depend_on_chunks_either(
    data: bytes, chunk_bytes: int, piece: int, limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_stream, "MAX_RECORD_BYTES", limit)
        assert rows(read(data, chunk_bytes=chunk_bytes, piece=piece)) == rows(read(data))


@given(soup, st.integers(1, 60))
def test_reading_can_begin_at_any_chunk(data: bytes, chunk_bytes: int) -> None:
    chunks = read(data, chunk_bytes=chunk_bytes)
    for i, chunk in enumerate(chunks):
        assert rows(read(data, chunk_bytes=chunk_bytes, spans=[Span(chunk.start)])) == rows(chunks[i:])


@given(soup, st.integers(1, 60), st.integers(1, 60), st.data())
def test_any_spans_between_chunks_are_read_and_nothing_else(
    data: bytes, chunk_bytes: int, other_bytes: int, draw: st.DataObject
) -> None:
    chunks = read(data, chunk_bytes=chunk_bytes)
    chosen = [chunk for chunk in chunks if draw.draw(st.booleans())]
    starts = [chunk.start if chunk.start.row else Position() for chunk in chosen]  # as a checkpoint has it
    spans = [Span(start, chunk.end) for start, chunk in zip(starts, chosen, strict=True)]
    again = read(data, chunk_bytes=other_bytes, spans=spans)
    assert rows(again) == rows(chosen)
    assert passed_over(again) == passed_over(chosen)
    assert sum(c.end.offset - c.start.offset for c in again) == sum(c.end.offset - c.start.offset for c in chosen), (
        "the spans are tiled without gaps"
    )
