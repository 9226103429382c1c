"""Throughput: what a table may write and read per second, and the reason given when it may not.

Token buckets refill by the clock. A bucket admits a request as soon as it holds as much as the
request needs or is full, and may go into debt by the rest: otherwise an item of 400 WCU could never be
written to a table of 100 WCU/s.

Numbers ("Service, account, and table quotas", "On-demand capacity mode", "Burst and adaptive capacity",
developer guide): 1,000 WCU/s and 3,000 RCU/s a partition; 300 s of unused provisioned capacity kept; a
new on-demand table serves 4,000 WCU/s and 12,000 RCU/s, then twice its previous peak every 30 minutes;
40,000 of each by default for a table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .clock import Clock

Direction = Literal["Read", "Write"]


_STEP_S = 1e-6
"""The least that time goes on by, lest a rest of a stretch be lost in rounding for ever."""


class OtherClient:
    """What another client takes from the same table: stretches of constant demand, over and over.

    Args:
        stretches: (length in seconds, WCU/s that it asks for); none: there is no such client.
        factor: of the demand, for reads.
    """

    def __init__(self, stretches: Sequence[tuple[float, float]] = (), factor: float = 1.0) -> None:
        self._stretches = [(length_s, rate * factor) for length_s, rate in stretches]
        self._turn_s = sum(length_s for length_s, _ in self._stretches)

    def between(self, first_s: float, last_s: float) -> list[tuple[float, float]]:
        """The stretches of (seconds, units per second) that make up the time from one moment to another."""
        if not self._turn_s:
            return [(last_s - first_s, 0.0)]
        # What is longer ago than two turns makes no difference to a bucket, and would take long to go through.
        at_s = max(first_s, last_s - 2 * self._turn_s)
        passed: list[tuple[float, float]] = []
        while at_s < last_s:
            left_s, rate = self._now(at_s)
            length_s = min(max(left_s, _STEP_S), last_s - at_s)
            passed.append((length_s, rate))
            at_s += length_s
        return passed

    def _now(self, at_s: float) -> tuple[float, float]:
        """How long the stretch of this moment still lasts, and its demand."""
        into_s = at_s % self._turn_s
        for length_s, rate in self._stretches:
            if into_s < length_s:
                return length_s - into_s, rate
            into_s -= length_s
        return self._stretches[0]


NOBODY = OtherClient()


class Bucket:
    """A token bucket.

    Args:
        rate_per_s: refill.
        burst_s: it holds at most this many seconds of refill, and starts full.
        clock: seconds.
        other: who takes from it besides, and is served first; never into debt.
    """

    def __init__(self, rate_per_s: float, burst_s: float, clock: Clock, other: OtherClient = NOBODY) -> None:
        self.rate_per_s = rate_per_s
        self.full = rate_per_s * burst_s
        self.level = self.full
        self._clock = clock
        self._other = other
        self._filled_at_s = clock()

    def admits(self, units: float) -> bool:
        """Whether `units` could be taken now."""
        now_s = self._clock()
        for passed_s, taken_per_s in self._other.between(self._filled_at_s, now_s):
            rest = self.level + passed_s * (self.rate_per_s - taken_per_s)
            self.level = min(self.full, max(rest, min(self.level, 0.0)))
        self._filled_at_s = now_s
        return self.level >= min(units, self.full)

    def take(self, units: float) -> None:
        """Take `units`, into debt if need be."""
        self.level -= units


@dataclass(frozen=True, slots=True)
class Limits:
    """What the endpoint enforces; the table's own mode and throughput come from the table.

    Attributes:
        burst_s: seconds of unused capacity that a bucket keeps (300 at AWS; small here so that a test
            meets throttling soon).
        partitions: number of partitions by hash of the partition key.
        partition_wcu_per_s: of each partition; its reads are three times that.
        key_wcu_per_s: of one partition key value; None leaves it to its partition.
        on_demand_wcu_per_s: what a new on-demand table serves; its reads are three times that.
        doubling_s: after this time with a peak above half of it, what an on-demand table serves doubles.
        on_demand_limit: the limit named when an on-demand table is asked for more than it serves yet but
            less than the account's quota. AWS lists no limit of that name; such a table is short of
            partitions, so what it reports is the partitions' limit.
        account_wcu_per_s: the per-table quota of the account: nothing grows above it.
        others_wcu_per_s: what another client takes from the table: (length in seconds, WCU/s) of each stretch of a
            turn that is gone through over and over; its reads are three times that. DescribeTable does not show it.
    """

    burst_s: float = 1.0
    partitions: int = 4
    partition_wcu_per_s: float = 1_000.0
    key_wcu_per_s: float | None = None
    on_demand_wcu_per_s: float = 4_000.0
    doubling_s: float = 1_800.0
    on_demand_limit: str = "KeyRangeThroughput"
    account_wcu_per_s: float = 40_000.0
    others_wcu_per_s: Sequence[tuple[float, float]] = ()


_READS_PER_WRITE = 3.0


class Throughput:
    """The buckets of one table in one direction.

    Args:
        direction: "Read" or "Write".
        limits: see `Limits`.
        clock: seconds.
        provisioned_per_s: None means on-demand.
        max_on_demand_per_s: the maximum configured for an on-demand table, if any.
    """

    def __init__(
        self,
        direction: Direction,
        limits: Limits,
        clock: Clock,
        provisioned_per_s: float | None,
        max_on_demand_per_s: float | None = None,
    ) -> None:
        self._direction = direction
        self._limits = limits
        self._clock = clock
        self._provisioned = provisioned_per_s is not None
        factor = 1.0 if direction == "Write" else _READS_PER_WRITE
        self._factor = factor
        rate = limits.on_demand_wcu_per_s * factor if provisioned_per_s is None else provisioned_per_s
        self._other = OtherClient(limits.others_wcu_per_s, factor)
        self._table = Bucket(rate, limits.burst_s, clock, self._other)
        self._maximum: Bucket | None = None
        if max_on_demand_per_s is not None and not self._provisioned:
            self._maximum = Bucket(max_on_demand_per_s, limits.burst_s, clock)
        partition_rate = limits.partition_wcu_per_s * factor
        self._partitions = [Bucket(partition_rate, limits.burst_s, clock) for _ in range(limits.partitions)]
        self._keys: defaultdict[object, Bucket] = defaultdict(self._new_key_bucket)
        self._peak_since_s = clock()
        self._second_s = clock()
        self._in_second = 0.0
        self._peak = 0.0

    @property
    def table_per_s(self) -> float:
        """What the table serves now."""
        return self._table.rate_per_s

    def _new_key_bucket(self) -> Bucket:
        return Bucket((self._limits.key_wcu_per_s or 0.0) * self._factor, self._limits.burst_s, self._clock)

    def refusal(self, units: float, pk: object, pk_hash: int) -> str | None:
        """Take `units` for one item, or say which limit forbids it.

        Args:
            units: of capacity.
            pk: the partition key value.
            pk_hash: its hash, 0 ≤ pk_hash < 2**64.

        Returns:
            None when taken, else a reason such as "TableWriteKeyRangeThroughputExceeded".
        """
        self._grow()
        narrow = [self._partitions[pk_hash % len(self._partitions)]]
        if self._limits.key_wcu_per_s is not None:
            narrow.append(self._keys[pk])
        wide = [self._table] if self._maximum is None else [self._table, self._maximum]
        if not self._table.admits(units):
            return f"Table{self._direction}{self._table_limit()}Exceeded"
        if self._maximum is not None and not self._maximum.admits(units):
            return f"Table{self._direction}MaxOnDemandThroughputExceeded"
        if not all(bucket.admits(units) for bucket in narrow):
            return f"Table{self._direction}KeyRangeThroughputExceeded"
        for bucket in wide + narrow:
            bucket.take(units)
        self._in_second += units
        return None

    def _table_limit(self) -> str:
        if self._provisioned:
            return "ProvisionedThroughput"
        if self._table.rate_per_s >= self._limits.account_wcu_per_s * self._factor:
            return "AccountLimit"
        return self._limits.on_demand_limit

    def _grow(self) -> None:
        """Double what an on-demand table serves once it was used for more than half of it."""
        now_s = self._clock()
        if now_s - self._second_s >= 1.0:
            self._peak = max(self._peak, self._in_second / (now_s - self._second_s))
            self._second_s, self._in_second = now_s, 0.0
        if self._provisioned or now_s - self._peak_since_s < self._limits.doubling_s:
            return
        if self._peak > self._table.rate_per_s / 2:
            ceiling = self._limits.account_wcu_per_s * self._factor
            doubled = min(ceiling, self._table.rate_per_s * 2)
            self._table = Bucket(doubled, self._limits.burst_s, self._clock, self._other)
        self._peak, self._peak_since_s = 0.0, now_s
