"""A table in virtual time, and what it sees of a load: the table of the scripted endpoint, without a network."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ingest_cli.checkpoint.checkpoint import Checkpoint
from ingest_cli.model.settings import Target
from ingest_cli.runtime.fibers import Fibers
from ingest_cli.sinks.transports.interface import Answer
from tests.support.endpoint import Limits
from tests.support.endpoint.errors import DynamoError, throttled
from tests.support.endpoint.tables import Table as EndpointTable
from tests.support.synthetic_items import Row
from tests.support.virtual_time import VirtualTime

TABLE = "people"
HOT = "hot"
ROW_BYTES = 40
"""Of a dump with one item a row; the smallest chunk has 25 of them."""


@dataclass(frozen=True)
class Case:
    """A load, and what it meets.

    Attributes:
        seconds: after which it is stopped; None: it runs to its end.
        wcu_per_s: provisioned; None: the table is on-demand.
        max_wcu: as in `--max-wcu`.
        changes: (when, what is provisioned from then on).
        limits: what the table enforces besides.
        spent: whether it has no unused capacity left, neither at the beginning nor after a change.
        hot: how many of ten rows have the partition key of one of `keys` others.
        keys: partition keys that those rows have in turn.
        hot_between: the share of the dump before which, and after which, no row has one of them.
        noise: share of the requests that are throttled whatever the rate.
        noise_leaves: how much of a throttled request is left unprocessed, 0 to 1; None: the request fails.
        others_wcu_per_s: what another writer takes of the table.
        rows: of the dump.
        latency_s: of an answer, minimum and maximum.
        save_s: how long it takes to store a state.
        workers: processes that write.
        eta: whether the time left is looked at.
        seed: of all chance.
    """

    seconds: float | None = 60.0
    wcu_per_s: int | None = 500
    max_wcu: str | None = None
    changes: tuple[tuple[float, int], ...] = ()
    limits: Limits = field(default_factory=Limits)
    spent: bool = False
    hot: int = 0
    keys: int = 1
    hot_between: tuple[float, float] = (0.0, 1.0)
    noise: float = 0.0
    noise_leaves: float | None = None
    others_wcu_per_s: float = 0.0
    rows: int = 31_000
    latency_s: tuple[float, float] = (0.002, 0.020)
    save_s: float = 0.02
    workers: int = 1
    eta: bool = False
    seed: int = 1

    @property
    def dump(self) -> list[Row]:
        """All rows."""
        first, last = (share * self.rows for share in self.hot_between)
        return [
            Row(hot_key(n % self.keys) if n % 10 < self.hot and first <= n < last else f"p{n}", f"s{n}")
            for n in range(self.rows)
        ]


def hot_key(number: int) -> str:
    """The partition key of so many rows."""
    return HOT if number == 0 else f"{HOT}-{number}"


@dataclass
class Seen:
    """What the table saw.

    Attributes:
        consumed: (when, WCU) of each request.
        throttled_requests: how many were, in whole or in part.
        hot: when each item of a hot key was written.
        others: when each other one was.
        acknowledged: items in the account of the run.
        again: at each moment, the items that a run which is killed then has to write again, beyond those in flight and
            those written during the two seconds before.
        ended_s: when the load was over.
        eta: (when, the seconds that were said to be left).
    """

    consumed: list[tuple[float, float]] = field(default_factory=list, repr=False)
    throttled_requests: int = 0
    hot: list[float] = field(default_factory=list, repr=False)
    others: list[float] = field(default_factory=list, repr=False)
    acknowledged: int = 0
    again: list[float] = field(default_factory=list, repr=False)
    ended_s: float = 0.0
    eta: list[tuple[float, float]] = field(default_factory=list, repr=False)

    @property
    def throttled(self) -> float:
        """Share of the requests that were."""
        return self.throttled_requests / len(self.consumed)

    def mean(self, first_s: float, last_s: float) -> float:
        """WCU per second from `first_s` on, and before `last_s`."""
        return sum(wcu for at_s, wcu in self.consumed if first_s <= at_s < last_s) / (last_s - first_s)

    def highest(self) -> float:
        """WCU of the second that got the most, wherever it begins."""
        highest = inside = 0.0
        first = 0
        for at_s, wcu in self.consumed:
            inside += wcu
            while self.consumed[first][0] <= at_s - 1.0:
                inside -= self.consumed[first][1]
                first += 1
            highest = max(highest, inside)
        return highest


class VirtualTable:
    """The table, and the way there and back; stands in for `Table`, `Transport` and `Lease`.

    Attributes:
        seen: by the table, so far.
        saved_rows: rows that the stored state speaks of.
    """

    target = Target(TABLE)
    renew_every_s = 10.0

    def __init__(self, time: VirtualTime, case: Case) -> None:
        self.seen = Seen()
        self.saved_rows = self._in_flight = 0
        self._written = set[tuple[str, str]]()
        self._recent = deque[float]()
        self._time = time
        self._case = case
        self._random = Random(case.seed)
        self._others_s = 0.0
        names = (("pk", "HASH"), ("sk", "RANGE"))
        request = {
            "TableName": TABLE,
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name, _ in names],
            "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in names],
            "BillingMode": "PAY_PER_REQUEST" if case.wcu_per_s is None else "PROVISIONED",
        }
        self._table = EndpointTable(request, time, case.limits, transition_s=0.0)
        if case.wcu_per_s is not None:
            self._provision(case.wcu_per_s)

    def send(self, body: bytes, fibers: Fibers) -> Answer:
        """See `Transport.send`; requests that are under way let others of these fibers run."""
        one_way_s = self._random.uniform(*self._case.latency_s) / 2
        puts = json.loads(body)["RequestItems"][TABLE]
        self._in_flight += len(puts)
        fibers.sleep(one_way_s)
        status, answer = self._write(puts)
        fibers.sleep(one_way_s)
        self._in_flight -= len(puts)
        self.look()
        return Answer(status, json.dumps(answer).encode(), None)

    def store(self, state: bytes) -> None:
        """Store the state of the load."""
        self._time.sleep(self._case.save_s)
        self.saved_rows = Checkpoint.from_bytes(state).account.rows_read

    def look(self) -> None:
        """Note what a run that is killed now has to write again."""
        while self._recent and self._recent[0] < self._time() - 2.0:
            self._recent.popleft()
        again = len(self._written) - self.saved_rows
        self.seen.again.append(again - len(self._recent) - self._in_flight)

    def _take_others(self, now_s: float) -> None:
        """Take what another writer has taken since the last request."""
        if self._case.others_wcu_per_s:
            bucket = self._table._throughput["Write"]._table
            bucket.admits(0.0)
            bucket.take(self._case.others_wcu_per_s * (now_s - self._others_s))
            self._others_s = now_s

    def describe(self) -> dict[str, Any]:
        """See `Table.describe`."""
        return self._table.describe()

    def renew(self) -> None:
        """See `Lease.renew`."""

    def change(self) -> None:
        """Change what is provisioned, each time at its time."""
        for at_s, wcu_per_s in self._case.changes:
            self._time.sleep(at_s - self._time())
            self._provision(wcu_per_s)

    def _provision(self, wcu_per_s: int) -> None:
        self._table.set_throughput({"ReadCapacityUnits": 5, "WriteCapacityUnits": wcu_per_s})
        if self._case.spent:
            self._table._throughput["Write"]._table.level = 0.0

    def _write(self, puts: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        """Take what the buckets admit; an error only where that is nothing, as with DynamoDB."""
        now_s, left, size = self._time(), [], len(puts)
        refusal: DynamoError | None = None
        self._take_others(now_s)
        if self._random.random() < self._case.noise:
            leaves = self._case.noise_leaves
            if leaves is None:
                self.seen.consumed.append((now_s, 0.0))
                self.seen.throttled_requests += 1
                error = throttled("ProvisionedThroughputExceededException", [], TABLE)
                return error.status, error.body()
            count = max(round(len(puts) * leaves), 1)
            puts, left = puts[count:], puts[:count]
        for put in puts:
            pk = put["PutRequest"]["Item"]["pk"]
            try:
                self._table.charge("Write", 1.0, pk)
            except DynamoError as error:
                refusal = error
                left.append(put)
            else:
                (self.seen.hot if pk["S"].startswith(HOT) else self.seen.others).append(now_s)
                if (pk["S"], sk := put["PutRequest"]["Item"]["sk"]["S"]) not in self._written:
                    self._written.add((pk["S"], sk))
                    self._recent.append(now_s)
        wcu = float(size - len(left))
        self.seen.consumed.append((now_s, wcu))
        self.seen.throttled_requests += bool(left)
        if refusal is not None and not wcu:
            return refusal.status, refusal.body()
        consumed = [{"TableName": TABLE, "CapacityUnits": wcu}]
        return 200, {"UnprocessedItems": {TABLE: left} if left else {}, "ConsumedCapacity": consumed}
