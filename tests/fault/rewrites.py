"""What a run that was broken off had written in vain, by the endpoint's audit, and how much that may be.

An item is written again if a run writes it although an earlier run of the same load had. It counts for the run that
wrote it last before, so that the counts of all runs add up to everything that was written again, and a run that was
broken off before it wrote anything counts for nothing. What one run writes twice itself (an answer was lost, a batch
was sent again) is not counted: no kill did that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.endpoint.audit import WriteRecord

BATCH_ITEMS = 25
"""Items of the largest request ("BatchWriteItem", API reference)."""

AHEAD_ITEMS = 5_000
"""Items that a load may be ahead of what it has saved, beside those in flight and those of the last seconds."""

RECENT_S = 2.0
"""Seconds before a kill whose writes need not have been saved."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a load.

    Attributes:
        first: how many writes the audit held when it was started.
        ended_s: when it was sent a signal, or had ended by itself, by the endpoint's clock.
        is_restart: whether it was told to leave the saved state aside.
    """

    first: int
    ended_s: float
    is_restart: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run had written in vain.

    Attributes:
        again: items that later runs wrote again.
        in_flight: items that may have been on their way when it ended.
        recent: items that it wrote in the last `RECENT_S` seconds.
    """

    again: int
    in_flight: int
    recent: int

    @property
    def bound(self) -> int:
        """What `again` may be."""
        return self.in_flight + AHEAD_ITEMS + self.recent

    @property
    def is_within(self) -> bool:
        """Whether it is no more than that."""
        return self.again <= self.bound


def costs(writes: Iterable[WriteRecord], runs: Sequence[Run], concurrency: int) -> list[Cost]:
    """The cost of each run; that of one which was followed by a restart is of its load alone.

    Args:
        writes: of the table, in their order; those of reserved rows are passed over.
        runs: all runs of the load, in their order.
        concurrency: requests that one run has in flight at the most.
    """
    again, recent = [0] * len(runs), [0] * len(runs)
    last: dict[tuple[str, str], int] = {}
    number = 0
    for write in writes:
        while number + 1 < len(runs) and write.sequence > runs[number + 1].first:
            number += 1
            if runs[number].is_restart:
                last.clear()
        if write.pk.startswith("_") or write.action != "put":
            continue
        before = last.get((write.pk, write.sk), number)
        if before != number:
            again[before] += 1
        last[write.pk, write.sk] = number
        recent[number] += write.time_s > runs[number].ended_s - RECENT_S
    in_flight = BATCH_ITEMS * concurrency
    return [Cost(vain, in_flight, late) for vain, late in zip(again, recent, strict=True)]
