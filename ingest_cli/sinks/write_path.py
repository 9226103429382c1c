"""Compose the write path of a run: the policies around the sink of a table.

    ordinary keys:  Isolating → Retrying ┐
                                         ├→ Paced → Budgeted → Metered → DynamoDBSink → Transport
    hot keys:       Isolating ───────────┘

A batch passes from left to right, its receipt or error from right to left; each policy wraps the next one (`policies/`,
one module each). A throttle is recognized by `DynamoDBSink` and lowers the rate in `policies/pacing.py`: of the table
in `Pacer`, unless `hot_keys/detection.py` attributes it to a key, whose own rate is lowered in `hot_keys/pace.py`.

In order of use: `Route` (address, can be sent to a worker process) → `Outlet` (open connection) → `WritePath`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.service_errors import no_credentials
from ingest_cli.aws.session import ca_bundle, dynamodb, open_session, proxy_for
from ingest_cli.runtime.clock import Clock, SystemClock
from ingest_cli.runtime.fence import Fence
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.runtime.run_ahead import RunAhead
from ingest_cli.runtime.shared_state import SharedState
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.lanes import Lanes
from ingest_cli.sinks.policies.budget import Budget, Budgeted
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.isolation import Isolating
from ingest_cli.sinks.policies.metering import Metered
from ingest_cli.sinks.policies.pacing import ON_DEMAND_START_WCU_PER_S, Paced, Pacer
from ingest_cli.sinks.policies.retry import Progress, Retrying, RetryRules
from ingest_cli.sinks.transports.boto import BotoTransport
from ingest_cli.sinks.transports.curl import CurlTransport, Endpoint

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.settings import RunSettings, Target, TransportName
    from ingest_cli.report.traffic import Traffic
    from ingest_cli.sinks.transports.interface import Transport


def provisioned_wcu(described: Mapping[str, Any]) -> float | None:
    """Return the provisioned write capacity of a table, in units per second; None for an on-demand table."""
    if described.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        return None
    units = float(described.get("ProvisionedThroughput", {}).get("WriteCapacityUnits", 0))
    return units or None


@dataclass(frozen=True, slots=True)
class Route:
    """Address of a table and transport to it; plain data, which can be passed to a worker process.

    Attributes:
        target: the table.
        transport: one of `TRANSPORTS`.
        endpoint: endpoint of the requests.
    """

    target: Target
    transport: TransportName
    endpoint: Endpoint

    @classmethod
    def to(cls, table: Table, transport: TransportName) -> Route:
        """Return the route to `table`."""
        meta = table.client.meta
        url = meta.endpoint_url
        endpoint = Endpoint(url, meta.region_name, ca_bundle(table.session), proxy_for(url))
        return cls(table.target, transport, endpoint)

    def open(self, stop: StopRequest, table: Table | None = None) -> Outlet:
        """Open the transport.

        Args:
            stop: ends all waiting.
            table: holds the credentials; None: find them again.

        Raises:
            TableError: there are no credentials.
        """
        session = open_session(self.target) if table is None else table.session
        fibers = Fibers(lambda: stop.requested)
        credentials = session.get_credentials()
        if credentials is None:
            raise no_credentials()
        if self.transport == "boto3":
            client = dynamodb(session, self.target, single_attempt=True)
            return Outlet(self.target.table, BotoTransport(client, fibers, credentials), fibers)
        return Outlet(self.target.table, CurlTransport(self.endpoint, credentials, fibers), fibers)


@dataclass(frozen=True, slots=True)
class Outlet:
    """Open transport to a table.

    Attributes:
        table: its name.
        transport: transport of the requests.
        fibers: loop of the fibers that wait for answers.
    """

    table: str
    transport: Transport
    fibers: Fibers


@dataclass(frozen=True, slots=True)
class Limits:
    """Rate and consumption at the start of a run.

    Attributes:
        ceiling_wcu_per_s: maximum rate; None: determine what the table accepts.
        start_wcu_per_s: initial rate without a ceiling.
        budget_wcu: units that the run may consume; None: no limit.
    """

    ceiling_wcu_per_s: float | None
    start_wcu_per_s: float
    budget_wcu: float | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Rate and budget of a run, as seen by one of its processes.

    Attributes:
        shared: state of all writing processes.
        process: number of this process among them.
        limits: initial values; None: join a run that another process has started.
    """

    shared: SharedState
    process: int = 0
    limits: Limits | None = None

    def pacer(self, clock: Clock) -> Pacer:
        """Start or join the rate."""
        if self.limits is None:
            return Pacer(clock, self.shared.rate)
        return Pacer.starting(clock, self.limits.ceiling_wcu_per_s, self.limits.start_wcu_per_s, self.shared.rate)

    def budget(self) -> Budget:
        """Start or join the budget."""
        if self.limits is None:
            return Budget(self.shared.budget)
        return Budget.starting(self.shared.budget, self.limits.budget_wcu)


