"""Whatever the bytes, the columnar parser and the careful one read the same rows, in chunks of any size."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.formats import delimited, framing, irregular
from ingest_cli.formats.framing import Dialect
from ingest_cli.model.chunks import RowChunk, Span
from tests.support.chunks import read_to_fault
from tests.support.text_formats import delimited_reader

COMMA = Dialect(",", '"')
NAMES = ["A", "B", "C"]

soup = st.lists(
    st.sampled_from(
        [
            b"a",
            b"bc",
            b"1",
            b",",
            b",",
            b",",
            b"\n",
            b"\n",
            b"\r\n",
            b"\r",
            b'"',
            b'""',
            b'"x,y"',
            b'"p\nq"',
            b" ",
            b"\0",
            b"\xff",
            b"\xc3\xa9",
            b"\xef\xbb\xbf",
            b"x,y,z\n",
            b'"1","2","3"\r\n',
            b"A,B,C\n",
        ]
    ),
    max_size=60,
).map(b"".join)


def read(data: bytes, *, chunk_bytes: int = 1 << 20, piece: int = 1 << 20, dialect: Dialect = COMMA) -> list[RowChunk]:
    pieces = [data[i : i + piece] for i in range(0, len(data), piece)]
    parser = delimited_reader(dialect, NAMES, NAMES, header=False, chunk_bytes=lambda: chunk_bytes)
    return list(parser.read(pieces))


def rows(chunks: list[RowChunk]) -> list[tuple[int, object]]:
    """(row number, what became of it) of every record, in order."""
    out: list[tuple[int, object]] = []
    for chunk in chunks:
        for place, index in enumerate(chunk.index):
            out.append((chunk.start.row + int(index), tuple(chunk.cells[n][place].as_py() for n in NAMES)))
        out += [(chunk.start.row + i, reason) for i, reason in chunk.rejected]
        out += [(chunk.start.row + int(i), reason) for reason, index in chunk.skipped.items() for i in index]
    return sorted(out, key=lambda pair: pair[0])


def reference(data: bytes, dialect: Dialect = COMMA) -> list[tuple[int, object]]:
    out: list[tuple[int, object]] = []
    for i, cells in enumerate(irregular.parse(data, dialect, final=True).records):
        if isinstance(cells, irregular.UnclosedQuote) and len(cells.literal) == 3:
            cells = cells.literal  # noqa: PLW2901 - read in the other way
        if isinstance(cells, str):
            out.append((i, str(cells)))
            continue
        raw = tuple(cell.encode("utf-8", "surrogateescape") for cell in cells)
        if not cells:
            out.append((i, "blank"))
        elif raw[:3] == (b"A", b"B", b"C"):
            out.append((i, "repeated_header"))
        elif len(cells) == 3:
            lacks_one = isinstance(cells, irregular.Ambiguous) and cells.enclosed == 2
            out.append((i, "unclosed_quote" if lacks_one else raw))
        else:
            out.append((i, "too_few_cells" if len(cells) < 3 else "too_many_cells"))
    return out


@given(soup)
def test_the_columnar_parser_reads_what_the_careful_one_reads(data: bytes) -> None:
    assert rows(read(data)) == reference(data)


@given(soup, st.integers(1, 40), st.integers(1, 9))
def test_neither_chunk_size_nor_pieces_change_what_is_read(data: bytes, chunk_bytes: int, piece: int) -> None:
    chunks = read(data, chunk_bytes=chunk_bytes, piece=piece)
    assert rows(chunks) == rows(read(data))
    assert [c.start for c in chunks[1:]] == [c.end for c in chunks[:-1]]
    if chunks:
        whole = read(data)[-1].end
        assert chunks[-1].end == whole
        assert whole.offset == len(data)


@given(soup, st.integers(1, 40))
def test_reading_can_begin_at_any_chunk(data: bytes, chunk_bytes: int) -> None:
    chunks = read(data, chunk_bytes=chunk_bytes)
    for i, chunk in enumerate(chunks):
        parser = delimited_reader(COMMA, NAMES, NAMES, header=False, chunk_bytes=lambda: chunk_bytes)
        rest = list(parser.read([data], [Span(chunk.start)]))
        assert rows(rest) == rows(chunks[i:])


@given(soup, st.integers(1, 40), st.integers(1, 40), st.data())
def test_any_spans_between_chunks_are_read_and_nothing_else(
    data: bytes, chunk_bytes: int, other_bytes: int, draw: st.DataObject
) -> None:
    chunks = read(data, chunk_bytes=chunk_bytes)
    chosen = [chunk for chunk in chunks if draw.draw(st.booleans())]
    parser = delimited_reader(COMMA, NAMES, NAMES, header=False, chunk_bytes=lambda: other_bytes)
    assert rows(list(parser.read([data], [Span(c.start, c.end) for c in chosen]))) == rows(chosen)


@given(soup, st.integers(1, 40), st.integers(1, 4))
def test_sizes_change_nothing_where_few_lines_are_many(data: bytes, chunk_bytes: int, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (delimited, framing, irregular):
            patch.setattr(module, "MAX_RECORD_LINES", limit)
        whole, chunks = read(data), read(data, chunk_bytes=chunk_bytes)
        assert rows(whole) == reference(data)
    assert rows(chunks) == rows(whole)


@given(soup, st.integers(1, 40), st.integers(1, 9), st.data())
def test_where_a_stream_breaks_off_the_records_before_are_read_and_then_that_is_raised(
    data: bytes, chunk_bytes: int, piece: int, draw: st.DataObject
) -> None:
    cut = draw.draw(st.integers(0, len(data)))
    parser = delimited_reader(COMMA, NAMES, NAMES, header=False, chunk_bytes=lambda: chunk_bytes)
    chunks, fault = read_to_fault(parser, [data[i : min(i + piece, cut)] for i in range(0, cut, piece)])
    assert fault is not None
    whole = rows(read(data))
    assert rows(chunks) == whole[: len(rows(chunks))]
    if chunks:
        assert rows(chunks) + rows(list(parser.read([data], [Span(chunks[-1].end)]))) == whole


table = st.lists(st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=6)] * 3), min_size=1, max_size=8)


@pytest.mark.parametrize("terminator", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "\x01", "¦"])
@given(table=table, quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_what_the_csv_module_writes_is_read_back(
    table: list[tuple[str, str, str]], quoting: int, terminator: str, delimiter: str
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # the module quotes only those line ends that its own terminator has
        ends = str.maketrans("\r\n", "  ")
        table = [(a.translate(ends), b.translate(ends), c.translate(ends)) for a, b, c in table]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=terminator).writerows(table)
    data = text.getvalue().encode()
    expected = [(i, tuple(cell.encode() for cell in row)) for i, row in enumerate(table)]
    expected = [pair for pair in expected if pair[1] != (b"A", b"B", b"C")]
    assert rows(read(data, dialect=Dialect(delimiter, '"'))) == expected


MYSQL = Dialect("\t", "", "\\")
SPARK = Dialect(",", '"', "\\")
BARS = Dialect("||", '"')
BARE_BARS = Dialect("||", "")
ESCAPED_BARS = Dialect("||", '"', "\\")
DIALECTS = {
    "tabs and escapes": MYSQL,
    "quotes and escapes": SPARK,
    "two bars": BARS,
    "two bars, no quotes": BARE_BARS,
    "two bars and escapes": ESCAPED_BARS,
    "beyond ASCII": Dialect("¦", '"'),
    "caret, bar, caret": Dialect("^|^", "'"),
    "formulas": COMMA,
}

any_soup = st.lists(
    st.sampled_from(
        [
            *[
                b"a",
                b"1",
                b"N",
                b"n",
                b"t",
                b" ",
                b"=",
                b"\\",
                b"\\",
                b"\\",
                b"|",
                b"^",
                b"'",
                b"\n",
                b"\n",
                b"\r\n",
                b"\r",
            ],
            *[b'"', b'""', b'="', b'="1"', b'="1,2"', b'"=""1"""', b"||", b"||", b"^|^", b",", b",", b"\t", b"\t"],
            *["¦".encode(), "¦".encode(), b"\xc2", b"\xff", b"\\N", b"\\\\", b'\\"', b"\\,", b"\\\n", b"\\\r\n"],
            *[b"x\ty\tz\n", b'x,="y",z\n', b"x||y||z\n", "x¦y¦z\n".encode(), b"x^|^y^|^z\n", b'"x","y","z"\n'],
        ]
    ),
    max_size=40,
).map(b"".join)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(data=any_soup)
def test_every_dialect_is_read_as_the_careful_parser_reads_it(data: bytes, dialect: Dialect) -> None:
    assert rows(read(data, dialect=dialect)) == reference(data, dialect)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@given(data=any_soup, chunk_bytes=st.integers(1, 40), piece=st.integers(1, 9))
