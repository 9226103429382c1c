"""Report of a run: its result, account, traffic, progress and cost, and the JSON of `--report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest_cli.report.account import Account
from ingest_cli.report.byte_progress import ByteProgress
from ingest_cli.report.distinct import DistinctCounter, HashArray
from ingest_cli.report.pricing import Cost, Prediction, Tariff
from ingest_cli.report.timeline import Timeline
from ingest_cli.report.traffic import Traffic

if TYPE_CHECKING:
    from ingest_cli.model.chunks import Origin, Span


@dataclass(slots=True)
class Report:
    """Report on the run of one manifest.

    Attributes:
        command: name of the command.
        dataset, title: from the manifest.
        table: name of the table; None for a dry run.
        src: first 8 hex digits of the fingerprint of the sources; None if not computed.
        sources: names.
        outcome: one of `complete`, `unchanged`, `partial`, `different`, `stopped`, `locked`,
            `failed`.
        message: one sentence on the failure.
        exit_code: process exit code of this run.
        elapsed_s: wall time in seconds.
        source_bytes: stored bytes of the sources read.
        account: numbers of rows and items.
        traffic: counters of requests.
        distinct: counter of distinct keys of the rows read by this run.
        rows_before: rows committed by earlier, interrupted runs of the same load.
        notes: sentences to show with the result.
        timeline: progress over time.
        wcu_before: write capacity units that earlier runs of the same load have consumed, as far as saved.
        tariff: price of writing; None: unknown.
        prediction: prediction of the load; None: not requested.
        pruned: result of the pruning after the load; None: not requested.
        byte_progress: committed part of the sources.
        wcu_pruned: write capacity units consumed by the pruning.
    """

    command: str
    dataset: str
    title: str
    table: str | None = None
    src: str | None = None
    sources: tuple[str, ...] = ()
    outcome: str = "failed"
    message: str | None = None
    exit_code: int = 1
    elapsed_s: float = 0.0
    source_bytes: int = 0
    account: Account = field(default_factory=Account)
    traffic: Traffic = field(default_factory=Traffic)
    distinct: DistinctCounter = field(default_factory=DistinctCounter)
    rows_before: int = 0
    notes: list[str] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)
    wcu_before: float = 0.0
    tariff: Tariff | None = None
    prediction: Prediction | None = None
    pruned: Mapping[str, Any] | None = None
    byte_progress: ByteProgress = field(default_factory=ByteProgress)
    wcu_pruned: float = 0.0

    def commit(self, account: Account, key_hash: HashArray, spans: Iterable[tuple[Origin, Span]]) -> None:
        """Add a committed chunk: its account, the hashes of its keys, and the parts of sources that it covers."""
        self.account.add(account)
        self.distinct.add(key_hash)
        for origin, span in spans:
            self.byte_progress.commit(origin, span)

    @property
    def wcu_spent(self) -> float:
        """Write capacity units consumed by this load in all of its runs, including the state and the pruning."""
        return self.wcu_before + self.traffic.wcu_consumed + self.traffic.wcu_state + self.wcu_pruned

    @property
    def cost(self) -> Cost | None:
        """Cost of the load so far, in all of its runs; None without known prices."""
        return None if self.tariff is None else self.tariff.cost(self.wcu_spent)

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to report besides the failure: rows read, or requests sent."""
        account = self.account
        return bool(self.message is None or account.rows_read or account.passed_over or self.traffic.requests)

    @property
    def duplicates(self) -> int | None:
        """Number of items with the key of another one; None where an earlier run has seen some of them."""
        if self.rows_before:
            return None
        return max(self.account.items_built - self.distinct.count(), 0)

    @property
    def items_acknowledged(self) -> int:
        """Number of items acknowledged by a table."""
        return 0 if self.table is None else self.account.items_acknowledged

    @property
    def items_checked(self) -> int:
        """Number of items of a dry run that a load would write."""
        return self.account.items_acknowledged if self.table is None else 0

    @property
    def rows_per_s(self) -> float:
        """Rows read by this run, per second."""
        return (self.account.rows_read - self.rows_before) / self.elapsed_s if self.elapsed_s else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the report for programs."""
        account, traffic = self.account, self.traffic
        return {
            "command": self.command,
            "dataset": self.dataset,
            "title": self.title,
            "table": self.table,
            "src": self.src,
            "sources": list(self.sources),
            "outcome": self.outcome,
            "message": self.message,
            "exit_code": self.exit_code,
            "begun": self.is_begun,
            "rows": {
                "read": account.rows_read,
                "kept": account.rows_kept,
                "rejected": account.rows_rejected,
                "skipped": account.rows_skipped,
            },
            "rejected_by_reason": _sorted(account.rejected),
            "skipped_by_reason": _sorted(account.skipped),
            "rejected_identifiers": _nested(account.rejected_identifiers),
            "flags": _sorted(account.flags),
            "unread_tables": _sorted(account.passed_over),
            "items": self._items_as_dict(),
            "items_by_kind": _sorted(account.identifiers),
            "refused_by_reason": _sorted(account.refused),
            "balances": account.balances,
            "wcu": {
                "predicted": account.wcu_predicted,
                "consumed": round(traffic.wcu_consumed, 1),
                "state": round(traffic.wcu_state, 1),
                "before": round(self.wcu_before, 1),
                "pruned": round(self.wcu_pruned, 1),
            },
            "cost": None if self.cost is None else self.cost.as_dict(),
            "prediction": [] if self.prediction is None else self.prediction.as_list(),
            "storage_per_month": None if self.prediction is None else self.prediction.storage.as_dict(),
            "requests": traffic.requests,
            "retries": traffic.retries.total(),
            "retries_by_reason": _sorted(traffic.retries),
            "latency_ms": traffic.latencies.percentiles_ms(),
            "elapsed_s": round(self.elapsed_s, 3),
            "rows_per_s": round(self.rows_per_s, 1),
            "rows_before": self.rows_before,
            "notes": self.notes,
            "pruned": self.pruned,
            "source_bytes": self.source_bytes,
        }

    def _items_as_dict(self) -> dict[str, Any]:
        account = self.account
        return {
            "built": account.items_built,
            "acknowledged": self.items_acknowledged,
            "checked": self.items_checked,
            "merged": account.items_merged,
            "refused": account.items_refused,
            "distinct": None if self.rows_before else self.distinct.count(),
            "duplicates": self.duplicates,
            "distinct_is_exact": self.distinct.is_exact,
            "bytes": account.bytes_acknowledged,
            "largest_bytes": account.largest_item_bytes,
        }


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for column, reason in sorted(counts):
        out.setdefault(column, {})[reason] = counts[column, reason]
    return out
