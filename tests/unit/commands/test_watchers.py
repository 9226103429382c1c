"""A checkpoint that cannot be saved ends a load in time, since writing waits for it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from ingest_cli.commands.watchers import STATE_NOT_SAVED, StateSaver
from ingest_cli.errors import BusyError, IngestError, TableError, TryAgainError
from ingest_cli.runtime.answer_limits import left_s
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.policies.retry import LEAST_ATTEMPT_S, Progress, RetryRules
from tests.support.fake_clock import FakeClock

BUSY, DUE, NOT_DUE = BusyError("the table is too busy"), "due", "not due"


class Journal:
    """Saves, or does not, as it was told."""

    def __init__(self) -> None:
        self.answer: bool | IngestError = True
        self.left_s = list[float]()

    def save_in_turn(self) -> bool:
        self.left_s.append(left_s())
        if isinstance(self.answer, IngestError):
            raise self.answer
        return self.answer


class Saving:
    """A state saver on a fake clock."""

    def __init__(self, *, is_local: bool = False) -> None:
        self.clock, self.stop, self.journal, self.retries = FakeClock(), StopRequest(), Journal(), Counter[str]()
        rules = RetryRules(
            self.clock, Random(1), Progress(self.clock), 8.0, lambda reason: self.retries.update([reason]), self.stop
        )
        self.saver = StateSaver(self.journal, rules, is_local=is_local)  # type: ignore[arg-type] # all that it asks for

    def turns(self, count: int, answer: str | IngestError) -> None:
        self.journal.answer = answer if isinstance(answer, IngestError) else answer == DUE
        for _ in range(count):
            self.clock.sleep(0.5)
            try:
                self.saver.save()
            except IngestError as fault:
                self.saver.on_fault(fault)


def test_it_stops_the_load_when_saving_fails_for_too_long() -> None:
    saving = Saving()
    saving.turns(16, BUSY)
    saving.stop.check()
    saving.turns(1, BUSY)
    with pytest.raises(TryAgainError, match=r"state of the load could not be saved for 8 s \(the table is too busy\)"):
        saving.stop.check()
    assert saving.retries == {STATE_NOT_SAVED: 17}


def test_a_save_that_succeeds_begins_a_new_count_and_a_turn_that_is_not_due_does_not() -> None:
    saving = Saving()
    saving.turns(10, BUSY)
    saving.turns(1, DUE)
    saving.turns(10, BUSY)
    saving.turns(5, NOT_DUE)
    saving.stop.check()
    saving.turns(3, BUSY)
    with pytest.raises(TryAgainError):
        saving.stop.check()


@pytest.mark.parametrize(("kept_in", "fault"), [("folder", BUSY), ("table", TableError("no such table"))])
def test_a_fault_that_is_not_transient_ends_it_at_once(kept_in: str, fault: IngestError) -> None:
    saving = Saving(is_local=kept_in == "folder")
    saving.turns(1, fault)
    with pytest.raises(type(fault)):
        saving.stop.check()


def test_no_attempt_takes_longer_than_the_time_to_give_up() -> None:
    saving = Saving()
    saving.turns(15, BUSY)
    assert saving.journal.left_s[0] <= 8.0
    assert saving.journal.left_s[-1] <= 8.0 - 14 * 0.5
    saving.turns(2, BUSY)
    assert saving.journal.left_s[-1] <= LEAST_ATTEMPT_S


def test_it_is_told_why_saving_failed_and_not_that_the_last_attempt_was_cut_short() -> None:
    saving = Saving()
    saving.turns(2, BusyError("of another time"))
    saving.turns(1, DUE)
    saving.turns(15, BUSY)
    saving.turns(2, BusyError("no answer in time"))
    with pytest.raises(TryAgainError, match=r"\(the table is too busy\)"):
        saving.stop.check()
