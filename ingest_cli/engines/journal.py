"""Where a chunk is settled: in the account, the reject file and the count of keys, all at once.

A chunk is settled when each of its items is acknowledged or refused, and not before; what is not settled
is in no account, so that an account never claims more than what is safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ingest_cli.errors import TooManyRejectsError
from ingest_cli.manifest import RejectLimits
from ingest_cli.pipeline import Work
from ingest_cli.policies.rejects import RejectFile
from ingest_cli.report import Report
from ingest_cli.sinks.interface import Refusal


class Journal:
    """Settles the chunks of one load. Used from several threads at once."""

    def __init__(
        self,
        report: Report,
        rejects: RejectFile,
        limits: RejectLimits | None,
        on_settled: Callable[[Report], None],
    ) -> None:
        """Set up.

        Args:
            report: what is added to.
            rejects: where rejects go.
            limits: ends the load early when it rejects too much; None: never.
            on_settled: told after each chunk.
        """
        self._report = report
        self._rejects = rejects
        self._limits = limits
        self._on_settled = on_settled
        self._lock = threading.Lock()

    def settle(self, work: Work, acknowledged: int, refused: tuple[Refusal, ...]) -> None:
        """Account for a chunk whose items are all acknowledged or refused.

        Raises:
            TryAgainError: the reject file cannot be written.
            TooManyRejectsError: so far, too much was rejected.
        """
        with self._lock:
            self._rejects.write(work.shard.source.name, work.shard.number, work.rejects(refused))
            self._report.account.add(work.account(acknowledged, refused))
            self._report.distinct.add(work.items.key_hash)
            self._on_settled(self._report)
            if self._limits is not None:
                check_rejects(self._report, self._limits)


def check_rejects(report: Report, limits: RejectLimits) -> None:
    """Hold the rows so far against the manifest's [rejects].

    Raises:
        TooManyRejectsError: a larger share than `max_ratio` of at least `min_sample` rows was rejected.
    """
    account = report.account
    if account.rows_read < max(limits.min_sample, 1):
        return
    ratio = account.rows_rejected / account.rows_read
    if ratio > limits.max_ratio:
        reason, count = account.rejected.most_common(1)[0]
        raise TooManyRejectsError(
            f"{account.rows_rejected:,} of {account.rows_read:,} rows ({ratio:.1%}) were rejected, most of them "
            f"({count:,}) for {reason}; the manifest allows {limits.max_ratio:.1%}. Check its [format] and "
            "[[fields]] with `validate`, or raise `max_ratio` in [rejects]"
        )
