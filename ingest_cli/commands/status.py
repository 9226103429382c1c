"""Report the datasets of a table and the runs on them, to any reader of the table.

A load stores three rows: the catalog entry of the dataset, the checkpoint of an unfinished load, and
the lock of a running one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.catalog import COMPLETE, Catalog, DatasetRow
from ingest_cli.aws.lease import Held, look
from ingest_cli.checkpoint.checkpoint import Checkpoint
from ingest_cli.checkpoint.store import TableLedger
from ingest_cli.commands.table_reader import Reading, Selection, reader
from ingest_cli.errors import UntrustedStateError, UsageError
from ingest_cli.runtime.answer_limits import time_limit

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper
    from ingest_cli.runtime.stop import StopRequest

FOLLOW_EVERY_S = 3.0
"""Seconds between two looks; a load saves its state every half second, or less often if it is large."""

_ROW = "_dataset#"


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of an unfinished load, as of its last saved state.

    Attributes:
        rows_read, rows_rejected: rows.
        items_bytes: size of those, by DynamoDB's rules.
        sources_done, sources: number of sources read to their end, and of all sources of the dump.
        spans: number of finished ranges of the other sources.
    """

    rows_read: int
    rows_rejected: int
    items: int
    items_bytes: int
    sources_done: int
    sources: int
    spans: int

    @classmethod
    def of(cls, state: bytes, row: DatasetRow | None) -> Progress | None:
        """Parse a saved state; return None if it is of another version, or not of the load in `row`."""
        try:
            saved = Checkpoint.from_bytes(state)
        except UsageError:
            return None
        if row is not None and (row.under_way or "") != saved.identity.generation:
            return None
        account = saved.account
        return cls(
            rows_read=account.rows_read,
            rows_rejected=account.rows_rejected,
            items=account.items_acknowledged,
            items_bytes=account.bytes_acknowledged,
            sources_done=sum(shard.is_done for shard in saved.shards),
            sources=len(saved.shards),
            spans=sum(len(each.spans) for shard in saved.shards for each in shard.open_members.values()),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """State of a dataset at one time.

    Attributes:
        row: catalog row; None without one.
        progress: progress of an unfinished load, if its state is in the table.
        at_s: time, in seconds since 1970.
        rows_per_s: rate since the previous look; None at the first.
        is_authentic: whether the MACs of everything shown, except the lock, were verified.
        fault: why its rows cannot be read; None: they can.
    """

    dataset: str
    row: DatasetRow | None
    progress: Progress | None
    lock: Held | None
    at_s: float
    rows_per_s: float | None = None
    is_authentic: bool = False
    fault: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether a run is working on it now."""
        return self.lock is not None and self.lock.left_s > 0 and not self.lock.is_gone

    @property
    def state(self) -> str:
        """One of `complete`, `loading`, `withdrawing`, `unknown`, `unreadable`; `stopped` if no run continues it."""
        if self.fault is not None:
            return "unreadable"
        if self.row is None:
            return "unknown"
        return self.row.state if self.row.state == COMPLETE or self.is_running else "stopped"

    def since(self, before: Seen | None) -> Seen:
        """Return a copy with the rate since the previous look."""
        if before is None or before.progress is None or self.progress is None or self.at_s <= before.at_s:
            return self
        rows = self.progress.rows_read - before.progress.rows_read
        rate = max(rows, 0) / (self.at_s - before.at_s)
        return replace(self, rows_per_s=rate)

    def as_dict(self) -> dict[str, Any]:
        """Return the state for programs."""
        row, progress, lock = self.row, self.progress, self.lock
        return {
            "dataset": self.dataset,
            "state": self.state,
            "title": row and row.title,
            "occurred_on": row and row.occurred_on,
            "loaded_at": row and row.loaded_at,
            "src": row and row.src,
            "kid": row and row.kid,
            "authenticated": self.is_authentic,
            "partial_srcs": list(row.partial) if row else [],
            "counts": dict(row.counts) if row else {},
            "progress": progress and {name: getattr(progress, name) for name in Progress.__slots__},
            "rows_per_s": None if self.rows_per_s is None else round(self.rows_per_s, 1),
            "lock": lock
            and {
                "host": lock.host,
                "pid": lock.pid,
                "since": lock.since,
                "expires_in_s": round(lock.left_s, 1),
                "expired": lock.left_s <= 0,
                "gone": lock.is_gone,
            },
        }


@dataclass(slots=True)
class Watch:
    """Read the state of datasets repeatedly.

    Attributes:
        now_s: returns the time of day, in seconds since 1970.
        pepper: pepper to authenticate what is shown; None: no authentication.
        give_up_after_s: maximum seconds of one look at all of them.
    """

    table: Table
    now_s: Callable[[], float] = time.time
    pepper: Pepper | None = None
    give_up_after_s: float = math.inf
    _before: dict[str, Seen] = field(default_factory=dict)

    def __call__(self, datasets: Iterable[str]) -> list[Seen]:
        """Return the state of each of `datasets`.

        What is damaged, or not authentic although it names our pepper, is the `fault` of that one.

        Raises:
            TableError: the table cannot be read.
        """
        with time_limit(self.give_up_after_s):
            return [self._look(dataset) for dataset in datasets]

    def follow(
        self, datasets: Iterable[str], tell: Callable[[list[Seen]], None], wait: Callable[[float], None]
    ) -> list[Seen]:
        """Look every few seconds until no run is working on any of `datasets`.

        Args:
            datasets: ids.
            tell: called with the state of those that a run is working on.
            wait: waits for seconds; raises to end the loop.

        Returns:
            The final states.
        """
        wanted = list(datasets)
        while True:
            seen = self(wanted)
            running = [one for one in seen if one.is_running]
            if not running:
                return seen
            tell(running)
            wait(FOLLOW_EVERY_S)

    def _look(self, dataset: str) -> Seen:
        try:
            return self._read(dataset)
        except UntrustedStateError as error:
            return Seen(dataset, None, None, None, self.now_s(), fault=str(error))

    def _read(self, dataset: str) -> Seen:
        row = Catalog(self.table, self.pepper, only_shows=True).dataset(dataset)
        saved = None
        if row is None or row.state != COMPLETE:  # the state of a complete load is useless, if it still exists
            key = None if self.pepper is None else StateKey.of(self.pepper)
            saved = TableLedger(self.table, dataset, "", key).read()
        now_s = self.now_s()
        progress = None if saved is None else Progress.of(saved.state, row)
        is_authentic = (
            row is not None and row.is_authentic and (progress is None or (saved is not None and saved.is_authentic))
        )
        seen = Seen(dataset, row, progress, look(self.table, dataset, now_s), now_s, is_authentic=is_authentic)
        seen = seen.since(self._before.get(dataset))
        self._before[dataset] = seen
        return seen


def find_all(table: Table, reading: Reading, stop: StopRequest) -> list[str]:
    """Return the ids of all datasets, by scanning the whole table.

    Eventually consistent, at half the price: a dataset started this second is in the registry anyway.

    Raises:
        IngestError: the table cannot be read.
    """
    wanted = Selection(_ROW, ("pk",), consistent=False, of="pk")
    with time_limit(reading.give_up_after_s):
        described = table.check()
    with reader(table, described, reading, stop) as source:
        found: list[Mapping[str, Any]] = [item for page in source.scan(wanted) for item in page]
    return sorted(item["pk"]["S"].removeprefix(_ROW) for item in found)
