"""Change a table's capacity on an operator's request, and show its current state and limits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.capacity.autoscaling import Autoscaling, ScalingState
from ingest_cli.aws.capacity.capacity import Billing, CapacityControl, CapacityRequest, Sleep
from ingest_cli.aws.capacity.raise_record import Raise, RaiseRow, SuspendedRow
from ingest_cli.errors import IngestError, TableError, UsageError
from ingest_cli.report.pricing import Cost, PriceList, Tariff, check_cost

if TYPE_CHECKING:
    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.capacity.capacity import Quotas
    from ingest_cli.aws.table import Table

_HOUR_S = 3600.0

_IS_SUSPENDED = "is suspended; `ingest-cli table restore` resumes it"


@dataclass(frozen=True, slots=True)
class Outlook:
    """Current capacity of a table, and possible changes.

    Attributes:
        decreases_left: number of decreases still possible today.
        quotas: quotas of the account; None: not known.
        autoscaling: state of autoscaling; None: none, or not known.
        raised: raise by a load, until it ends.
        per_hour: cost of the capacity; None: it is on-demand, or there are no prices.
    """

    billing: Billing
    decreases_left: int
    quotas: Quotas | None
    autoscaling: ScalingState | None
    raised: Raise | None
    per_hour: Cost | None

    def facts(self) -> dict[str, Any]:
        """Return the values by name, for machine-readable output."""
        billing, scaling = self.billing, self.autoscaling
        on_demand = billing.wcu is None
        return {
            "status": billing.status,
            "billing": "on-demand" if on_demand else "provisioned",
            "wcu": billing.wcu,
            "rcu": billing.rcu,
            "warm_wcu": billing.warm_wcu,
            "lowered_today": None if on_demand else billing.decreases,
            "decreases_left_today": None if on_demand else self.decreases_left,
            "quota_wcu": None if self.quotas is None else min(self.quotas.table_wcu, self.quotas.account_wcu),
            "autoscaling": None
            if scaling is None
            else {"least": scaling.least, "most": scaling.most, "active": scaling.is_active},
            "raised_by_a_load_from": None if self.raised is None else self.raised.wcu,
            "authenticated": None if self.raised is None else self.raised.is_authentic,
            "per_hour": None if self.per_hour is None else self.per_hour.as_dict(),
        }


def outlook(table: Table, prices: PriceList, key: StateKey | None = None) -> Outlook:
    """Read everything; change nothing.

    Args:
        prices: prices of capacity.
        key: key to authenticate the record of a raise with; None: it is shown unchecked.

    Raises:
        UntrustedStateError: the record of a raise is not authentic.
        TableError: the table does not exist, or access is denied.
    """
    control = CapacityControl(table)
    billing = control.look()
    try:
        scaling = Autoscaling(table).look()
    except IngestError:
        scaling = None
    tariff, per_hour = tariff_of(table, prices), None
    if tariff is not None and billing.wcu is not None:
        per_hour = tariff.capacity_cost(billing.wcu, billing.rcu or 0, 1)
    left = billing.decreases_left(control.now())
    return Outlook(billing, left, control.quotas(), scaling, RaiseRow(table, time.time, key).read(), per_hour)


def tariff_of(table: Table, prices: PriceList) -> Tariff | None:
    """Return the price of provisioned capacity in the table's region, if listed."""
    rates = prices.rates(table.client.meta.region_name)
    return None if rates is None else Tariff(rates, prices.currency, prices.dated, provisioned=True)


@dataclass(frozen=True, slots=True)
class CostCap:
    """Limit on the cost of a change.

    Attributes:
        prices: prices of capacity.
        max_cost: maximum cost of the capacity for `planned_s` seconds; None: no limit.
        planned_s: seconds for which to keep the capacity.
    """

    prices: PriceList
    max_cost: float | None = None
    planned_s: float = _HOUR_S

    def check(self, table: Table, billing: Billing, request: CapacityRequest) -> None:
        """Check the cost of a request.

        Raises:
            UsageError: it exceeds the limit, or there are no prices.
        """
        if self.max_cost is None:
            return
        tariff = tariff_of(table, self.prices)
        if tariff is None:
            raise UsageError("--max-cost needs prices, and the list has none for this region; give one with --prices")
        costs = []
        if request.wcu is not None or request.rcu is not None:
            wcu = request.wcu if request.wcu is not None else billing.wcu or 0
            rcu = request.rcu if request.rcu is not None else billing.rcu or 0
            costs.append(tariff.capacity_cost(wcu, rcu, self.planned_s / _HOUR_S))
        if request.warm_wcu is not None:
            costs.append(tariff.warm_cost(max(request.warm_wcu - (billing.warm_wcu or 0), 0)))
        check_cost("this capacity", costs, self.max_cost, "nothing was changed")


def change(table: Table, request: CapacityRequest, cap: CostCap, wait: Sleep = time.sleep) -> list[str]:
    """Change the capacity permanently, wait for the change, and suspend autoscaling that would revert it.

    Returns:
        Sentences that describe the changes.

    Raises:
        UsageError: it would cost too much, or the table has another billing mode.
        IngestError: the change failed.
    """
    control = CapacityControl(table)
    billing = control.settled(wait)
    control.check(billing, request)
    cap.check(table, billing, request)
    said = list[str]()
    before = _suspend(table) if request.wcu is not None and request.wcu != billing.wcu else None
    if before is not None:
        said.append(f"autoscaling of the write capacity would change it again, and {_IS_SUSPENDED}")
    is_asked = False
    try:
        is_asked = control.change(request, wait)
        now = control.settled(wait)
    except IngestError as error:
        if before is None or (not is_asked and _put_back(table, before)):
            raise
        raise type(error)(f"{error}; autoscaling of the write capacity {_IS_SUSPENDED}") from error
    if not is_asked:
        return [*said, "the table has this capacity already; nothing was changed"]
    warm = "" if request.warm_wcu is None else f", and takes {now.warm_wcu or request.warm_wcu:,} WCU/s at once"
    what = "on-demand" if now.wcu is None else f"provisioned with {now.wcu:,} WCU/s and {now.rcu or 0:,} RCU/s"
    return [*said, f"the table is ACTIVE and {what}{warm}"]


def _suspend(table: Table) -> Mapping[str, bool] | None:
    """Suspend autoscaling; return its previous state, None if it was not active."""
    autoscaling, row = Autoscaling(table), SuspendedRow(table)
    before = autoscaling.active_state()
    if before is None:
        return None
    row.write(before)
    try:
        autoscaling.suspend()
    except TableError:
        row.clear()
        raise
    return before


def _put_back(table: Table, before: Mapping[str, bool]) -> bool:
    """Resume autoscaling after a failed change; return whether that succeeded."""
    try:
        Autoscaling(table).resume(before)
        SuspendedRow(table).clear()
    except IngestError:
        return False
    return True
