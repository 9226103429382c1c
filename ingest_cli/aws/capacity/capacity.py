"""Read and change the capacity of a table, within AWS's limits.

Impossible changes are refused before a request, as far as AWS reports its limits: the quotas (DescribeLimits), and the
number of today's decreases (DescribeTable).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ingest_cli.aws.service_errors import sentences
from ingest_cli.errors import BusyError, IngestError, TableError, TryAgainError, UsageError

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table

FREE_DECREASES = 4
"""Decreases available at the start of a UTC day. After them there is one more an hour, if there was none in the hour
before, 27 a day in all (AWS, "Service, account, and table quotas", decreasing provisioned throughput).
"""

DECREASE_EVERY = dt.timedelta(hours=1)

WAIT_S = 1800.0
"""Seconds to wait for a change. AWS guarantees no time; large raises have taken many minutes."""

_FIRST_LOOK_S, _LAST_LOOK_S = 0.2, 5.0

Sleep = Callable[[float], None]
"""Function that sleeps for some seconds; may raise to end the wait."""


@dataclass(frozen=True, slots=True)
class Billing:
    """Billing mode and capacity of a table.

    Attributes:
        status: status of the table, such as ACTIVE.
        wcu, rcu: provisioned units per second; None for an on-demand table.
        warm_wcu: warm throughput in write units per second; None: not reported.
        is_settled: whether no change is in progress.
        decreases: number of decreases of provisioned capacity in this UTC day.
    """

    status: str
    wcu: int | None
    rcu: int | None
    warm_wcu: int | None
    is_settled: bool
    decreases: int
    last_decrease: dt.datetime | None

    @classmethod
    def of(cls, described: Mapping[str, Any], now: dt.datetime) -> Billing:
        """Parse a DescribeTable response."""
        provisioned, warm = described.get("ProvisionedThroughput", {}), described.get("WarmThroughput", {})
        on_demand = described.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
        last = provisioned.get("LastDecreaseDateTime")
        is_of_today = last is None or last.astimezone(dt.UTC).date() == now.date()
        status = str(described.get("TableStatus"))
        return cls(
            status=status,
            wcu=None if on_demand else int(provisioned.get("WriteCapacityUnits", 0)),
            rcu=None if on_demand else int(provisioned.get("ReadCapacityUnits", 0)),
            warm_wcu=int(warm["WriteUnitsPerSecond"]) if "WriteUnitsPerSecond" in warm else None,
            is_settled=status == "ACTIVE" and warm.get("Status", "ACTIVE") == "ACTIVE",
            decreases=int(provisioned.get("NumberOfDecreasesToday", 0)) if is_of_today else 0,
            last_decrease=last,
        )

    def next_decrease(self, now: dt.datetime) -> dt.datetime:
        """Return the time of the next possible decrease; `now` if at once."""
        if self.decreases < FREE_DECREASES or self.last_decrease is None:
            return now
        tomorrow = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
        return max(now, min(self.last_decrease.astimezone(dt.UTC) + DECREASE_EVERY, tomorrow))

    def decreases_left(self, now: dt.datetime) -> int:
        """Return the number of decreases still possible today, waiting an hour for each after the free ones."""
        free = max(FREE_DECREASES - self.decreases, 0)
        first = now if self.last_decrease is None else self.last_decrease.astimezone(dt.UTC) + DECREASE_EVERY
        tomorrow = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
        begin = max(now, first) if not free else now + DECREASE_EVERY
        return free + (max(0, -(-(tomorrow - begin) // DECREASE_EVERY)) if begin < tomorrow else 0)


@dataclass(frozen=True, slots=True)
class Quotas:
    """Maximum provisioned capacity of an account in a region, in write and read units per second."""

    table_wcu: int
    table_rcu: int
    account_wcu: int
    account_rcu: int


@dataclass(frozen=True, slots=True)
class CapacityRequest:
    """Requested capacity; None: no change.

    Attributes:
        wcu, rcu: provisioned units per second.
        on_demand: whether to bill the table per request.
        warm_wcu: warm throughput in write units per second.
    """

    wcu: int | None = None
    rcu: int | None = None
    on_demand: bool = False
    warm_wcu: int | None = None


class CapacityControl:
    """Control of the capacity of one table."""

    def __init__(self, table: Table, now: Callable[[], dt.datetime] | None = None) -> None:
        """Set up without sending a request.

        Args:
            now: returns the time in UTC, which the count of decreases depends on.
        """
        self._table = table
        self.now = now or (lambda: dt.datetime.now(dt.UTC))

    def look(self) -> Billing:
        """Read the current billing mode and capacity.

        Raises:
            TableError: the table does not exist, or access is denied.
        """
        return Billing.of(self._table.describe(), self.now())

    def quotas(self) -> Quotas | None:
        """Return the account's quotas; None if access is denied."""
        try:
            with sentences(self._table.target):
                found = self._table.client.describe_limits()
        except IngestError:
            return None  # optional: AWS refuses excessive values itself
        return Quotas(
            int(found["TableMaxWriteCapacityUnits"]),
            int(found["TableMaxReadCapacityUnits"]),
            int(found["AccountMaxWriteCapacityUnits"]),
            int(found["AccountMaxReadCapacityUnits"]),
        )

    def check(self, billing: Billing, request: CapacityRequest) -> None:
        """Check that a request is possible.

        Raises:
            UsageError: the table has another billing mode.
            TableError: the request exceeds a quota.
            TryAgainError: capacity cannot be lowered again yet.
        """
        if request.warm_wcu is not None and billing.warm_wcu is not None and request.warm_wcu < billing.warm_wcu:
            raise UsageError(
                f"warm throughput can only be raised, and is {billing.warm_wcu:,} WCU/s; give more than that"
            )
        quotas = self.quotas()
        for units, name, limits in (
            (request.wcu, "write", quotas and (quotas.table_wcu, quotas.account_wcu)),
            (request.rcu, "read", quotas and (quotas.table_rcu, quotas.account_rcu)),
            (request.warm_wcu, "write", quotas and (quotas.table_wcu,)),
        ):
            if units is not None and limits and units > min(limits):
                raise TableError(
                    f"{units:,} {name} capacity units are more than the quota of {min(limits):,} for a table here; "
                    "give fewer, or have it raised in AWS's Service Quotas"
                )
        if _lowers(billing, request) and (when := billing.next_decrease(self.now())) > self.now():
            raise TryAgainError(_too_often(billing, when))

    def change(self, request: CapacityRequest, wait: Sleep, wait_s: float = WAIT_S) -> bool:
        """Wait for a change in progress, then change the capacity; return whether there was anything to change.

        Raises:
            IngestError: the change is refused, or the table does not become ACTIVE.
        """
        billing = self.settled(wait, wait_s)
        arguments = _update_arguments(billing, request)
        if not arguments:
            return False
        target, client = self._table.target, self._table.client
        try:
            with sentences(target, client.exceptions.LimitExceededException, ClientError):
                client.update_table(TableName=target.table, **arguments)
        except client.exceptions.LimitExceededException as error:
            raise self._limit(billing, request) from error
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if code == "ValidationException":
                raise TableError(
                    f'DynamoDB does not accept this capacity for the table "{target.table}"; see `ingest-cli table '
                    "capacity` for what it is"
                ) from error
            if code == "ResourceInUseException":
                raise BusyError(f'the table "{target.table}" is being changed; try again when it is ACTIVE') from error
            with sentences(target):
                raise
        return True

    def settled(self, wait: Sleep, wait_s: float = WAIT_S) -> Billing:
        """Wait until no change is in progress.

        Raises:
            BusyError: that takes longer than `wait_s` seconds.
            TableError: the table is deleted or being deleted.
        """
        waited_s, look_s = 0.0, _FIRST_LOOK_S
        while True:
            billing = self.look()
            if billing.is_settled:
                return billing
            if billing.status == "DELETING":
                raise TableError(f'the table "{self._table.target.table}" is being deleted')
            if waited_s >= wait_s:
                raise BusyError(
                    f'the table "{self._table.target.table}" is still {billing.status} after {waited_s:,.0f} s; see '
                    "`ingest-cli table capacity`"
                )
            pause_s = min(look_s, wait_s - waited_s)
            wait(pause_s)
            waited_s += pause_s
            look_s = min(look_s * 2, _LAST_LOOK_S)

    def _limit(self, billing: Billing, request: CapacityRequest) -> IngestError:
        if _lowers(billing, request):
            again = max(billing.next_decrease(self.now()), self.now())
            return TryAgainError(_too_often(billing, again))
        return TableError(
            "AWS refuses the capacity because of a quota (LimitExceededException), of all tables of the account here "
            "or of changes of the billing mode a day; give fewer, or have it raised in AWS's Service Quotas"
        )


