"""A bundle is as good as the chunks that it was joined of: each record is found again, with all that is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from ingest_cli.model.bundles import Bundle, joined, place
from ingest_cli.model.chunks import Origin, Position, RowChunk, TableChunk

KINDS = (RowChunk, TableChunk)


def chunk(number: int, kind: type[RowChunk] = RowChunk) -> Bundle:
    """A chunk from the midst of a source: a row, a blank, a row that fits by a rule, a reject of two lines, a row."""
    lines = [b"%d0\n" % number, b"\n", b"%d2\n" % number, b'"%d\n3\n' % number, b"%d4\n" % number]
    start = Position(100 * number, 10 * number, 20 * number)
    data = b"".join(lines)
    end = Position(start.offset + len(data), start.row + 5, start.line + 6)
    bounds = np.cumsum([0, *map(len, lines)])
    if kind is TableChunk:
        start, end = (Position(one.row, one.row, one.row) for one in (start, end))
        data, bounds = b"", np.zeros(6, np.int64)
    rows = kind(
        start=start,
        end=end,
        data=data,
        bounds=bounds,
        index=np.array([0, 2, 4], np.int32),
        cells={"ID": pa.array([b"%d%d" % (number, n) for n in (0, 2, 4)], pa.binary())},
        skipped={"blank": np.array([1], np.int32)} | ({"odd": np.array([], np.int32)} if number == 2 else {}),
        rejected=((3, f"reason {number}"),),
        flags={"literal_quote": number},
        loose=np.array([2], np.int32),
    )
    return Bundle.of(Origin(number, 0, f"{number}.csv"), rows)


@pytest.mark.parametrize("kind", KINDS)
def test_all_that_is_said_of_a_record_goes_with_it(kind: type[RowChunk]) -> None:
    apart = [chunk(number, kind) for number in (1, 2, 3)]
    rows = joined(apart).rows
    assert type(rows) is kind
    assert rows.records == 15
    assert rows.index.tolist() == [0, 2, 4, 5, 7, 9, 10, 12, 14]
    assert rows.cells["ID"].to_pylist() == [b"%d%d" % (number, n) for number in (1, 2, 3) for n in (0, 2, 4)]
    assert {reason: index.tolist() for reason, index in rows.skipped.items()} == {"blank": [1, 6, 11], "odd": []}
    assert rows.rejected == ((3, "reason 1"), (8, "reason 2"), (13, "reason 3"))
    assert rows.flags == {"literal_quote": 6}
    assert rows.loose.tolist() == [2, 7, 12]
    assert {array.dtype for array in (rows.index, rows.loose, *rows.skipped.values())} == {np.dtype(np.int32)}
    raws = [one.rows.raw(at) for one in apart for at in (0, 2, 4)]
    assert [rows.raw(at) for at in rows.index.tolist()] == raws
    assert rows.size_bytes == sum(one.rows.size_bytes for one in apart)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_sent", [False, True], ids=["", "without bytes"])
def test_each_record_is_found_in_its_source(kind: type[RowChunk], *, is_sent: bool) -> None:
    apart = [chunk(number, kind) for number in (1, 2, 3)]
    together = joined([joined(apart[:2]), apart[2]])  # a bundle may be joined again
    every = np.arange(5, dtype=np.int32)
    expected = [
        (part.origin, *numbers)
        for one in apart
        for part in one.parts
        for numbers in zip(one.rows.rows(every).tolist(), one.rows.lines(every).tolist(), strict=True)
    ]
    rows = together.rows.without_bytes() if is_sent else together.rows
    lines = (rows.lines(np.arange(15, dtype=np.int32)) - rows.start.line - 1).tolist()
    assert [place(together.parts, at, line) for at, line in enumerate(lines)] == expected
    assert [part.span for part in together.parts] == [part.span for one in apart for part in one.parts]


def test_a_bundle_of_one_chunk_is_that_chunk() -> None:
    one = chunk(1)
    assert joined([one]) is one
    assert place(one.parts, 4, 5) == (Origin(1, 0, "1.csv"), 15, 26)


def of(rows: RowChunk) -> Bundle:
    return Bundle.of(Origin(0, 0, "a"), rows)


def test_what_does_not_fit_is_not_joined() -> None:
    rows = chunk(1).rows
    good = of(rows)
    assert good.fits(chunk(2))
    assert not good.fits(chunk(2, TableChunk))
    assert not good.fits(of(replace(rows, cells={})))
    assert not good.fits(of(replace(rows, cells={"ID": rows.cells["ID"].cast(pa.large_binary())})))
    assert not good.fits(of(replace(rows, data=b""))), "a record that was given up has no bytes to tell its line by"
    assert not of(replace(rows, data=b"a\r")).fits(of(replace(rows, data=b"\n"))), "one line end would come of two"
