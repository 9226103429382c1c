"""Capacity for the length of a load: raised before the first item, and lowered to what it was on every way out.

One raise for all manifests of a command, made when the first of them has something to write. What it was is in the
table before it is raised; a run that finds what another one has left behind undoes it first.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_cli.autoscaling import ALL_SUSPENDED, Autoscaling
from ingest_cli.capacity import CapacityControl, Wait, Wish
from ingest_cli.cost import money
from ingest_cli.errors import IngestError, LockedError, TableError, TryAgainError, UsageError
from ingest_cli.policies.background import Repeater
from ingest_cli.raised import RENEW_EVERY_S, Raise, RaiseRow, SuspendedRow

if TYPE_CHECKING:
    from ingest_cli.cost import Tariff
    from ingest_cli.policies.shutdown import StopRequest
    from ingest_cli.tables import Table

LOWER_WAIT_S = 300.0
"""Seconds that a table which is being changed is waited for before it is lowered again."""

STOP_AHEAD_S = 60.0
"""Seconds before another hour begins at which a load stops that may not cost as much: for what is in flight, the state
and the lowering."""

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class ScaleWish:
    """What a load asks for.

    Attributes:
        wcu: provisioned write capacity units per second while it lasts; None: as it is.
        warm_wcu: what an on-demand table is to take at once, for good; None: as it is.
        max_cost: what the raise may cost; None: whatever it does.
    """

    wcu: int | None = None
    warm_wcu: int | None = None
    max_cost: float | None = None


class Scaling:
    """The capacity of a table while a command writes to it.

    Attributes:
        notes: sentences about what was done, for whoever looks at the result.
        fault: why the capacity is still raised after `finish`; None: it is not.
    """

    def __init__(self, table: Table, wish: ScaleWish | None = None, now_s: Callable[[], float] = time.time) -> None:
        """Set up; nothing is sent yet.

        Args:
            table: whose capacity.
            wish: what is asked for; None: nothing, but what others have left is undone.
            now_s: the time of day, in seconds since 1970.
        """
        self.notes: list[str] = []
        self.fault: IngestError | None = None
        self._wish = wish or ScaleWish()
        self._control = CapacityControl(table)
        self._table = table
        self._row = RaiseRow(table, now_s)
        self._now_s = now_s
        self._token = secrets.token_hex(16)
        self._raise: Raise | None = None
        self._is_recovered = self._is_begun = False
        self._renewing = ExitStack()

    def recover(self) -> None:
        """Undo what a run that is gone has left, once; a run that raises itself takes it over instead."""
        if self._is_recovered:
            return
        self._is_recovered = True
        found = self._row.read()
        if found is None or self._wish.wcu is not None or not found.is_abandoned(self._now_s()):
            return
        try:
            self.notes.append(undo(self._table, found, time.sleep, self._control, self._row))
        except IngestError as error:
            self.fault = _left(error)

    def begin(self, tariff: Tariff | None, wait: Wait) -> None:
        """Raise, if that is asked for and not done yet, and wait until it is there.

        Args:
            tariff: what capacity costs.
            wait: lets time pass; raises when the run is to end.

        Raises:
            UsageError: the table is not of the kind, or it would cost too much.
            LockedError: another run has raised it, to less.
            IngestError: it cannot be raised.
        """
        if self._is_begun:
            return
        wish = self._wish
        if wish.warm_wcu is not None:
            self._warm(wish.warm_wcu, tariff, wait)
        if wish.wcu is not None:
            self._scale(wish.wcu, tariff, wait)
        self._is_begun = True

    def watch_cost(self, tariff: Tariff | None, stop: StopRequest) -> None:
        """Stop a run before the raise costs more than it may: it is paid by the begun hour.

        Args:
            tariff: what capacity costs.
            stop: ends the run.
        """
        one, limit = self._raise, self._wish.max_cost
        if one is None or tariff is None or limit is None:
            return
        per_hour = tariff.capacity_cost(one.raised_wcu - one.wcu, 0, 1).amount
        hours = math.floor(limit / per_hour + 1e-9) if per_hour else math.inf
        if self._now_s() - one.began_s >= hours * _HOUR_S - STOP_AHEAD_S:
            stop.fail(
                TryAgainError(
                    f"stopped before the raise to {one.raised_wcu:,} WCU/s costs more than --max-cost {money(limit)}: "
                    f"{hours:,} h at {money(per_hour)} {tariff.currency} are over; run the same command again with a "
                    "higher --max-cost, or without --scale-to, to go on"
                )
            )

    def finish(self, wait: Wait = time.sleep, wait_s: float = LOWER_WAIT_S) -> None:
        """Lower to what it was. Raises nothing: `fault` says why it could not be done."""
        one, self._raise = self._raise, None
        if one is None:
            return
        try:
            self.notes.append(undo(self._table, one, wait, self._control, self._row, wait_s=wait_s))
        except (IngestError, OSError) as error:
            self.fault = _left(error)
        finally:
            self._renewing.close()

    def _scale(self, wcu: int, tariff: Tariff | None, wait: Wait) -> None:
        billing = self._control.settled(wait)
        if billing.wcu is None or billing.rcu is None:
            raise UsageError(
                "--scale-to raises provisioned capacity, but the table is on-demand; it scales by itself, or faster "
                "with --warm"
            )
        found = self._row.read()
        if found is not None and not found.is_abandoned(self._now_s()):
            self._join(found, wcu)
            return
        before_wcu, before_rcu = (billing.wcu, billing.rcu) if found is None else (found.wcu, found.rcu)
        if found is None and wcu <= billing.wcu:
            self.notes.append(f"the table has {billing.wcu:,} WCU/s already; --scale-to {wcu:,} changes nothing")
            return
        self._check_cost(wcu - before_wcu, tariff)
        self._control.check(billing, Wish(wcu=wcu))
        now = self._control.now()
        if (when := billing.next_decrease(now)) > now:
            raise TryAgainError(
                f"the capacity is not raised, since it could not be lowered again before {when:%H:%M} UTC: it was "
                f"lowered {billing.decreases} times in this UTC day; run the same command again then, or without "
                "--scale-to"
            )
        autoscaling, active = self._autoscaling()
        suspended = active if found is None or found.suspended is None else found.suspended
        began_s = self._now_s() if found is None else found.began_s
        one = Raise(before_wcu, before_rcu, wcu, suspended, began_s, self._token)
        if not self._row.write(one, None if found is None else found.token):
            raise LockedError("another run raises the capacity at this moment; run the same command again")
        self._raise = one
        self._renewing.enter_context(Repeater("capacity lease", RENEW_EVERY_S, self._renew, lambda _: None))
        if suspended is not None:
            autoscaling.set_suspended(ALL_SUSPENDED)
            self.notes.append("autoscaling of the write capacity was suspended meanwhile")
        self._control.change(Wish(wcu=wcu), wait)
        self._control.settled(wait)
        self.notes.append(f"the capacity was raised from {before_wcu:,} to {wcu:,} WCU/s")

    def _join(self, found: Raise, wcu: int) -> None:
        if wcu > found.raised_wcu:
            raise LockedError(
                f"process {found.holder.pid} on {found.holder.host} has raised the capacity to {found.raised_wcu:,} "
                f"WCU/s while it loads, and it cannot be raised to {wcu:,} beside that; wait for it, or give "
                f"--scale-to {found.raised_wcu} or less"
            )
        self.notes.append(
            f"another run has raised the capacity to {found.raised_wcu:,} WCU/s, and lowers it when it is done"
        )

    def _warm(self, warm_wcu: int, tariff: Tariff | None, wait: Wait) -> None:
        billing = self._control.settled(wait)
        if billing.wcu is not None:
            raise UsageError("--warm is for on-demand tables, and this one has provisioned capacity; use --scale-to")
        have = billing.warm_wcu or 0
        if warm_wcu <= have:
            self.notes.append(f"the table takes {have:,} WCU/s at once already; --warm {warm_wcu:,} changes nothing")
            return
        if tariff is not None and self._wish.max_cost is not None:
            cost = tariff.warm_cost(warm_wcu - have)
            if cost.amount > self._wish.max_cost:
                raise UsageError(
                    f"--warm {warm_wcu} costs {money(cost.amount)} {cost.currency} ({cost.arithmetic}), which is more "
                    f"than --max-cost {money(self._wish.max_cost)}"
                )
        self._control.check(billing, Wish(warm_wcu=warm_wcu))
        self._control.change(Wish(warm_wcu=warm_wcu), wait)
        self._control.settled(wait)
        self.notes.append(f"warm throughput was raised to {warm_wcu:,} WCU/s, for good")

    def _check_cost(self, more_wcu: int, tariff: Tariff | None) -> None:
        limit = self._wish.max_cost
        if limit is None or tariff is None:
            return
        cost = tariff.capacity_cost(more_wcu, 0, 1)
        if cost.amount > limit:
            raise UsageError(
                f"the raise alone costs {money(cost.amount)} {cost.currency} for its first hour ({cost.arithmetic}), "
                f"which is more than --max-cost {money(limit)}; give a lower --scale-to"
            )

    def _autoscaling(self) -> tuple[Autoscaling, Mapping[str, bool] | None]:
        """Autoscaling, and its state if it has to be suspended."""
        autoscaling = Autoscaling(self._table)
        try:
            state = autoscaling.look()
        except TableError as error:
            self.notes.append(f"whether there is autoscaling is not known: {error}")
            return autoscaling, None
        return autoscaling, state.suspended if state is not None and state.is_active else None

    def _renew(self) -> None:
        if self._raise is not None:
            self._row.write(self._raise, self._token)


def undo(  # noqa: PLR0913 - each is a thing of its own
    table: Table,
    one: Raise,
    wait: Wait,
    control: CapacityControl | None = None,
    row: RaiseRow | None = None,
    *,
    wait_s: float = LOWER_WAIT_S,
) -> str:
    """Lower to what it was before a raise, and let autoscaling do its work again; a sentence that says so.

    A capacity that somebody has changed since is left alone.

    Raises:
        IngestError: it cannot be done now; the row that says what to do is still there.
    """
    control, row = control or CapacityControl(table), row or RaiseRow(table, time.time)
    billing = control.settled(wait, wait_s)
    if billing.wcu == one.raised_wcu:
        control.change(Wish(wcu=one.wcu, rcu=billing.rcu), wait, wait_s)
        said = f"the capacity was lowered from {one.raised_wcu:,} to {one.wcu:,} WCU/s again"
    elif billing.wcu == one.wcu:
        said = f"the capacity is {one.wcu:,} WCU/s again"
    else:
        now = "on-demand" if billing.wcu is None else f"{billing.wcu:,} WCU/s"
        said = f"somebody has changed the capacity since it was raised, and it is left as it is: {now}"
    if one.suspended is not None:
        Autoscaling(table).set_suspended(one.suspended)
        said += "; autoscaling goes on"
    row.clear(one.token)
    return said


def restore(table: Table, wait: Wait = time.sleep, now_s: Callable[[], float] = time.time) -> list[str]:
    """Undo whatever was left raised or suspended; sentences that say what was done, none if there was nothing.

    Raises:
        LockedError: a run is under way that will do so itself.
        IngestError: it cannot be done now.
    """
    row, said = RaiseRow(table, now_s), list[str]()
    one = row.read()
    if one is not None:
        if not one.is_abandoned(now_s()):
            raise LockedError(
                f"process {one.holder.pid} on {one.holder.host} has raised the capacity while it loads, and lowers it "
                f"when it is done; wait for it. If it is gone for good, this works in {one.expires_s - now_s():,.0f} s"
            )
        said.append(undo(table, one, wait, row=row))
    suspended = SuspendedRow(table)
    before = suspended.read()
    if before is not None:
        Autoscaling(table).set_suspended(before)
        suspended.clear()
        said.append("autoscaling of the write capacity goes on")
    return said


def _left(error: Exception) -> IngestError:
    return TryAgainError(
        f"the capacity is still raised: {error}. `ingest-cli table restore` lowers it, as does the next load"
    )
