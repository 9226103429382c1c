"""Result of a pruning, as shown to the operator and to programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ingest_cli.report.traffic import Traffic

MOST = 0.5
"""Share of a dataset above which its removal needs an explicit confirmation, whatever the caller."""


@dataclass(slots=True)
class Pruning:
    """Result of a pruning.

    Attributes:
        withdraws: whether the whole dataset is removed.
        src: first 8 hex digits of the fingerprint of the sources whose items stay; None if none do.
        items: number of items of the dataset; None if they were not counted.
        stale: number of items to remove.
        removed: number of items known to be deleted.
        outcome: `complete`, `counted` (on request, nothing removed), `stopped`, `locked` or `failed`.
        message: one sentence on the failure.
        elapsed_s: wall time in seconds.
        rcu: read capacity units consumed.
        is_spent: whether it ended because its budget was used up.
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
        """Whether there is anything to report besides the failure."""
        return self.message is None or self.items is not None

    @property
    def takes_most(self) -> bool:
        """Whether the removal takes more items than it keeps."""
        return (self.stale or 0) > MOST * (self.items or 0)

    def as_dict(self) -> dict[str, Any]:
        """Return the result for programs."""
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
