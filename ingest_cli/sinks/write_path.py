"""Compose the write path of a load: sink ← metered ← paced ← retrying ← isolating."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
from ingest_cli.runtime.shared_state import Shared
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.lanes import Lanes
from ingest_cli.sinks.policies.budget import Budget
from ingest_cli.sinks.policies.hot_keys import HotKeys
from ingest_cli.sinks.policies.isolation import Isolating
from ingest_cli.sinks.policies.metering import Metering
from ingest_cli.sinks.policies.pacing import ON_DEMAND_START_WCU_PER_S, Paced, Pacer
from ingest_cli.sinks.policies.retry import Progress, Retrying, RetryRules
from ingest_cli.sinks.transports.boto import BotoTransport
from ingest_cli.sinks.transports.curl import CurlTransport, Endpoint

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.settings import RunSettings, Target, TransportName
    from ingest_cli.report.report import Traffic
    from ingest_cli.sinks.transports.interface import Transport


@dataclass(frozen=True, slots=True)
class WritePath:
    """Collaborators of a load's writes.

    Attributes:
        outlet: open connection to the table.
        lanes: sinks for ordinary and hot keys.
        pacer: the rate.
        rules: retry rules.
        budget: remaining consumption.
        traffic: counters of requests.
    """

    outlet: Outlet
    lanes: Lanes
    pacer: Pacer
    rules: RetryRules
    budget: Budget
    traffic: Traffic

    def note_state(self, wcu: float) -> None:
        """Account for units consumed by anything other than items."""
        self.pacer.charge(wcu)
        self.budget.settle(wcu)
        self.traffic.note_state(wcu)


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
        transport: library that sends the requests.
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


def write_path(
    outlet: Outlet, settings: RunSettings, traffic: Traffic, stop: StopRequest, pace: Pace, *, process: int = 0
) -> WritePath:
    """Compose the write path without sending anything.

    Args:
        outlet: open transport.
        settings: retry limits.
        traffic: counters of requests.
        stop: ends all waiting.
        pace: the rate, created or joined.
        process: number of this process among the writers.
    """
    clock = SystemClock(stop.event, outlet.fibers)
    pacer = pace(clock)
    hot_keys, budget = HotKeys(clock), Budget(pacer.shared)
    rules = RetryRules(
        clock=clock,
        random=Random(),  # noqa: S311 - jitter, not a secret
        progress=Progress(clock, pacer.shared),
        give_up_after_s=settings.give_up_after_s,
        on_retry=traffic.note_retry,
        stop=stop,
    )
    outlet.transport.left_s = rules.left_s
    progress = rules.progress
    metering = Metering(DynamoDBSink(outlet.transport, outlet.table), traffic, clock, progress.failed, progress.made)
    paced = Paced(metering, pacer, hot_keys, stop, budget, Fence(pacer.shared))
    fast, slow = Isolating(Retrying(paced, rules, hot_keys)), Isolating(paced)
    run_ahead = RunAhead(pacer.shared, clock, process)
    lanes = Lanes(
        fast, slow, hot_keys, rules, pacer.shared, run_ahead, lambda: pacer.rate_wcu_per_s, lambda: pacer.reserved_s
    )
    return WritePath(outlet, lanes, pacer, rules, budget, traffic)


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


Pace = Callable[[Clock], Pacer]
"""Factory of a run's rate, given its clock."""


def starting_pace(
    described: dict[str, Any], settings: RunSettings, shared: Shared | None = None, limit_wcu: float | None = None
) -> Pace:
    """Return the initial rate of a run that writes to a table.

    Args:
        described: the table's description by DynamoDB.
        settings: may hold a ceiling.
        shared: shared state for the rate; None: this process only.
        limit_wcu: write capacity units that the load may consume; None: no limit.

    Raises:
        UsageError: the settings do not fit the table.
    """
    ceiling = settings.max_wcu.of(provisioned_wcu(described))
    warm = float(described.get("WarmThroughput", {}).get("WriteUnitsPerSecond") or ON_DEMAND_START_WCU_PER_S)

    def start(clock: Clock) -> Pacer:
        pacer = Pacer.starting(clock, ceiling, warm, shared)
        Budget.starting(pacer.shared, limit_wcu)
        return pacer

    return start
