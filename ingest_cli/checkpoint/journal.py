"""Where a chunk is settled: in the reject file, the account and the checkpoint, all at once.

A chunk is settled when each of its items is acknowledged or refused, and not before; what is not settled
is in no account and no checkpoint, so that neither ever claims more than what is safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ingest_cli.checkpoint.checkpoint import Checkpoint
from ingest_cli.checkpoint.chunk_result import Settled
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.errors import TooManyRejectsError
from ingest_cli.model.chunks import Origin, Position
from ingest_cli.model.manifest import RejectLimits
from ingest_cli.report.byte_progress import Extent
from ingest_cli.report.reject_advice import advice
from ingest_cli.report.report import Report
from ingest_cli.runtime.run_ahead import AHEAD_ITEMS, RunAhead
from ingest_cli.sources.shard import Shard

MOSTLY = 0.5
"""The share of rejected rows above which a dump is not what its manifest says, however few rows there are."""


MAX_NOTES = 20

TURN_BYTES = 4096
"""Bytes of state that are worth a save each time there is an occasion: as many write capacity units as it has KiB."""

WORTH_WCU, MOST_TURNS = 32.0, 20
"""Capacity units worth a save, which costs one or two of them; and turns after which it is made in any case."""

UNSAVED_ITEMS = AHEAD_ITEMS // 2
"""Settled items that are worth a save however large the state is; more of them would hold up the load."""


@dataclass(frozen=True, slots=True)
class Books:
    """What a journal writes in.

    Attributes:
        report: its account and count of keys are added to.
        rejects: where rejects go.
        checkpoint: what is done; its account is the report's. None for a run that cannot be resumed.
        limits: ends the load early when it rejects too much; None: never.
    """

    report: Report
    rejects: RejectFile
    checkpoint: Checkpoint | None = None
    limits: RejectLimits | None = None


class Journal:
    """Settles the chunks of one load. Used from several threads at once."""

    def __init__(
        self,
        books: Books,
        on_settled: Callable[[Report], None] = lambda _: None,
        store: Callable[[bytes], None] = lambda _: None,
        run_ahead: RunAhead | None = None,
    ) -> None:
        """Set up.

        Args:
            books: what is written in.
            on_settled: told after each chunk.
            store: keeps a saved state.
            run_ahead: told how many items are settled, and how many need not be written again by a run that is
                resumed; of one that cannot be, as soon as they are settled.
        """
        self._books = books
        self._on_settled = on_settled
        self._store = store
        self._run_ahead = run_ahead
        self._unsaved_items = 0
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._unsaved = False
        self._turns = self._turns_left = 0
        self._saved_written = 0.0
        self._closed = False

    @property
    def extent(self) -> Extent:
        """How much of the sources is settled."""
        return self._books.report.extent

    def close(self) -> None:
        """Settle and save nothing more; a thread that could not be waited for may still try."""
        with self._lock:
            self._closed = True

    def settle(self, chunk: Settled) -> None:
        """Account for a chunk whose items are all acknowledged or refused.

        Raises:
            TryAgainError: the reject file cannot be written.
            TooManyRejectsError: so far, too much was rejected.
        """
        books = self._books
        with self._lock:
            if self._closed:
                return
            books.rejects.write(chunk.rejects)
            books.report.account.add(chunk.account)
            books.report.distinct.add(chunk.key_hash)
            for part in chunk.parts:
                books.report.extent.settle(part.origin, part.span)
                if books.checkpoint is not None:
                    books.checkpoint.shards[part.origin.shard].add(part.origin.member, part.span)
            self._unsaved = True
            self._unsaved_items += len(chunk.key_hash)
            if self._run_ahead is not None:
                self._run_ahead.settled(len(chunk.key_hash))
            if books.checkpoint is None:
                self._know(self._unsaved_items)
            self._on_settled(books.report)
            if books.limits is not None:
                check_rejects(books.report, books.limits)

    def member_read(self, origin: Origin, end: Position) -> None:
        """Note that a member was read to its end, although perhaps not yet settled to there."""
        with self._lock:
            if self._books.checkpoint is not None:
                self._books.checkpoint.shards[origin.shard].member_read(origin.member, end)
                self._unsaved = True

    def note(self, text: str) -> None:
        """Note what whoever looks at the result should know."""
        with self._lock:
            notes = self._books.report.notes
            if text not in notes and len(notes) < MAX_NOTES:
                notes.append(text)

    def source_failed(self) -> None:
        """Note that a source could not be read to its end, and that it is the source's fault."""
        with self._lock:
            if self._books.checkpoint is not None:
                self._books.checkpoint.source_fault = True
                self._unsaved = True

    def shard_read(self, shard: Shard, members: int) -> None:
        """Note that a shard was read to its end, and how many members it has."""
        with self._lock:
            if self._books.checkpoint is not None:
                self._books.checkpoint.shards[shard.number].source_read(members)
                self._unsaved = True

    def note_spending(self) -> None:
        """Have the next save tell what was consumed, even if nothing of it was settled."""
        with self._lock:
            self._unsaved = self._unsaved or self._books.report.traffic.wcu_consumed > 0

    def save_in_turn(self) -> None:
        """`save`, if it is time: the larger the state was, the more turns are let pass, since its size is its price.

        A slow load must not spend its rate on that: unless enough was written meanwhile, more turns are let pass. What
        was written and consumed is worth it even if no chunk came to its end.
        """
        self._turns += 1
        if self._turns <= self._turns_left and self._unsaved_items < UNSAVED_ITEMS:
            return
        with self._lock:
            written = self._written() - self._saved_written
            if written >= WORTH_WCU:
                self._unsaved = True
        if written >= WORTH_WCU or self._turns > MOST_TURNS:
            self.save()

    def _know(self, items: int) -> None:
        """Note that so many settled items are known to whoever resumes the run."""
        self._unsaved_items -= items
        if self._run_ahead is not None:
            self._run_ahead.saved(items)

    def _written(self) -> float:
        """What was written so far, in capacity units or, where nobody counts these, in items."""
        report = self._books.report
        return max(report.wcu_spent, float(report.account.items_acknowledged))

    def save(self) -> None:
        """Store the checkpoint, if anything was settled since the last time.

        Rejects first, the checkpoint behind them: it never speaks of anything that is not safe.

        Raises:
            IngestError: it cannot be stored; it will be tried again the next time.
        """
        checkpoint = self._books.checkpoint
        if checkpoint is None:
            return
        with self._saving:
            with self._lock:
                if not self._unsaved or self._closed:
                    return
                checkpoint.rejects_bytes = self._books.rejects.size_bytes
                checkpoint.wcu_consumed = self._books.report.wcu_spent
                state, written, items = checkpoint.to_bytes(), self._written(), self._unsaved_items
                self._unsaved = False
            self._turns, self._turns_left = 0, len(state) // TURN_BYTES
            try:
                self._books.rejects.sync()
                self._store(state)
                self._saved_written = written
                with self._lock:
                    self._know(items)
            except BaseException:
                self._unsaved = True
                raise


def check_rejects(report: Report, limits: RejectLimits, *, at_end: bool = False) -> None:
    """Hold the rows so far against the manifest's [rejects].

    Args:
        report: of the run.
        limits: from the manifest.
        at_end: whether there are no more rows. Then a dump that is for the most part rejected fails however
            small it is.

    Raises:
        TooManyRejectsError: a larger share than `max_ratio` of at least `min_sample` rows was rejected.
    """
    account = report.account
    ratio = account.rows_rejected / max(account.rows_read, 1)
    if account.rows_read < limits.min_sample and not (at_end and ratio > MOSTLY):
        return
    if ratio > limits.max_ratio:
        reason, count = account.rejected.most_common(1)[0]
        what_to_do = advice(
            account.rejected, "Check its [format] and [[fields]] with `validate`, or raise `max_ratio` in [rejects]"
        )
        raise TooManyRejectsError(
            f"{account.rows_rejected:,} of {account.rows_read:,} rows ({ratio:.1%}) were rejected, most of them "
            f"({count:,}) for {reason}; the manifest allows {limits.max_ratio:.1%}. {what_to_do}"
        )