def test_sizes_change_nothing_in_any_dialect(data: bytes, dialect: Dialect, chunk_bytes: int, piece: int) -> None:
    whole, chunks = read(data, dialect=dialect), read(data, dialect=dialect, chunk_bytes=chunk_bytes, piece=piece)
    assert rows(chunks) == rows(whole)
    if chunks:
        assert chunks[-1].end == whole[-1].end
        assert chunks[-1].end.offset == len(data)
    assert loose(chunks) == loose(whole)


@given(any_soup, st.integers(1, 40), st.integers(1, 4))
def test_sizes_change_nothing_where_few_escaped_lines_are_many(data: bytes, chunk_bytes: int, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (delimited, framing, irregular):
            patch.setattr(module, "MAX_RECORD_LINES", limit)
        whole, chunks = read(data, dialect=SPARK), read(data, dialect=SPARK, chunk_bytes=chunk_bytes)
        assert rows(whole) == reference(data, SPARK)
    assert rows(chunks) == rows(whole)


def loose(chunks: list[RowChunk]) -> list[int]:
    """Numbers of the rows that fit by a rule only."""
    return [chunk.start.row + int(i) for chunk in chunks for i in chunk.loose]


@given(soup)
def test_the_splitter_of_cells_reads_what_the_csv_module_reads(data: bytes) -> None:
    theirs = irregular.parse(data, COMMA, final=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(irregular._Reading, "of", lambda _data, dialect: irregular._Reading(dialect, by_csv=False))
        ours = irregular.parse(data, COMMA, final=True)
    assert ours.records == theirs.records
    assert ours.bounds.tolist() == theirs.bounds.tolist()


def in_steps(text: str, dialect: Dialect) -> list[list[str]]:
    """The records of a well-formed text, one character after another: slow, and plain enough to be read."""
    records: list[list[str]] = []
    cells, cell, quoted, at = [], "", False, 0
    while at < len(text):
        if dialect.escape and text[at] == dialect.escape:
            after = text[at + 1]
            controls = dict(zip("0bnrtZ", "\0\b\n\r\t\x1a", strict=True))
            keeps = after.isalnum() and after not in controls
            cell += dialect.escape + after if keeps else controls.get(after, after)
            at += 2
        elif quoted and text.startswith(dialect.quote * 2, at):
            cell += dialect.quote
            at += 2
        elif dialect.quote and text[at] == dialect.quote and (quoted or not cell):
            quoted = not quoted
            at += 1
        elif not quoted and text.startswith(dialect.delimiter, at):
            cells, cell = [*cells, cell], ""
            at += len(dialect.delimiter)
        elif not quoted and text[at] == "\n":
            records.append([*cells, cell])
            cells, cell = [], ""
            at += 1
        else:
            cell += text[at]
            at += 1
    return records


def as_outfile(value: str) -> str:
    """As MySQL's SELECT … INTO OUTFILE writes a value by default."""
    return "".join("\\0" if c == "\0" else f"\\{c}" if c in "\\\t\n" else c for c in value)


def as_spark(value: str) -> str:
    """As Spark's CSV writer writes a value that has to be quoted."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


values = st.text(st.sampled_from(["a", "1", "N", "\\", "\t", "\n", '"', ",", " ", "é", "\0", "|"]), max_size=6)
filled_table = st.lists(st.tuples(values, values, values), min_size=1, max_size=6)


@given(filled_table)
def test_what_mysql_writes_into_an_outfile_is_read_back(table: list[tuple[str, str, str]]) -> None:
    text = "".join("\t".join(map(as_outfile, row)) + "\n" for row in table)
    assert [tuple(row) for row in in_steps(text, MYSQL)] == table
    expected = [(i, tuple(cell.encode() for cell in row)) for i, row in enumerate(table)]
    assert rows(read(text.encode(), dialect=MYSQL)) == expected


@given(filled_table)
def test_what_spark_writes_is_read_back(table: list[tuple[str, str, str]]) -> None:
    text = "".join(",".join(map(as_spark, row)) + "\n" for row in table)
    assert [tuple(row) for row in in_steps(text, SPARK)] == table
    expected = [(i, tuple(cell.encode() for cell in row)) for i, row in enumerate(table)]
    assert rows(read(text.encode(), dialect=SPARK)) == expected


@pytest.mark.parametrize("delimiter", ["||", "::", "|~|", "^|^", ";@/", "!#", "¦¦", "\x01\x02"])
@given(table=filled_table, is_quoted=st.booleans())
def test_a_delimiter_of_several_characters_is_read_back(
    table: list[tuple[str, str, str]],
    delimiter: str,
    is_quoted: bool,  # noqa: FBT001 - a parameter
) -> None:
    if is_quoted:
        dialect = Dialect(delimiter, '"')
        written = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in table]
    else:
        dialect = Dialect(delimiter, "")
        gone = str.maketrans(dict.fromkeys(f"\n{delimiter}", " "))
        table = [(a.translate(gone), b.translate(gone), c.translate(gone)) for a, b, c in table]
        written = [list(row) for row in table]
    text = "".join(delimiter.join(row) + "\n" for row in written)
    expected = [(i, tuple(cell.encode() for cell in row)) for i, row in enumerate(table)]
    assert rows(read(text.encode(), dialect=dialect)) == expected
