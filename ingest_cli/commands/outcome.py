"""Outcome of a run: conditions of success, and the report of a failure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from ingest_cli.checkpoint.journal import check_rejects
from ingest_cli.errors import ExitCode, IngestError, SourceError, TooManyRejectsError
from ingest_cli.formats.sniffing.names import told_tables
from ingest_cli.report.reject_advice import advice
from ingest_cli.report.report import Report
from ingest_cli.runtime.stop import CONTINUE

if TYPE_CHECKING:
    from ingest_cli.model.manifest import Manifest

_PASSED_OVER = {
    "skip": "--skip passes over all of them; give a smaller number",
    "not_replayed": "the file given with --replay names none that is there; give the one that belongs to this dump",
}

_OUTCOMES = {ExitCode.TRY_AGAIN: "stopped", ExitCode.LOCKED: "locked"}


class Result(Protocol):
    """Result with an outcome; see `Report`."""

    outcome: str
    message: str | None
    exit_code: int
    elapsed_s: float

    @property
    def is_begun(self) -> bool:
        """Whether there is anything to report besides the failure."""
        ...


@contextmanager
def accounted(report: Report) -> Iterator[None]:
    """Record the outcome of the block and its duration in `report`, and check that its account balances."""
    with concluded(report):
        yield
    note_unread(report)
    if not report.account.balances:
        report.notes.append("the account does not balance; this is a bug, please report it")


@contextmanager
def concluded(report: Result) -> Iterator[None]:
    """Record the outcome of the block and its duration in `report`."""
    began = time.monotonic()
    try:
        yield
        report.exit_code = ExitCode.DONE
    except IngestError as error:
        report.message, report.exit_code = str(error), error.exit_code
        report.outcome = _OUTCOMES.get(error.exit_code, "failed")
    except KeyboardInterrupt:
        report.outcome, report.exit_code = "stopped", ExitCode.TRY_AGAIN
        report.message = f"interrupted; {CONTINUE}"
    finally:
        report.elapsed_s = time.monotonic() - began


def check(report: Report, manifest: Manifest) -> None:
    """Check a finished run against the conditions of success.

    Raises:
        SourceError: nothing was read, or nothing that was wanted.
        TooManyRejectsError: too many rows were rejected.
    """
    account = report.account
    if not account.balances:
        raise AssertionError("the account of the run does not balance")
    if account.rows_read != report.rows_before + report.byte_progress.rows:
        raise AssertionError("not all rows that were handed out were committed")
    if not account.rows_read:
        names = ", ".join(f'"{name}"' for name in report.sources)
        raise SourceError(f"there is not a single row in {names}; check `sources`, and `header` in [format]")
    for reason, why in _PASSED_OVER.items():
        if account.skipped[reason] == account.rows_read:
            raise SourceError(f"not one of {account.rows_read:,} rows counts: {why}")
    if account.rows_rejected and not account.rows_kept:
        reason, count = account.rejected.most_common(1)[0]
        raise TooManyRejectsError(
            f"not one of {account.rows_read:,} rows could be used; {count:,} were rejected for {reason}. "
            f"{advice(account.rejected, 'Check [format] and [[fields]]')}"
        )
    check_rejects(report, manifest.rejects, at_end=True)
    if not account.rows_kept and not account.rows_rejected and not account.skipped.keys() & _PASSED_OVER.keys():
        raise SourceError(
            f"not one of {account.rows_read:,} rows holds an identifier; check the columns in [[fields]], and [format]"
        )


def note_unread(report: Report) -> None:
    """Add a note on tables that were not read, and on the number of rows counted without being parsed."""
    account = report.account
    if count := account.flags["estimated_rows"]:
        report.notes.append(
            f"{count:,} of the rejected rows are an estimate: they are in statements that cannot be read, and counted "
            "by what looks like a row"
        )
    if account.passed_over:
        estimated = account.flags["estimated_unread_rows"]
        doubt = f"; {estimated:,} of these rows are an estimate" if estimated else ""
        report.notes.append(f"not read: {told_tables(account.passed_over)}{doubt}")


def note_undecodable(report: Report, manifest: Manifest) -> None:
    """Add a note on the share of undecodable rows, and on how to determine their encoding."""
    account = report.account
    if count := account.flags["undecodable_bytes"]:
        report.notes.append(
            f"{count / account.rows_read:.1%} of the rows hold bytes that are not {manifest.format.encoding}; "
            "`ingest-cli validate FILE` says what the encoding of a file probably is"
        )


def counts(report: Report) -> dict[str, int]:
    """Return the counts stored in the table after a complete load."""
    account = report.account
    return {
        "rows_read": account.rows_read,
        "rows_kept": account.rows_kept,
        "rows_rejected": account.rows_rejected,
        "rows_skipped": account.rows_skipped,
        "items": account.items_acknowledged,
    }
