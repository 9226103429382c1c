"""Which rows count: `--skip` and `--limit` across sources, whatever the chunks are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.formats.row_selection import RowRange
from ingest_cli.model.chunks import Position, RowChunk

LINE = b"1234567\n"


def chunks(rows: int, size: int) -> Iterator[RowChunk]:
    """A source of so many rows; every fifth is blank and every seventh cannot be parsed."""
    for first in range(0, rows, size):
        count = min(size, rows - first)
        every = np.arange(count, dtype=np.int32)
        number = every + first
        blank, bad = number % 5 == 4, number % 7 == 6
        good = every[~blank & ~bad]
        yield RowChunk(
            start=Position(first * len(LINE), first, first),
            end=Position((first + count) * len(LINE), first + count, first + count),
            data=LINE * count,
            bounds=np.arange(count + 1, dtype=np.int64) * len(LINE),
            index=good,
            cells={"ID": pa.array([str(first + n).encode() for n in good], pa.binary())},
            skipped={"blank": every[blank]},
            rejected=tuple((int(n), "too_short") for n in every[bad & ~blank]),
        )


def fate(sources: list[int], size: int, window: RowRange) -> dict[str, list[tuple[int, int]]]:
    """What became of each row (source, row) that was seen."""
    found: dict[str, list[tuple[int, int]]] = {}
    for number, rows in enumerate(sources):
        if window.exhausted():
            break
        at = 0
        for chunk in window.take("any", chunks(rows, size)):
            assert chunk.start == Position(at * len(LINE), at, at)
            assert chunk.end.row == chunk.start.row + chunk.records
            assert len(chunk.data) == chunk.end.offset - chunk.start.offset == chunk.records * len(LINE)
            assert [int(text) for text in chunk.cells["ID"].to_pylist()] == (chunk.index + at).tolist()
            fates = {"kept": chunk.index.tolist(), "rejected": [n for n, _ in chunk.rejected]}
            fates |= {reason: index.tolist() for reason, index in chunk.skipped.items()}
            assert sorted(n for rows in fates.values() for n in rows) == list(range(chunk.records))
            for name, index in fates.items():
                found.setdefault(name, []).extend((number, at + n) for n in index)
            at = chunk.end.row
    return found


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=3),
    st.integers(1, 12),
    st.integers(0, 40),
    st.none() | st.integers(0, 40),
)
def test_every_row_of_the_window_has_its_fate_and_no_other_row_is_touched(
    sources: list[int], size: int, skip: int, limit: int | None
) -> None:
    every = [(number, row) for number, rows in enumerate(sources) for row in range(rows)]
    inside = every[skip:] if limit is None else every[skip : skip + limit]
    found = fate(sources, size, RowRange(skip, limit))
    unlimited = fate(sources, size, RowRange())
    if limit == 0:
        assert found == {}
        return
    assert found.pop("skip", []) == every[:skip]
    for name, rows in unlimited.items():
        assert found.get(name, []) == [one for one in rows if one in inside], name


def test_nothing_more_is_read_than_is_needed() -> None:
    read = 0

    def counted() -> Iterator[RowChunk]:
        nonlocal read
        for chunk in chunks(100, 10):
            read += 1
            yield chunk

    window = RowRange(5, 10)
    assert sum(chunk.records for chunk in window.take("any", counted())) == 15
    assert read == 2
    assert window.exhausted()
    assert list(window.take("next", counted())) == []
    assert read == 2
