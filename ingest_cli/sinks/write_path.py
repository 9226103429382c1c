"""The write path of a load, put together in one place: sink ← metered ← paced ← retrying ← isolating."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.session import ca_bundle, dynamodb, no_credentials, open_session, proxy_for
from ingest_cli.runtime.clock import Clock, SystemClock
from ingest_cli.runtime.fence import Fence
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.runtime.run_ahead import RunAhead
from ingest_cli.runtime.shared_state import Shared
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.lanes import Lanes
from ingest_cli.sinks.policies.budget import Budget
from ingest_cli.sinks.policies.ceiling import Ceiling
from ingest_cli.sinks.policies.hot_keys import HotKeys
from ingest_cli.sinks.policies.isolation import Isolating
from ingest_cli.sinks.policies.metering import Metering
from ingest_cli.sinks.policies.paced import Paced
from ingest_cli.sinks.policies.pacing import ON_DEMAND_START_WCU_PER_S, Pacer
from ingest_cli.sinks.policies.retry import Progress, Retrying, RetryRules
from ingest_cli.sinks.transports.boto import BotoTransport
from ingest_cli.sinks.transports.curl import CurlTransport, Endpoint

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.settings import RunSettings, Target
    from ingest_cli.report.report import Traffic
    from ingest_cli.sinks.transports.interface import Transport


@dataclass(frozen=True, slots=True)
class WritePath:
    """What a load writes through.

    Attributes:
        outlet: where requests leave.
        lanes: the sinks.
        pacer: the rate.
        rules: how long to go on.
        budget: what may still be consumed.
        traffic: counts what was.
    """

    outlet: Outlet
    lanes: Lanes
    pacer: Pacer
    rules: RetryRules
    budget: Budget
    traffic: Traffic

    def note_state(self, wcu: float) -> None:
        """Account for units that something else than items has consumed."""
        self.pacer.charge(wcu)
        self.budget.settle(wcu)
        self.traffic.note_state(wcu)


def parse_ceiling(text: str | None) -> Ceiling:
    """What `--max-wcu` means.

    Raises:
        UsageError: nothing.
    """
    return Ceiling.parse(text)


def provisioned_wcu(described: dict[str, Any]) -> float | None:
    """Provisioned write capacity of a table, in units per second; None for an on-demand table."""
    if described.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        return None
    units = float(described.get("ProvisionedThroughput", {}).get("WriteCapacityUnits", 0))
    return units or None


@dataclass(frozen=True, slots=True)
class Route:
    """How requests reach a table; plain data, which a worker process can be given.

    Attributes:
        target: the table.
        transport: one of `TRANSPORTS`.
        endpoint: where requests go.
    """

    target: Target
    transport: str
    endpoint: Endpoint

    @classmethod
    def to(cls, table: Table, transport: str) -> Route:
        """The way to `table`."""
        meta = table.client.meta
        url = meta.endpoint_url
        endpoint = Endpoint(url, meta.region_name, ca_bundle(table.session), proxy_for(url))
        return cls(table.target, transport, endpoint)

    def open(self, stop: StopRequest, table: Table | None = None) -> Outlet:
        """What requests are sent through.

        Args:
            stop: ends all waiting.
            table: has the credentials; None: they are found anew.

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
    """What requests to a table are sent through.

    Attributes:
        table: its name.
        transport: sends.
        fibers: who waits for answers.
    """

    table: str
    transport: Transport
    fibers: Fibers


def write_path(  # noqa: PLR0913 - each is a thing of its own
    outlet: Outlet, settings: RunSettings, traffic: Traffic, stop: StopRequest, pace: Pace, *, process: int = 0
) -> WritePath:
    """Put the write path together; nothing is sent yet.

    Args:
        outlet: where requests leave.
        settings: how long to go on.
        traffic: counts requests.
        stop: ends all waiting.
        pace: the rate, begun or joined.
        process: number of this process among those that write.
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


Pace = Callable[[Clock], Pacer]
"""The rate of a run, given the clock that it is kept by."""


def starting_pace(
    described: dict[str, Any], settings: RunSettings, shared: Shared | None = None, limit_wcu: float | None = None
) -> Pace:
    """The rate at which a run starts to write to a table.

    Args:
        described: what DynamoDB says about the table.
        settings: may hold a ceiling.
        shared: where the rate is kept; None: for this process alone.
        limit_wcu: write capacity units that the load may consume; None: any number.

    Raises:
        UsageError: the settings do not fit the table.
    """
    ceiling = parse_ceiling(settings.max_wcu).of(provisioned_wcu(described))
    warm = float(described.get("WarmThroughput", {}).get("WriteUnitsPerSecond") or ON_DEMAND_START_WCU_PER_S)

    def start(clock: Clock) -> Pacer:
        pacer = Pacer.starting(clock, ceiling, warm, shared)
        Budget.starting(pacer.shared, limit_wcu)
        return pacer

    return start
