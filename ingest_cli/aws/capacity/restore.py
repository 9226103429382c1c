"""Restore the capacity and the autoscaling from before a raise, by the record that the raise left in the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_cli.aws.capacity.autoscaling import Autoscaling
from ingest_cli.aws.capacity.capacity import CapacityControl, CapacityRequest, Sleep
from ingest_cli.aws.capacity.raise_record import Raise, RaiseRow, SuspendedRow
from ingest_cli.errors import IngestError, LockedError, TryAgainError

if TYPE_CHECKING:
    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.table import Table

LOWER_WAIT_S = 300.0
"""Seconds to wait for a table that is being changed before it is lowered again."""

ELSEWHERE = "the record of a raise is of another table (copied, or restored with a backup)"

NOT_AUTHENTICATED = " (not authenticated: according to an unverified row of the table)"
"""Suffix of actions taken without a key, or by a row of another pepper."""


@dataclass(frozen=True, slots=True)
class Restorer:
    """Restores the capacity of one table."""

    table: Table
    row: RaiseRow
    control: CapacityControl

    def undo(self, one: Raise, wait: Sleep, wait_s: float = LOWER_WAIT_S) -> str:
        """Restore the capacity and autoscaling from before a raise; return a sentence on the result.

        A capacity that has been changed since is left alone.

        Args:
            wait_s: seconds to wait for a change in progress, and again for this one.

        Raises:
            IngestError: it cannot be done now; the row with the previous state is still there.
        """
        billing = self.control.settled(wait, wait_s)
        if billing.wcu == one.raised_wcu:
            self.control.change(CapacityRequest(wcu=one.wcu, rcu=billing.rcu), wait, wait_s)
            said = f"the capacity was lowered from {one.raised_wcu:,} to {one.wcu:,} WCU/s again"
        elif billing.wcu == one.wcu:
            said = f"the capacity is {one.wcu:,} WCU/s again"
        else:
            now = "on-demand" if billing.wcu is None else f"{billing.wcu:,} WCU/s"
            said = f"the capacity has been changed since it was raised, and is left unchanged: {now}"
        if one.suspended is not None:
            try:
                if Autoscaling(self.table).resume(one.suspended):
                    said += "; autoscaling is resumed"
            except IngestError as error:
                raise StillSuspendedError(
                    f"{said}, but autoscaling of the write capacity may still be suspended: {error}. `ingest-cli table "
                    "restore` resumes it, as does the next load"
                ) from error
        self.row.clear(one.token)
        return said


def restore(
    table: Table, key: StateKey | None = None, wait: Sleep = time.sleep, now_s: Callable[[], float] = time.time
) -> list[str]:
    """Undo all raises and suspensions left over; return sentences about them, none if there were none.

    Without the key their origin cannot be checked; the sentences say so.

    Raises:
        UntrustedStateError: the raise record is not authentic.
        LockedError: a run in progress will restore the capacity itself.
        IngestError: it cannot be done now.
    """
    row, said = RaiseRow(table, now_s, key), list[str]()
    one = row.read()
    if one is not None and one.is_elsewhere:
        row.clear(one.token)
        said.append(f"{ELSEWHERE}: it was removed, and the capacity left unchanged")
    elif one is not None:
        if not one.is_abandoned(now_s()):
            raise LockedError(
                f"process {one.holder.pid} on {one.holder.host} has raised the capacity while it loads, and lowers it "
                f"when it is done; wait for it. If that process is gone, this works in {one.expires_s - now_s():,.0f} s"
            )
        undone = Restorer(table, row, CapacityControl(table)).undo(one, wait)
        said.append(undone if one.is_authentic else f"{undone}{NOT_AUTHENTICATED}")
    suspended = SuspendedRow(table)
    before = suspended.read()
    if before is not None:
        Autoscaling(table).resume(before)
        suspended.clear()
        said.append(f"autoscaling of the write capacity is resumed{NOT_AUTHENTICATED}")
    return said


class StillSuspendedError(TryAgainError):
    """The capacity is restored, but autoscaling is not."""
