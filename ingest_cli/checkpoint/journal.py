"""Commit chunks to the reject file, the account and the checkpoint together.

A chunk is committed only after each of its items is acknowledged or refused. Uncommitted chunks are in no account and
no checkpoint, so that neither ever claims more than what is safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ingest_cli.checkpoint.checkpoint import Checkpoint
from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.errors import StateTooLargeError, TooManyRejectsError
from ingest_cli.model.chunks import Origin, Position
from ingest_cli.model.manifest import RejectLimits
from ingest_cli.report.observer import RunObserver
from ingest_cli.report.reject_advice import advice
from ingest_cli.report.report import Report
from ingest_cli.runtime.run_ahead import AHEAD_ITEMS, RunAhead

MOSTLY = 0.5
"""Share of rejected rows above which the manifest does not describe the dump, for any number of rows."""


MAX_NOTES = 20

TURN_BYTES = 4096
"""Bytes of state that may be saved on every occasion: a save costs as many write capacity units as it has KiB."""

WORTH_WCU, MOST_TURNS = 32.0, 20
"""Capacity units that justify a save, which costs one or two; and occasions after which it is made in any case."""

UNSAVED_ITEMS = AHEAD_ITEMS // 2
"""Committed items that justify a save of a state of any size; more would delay the load."""

TOO_LARGE_TURNS = 240
"""Occasions after which a state that was too large to be saved is tried again: sources may be complete by then."""

TOO_LARGE = (
    "the state of the load has become too large to be saved: a resume would repeat what was written since, and not "
    "know what that consumed. Split the manifest into several with fewer sources each"
)


@dataclass(frozen=True, slots=True)
class JournalTargets:
    """Targets of a journal.

    Attributes:
        report: receives the account and the count of keys.
        rejects: receives rejects.
        checkpoint: receives completed ranges, with the report's account. None for a run that cannot be resumed.
        limits: limits of rejects that end the load early; None: none.
    """

    report: Report
    rejects: RejectFile
    checkpoint: Checkpoint | None = None
    limits: RejectLimits | None = None


class Journal(RunObserver):
    """Journal of the committed chunks of one load. Thread-safe."""

    def __init__(
        self,
        targets: JournalTargets,
        observer: RunObserver | None = None,
        store: Callable[[bytes], None] = lambda _: None,
        run_ahead: RunAhead | None = None,
    ) -> None:
        """Set up.

        Args:
            targets: where to write.
            observer: receives each committed chunk.
            store: stores a saved state.
            run_ahead: receives the number of committed items, and of those that a resumed run need not write again;
                in a run that cannot be resumed, as soon as they are committed.
        """
        self._targets = targets
        self._observer = observer or RunObserver()
        self._store = store
        self._run_ahead = run_ahead
        self._unsaved_items = 0
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._unsaved = False
        self._turns = self._turns_left = 0
        self._saved_written = 0.0
        self._is_too_large = False
        self._closed = False

    def close(self) -> None:
        """Commit and save nothing more; a thread that could not be waited for may still try."""
        with self._lock:
            self._closed = True

    def commit(self, chunk: ChunkResult) -> None:
        """Commit a chunk whose items are all acknowledged or refused.

        Raises:
            TryAgainError: the reject file cannot be written.
            TooManyRejectsError: too many rows have been rejected so far.
        """
        targets = self._targets
        with self._lock:
            if self._closed:
                return
            if chunk.rejects:
                targets.rejects.write(chunk.rejects)
            targets.report.account.add(chunk.account)
            targets.report.distinct.add(chunk.key_hash)
            for part in chunk.parts:
                targets.report.byte_progress.commit(part.origin, part.span)
                if targets.checkpoint is not None:
                    targets.checkpoint.shards[part.origin.shard].add(part.origin.member, part.span)
            self._unsaved = True
            self._unsaved_items += len(chunk.key_hash)
            if self._run_ahead is not None:
                self._run_ahead.committed(len(chunk.key_hash))
            if targets.checkpoint is None or self._is_too_large:  # no save will come that writing could wait for
                self._know(self._unsaved_items)
            self._observer.committed(targets.report)
            if targets.limits is not None:
                check_rejects(targets.report, targets.limits)

    def member_read(self, origin: Origin, end: Position) -> None:
        """See `RunObserver.member_read`."""
        with self._lock:
            if self._targets.checkpoint is not None:
                self._targets.checkpoint.shards[origin.shard].member_read(origin.member, end)
                self._unsaved = True

    def note(self, text: str) -> None:
        """See `RunObserver.note`; at most `MAX_NOTES` different ones are kept."""
        with self._lock:
            notes = self._targets.report.notes
            if text not in notes and len(notes) < MAX_NOTES:
                notes.append(text)

    def source_damaged(self) -> None:
        """See `RunObserver.source_damaged`."""
        with self._lock:
            if self._targets.checkpoint is not None:
                self._targets.checkpoint.source_fault = True
                self._unsaved = True

    def source_read(self, number: int, members: int) -> None:
        """See `RunObserver.source_read`."""
        with self._lock:
            if self._targets.checkpoint is not None:
                self._targets.checkpoint.shards[number].source_read(members)
                self._unsaved = True

    def note_spending(self) -> None:
        """Include the consumption in the next save, even if nothing was committed."""
        with self._lock:
            self._unsaved = self._unsaved or self._targets.report.traffic.wcu_consumed > 0

    def save_in_turn(self) -> bool:
        """Call `save` if it is due: a larger state costs more to save, and is saved less often.

        A slow load must not spend its rate on saves: unless enough was written since, further occasions are skipped.
        Items written and capacity consumed are worth saving even if no chunk was completed.

        Returns:
            Whether it was due.

        Raises:
            IngestError: as `save`.
        """
        self._turns += 1
        if self._turns <= self._turns_left and self._unsaved_items < UNSAVED_ITEMS:
            return False
        with self._lock:
            written = self._written() - self._saved_written
            if written >= WORTH_WCU:
                self._unsaved = True
        is_due = written >= WORTH_WCU or self._turns > MOST_TURNS
        if is_due:
            self.save()
        return is_due

    def _know(self, items: int) -> None:
        """Report that `items` committed items are saved for a resumed run."""
        self._unsaved_items -= items
        if self._run_ahead is not None:
            self._run_ahead.saved(items)

    def _written(self) -> float:
        """Return what was written so far, in capacity units or, where these are not counted, in items."""
        report = self._targets.report
        return max(report.wcu_spent, float(report.account.items_acknowledged))

    def save(self) -> None:
        """Store the checkpoint, if anything was committed since the last time.

        One that has become too large is noted in the report, and the load goes on; the one before is still stored.

        Raises:
            IngestError: it cannot be stored; the next call tries again.
        """
        checkpoint = self._targets.checkpoint
        if checkpoint is None:
            return
        with self._saving:
            try:
                self._save(checkpoint)
            except StateTooLargeError:
                self._go_on_unsaved()

    def _go_on_unsaved(self) -> None:
        """Let the load go on without a saved state, until the next one that can be saved."""
        with self._lock:
            self._is_too_large = True
            self._turns, self._turns_left = 0, TOO_LARGE_TURNS
            notes = self._targets.report.notes
            if TOO_LARGE not in notes:
                notes.append(TOO_LARGE)
            self._know(self._unsaved_items)

    def _save(self, checkpoint: Checkpoint) -> None:
        """Store the checkpoint. Rejects first: it must never record anything that is not safe."""
        with self._lock:
            if not self._unsaved or self._closed:
                return
            checkpoint.rejects_bytes = self._targets.rejects.size_bytes
            checkpoint.wcu_consumed = self._targets.report.wcu_spent
            state, written, items = checkpoint.to_bytes(), self._written(), self._unsaved_items
            self._unsaved = False
        self._turns, self._turns_left = 0, len(state) // TURN_BYTES
        try:
            self._targets.rejects.sync()
            self._store(state)
            self._saved_written = written
            with self._lock:
                self._know(items)
                if self._is_too_large:
                    self._is_too_large = False
                    self._targets.report.notes.remove(TOO_LARGE)
        except BaseException:
            self._unsaved = True
            raise


def check_rejects(report: Report, limits: RejectLimits, *, at_end: bool = False) -> None:
    """Check the rows so far against the manifest's [rejects].

    Args:
        report: report of the run.
        limits: limits from the manifest.
        at_end: whether all rows were read. Then a dump of any size fails if most of its rows were rejected.

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
