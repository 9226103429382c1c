"""Chunks aim at a moment's work, and neither jump nor leave their bounds on the way there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.engines.chunk_size import AIM_S, FIRST_BYTES, MAX_BYTES, MIN_BYTES, ChunkSize, first_bytes


def settled(bytes_per_s: float) -> int:
    size = ChunkSize()
    for _ in range(50):
        size.chunk_done(size(), size() / bytes_per_s)
    return size()


def test_it_begins_small() -> None:
    assert ChunkSize()() == FIRST_BYTES


@pytest.mark.parametrize(
    ("wcu_per_s", "size"), [(1.0, MIN_BYTES), (5.0, MIN_BYTES), (50.0, 5_000), (500.0, FIRST_BYTES), (4e4, FIRST_BYTES)]
)
def test_a_slow_table_is_given_little_to_begin_with(wcu_per_s: float, size: int) -> None:
    assert ChunkSize(first_bytes(wcu_per_s))() == size


@pytest.mark.parametrize("bytes_per_s", [200_000.0, 1_000_000.0, 4_000_000.0])
def test_it_settles_where_a_chunk_takes_the_time_aimed_at(bytes_per_s: float) -> None:
    assert settled(bytes_per_s) == pytest.approx(AIM_S * bytes_per_s, rel=0.01)


def test_it_settles_at_its_bounds_for_those_who_are_faster_or_slower() -> None:
    assert settled(1e9) == MAX_BYTES
    assert settled(10.0) == MIN_BYTES


@given(st.lists(st.tuples(st.integers(0, 1 << 24), st.floats(0, 1e6)), max_size=50))
def test_it_stays_within_its_bounds_and_does_not_jump(chunks: list[tuple[int, float]]) -> None:
    size = ChunkSize()
    for length, duration_s in chunks:
        before = size()
        size.chunk_done(length, duration_s)
        assert MIN_BYTES <= size() <= MAX_BYTES
        assert before // 4 <= size() <= before * 2 or size() == MIN_BYTES


def test_an_empty_chunk_says_nothing() -> None:
    size = ChunkSize()
    size.chunk_done(0, 100.0)
    assert size() == FIRST_BYTES
