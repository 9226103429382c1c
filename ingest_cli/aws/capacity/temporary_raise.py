"""Raise capacity for the duration of a load, and restore it however the load ends.

All manifests of a command share one raise, made when the first has something to write. The previous capacity is stored
in the table first. A raise left by a command that is gone is undone, at the latest when this one ends and regardless
of its result, unless this one takes it over.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest_cli.aws.capacity.autoscaling import NOT_ASKED, Autoscaling
from ingest_cli.aws.capacity.capacity import WAIT_S, CapacityControl, CapacityRequest, Sleep
from ingest_cli.aws.capacity.raise_record import RENEW_EVERY_S, Raise, RaiseRow
from ingest_cli.aws.capacity.restore import ELSEWHERE, LOWER_WAIT_S, Restorer, StillSuspendedError
from ingest_cli.aws.lease import Holder
from ingest_cli.errors import IngestError, LockedError, TableError, TryAgainError, UsageError
from ingest_cli.report.pricing import as_typed, check_cost, money
from ingest_cli.runtime.answer_limits import time_limit
from ingest_cli.runtime.background import Repeater

if TYPE_CHECKING:
    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.capacity.capacity import Billing
    from ingest_cli.aws.table import Table
    from ingest_cli.report.pricing import Tariff
    from ingest_cli.runtime.stop import StopRequest

STOP_AHEAD_S = 60.0
"""Seconds before the next billed hour at which a load with a cost limit stops: for requests in flight, the state and
the decrease.
"""

_HOUR_S = 3600.0

LAST_LOOK_S = 5.0
"""Seconds for the last requests about the record of a raise: by a command that started no load and raised nothing
itself, or to let others lower what could not be lowered."""

_OF_ANOTHER_PEPPER = "a load with another pepper, which is gone, has raised the capacity"


@dataclass(frozen=True, slots=True)
class ScaleWish:
    """Capacity requested for a load.

    Attributes:
        wcu: provisioned write capacity units per second during the load; None: no change.
        warm_wcu: warm throughput of an on-demand table, set permanently; None: no change.
        max_cost: cost limit of the raise; None: no limit.
    """

    wcu: int | None = None
    warm_wcu: int | None = None
    max_cost: float | None = None


class Scaling:
    """The capacity of a table while a command writes to it.

    Attributes:
        notes: sentences about the actions taken, for the report.
        fault: why the capacity is still raised after `finish`; None: it is not.
    """

    def __init__(
        self, table: Table, key: StateKey, request: ScaleWish | None = None, now_s: Callable[[], float] = time.time
    ) -> None:
        """Set up without sending a request.

        Args:
            request: requested capacity; None: only raises left by other commands are undone.
            now_s: returns the time of day, in seconds since 1970.
        """
        self.notes: list[str] = []
        self.fault: IngestError | None = None
        self._wish = request or ScaleWish()
        self._control = CapacityControl(table)
        self._table = table
        self._row = RaiseRow(table, now_s, key)
        self._restorer = Restorer(table, self._row, self._control)
        self._now_s = now_s
        self._token = secrets.token_hex(16)
        self._raise: Raise | None = None
        self._has_looked = self._has_failed = self._is_seen = self._is_begun = False
        self._renewing = ExitStack()

    def recover(self) -> None:
        """Undo, once, a raise left by a command that is gone, unless `begin` or `finish` may take it over.

        Raises:
            IngestError: it is unknown whether there is such a raise.
        """
        if self._has_looked:
            return
        found = self._look()
        if found is not None and found.is_elsewhere:
            self.notes.append(f"{ELSEWHERE}. This load leaves it; `ingest-cli table restore` with --key removes it")
        elif found is not None and not found.is_authentic and found.is_abandoned(self._now_s()):
            self.notes.append(f"{_OF_ANOTHER_PEPPER}. This load leaves it; `ingest-cli table restore` lowers it")
        if found is None or not self._is_left(found) or (self._wish.wcu or 0) >= found.raised_wcu:
            return
        try:
            self._undo_left(found, time.sleep, LOWER_WAIT_S)
        except (IngestError, OSError) as error:
            self.fault = _left(error)

    def leave(self) -> None:
        """Take the table for one that does not answer: unless it was raised, it is not asked again at the end."""
        self._has_failed = True

    def begin(self, tariff: Tariff | None, wait: Sleep) -> None:
        """Raise the capacity, if requested and not done yet, and wait until it is available.

        Args:
            tariff: price of capacity.
            wait: function that sleeps; raises when the run is to end.

        Raises:
            UsageError: the table has another billing mode, or the raise would cost too much.
            LockedError: another run has raised it to a lower value.
            IngestError: the raise failed.
        """
        if self._is_begun:
            return
        request = self._wish
        if request.warm_wcu is not None:
            self._warm(request.warm_wcu, tariff, wait)
        if request.wcu is not None:
            self._scale(request.wcu, tariff, wait)
        self._is_begun = True

    def watch_cost(self, tariff: Tariff | None, stop: StopRequest) -> None:
        """Stop a run before the raise exceeds its cost limit; each started hour is billed.

        Args:
            tariff: price of capacity.
        """
        one, limit = self._raise, self._wish.max_cost
        if one is None or tariff is None or limit is None:
            return
        per_hour = tariff.capacity_cost(one.raised_wcu - one.wcu, 0, 1).amount
        hours = math.floor(limit / per_hour + 1e-9) if per_hour else math.inf
        if self._now_s() - one.began_s >= hours * _HOUR_S - STOP_AHEAD_S:
            stop.fail(
                TryAgainError(
                    f"stopped before the raise to {one.raised_wcu:,} WCU/s costs more than --max-cost "
                    f"{as_typed(limit)}: {hours:,} h at {money(per_hour)} {tariff.currency} are over; run the same "
                    "command again with a higher --max-cost, or without --scale-to, to resume it"
                )
            )

    def finish(self, wait: Sleep = time.sleep, wait_s: float = LOWER_WAIT_S) -> None:
        """Restore the capacity after raises by this command or one that is gone. Raises nothing; see `fault`."""
        one, self._raise = self._raise, None
        try:
            with time_limit(2 * wait_s + LAST_LOOK_S):  # it is waited for before it is lowered, and while it is
                if one is not None:
                    self.notes.append(self._restorer.undo(one, wait, wait_s))
                elif (found := self._look_again()) is not None and self._is_left(found):
                    self._undo_left(found, wait, wait_s)
        except (IngestError, OSError) as error:
            self.fault = _left(error)
            self._let_go(one)
        finally:
            self._renewing.close()

    def _look(self) -> Raise | None:
        self._has_failed = True
        found = self._row.read()
        self._has_failed = False
        self._has_looked, self._is_seen = True, self._is_seen or found is not None
        return found

    def _look_again(self) -> Raise | None:
        """Read the raise record at the end, unless an earlier read failed or found none."""
        if self._has_failed or (self._has_looked and not self._is_seen):
            return None
        try:
            if self._is_seen:
                return self._look()
            with time_limit(LAST_LOOK_S):
                return self._look()
        except (IngestError, OSError):
            if self._is_seen:
                raise
            return None  # the table's fault has already been reported

    def _is_left(self, found: Raise) -> bool:
        """Return whether only this command is left to undo it, and the record is certain."""
        return found.is_authentic and (found.token == self._token or found.is_abandoned(self._now_s()))

    def _undo_left(self, found: Raise, wait: Sleep, wait_s: float) -> None:
        """Undo a raise left by a command that is gone, unless another command is about to."""
        ours = replace(found, token=self._token, holder=Holder.this())
        if found.token != self._token and not self._row.write(ours, found.token):
            return
        try:
            self.notes.append(self._restorer.undo(ours, wait, wait_s))
        except (IngestError, OSError):
            self._let_go(ours)
            raise
        self.fault = None

    def _let_go(self, one: Raise | None) -> None:
        """Allow any machine to undo at once what could not be undone here."""
        if one is not None:
            with suppress(IngestError, OSError), time_limit(LAST_LOOK_S):
                self._row.write(one, one.token, lease_s=-1.0)

    def _scale(self, wcu: int, tariff: Tariff | None, wait: Sleep) -> None:
        billing = self._control.settled(wait)
        if billing.wcu is None or billing.rcu is None:
            raise UsageError(
                "--scale-to raises provisioned capacity, but the table is on-demand; it scales automatically, or "
                "faster with --warm"
            )
        found = self._look()
        if found is not None and not self._is_left(found):
            if found.is_elsewhere:
                raise UsageError(f"{ELSEWHERE}. Remove it first, with `ingest-cli table restore` and this --key")
            if not found.is_authentic and found.is_abandoned(self._now_s()):
                raise UsageError(f"{_OF_ANOTHER_PEPPER}. Lower it first, with `ingest-cli table restore`")
            self._join(found, wcu)
            return
        if found is not None and not billing.wcu == found.raised_wcu <= wcu:
            # It can only be taken over upwards, and not at all if the capacity has been changed since.
            self._undo_left(found, wait, WAIT_S)
            self._scale(wcu, tariff, wait)
            return
        if found is None and wcu <= billing.wcu:
            self.notes.append(f"the table has {billing.wcu:,} WCU/s already; --scale-to {wcu:,} changes nothing")
            return
        self._check(wcu, billing, found, tariff)
        self._raise_to(wcu, billing, found, wait)

    def _check(self, wcu: int, billing: Billing, found: Raise | None, tariff: Tariff | None) -> None:
        """Check that the capacity can be raised, and lowered again."""
        if tariff is not None:
            before = (billing.wcu or 0) if found is None else found.wcu
            cost = tariff.capacity_cost(wcu - before, 0, 1)
            check_cost("the first hour of the raise alone", [cost], self._wish.max_cost, "give a lower --scale-to")
        self._control.check(billing, CapacityRequest(wcu=wcu))
        now = self._control.now()
        if (when := billing.next_decrease(now)) > now:
            raise TryAgainError(
                f"the capacity is not raised, since it could not be lowered again before {when:%H:%M} UTC: it was "
                f"lowered {billing.decreases} times in this UTC day; run the same command again after that, or without "
                "--scale-to"
            )

    def _raise_to(self, wcu: int, billing: Billing, found: Raise | None, wait: Sleep) -> None:
        """Record the current capacity, suspend autoscaling, raise."""
        autoscaling, active = self._autoscaling()
        now_s = self._now_s()
        before = found or Raise(billing.wcu or 0, billing.rcu or 0, wcu, None, now_s, self._token)
        suspended = active if before.suspended is None else before.suspended
        one = replace(before, raised_wcu=wcu, suspended=suspended, token=self._token, holder=Holder.this())
        self._is_seen = True  # from here on `finish` must check, whether the next request succeeds or not
        if not self._row.write(one, None if found is None else found.token):
            raise LockedError("another run is raising the capacity; run the same command again")
        self._raise = one
        if suspended is not None:
            autoscaling.suspend()
            self.notes.append("autoscaling of the write capacity was suspended for the load")
        self._renewing.enter_context(Repeater("capacity lease", RENEW_EVERY_S, self._renew, lambda _: None))
        self._control.change(CapacityRequest(wcu=wcu), wait)
        self._control.settled(wait)
        self.notes.append(f"the capacity was raised from {one.wcu:,} to {wcu:,} WCU/s")

    def _join(self, found: Raise, wcu: int) -> None:
        if wcu > found.raised_wcu:
            raise LockedError(
                f"process {found.holder.pid} on {found.holder.host} has raised the capacity to {found.raised_wcu:,} "
                f"WCU/s while it loads, and it cannot be raised to {wcu:,} during that; wait for it to end, or give "
                f"--scale-to {found.raised_wcu} or less"
            )
        self.notes.append(f"another run has raised the capacity to {found.raised_wcu:,} WCU/s, and will lower it again")

    def _warm(self, warm_wcu: int, tariff: Tariff | None, wait: Sleep) -> None:
        billing = self._control.settled(wait)
        if billing.wcu is not None:
            raise UsageError("--warm is for on-demand tables, and this one has provisioned capacity; use --scale-to")
        have = billing.warm_wcu or 0
        if warm_wcu <= have:
            self.notes.append(f"the table takes {have:,} WCU/s at once; --warm {warm_wcu:,} changes nothing")
            return
        if tariff is not None:
            cost = tariff.warm_cost(warm_wcu - have)
            check_cost(f"--warm {warm_wcu}", [cost], self._wish.max_cost, "give a lower --warm")
        self._control.check(billing, CapacityRequest(warm_wcu=warm_wcu))
        self._control.change(CapacityRequest(warm_wcu=warm_wcu), wait)
        self._control.settled(wait)
        self.notes.append(f"warm throughput was raised to {warm_wcu:,} WCU/s, permanently")

    def _autoscaling(self) -> tuple[Autoscaling, Mapping[str, bool] | None]:
        """Return autoscaling, and its state if it must be suspended."""
        autoscaling = Autoscaling(self._table)
        if not autoscaling.is_there:
            self.notes.append(NOT_ASKED)
        try:
            return autoscaling, autoscaling.active_state()
        except TableError as error:
            self.notes.append(f"whether there is autoscaling is not known: {error}")
            return autoscaling, None

    def _renew(self) -> None:
        if self._raise is not None:
            self._row.write(self._raise, self._token)


def _left(error: Exception) -> IngestError:
    if isinstance(error, StillSuspendedError):
        return error
    return TryAgainError(
        f"the capacity is still raised: {error}. `ingest-cli table restore` lowers it, as does the next load"
    )
