"""What is in a table, and what is being done to it, as anybody who can read the table sees it from anywhere.

A load leaves three rows: what the catalog says about the dataset, the checkpoint of a load that is not at its end, and
the lock of one that is under way.
"""

from __future__ import annotations

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

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper
    from ingest_cli.runtime.stop import StopRequest

FOLLOW_EVERY_S = 3.0
"""Seconds from one look to the next; a load saves its state every half second, or less often if it is large."""

_ROW = "_dataset#"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a load has come that is not at its end, as of when it last saved its state.

    Attributes:
        rows_read, rows_rejected: rows.
        items: acknowledged.
        items_bytes: size of those, by DynamoDB's rules.
        sources_done, sources: of the dump, those read to their end, and all of them.
        spans: stretches of the other sources that are done.
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
        """What a saved state tells; None if it is one of another version, or not of the load that `row` tells of."""
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
    """A dataset at one look.

    Attributes:
        dataset: its id.
        row: what the catalog says; None: nothing.
        progress: of a load that is not at its end, if its state is in the table.
        lock: who has it.
        at_s: when this was, in seconds since 1970.
        rows_per_s: since the look before; None at the first.
        is_authentic: whether the MACs of all that is shown, but for the lock, were checked and are right.
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
        """Whether somebody is at work on it now."""
        return self.lock is not None and self.lock.left_s > 0 and not self.lock.is_gone

    @property
    def state(self) -> str:
        """In a word: `complete`, `loading`, `withdrawing`, `unknown`, `unreadable`; `stopped` if none works on it."""
        if self.fault is not None:
            return "unreadable"
        if self.row is None:
            return "unknown"
        return self.row.state if self.row.state == COMPLETE or self.is_running else "stopped"

    def since(self, before: Seen | None) -> Seen:
        """The same, with the rate since the look before."""
        if before is None or before.progress is None or self.progress is None or self.at_s <= before.at_s:
            return self
        rows = self.progress.rows_read - before.progress.rows_read
        rate = max(rows, 0) / (self.at_s - before.at_s)
        return replace(self, rows_per_s=rate)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
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
    """Looks at datasets, again and again.

    Attributes:
        table: where they are.
        now_s: the time of day, in seconds since 1970.
        pepper: what is shown is authenticated with it; None: it is not.
    """

    table: Table
    now_s: Callable[[], float] = time.time
    pepper: Pepper | None = None
    _before: dict[str, Seen] = field(default_factory=dict)

    def __call__(self, datasets: Iterable[str]) -> list[Seen]:
        """What is to be seen of each of `datasets`.

        What is damaged, or not authentic although it names our pepper, is the `fault` of that one.

        Raises:
            TableError: the table cannot be read.
        """
        return [self._look(dataset) for dataset in datasets]

    def follow(
        self, datasets: Iterable[str], tell: Callable[[list[Seen]], None], wait: Callable[[float], None]
    ) -> list[Seen]:
        """Look every few seconds until nobody is at work on any of `datasets`.

        Args:
            datasets: ids.
            tell: told what was seen of those that are being worked on.
            wait: lets seconds pass; raises to end it.

        Returns:
            What was seen in the end.
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
        if row is None or row.state != COMPLETE:  # that of a complete one is of no use, if there still is one
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
    """The ids of all datasets, by looking at every item of the table.

    Eventually consistent, which is half the price: a dataset that was begun this second is in the registry anyway.

    Raises:
        IngestError: the table cannot be read.
    """
    wanted = Selection(_ROW, ("pk",), consistent=False, of="pk")
    with reader(table, table.check(), reading, stop) as source:
        found: list[Mapping[str, Any]] = [item for page in source.scan(wanted) for item in page]
    return sorted(item["pk"]["S"].removeprefix(_ROW) for item in found)
