"""Account of a run: what was read, its results, and the resources used. It has to balance."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest_cli.model.plain_values import text, whole
from ingest_cli.report.byte_progress import ByteProgress
from ingest_cli.report.distinct import DistinctCounter
from ingest_cli.report.pricing import Cost, Prediction, Tariff
from ingest_cli.report.timeline import Latencies, Timeline

MAX_NAME_CHARACTERS = 1 << 16
"""Maximum length of a reason, column or table name in an account that is read; a header may be long."""


@dataclass(slots=True)
class Account:
    """Numbers of rows and items, counted only when they are committed.

    Attributes:
        rows_read, rows_kept: number of rows.
        rejected: reason → rows.
        skipped: reason → rows.
        rejected_identifiers: (column, reason) → values, in rows of any result.
        flags: name of an anomaly → rows or identifiers kept in spite of it.
        identifiers: class → items to send, i.e. after merging.
        items_built, items_merged, items_acknowledged: number of items; in a dry run the last are those to be sent.
        refused: reason → items.
        bytes_acknowledged: size of the acknowledged items by DynamoDB's rules.
        wcu_predicted: predicted write capacity units of the items sent.
        largest_item_bytes: size of the largest item by DynamoDB's rules.
        import_bytes: size of the items as read by an import from S3.
        passed_over: name of a table, sheet or the like that is not read → its rows, which no other figure includes.
    """

    rows_read: int = 0
    rows_kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected_identifiers: Counter[tuple[str, str]] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)
    items_built: int = 0
    items_merged: int = 0
    items_acknowledged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    bytes_acknowledged: int = 0
    wcu_predicted: int = 0
    largest_item_bytes: int = 0
    import_bytes: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def rows_rejected(self) -> int:
        """Number of rows rejected for any reason."""
        return self.rejected.total()

    @property
    def rows_skipped(self) -> int:
        """Number of rows skipped for any reason."""
        return self.skipped.total()

    @property
    def items_refused(self) -> int:
        """Number of items refused for any reason."""
        return self.refused.total()

    @property
    def balances(self) -> bool:
        """Return whether every row and every item is accounted for exactly once."""
        rows = self.rows_kept + self.rows_rejected + self.rows_skipped
        items = self.items_acknowledged + self.items_merged + self.items_refused
        return (self.rows_read, self.items_built) == (rows, items)

    def add(self, other: Account) -> None:
        """Add the figures of `other`."""
        for name in self.__slots__:
            if name == "largest_item_bytes":
                self.largest_item_bytes = max(self.largest_item_bytes, other.largest_item_bytes)
            elif isinstance(mine := getattr(self, name), Counter):
                mine.update(getattr(other, name))
            else:
                setattr(self, name, mine + getattr(other, name))

    def to_plain(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        plain: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "rejected_identifiers":
                value = [[*key, count] for key, count in value.items()]
            plain[name] = dict(value) if isinstance(value, Counter) else value
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Account:
        """Restore an account from the result of `to_plain`.

        Raises:
            TypeError, ValueError, KeyError: `plain` is not an account.
        """
        if plain.keys() != set(cls.__slots__):
            raise ValueError("not the figures of an account")
        account = cls()
        for name, value in plain.items():
            if name == "rejected_identifiers":
                account.rejected_identifiers = Counter(
                    {(_name(column), _name(reason)): whole(count) for column, reason, count in value}
                )
            elif isinstance(getattr(account, name), Counter):
                setattr(account, name, Counter({_name(key): whole(count) for key, count in value.items()}))
            else:
                setattr(account, name, whole(value))
        return account


def _name(value: Any) -> str:
    return text(value, MAX_NAME_CHARACTERS)


@dataclass(slots=True)
class Traffic:
    """Counters of requests; updated by several threads, and summed over several processes.

    Attributes:
        requests: batches sent, including retries.
        retries: reason → batches retried, in whole or in part.
        wcu_consumed: write capacity units of items, as counted by DynamoDB.
        wcu_state: write capacity units of the saved state and of the lock.
        latencies: time until requests were answered, or failed.
    """

    requests: int = 0
    retries: Counter[str] = field(default_factory=Counter)
    wcu_consumed: float = 0.0
    wcu_state: float = 0.0
    latencies: Latencies = field(default_factory=Latencies)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note_request(self, wcu: float, latency_s: float) -> None:
        """Count an attempt, its consumption, and its duration."""
        with self._lock:
            self.requests += 1
            self.wcu_consumed += wcu
            self.latencies.note(latency_s)

    def note_state(self, wcu: float) -> None:
        """Count the consumption of anything but items."""
        with self._lock:
            self.wcu_state += wcu

    def take(self) -> tuple[int, Counter[str], float, Counter[int]]:
        """Return the counts since the last call: requests, retries, capacity units, and latencies by bucket."""
        with self._lock:
            taken = self.requests, self.retries, self.wcu_consumed, self.latencies.counts
            self.requests, self.retries, self.wcu_consumed, self.latencies = 0, Counter(), 0.0, Latencies()
        return taken

    def add(self, requests: int, retries: Counter[str], wcu_consumed: float, latencies: Counter[int]) -> None:
        """Add the counts of another process; see `take`."""
        with self._lock:
            self.requests += requests
            self.retries.update(retries)
            self.wcu_consumed += wcu_consumed
            self.latencies.counts.update(latencies)

    def now(self) -> tuple[int, Counter[str], float]:
        """Return a consistent snapshot of requests, retries and capacity units."""
        with self._lock:
            return self.requests, self.retries.copy(), self.wcu_consumed

    def note_retry(self, reason: str) -> None:
        """Count an attempt to be retried."""
        with self._lock:
            self.retries[reason] += 1


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
        extent: committed part of the sources.
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
            "items": {
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
            },
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


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts[name] for name in sorted(counts) if counts[name]}


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for column, reason in sorted(counts):
        out.setdefault(column, {})[reason] = counts[column, reason]
    return out
