"""Chunks are begun only while little is written that no saved state knows of, by all processes together."""

from __future__ import annotations

from ingest_cli.runtime.run_ahead import AHEAD_ITEMS, RECENT_S, STALE_S, RunAhead
from ingest_cli.runtime.shared_state import SharedByProcesses
from tests.support.fake_clock import FakeClock


def of(processes: int, clock: FakeClock) -> list[RunAhead]:
    counts = SharedByProcesses(processes).item_counts
    return [RunAhead(counts, clock, number) for number in range(processes)]


def test_a_chunk_waits_until_others_are_settled_and_saved() -> None:
    clock = FakeClock()
    [only] = of(1, clock)
    for _ in range(AHEAD_ITEMS // 100):
        assert only.may_begin(100)
        only.begun(100)
    assert not only.may_begin(100)
    only.committed(1000)
    assert not only.may_begin(100), "settled, but not saved"
    only.saved(1000)
    assert only.may_begin(100)


def test_all_processes_share_what_is_allowed() -> None:
    clock = FakeClock()
    first, second = of(2, clock)
    first.begun(AHEAD_ITEMS // 2)
    assert second.may_begin(AHEAD_ITEMS // 4)
    second.begun(AHEAD_ITEMS // 2)
    assert not first.may_begin(1)
    assert not second.may_begin(1)
    assert first.unsaved_items == second.unsaved_items == AHEAD_ITEMS


def test_what_was_written_lately_does_not_count_as_long_as_states_are_saved() -> None:
    clock = FakeClock()
    [only] = of(1, clock)
    only.saved(0)
    only.begun(10 * AHEAD_ITEMS)
    only.acknowledged(0)
    clock.advance(0.2)
    only.acknowledged(10 * AHEAD_ITEMS)
    only.committed(10 * AHEAD_ITEMS)
    assert only.may_begin(100)
    clock.advance(STALE_S)
    assert not only.may_begin(100), "no state was saved for long"
    clock.advance(RECENT_S)
    only.saved(0)
    assert not only.may_begin(100), "it was not lately any more"


def test_chunks_that_are_not_settled_count_however_much_was_written_lately() -> None:
    clock = FakeClock()
    [only] = of(1, clock)
    only.saved(0)
    only.begun(AHEAD_ITEMS)
    only.acknowledged(0)
    clock.advance(0.2)
    only.acknowledged(AHEAD_ITEMS - 1)
    assert not only.may_begin(100)


def test_what_a_killed_process_had_is_written_by_others() -> None:
    clock = FakeClock()
    first, second = of(2, clock)
    second.begun(AHEAD_ITEMS)
    first.committed(1000)
    first.saved(1000)
    first.forget(1, 1000)
    assert first.unsaved_items == 0
    assert first.may_begin(100)


def test_a_large_chunk_is_let_through_while_half_is_left() -> None:
    clock = FakeClock()
    [only] = of(1, clock)
    only.begun(AHEAD_ITEMS // 2)
    assert only.may_begin(100 * AHEAD_ITEMS)
    only.begun(1)
    assert not only.may_begin(100 * AHEAD_ITEMS)
