"""When a state is saved: whenever there is something new in it, but the less often the more it costs."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

from ingest_cli.engines.journal import TURN_BYTES, Books, Journal
from ingest_cli.policies.checkpoint import Checkpoint, Identity
from ingest_cli.policies.rejects import RejectFile
from ingest_cli.records import Origin, Position
from ingest_cli.report import Account, Report

IDENTITY = Identity("demo", "table-1", "ab" * 32, "manifest-1", "k1", "00112233")


def saves(state_bytes: int, turns: int) -> int:
    """How often a state of some size is saved in so many turns, something new being in it each time."""
    noise = os.urandom(state_bytes).hex()  # what cannot be made smaller
    account = Account(skipped=Counter({noise: 1})) if state_bytes else Account()
    stored: list[bytes] = []
    books = Books(
        Report("load", "demo", "Demo"), RejectFile(None), replace(Checkpoint.new(IDENTITY, 1), account=account)
    )
    journal = Journal(books, store=stored.append)
    for row in range(turns):
        journal.member_read(Origin(0, 0, "memory.csv"), Position(row, row, row))
        journal.save_in_turn()
    return len(stored)


def test_a_small_state_is_saved_at_every_occasion() -> None:
    assert saves(0, 20) == 20


def test_a_large_one_costs_no_more_for_being_saved_less_often() -> None:
    assert saves(10 * TURN_BYTES, 110) == 10


def test_nothing_new_is_not_saved() -> None:
    stored: list[bytes] = []
    books = Books(Report("load", "demo", "Demo"), RejectFile(None), Checkpoint.new(IDENTITY, 1))
    Journal(books, store=stored.append).save_in_turn()
    assert stored == []
