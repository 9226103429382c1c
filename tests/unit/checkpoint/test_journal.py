"""When a state is saved: whenever there is something new in it, but the less often the more it costs."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ingest_cli.checkpoint import checkpoint as checkpoints
from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity
from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.checkpoint.journal import MOST_TURNS, TOO_LARGE, TURN_BYTES, WORTH_WCU, Journal, JournalTargets
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.errors import StateTooLargeError
from ingest_cli.model.bundles import Part
from ingest_cli.model.chunks import Origin, Position, Span
from ingest_cli.report.account import Account
from ingest_cli.report.report import Report
from ingest_cli.runtime.run_ahead import AHEAD_ITEMS, RunAhead
from ingest_cli.runtime.shared_state import SharedState
from tests.support.fake_clock import FakeClock

IDENTITY = Identity("demo", "table-1", "ab" * 32, "manifest-1", "k1", "00112233")


def saves(state_bytes: int, turns: int, wcu: float = WORTH_WCU, *, settled: bool = True) -> int:
    """How often a state of some size is saved in so many turns, in each of which so much is consumed."""
    noise = os.urandom(state_bytes).hex()  # what cannot be made smaller
    account = Account(skipped=Counter({noise: 1})) if state_bytes else Account()
    stored: list[bytes] = []
    report = Report("load", "demo", "Demo")
    targets = JournalTargets(report, RejectFile(None), replace(Checkpoint.new(IDENTITY, 1), account=account))
    journal = Journal(targets, store=stored.append)
    for row in range(turns):
        if settled:
            journal.member_read(Origin(0, 0, "memory.csv"), Position(row, row, row))
        report.traffic.wcu_consumed += wcu
        journal.save_in_turn()
    return len(stored)


def test_a_small_state_is_saved_at_every_occasion() -> None:
    assert saves(0, 20) == 20


def test_a_large_one_costs_no_more_for_being_saved_less_often() -> None:
    assert saves(10 * TURN_BYTES, 110) == 10


def test_a_slow_load_does_not_spend_its_rate_on_saves() -> None:
    assert saves(0, 96, WORTH_WCU / 8) == 12


def test_what_next_to_nothing_was_written_of_is_saved_all_the_same_in_the_end() -> None:
    assert saves(0, MOST_TURNS) == MOST_TURNS
    assert saves(0, MOST_TURNS, 0.0) == 0
    assert saves(0, 3 * (MOST_TURNS + 1), 0.0) == 3


def test_what_was_consumed_is_saved_before_anything_is_settled() -> None:
    """So that what a load may cost is not forgotten by one that is killed again and again."""
    assert saves(0, 20, settled=False) == 20
    assert saves(0, 20, 0.0, settled=False) == 0


def test_nothing_new_is_not_saved() -> None:
    assert saves(0, 10 * MOST_TURNS, 0.0, settled=False) == 0


@pytest.mark.parametrize("limit", ["of parts", "of the row"])
def test_a_state_that_becomes_too_large_does_not_end_or_hold_back_the_load(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[bytes] = []
    report, checkpoint = Report("load", "demo", "Demo"), Checkpoint.new(IDENTITY, 1)
    report.account = checkpoint.account
    most_parts = 1 + 1 + 2 * 2
    if limit == "of parts":
        monkeypatch.setattr(checkpoints, "MAX_PARTS", most_parts)

    def store(state: bytes) -> None:
        if limit == "of the row" and checkpoint.shards[0].parts > most_parts:
            raise StateTooLargeError("too large")
        stored.append(state)

    run_ahead = RunAhead(SharedState().item_counts, FakeClock())
    journal = Journal(JournalTargets(report, RejectFile(None), checkpoint), store=store, run_ahead=run_ahead)

    def settle(first: int, rows: int = 1) -> None:
        assert run_ahead.may_begin(AHEAD_ITEMS)
        run_ahead.begun(AHEAD_ITEMS)
        span = Span(Position(first, first, first), Position(first + rows, first + rows, first + rows))
        part = Part(Origin(0, 0, "memory.csv"), span)
        journal.commit(ChunkResult((part,), np.arange(AHEAD_ITEMS, dtype=np.uint64), Account(rows_read=rows), ()))

    for first in (0, 2):
        settle(first)
        journal.save()
    assert (len(stored), report.notes) == (2, [])
    for first in (4, 6, 8):
        settle(first)
        journal.save()
    assert (len(stored), report.notes) == (2, [TOO_LARGE])
    for first in (1, 3, 5, 7):
        settle(first)
    journal.save()
    assert (len(stored), report.notes) == (3, [])
    assert Checkpoint.from_bytes(stored[-1]).account.rows_read == 9