def starting_pace(
    described: Mapping[str, Any],
    settings: RunSettings,
    shared: SharedState | None = None,
    limit_wcu: float | None = None,
) -> Pace:
    """Return the pace of the first process of a run.

    Args:
        described: the table's description by DynamoDB.
        settings: may hold a ceiling.
        shared: state of all processes; None: this process only.
        limit_wcu: write capacity units that the run may consume; None: no limit.

    Raises:
        UsageError: the settings do not fit the table.
    """
    ceiling = settings.max_wcu.of(provisioned_wcu(described))
    warm = float(described.get("WarmThroughput", {}).get("WriteUnitsPerSecond") or ON_DEMAND_START_WCU_PER_S)
    return Pace(shared or SharedState(), limits=Limits(ceiling, warm, limit_wcu))


@dataclass(frozen=True, slots=True)
class WritePath:
    """Composed write path.

    Attributes:
        outlet: open connection to the table.
        lanes: sinks for ordinary and hot keys.
        pacer: rate.
        rules: retry rules.
        budget: remaining consumption.
        fence: end of the lease, after which nothing is written.
        traffic: counters of requests.
    """

    outlet: Outlet
    lanes: Lanes
    pacer: Pacer
    rules: RetryRules
    budget: Budget
    fence: Fence
    traffic: Traffic

    def note_state(self, wcu: float) -> None:
        """Account for units consumed by anything other than items."""
        self.pacer.charge(wcu)
        self.budget.settle(wcu)
        self.traffic.note_state(wcu)


def write_path(outlet: Outlet, settings: RunSettings, traffic: Traffic, stop: StopRequest, pace: Pace) -> WritePath:
    """Compose the write path without sending anything.

    Args:
        outlet: open connection.
        settings: retry limits.
        traffic: counters of requests.
        stop: ends all waiting.
        pace: rate and budget, to be started or joined.
    """
    shared, clock = pace.shared, SystemClock(stop.event, outlet.fibers)
    pacer, budget = pace.pacer(clock), pace.budget()
    hot_keys, fence, progress = HotKeys(clock), Fence(shared.lease), Progress(clock, shared.progress)
    rules = RetryRules(
        clock=clock,
        random=Random(),  # noqa: S311 - jitter, not a secret
        progress=progress,
        give_up_after_s=settings.give_up_after_s,
        on_retry=traffic.note_retry,
        stop=stop,
    )
    outlet.transport.left_s = rules.left_s
    metered = Metered(DynamoDBSink(outlet.transport, outlet.table), traffic, clock, progress.failed, progress.made)
    paced = Paced(Budgeted(metered, budget), pacer, hot_keys, stop, fence)
    lanes = Lanes(
        ordinary=Isolating(Retrying(paced, rules, hot_keys)),
        hot=Isolating(paced),
        hot_keys=hot_keys,
        rules=rules,
        hot_key_paces=shared.hot_key_paces,
        run_ahead=RunAhead(shared.item_counts, clock, pace.process),
        rate_wcu_per_s=lambda: pacer.rate_wcu_per_s,
        reserved_s=lambda: pacer.reserved_s,
    )
    return WritePath(outlet, lanes, pacer, rules, budget, fence, traffic)


@contextmanager
def path_to(
    table: Table, settings: RunSettings, traffic: Traffic, stop: StopRequest, pace: Pace
) -> Iterator[WritePath]:
    """Open the write path of this process to a table; at the end, close its transport.

    Raises:
        TableError: there are no credentials.
    """
    outlet = Route.to(table, settings.transport).open(stop, table)
    try:
        yield write_path(outlet, settings, traffic, stop, pace)
    finally:
        outlet.transport.close()