def _lowers(billing: Billing, request: CapacityRequest) -> bool:
    pairs = ((billing.wcu, request.wcu), (billing.rcu, request.rcu))
    return any(now is not None and then is not None and then < now for now, then in pairs)


def _too_often(billing: Billing, when: dt.datetime) -> str:
    return (
        f"provisioned capacity was lowered {billing.decreases} times in this UTC day, and can be lowered once an hour "
        f"from now on: the next time at {when:%H:%M} UTC"
    )


def _update_arguments(billing: Billing, request: CapacityRequest) -> dict[str, Any]:
    """Return the arguments of UpdateTable; empty if nothing is to change."""
    arguments: dict[str, Any] = {}
    if request.on_demand:
        if billing.wcu is not None:
            arguments["BillingMode"] = "PAY_PER_REQUEST"
    elif request.wcu is not None or request.rcu is not None:
        wcu = request.wcu if request.wcu is not None else billing.wcu
        rcu = request.rcu if request.rcu is not None else billing.rcu or 5
        if wcu is None:
            raise UsageError("the table is on-demand; give --wcu as well to provision capacity")
        if (wcu, rcu) != (billing.wcu, billing.rcu):
            arguments["ProvisionedThroughput"] = {"WriteCapacityUnits": wcu, "ReadCapacityUnits": rcu}
            if billing.wcu is None:
                arguments["BillingMode"] = "PROVISIONED"
    if request.warm_wcu is not None and request.warm_wcu != billing.warm_wcu:
        arguments["WarmThroughput"] = {"WriteUnitsPerSecond": request.warm_wcu}
    return arguments
