"""A load in virtual time: the write path, the engine and the watchers of the program, over the table of the endpoint.

Nothing of the program is replaced but what it waits with, its transport, and the seed of its jitter. The table is that
of the scripted endpoint, asked without a network in between; how long a request is under way is drawn from a seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import pytest

from ingest_cli import writing
from ingest_cli.engines import concurrent
from ingest_cli.engines.concurrent import ConcurrentWriter
from ingest_cli.engines.journal import Books, Journal
from ingest_cli.errors import TryAgainError
from ingest_cli.fibers import Fibers
from ingest_cli.hashing import Hasher
from ingest_cli.items import ItemBuilder
from ingest_cli.keys import ephemeral_pepper
from ingest_cli.lock import Lease
from ingest_cli.pipeline import Preparation, Shard
from ingest_cli.policies import background, clock, shutdown
from ingest_cli.policies.chunking import ChunkSize, first_bytes
from ingest_cli.policies.rejects import RejectFile
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.report import Report
from ingest_cli.settings import RunSettings, Target
from ingest_cli.sinks.transports.interface import Answer, no_limit
from ingest_cli.tables import Table
from tests.support.endpoint import Limits
from tests.support.endpoint.errors import DynamoError, throttled
from tests.support.endpoint.tables import Table as EndpointTable
from tests.support.synthetic_items import Row, SyntheticSource, work
from tests.support.virtual_time import VirtualThread, VirtualTime

TABLE = "people"
HOT = "hot"
ROW_BYTES = 40
"""Of a dump with one item a row; the smallest chunk has 25 of them."""

LATENCY_S = (0.002, 0.020)


@dataclass(frozen=True)
class Case:
    """A load, and what it meets.

    Attributes:
        seconds: after which it is stopped; None: it comes to its end.
        wcu_per_s: provisioned; None: the table is on-demand.
        max_wcu: as in `--max-wcu`.
        changes: (when, what is provisioned from then on).
        limits: what the table enforces besides.
        spent: whether it has no unused capacity left, neither at the beginning nor after a change.
        hot: how many of ten rows have the same partition key.
        noise: share of the requests that are throttled whatever the rate.
        noise_leaves: how much of a throttled request is left unprocessed, 0 to 1; None: the request fails.
        others_wcu_per_s: what another writer takes of the table.
        rows: of the dump.
        seed: of all chance.
    """

    seconds: float | None = 60.0
    wcu_per_s: int | None = 500
    max_wcu: str | None = None
    changes: tuple[tuple[float, int], ...] = ()
    limits: Limits = field(default_factory=Limits)
    spent: bool = False
    hot: int = 0
    noise: float = 0.0
    noise_leaves: float | None = None
    others_wcu_per_s: float = 0.0
    rows: int = 31_000
    seed: int = 1


@dataclass
class Seen:
    """What the table saw.

    Attributes:
        consumed: (when, WCU) of each request.
        throttled_requests: how many were, in whole or in part.
        hot: when each item of the hot key was written.
        others: when each other one was.
        acknowledged: items in the account of the run.
    """

    consumed: list[tuple[float, float]] = field(default_factory=list, repr=False)
    throttled_requests: int = 0
    hot: list[float] = field(default_factory=list, repr=False)
    others: list[float] = field(default_factory=list, repr=False)
    acknowledged: int = 0

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


def load(case: Case) -> Seen:
    """Run a load to its end, or until it is stopped."""
    time = VirtualTime()
    place = _Place(time, case)
    with _in_virtual_time(time, case.seed):
        place.seen.acknowledged = time.run(lambda: _load(place, case, time))
    return place.seen


@contextmanager
def _in_virtual_time(time: VirtualTime, seed: int) -> Iterator[None]:
    """Put virtual means of waiting into all modules of the write path that wait."""
    stand_ins = time.instead_of()
    with pytest.MonkeyPatch.context() as patch:
        for module, names in (
            (concurrent, ("time",)),
            (background, ("threading",)),
            (shutdown, ("threading",)),
            (clock, ("time",)),
        ):
            for name in names:
                patch.setattr(module, name, stand_ins[name])
        patch.setattr(writing, "Random", lambda: Random(seed))
        yield


class _Place:
    """The table, and the way there and back; stands in for `Table`, `Transport` and `Lease`.

    Attributes:
        seen: by the table, so far.
    """

    target = Target(TABLE)
    renew_every_s = 10.0

    def __init__(self, time: VirtualTime, case: Case) -> None:
        self.seen = Seen()
        self.left_s: Callable[[], float] = no_limit
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

    def waiting_in(self, fibers: Fibers) -> _Place:
        """The same; requests that are under way let others of these run."""
        self._fibers = fibers
        return self

    def close(self) -> None:
        """See `Transport.close`."""

    def send(self, body: bytes) -> Answer:
        """See `Transport.send`."""
        one_way_s = self._random.uniform(*LATENCY_S) / 2
        self._fibers.sleep(one_way_s)
        status, answer = self._write(json.loads(body)["RequestItems"][TABLE])
        self._fibers.sleep(one_way_s)
        return Answer(status, json.dumps(answer).encode(), None)

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
                (self.seen.hot if pk["S"] == HOT else self.seen.others).append(now_s)
        wcu = float(size - len(left))
        self.seen.consumed.append((now_s, wcu))
        self.seen.throttled_requests += bool(left)
        if refusal is not None and not wcu:
            return refusal.status, refusal.body()
        consumed = [{"TableName": TABLE, "CapacityUnits": wcu}]
        return 200, {"UnprocessedItems": {TABLE: left} if left else {}, "ConsumedCapacity": consumed}


def _load(place: _Place, case: Case, time: VirtualTime) -> int:
    """What `ingest-cli load` does with items that are ready to be sent; returns those in its account."""
    settings = RunSettings(max_wcu=case.max_wcu, spot_watch=False)
    stop = StopRequest()
    report = Report("load", "demo", "Demo")
    journal = Journal(Books(report, RejectFile(None)))
    table = cast("Table", place)
    pace = writing.starting_pace(place.describe(), settings)
    fibers = Fibers(lambda: stop.requested, time, lambda _, __, duration_s: time.sleep(duration_s))
    outlet = writing.Outlet(TABLE, place.waiting_in(fibers), fibers)
    path = writing.write_path(outlet, settings, report.traffic, stop, pace)
    chunk_size = ChunkSize(first_bytes(path.pacer.rate_wcu_per_s))
    builder = ItemBuilder(Hasher(ephemeral_pepper()), "demo", "00000000")

    def end() -> None:
        if case.seconds is not None and not stop.event.wait(case.seconds):
            stop.request("looked at for long enough")

    VirtualThread(time, place.change, "operator", daemon=True).start()
    VirtualThread(time, end, "end", daemon=True).start()
    try:
        with (
            writing.watched(path, table, settings, cast("Lease", place), journal),
            ConcurrentWriter(
                Preparation((), builder),
                path.lanes,
                journal.settle,
                fibers,
                stop,
                concurrency=settings.concurrency,
                took=lambda _bytes, _s: None,
            ) as writer,
        ):
            _write_all(writer, case, time, chunk_size)
    except TryAgainError:
        assert case.seconds is not None, "it stopped by itself"
        assert time() >= case.seconds, "it stopped by itself"
    return report.account.items_acknowledged


def _write_all(writer: ConcurrentWriter, case: Case, time: VirtualTime, chunk_size: ChunkSize) -> None:
    """Cut the rows into chunks as `run_shard` does, and write them."""
    source = SyntheticSource([Row(HOT if n % 10 < case.hot else f"p{n}", f"s{n}") for n in range(case.rows)])
    shard, first = Shard(0, source), 0
    while first < case.rows:
        began_s, after = time(), min(first + chunk_size() // ROW_BYTES, case.rows)
        writer.put(work(shard, source, first, after))
        chunk_size.took((after - first) * ROW_BYTES, time() - began_s)
        first = after
