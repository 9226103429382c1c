"""SQL dumps that are damaged, cut off, or made to cost: what is lost, and how much work it takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest_cli.errors import SourceError
from ingest_cli.formats import record_stream
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.sql import boundaries, scanner, tokens
from ingest_cli.formats.sql_dump import MAX_GAP_BYTES, SqlDump
from ingest_cli.model.chunks import RowChunk, Span
from tests.support.sql_reading import MYSQL, POSTGRESQL, cells, flags, read, records, rejects

# Damage


def test_a_lost_quote_costs_the_rows_up_to_the_next_that_is_sure() -> None:
    data = MYSQL + b"INSERT INTO t VALUES (1,'a'),(2,'b),(3,'c'),(4,'d'),(5,'O'Neil'),(6,'e');\n"
    chunks = read(data)
    assert cells(chunks) == [(b"1", b"a"), (b"4", b"d"), (b"6", b"e")]
    assert rejects(chunks) == [(row, 2, "broken_tuple") for row in (2, 3, 5)]
    assert flags(chunks) == {"estimated_rows": 2}  # the second and third are told by what looks like a tuple


def test_a_quote_that_is_never_closed_ends_with_its_statement() -> None:
    data = MYSQL + b"INSERT INTO t VALUES (1,'a);\nINSERT INTO t VALUES (2,'b');\nINSERT INTO t VALUES (3,'c');\n"
    chunks = read(data)
    assert cells(chunks) == [(b"3", b"c")]
    assert rejects(chunks) == [(1, 2, "broken_tuple"), (2, 3, "broken_tuple")]


def test_a_dump_that_ends_in_the_middle_of_a_row_loses_that_row() -> None:
    whole = MYSQL + b"INSERT INTO t VALUES (1,'a'),(2,'b"
    assert (cells(read(whole)), rejects(read(whole))) == ([(b"1", b"a")], [(2, 2, "broken_tuple")])
    copied = b"COPY t (a, b) FROM stdin;\n1\t2\n3\t4"
    assert (cells(read(copied)), rejects(read(copied))) == ([(b"1", b"2")], [(2, 3, "broken_tuple")])


def test_rows_before_a_broken_stream_are_read_first() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"INSERT INTO t VALUES (1,2),(3,4),(5,"
        raise SourceError("cut off")

    found = list[RowChunk]()
    with pytest.raises(SourceError, match="cut off"):
        found.extend(SqlDump(["t"], ["a"], ["a", "b"]).read(pieces()))
    reader, chunks = SqlDump(["t"], ["a"], ["a", "b"]).read(pieces()), list[RowChunk]()
    with pytest.raises(SourceError):  # noqa: PT012 - what came before it is looked at
        while True:
            chunks.append(next(reader))
    assert cells(chunks) == [(b"1",), (b"3",)]
    end = chunks[-1].end
    whole = b"INSERT INTO t VALUES (1,2),(3,4),(5,6);\n"
    assert cells(list(SqlDump(["t"], ["a"], ["a", "b"]).read([whole], [Span(end)]))) == [(b"5",)]


def test_a_row_longer_than_any_may_be_is_given_up_and_the_next_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_stream, "MAX_RECORD_BYTES", 2_000)
    data = (
        MYSQL + b"INSERT INTO t VALUES (1,'a'),(2,'" + b"x" * 9_000 + b"'),\n(3,'b');\nINSERT INTO t VALUES (4,'c');\n"
    )
    chunks = read(data, chunk_bytes=500)
    assert cells(chunks) == [(b"1", b"a"), (b"3", b"b"), (b"4", b"c")]
    assert rejects(chunks) == [(2, 2, "record_too_long")]
    assert max(len(chunk.data) for chunk in chunks) < 4_000


@pytest.mark.parametrize("chunk_bytes", [300, 1 << 20])
def test_rows_that_a_lost_quote_swallows_beyond_the_longest_record_are_counted(
    monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(record_stream, "MAX_RECORD_BYTES", 4_000)
    tuples = b",".join(b"(%d,2)" % number for number in range(2_000))
    data = MYSQL + b"INSERT INTO t VALUES (1,'a)," + tuples + b";\nINSERT INTO t VALUES (3,4);\n"
    chunks = read(data, chunk_bytes=chunk_bytes)
    assert cells(chunks) == [(b"3", b"4")]
    assert (len(rejects(chunks)), flags(chunks)) == (2_001, {"estimated_rows": 2_001})
    assert {(line, reason) for _, line, reason in rejects(chunks)} == {(2, "record_too_long")}


# Chunks


def test_what_lies_far_apart_is_not_in_one_chunk() -> None:
    gap = b"INSERT INTO s VALUES ('" + b"x" * (2 * MAX_GAP_BYTES) + b"');\n"
    data = b"INSERT INTO t VALUES (1,2);\n" + gap + b"INSERT INTO t VALUES (3,4);\n"
    chunks = read(data)
    assert [len(chunk.index) for chunk in chunks] == [1, 1]
    assert sum(len(chunk.data) for chunk in chunks) < MAX_GAP_BYTES
    assert (chunks[0].end, chunks[1].end.offset) == (chunks[1].start, len(data))


def test_many_short_rows_are_several_chunks() -> None:
    data = MYSQL + b"INSERT INTO t VALUES " + b"(1,2)," * 50_000 + b"(1,2);\n"
    chunks = read(data)
    assert max(chunk.records for chunk in chunks) <= MAX_CHUNK_ROWS
    assert sum(len(chunk.index) for chunk in chunks) == 50_001


# Work


class Meter:
    """Counts the bytes that a compiled pattern looks at."""

    def __init__(self) -> None:
        self.looked_at = 0

    def match(self, pattern: object, method: str) -> object:
        inner = getattr(pattern, method)

        def counted(data: bytes, at: int = 0) -> object:
            found = inner(data, at)
            self.looked_at += (len(data) if found is None else found.end()) - at
            return found

        return type("Counted", (), {method: staticmethod(counted)})


UNITS = [
    *[
        b"'",
        b"''",
        b"(",
        b")",
        b"()",
        b"\\",
        b"\\'",
        b"('",
        b"),('",
        b"/*",
        b"/",
        b"--",
        b"--\n",
        b"\n",
        b";",
        b",",
        b" ",
    ],
    *[
        b"(1,2),",
        b"(1,'",
        b"$a$",
        b"[",
        b"q'[",
        b"a",
        b"a ",
        b"E'",
        b"INSERT INTO t VALUES ",
        b"CREATE TABLE t (",
        b"a,",
    ],
    *[
        b"COPY t FROM stdin;\n",
        b"\t",
        b"\\\n",
        b"DELIMITER ;;\n",
        b"\xff",
        b"\0",
        b"(1,2)\n",
        b"((((",
        b"BEGIN ",
        b"CASE ",
    ],
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "head", [b"", MYSQL, POSTGRESQL + b"COPY t (a, b) FROM stdin;\n", b"INSERT INTO t VALUES (1,'"]
)
@pytest.mark.parametrize("unit", UNITS)
def test_whatever_the_bytes_each_is_looked_at_a_few_times_only(
    head: bytes, unit: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter = Meter()
    pattern, scan = tokens.token_pattern, scanner.Scanner.scan
    monkeypatch.setattr(record_stream, "MAX_RECORD_BYTES", 8_000)
    monkeypatch.setattr(tokens, "token_pattern", lambda syntax: meter.match(pattern(syntax), "match"))
    monkeypatch.setattr(boundaries, "_RESYNC", meter.match(boundaries._RESYNC, "search"))

    def counted(self: scanner.Scanner, data: bytes, *, final: bool) -> scanner.Scan:
        meter.looked_at += len(data)
        return scan(self, data, final=final)

    monkeypatch.setattr(scanner.Scanner, "scan", counted)
    data = head + unit * (60_000 // len(unit))
    chunks = read(data, chunk_bytes=2_000)
    assert meter.looked_at < 25 * len(data)
    assert all(len(chunk.data) <= 20_000 for chunk in chunks)
    assert records(chunks) == len(cells(chunks)) + len(rejects(chunks))
