"""Parquet and Arrow files, whatever is in them and whatever the chunks are: every row once, and the same cells."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_cli.errors import IngestError
from ingest_cli.formats.arrow.parquet_levels import row_starts
from ingest_cli.formats.columnar import ArrowFile, Parquet
from ingest_cli.formats.several_values import cell_of
from ingest_cli.model.chunks import WHOLE, Position, RowChunk, Span

Kind = type[Parquet | ArrowFile]

cells = st.none() | st.binary(max_size=12)
rows = st.lists(
    st.tuples(cells, st.none() | st.lists(cells, max_size=3), st.none() | st.integers(-9, 10**12)), max_size=60
)
WANTED = ("text", "list", "number")


def table_of(drawn: list[tuple[object, object, object]]) -> pa.Table:
    types = (pa.binary(), pa.list_(pa.binary()), pa.int64())
    columns = list(zip(*drawn, strict=True)) if drawn else [(), (), ()]
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(WANTED, columns, types, strict=True)})


def write(table: pa.Table, shape: str, part_rows: int) -> tuple[Kind, bytes]:
    out = io.BytesIO()
    if shape == "parquet":
        pq.write_table(table, out, row_group_size=part_rows, data_page_size=64)
        return Parquet, out.getvalue()
    make = pa.ipc.new_file if shape == "file" else pa.ipc.new_stream
    with make(out, table.schema) as writer:
        writer.write_table(table, part_rows)
    return ArrowFile, out.getvalue()


def read(kind: Kind, data: bytes, chunk_bytes: int, *spans: Span) -> list[RowChunk]:
    return list(kind(WANTED, chunk_bytes=lambda: chunk_bytes).read_file(io.BytesIO(data), spans or (WHOLE,)))


def texts(chunks: list[RowChunk]) -> list[tuple[bytes, ...]]:
    return [row for chunk in chunks for row in zip(*(chunk.cells[name].to_pylist() for name in WANTED), strict=True)]


def expected(drawn: list[tuple[object, object, object]]) -> list[tuple[bytes, ...]]:
    """What the cells of the table are, told the slow way."""
    out = []
    for text, several, number in drawn:
        assert several is None or isinstance(several, list)
        decoded = [(each or b"").decode("utf-8", "surrogateescape") for each in several or ()]
        joined = cell_of([each for each in decoded if each.strip()]).encode("utf-8", "surrogateescape")
        assert text is None or isinstance(text, bytes)
        out.append((text or b"", joined, b"" if number is None else str(number).encode()))
    return out


shapes = st.sampled_from(["parquet", "file", "stream"])
sizes = st.integers(1, 60)


@given(rows, shapes, sizes, sizes, sizes)
@settings(deadline=None)
def test_chunks_tile_the_file_and_their_size_changes_nothing(
    drawn: list[tuple[object, object, object]], shape: str, part_rows: int, chunk_bytes: int, other_part_rows: int
) -> None:
    kind, data = write(table_of(drawn), shape, part_rows)
    chunks = read(kind, data, chunk_bytes)
    at = Position()
    for chunk in chunks:
        assert chunk.start == at
        assert chunk.index.tolist() == list(range(chunk.records))
        at = chunk.end
    assert at == Position(len(drawn), len(drawn), len(drawn))
    assert texts(chunks) == expected(drawn)
    # Where a chunk ends depends on its rows alone, and not on how they are stored.
    again = read(*write(table_of(drawn), "parquet", other_part_rows), chunk_bytes)
    assert [(chunk.start, chunk.end) for chunk in again] == [(chunk.start, chunk.end) for chunk in chunks]


@given(rows, shapes, sizes, sizes, st.data())
@settings(deadline=None)
def test_reading_goes_on_at_the_end_of_any_chunk(
    drawn: list[tuple[object, object, object]], shape: str, part_rows: int, chunk_bytes: int, draw: st.DataObject
) -> None:
    kind, data = write(table_of(drawn), shape, part_rows)
    chunks = read(kind, data, chunk_bytes)
    places = [Position(), *(chunk.end for chunk in chunks)]
    picked = sorted(draw.draw(st.lists(st.sampled_from(places), unique=True)), key=lambda place: place.row)
    spans = [Span(*pair) for pair in zip(picked[::2], picked[1::2], strict=False)]
    if len(picked) % 2:
        spans.append(Span(picked[-1]))
    wanted = [row for span in spans for row in expected(drawn)[span.start.row : span.end.row if span.end else None]]
    found = read(kind, data, draw.draw(sizes), *spans) if spans else []
    assert texts(found) == wanted
    assert all(any(_inside(chunk, span) for span in spans) for chunk in found)


def _inside(chunk: RowChunk, span: Span) -> bool:
    return span.start.row <= chunk.start.row and (span.end is None or chunk.end.row <= span.end.row)


@given(rows, shapes, sizes, st.data())
@settings(deadline=None)
def test_no_damage_raises_anything_but_a_source_error(
    drawn: list[tuple[object, object, object]], shape: str, part_rows: int, draw: st.DataObject
) -> None:
    kind, data = write(table_of(drawn), shape, part_rows)
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.integers(0, len(data)))
    for one in (bytes(damaged), data[:cut]):
        try:
            chunks = read(kind, one, 40)
        except IngestError:
            continue
        assert all(len(column) == len(chunk.index) for chunk in chunks for column in chunk.cells.values())


@given(st.binary(max_size=200))
def test_any_bytes_are_told_to_be_no_such_file(data: bytes) -> None:
    for kind in (Parquet, ArrowFile):
        for head, tail in ((b"", b""), (b"PAR1", b"PAR1"), (b"ARROW1\0\0", b""), (b"\xff\xff\xff\xff", b"")):
            try:
                assert sum(chunk.records for chunk in read(kind, head + data + tail, 40)) == 0
            except IngestError as error:
                assert "\n" not in str(error)  # noqa: PT017 - either may be


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 20), st.integers(0, 3)), max_size=12))
def test_repetition_levels_are_told_apart(runs: list[tuple[bool, int, int]]) -> None:
    """Runs of one level, and groups of eight of two bits each, mixed."""
    encoded, levels = b"", list[int]()
    for is_run, count, level in runs:
        if is_run:
            encoded += bytes([count << 1, level])
            levels += [level] * count
        else:
            several = [(level + i * i) % 4 for i in range(8 * count)]
            packed = sum(each << (2 * i) for i, each in enumerate(several))
            head = (count << 1) | 1
            encoded += bytes([head]) + packed.to_bytes(2 * count, "little")
            levels += several
    found = row_starts(encoded, 2, len(levels))
    assert found.tolist() == [i for i, level in enumerate(levels) if level == 0]
