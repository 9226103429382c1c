"""What a pruning came to: the result that is printed, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ingest_cli.report.report import Traffic

MOST = 0.5
"""The share of a dataset above which its removal is not taken for granted, whoever asked for it."""


@dataclass(slots=True)
class Pruning:
    """What a pruning came to.

    Attributes:
        dataset, title, table: what of, and where.
        withdraws: whether all of the dataset is to go.
        src: first 8 hex digits of the fingerprint of the sources whose items stay; None if none do.
        items: items of the dataset that were counted; None if it did not come to that.
        stale: those of them to be removed.
        removed: items that are known to be gone.
        outcome: `complete`, `counted` (and nothing more was asked for), `stopped`, `locked` or `failed`.
        message: one sentence on why it failed.
        exit_code: the process exit code this asks for.
        elapsed_s: wall time in seconds.
        rcu: read capacity units consumed.
        traffic: what the deleting took.
        notes: sentences that whoever looks at the result should know.
        is_spent: whether it ended because it has consumed what it may.
    """

    dataset: str
    table: str
    withdraws: bool
    title: str = ""
    src: str | None = None
    items: int | None = None
    stale: int | None = None
    removed: int = 0
    outcome: str = "failed"
    message: str | None = None
    exit_code: int = 1
    elapsed_s: float = 0.0
    rcu: float = 0.0
    traffic: Traffic = field(default_factory=Traffic)
    notes: list[str] = field(default_factory=list)
    is_spent: bool = False

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to tell but why it failed."""
        return self.message is None or self.items is not None

    @property
    def takes_most(self) -> bool:
        """Whether more is to be removed than to be left."""
        return (self.stale or 0) > MOST * (self.items or 0)

    def as_dict(self) -> dict[str, Any]:
        """The result for programs."""
        return {
            "command": "prune",
            "dataset": self.dataset,
            "title": self.title,
            "table": self.table,
            "all": self.withdraws,
            "src": self.src,
            "outcome": self.outcome,
            "message": self.message,
            "exit_code": self.exit_code,
            "items": {"found": self.items, "stale": self.stale, "removed": self.removed},
            "rcu_consumed": round(self.rcu, 1),
            "wcu_consumed": round(self.traffic.wcu_consumed, 1),
            "requests": self.traffic.requests,
            "retries": self.traffic.retries.total(),
            "elapsed_s": round(self.elapsed_s, 3),
            "notes": self.notes,
        }
