"""A table in simulated time that throttles, fails, lies and dies as a seed has it, behind a `Transport`.

Requests have DynamoDB's effects: an item that cannot be taken makes it refuse all of them, a throttle
leaves some of the items or, where it would leave all, refuses the request. The capacity is that of a token
bucket for the table and one for each hot key.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ingest_cli.errors import TransientFaultError
from ingest_cli.sinks.transports.interface import Answer, no_limit

TABLE = "people"
MAX_TIMEOUT_S = 10.0
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time in which nothing is taken.

    Attributes:
        begin_s, end_s: from when to when.
        kind: `throttle`, `error` or `silence`.
    """

    begin_s: float
    end_s: float
    kind: str


@dataclass(frozen=True, slots=True)
class Weather:
    """What may happen to a request.

    Attributes:
        wcu_per_s: capacity of the table.
        burst_s: seconds of unused capacity that it keeps.
        hot: partition key → its own capacity, in units per second.
        poison: items that DynamoDB refuses.
        outages: in order.
        fault_ratio: share of the requests that go wrong outside of them.
        latency_s: maximum latency of an answer.
        unprocessed: share of the items of a batch that are left, whatever the rate.
        others: what another writer takes of the table's capacity, in the first half of every `others_every_s`: a share.
        others_every_s: seconds.
    """

    wcu_per_s: float
    burst_s: float
    hot: Mapping[str, float]
    poison: frozenset[Key]
    outages: tuple[Outage, ...]
    fault_ratio: float
    latency_s: float
    unprocessed: float = 0.0
    others: float = 0.0
    others_every_s: float = 1.0

    @property
    def calm_s(self) -> float:
        """When the last outage is over."""
        return max((one.end_s for one in self.outages), default=0.0)


class Bucket:
    """A token bucket; whatever it holds, it admits an item when it is full.

    Another writer may take a share of what flows in, in the first half of every so many seconds.
    """

    def __init__(
        self, rate_per_s: float, burst_s: float, now_s: float, others: float = 0.0, others_every_s: float = 1.0
    ) -> None:
        self._others, self._every_s = others, others_every_s
        self._rate = rate_per_s
        self._size = max(rate_per_s * burst_s, 1.0)
        self._level = self._size
        self._at_s = now_s

    def admits(self, units: float, now_s: float) -> bool:
        taken_s = self._others * (self._shared_s(now_s) - self._shared_s(self._at_s))
        self._level = min(self._size, self._level + (now_s - self._at_s - taken_s) * self._rate)
        self._at_s = now_s
        return self._level >= min(units, self._size)

    def take(self, units: float) -> None:
        self._level -= units

    def _shared_s(self, at_s: float) -> float:
        """Time up to then in which another writer took units."""
        turns, into_s = divmod(at_s, self._every_s)
        return turns * self._every_s / 2 + min(into_s, self._every_s / 2)


@dataclass(slots=True)
class SimulatedTable:
    """The table; outlives the runs that write to it.

    Attributes:
        weather: what may happen.
        units: key → write capacity units of the item.
        random: of all chance.
        now_s: tells the time.
        sleep: lets it pass.
        items: what is in the table.
        consumed: (time, units) of each request that wrote anything.
        given_back: (time, units) of each answer that said that fewer were written than were to be.
        failing_since_s: when the first request failed since something was last acknowledged; None: none did.
        relieved_s: each time that something was acknowledged again, and since when nothing had been.
        requests: how many there were.
    """

    weather: Weather
    units: Mapping[Key, int]
    random: Random
    now_s: Callable[[], float]
    sleep: Callable[[float], None]
    items: set[Key] = field(default_factory=set)
    consumed: list[tuple[float, float]] = field(default_factory=list)
    given_back: list[tuple[float, float]] = field(default_factory=list)
    left_s: Any = field(init=False)  # mypy takes a Callable in a dataclass for a method
    failing_since_s: float | None = None
    relieved_s: list[tuple[float, float]] = field(default_factory=list)
    requests: int = 0
    _bucket: Bucket = field(init=False)
    _hot: dict[str, Bucket] = field(init=False)

    def __post_init__(self) -> None:
        weather, now_s = self.weather, self.now_s()
        self.left_s = no_limit
        self._bucket = Bucket(weather.wcu_per_s, weather.burst_s, now_s, weather.others, weather.others_every_s)
        self._hot = {pk: Bucket(rate, 1.0, now_s) for pk, rate in weather.hot.items()}

    def send(self, body: bytes) -> Answer:
        """See `Transport.send`."""
        self.requests += 1
        puts = json.loads(body)["RequestItems"][TABLE]
        began_s = self.now_s()
        outage = next((one for one in self.weather.outages if one.begin_s <= began_s < one.end_s), None)
        fault = outage.kind if outage is not None else self._fault()
        applied: Answer | None = None
        if fault in {"", "lost", "silence_after", "garbled", "cut", "empty", "html"}:
            applied = self._apply(puts, began_s)
        self.sleep(self.random.uniform(0, self.weather.latency_s))
        return self._answered(fault, applied)

    def close(self) -> None:
        """See `Transport.close`."""

    def _fault(self) -> str:
        if self.random.random() >= self.weather.fault_ratio:
            return ""
        kinds = ("error", "lost", "silence", "silence_after", "throttle", "garbled", "garbled", "cut", "empty", "html")
        return self.random.choice(kinds)

    def _answered(self, fault: str, applied: Answer | None) -> Answer:
        """The answer as it arrives."""
        if fault == "" and applied is not None:
            if applied.status == 200:
                if self.failing_since_s is not None:
                    self.relieved_s.append((self.now_s(), self.failing_since_s))
                self.failing_since_s = None
                left = json.loads(applied.body)["UnprocessedItems"].get(TABLE, [])
                if left:
                    self.failing_since_s = self.now_s()
                    self.given_back.append((self.now_s(), sum(self.units[_key(put)] for put in left)))
            else:
                self._fails()
            return applied
        if fault.startswith("silence"):
            self.sleep(self.random.choice((1.0, MAX_TIMEOUT_S)))
            self._fails()
            raise TransientFaultError("timeout")
        self._fails()
        if fault == "throttle":
            return self._throttled(self.random.choice((None, "Table", "Account", "KeyRange")))
        if fault in {"error", "lost"} or applied is None or applied.status != 200:
            return _answer(500, {"__type": "InternalServerError"})
        if fault == "garbled":  # says that all is well; only its checksum tells otherwise
            document = {**json.loads(applied.body), "UnprocessedItems": {}}
            return Answer(200, json.dumps(document, indent=0).encode(), applied.crc32)
        if fault == "cut":
            return Answer(200, applied.body[: len(applied.body) // 2], None)
        return Answer(200, b"<html></html>", None) if fault == "html" else _answer(200, {})

    def _fails(self) -> None:
        if self.failing_since_s is None:
            self.failing_since_s = self.now_s()

    def _apply(self, puts: list[dict[str, Any]], now_s: float) -> Answer:
        """Take what can be taken."""
        keys = [_key(put) for put in puts]
        assert len(set(keys)) == len(keys) <= 25, "DynamoDB refuses such a request"
        if any(key in self.weather.poison for key in keys):
            return _answer(400, {"__type": "com.amazon.coral.validate#ValidationException"})
        left, units, blamed = [], 0, set[str]()
        for key, put in zip(keys, puts, strict=True):
            cost, own = self.units[key], self._hot.get(key[0])
            if self.weather.unprocessed and self.random.random() < self.weather.unprocessed:
                left.append(put)
            elif own is not None and not own.admits(cost, now_s):
                blamed.add("KeyRange")
                left.append(put)
            elif not self._bucket.admits(cost, now_s):
                blamed.add("Table")
                left.append(put)
            else:
                self._bucket.take(cost)
                if own is not None:
                    own.take(cost)
                self.items.add(key)
                units += cost
        if units:
            self.consumed.append((now_s, units))
        if len(left) == len(puts):
            return self._throttled(self.random.choice((None, *sorted(blamed))))
        consumed = [{"TableName": TABLE, "CapacityUnits": float(units)}]
        return _answer(200, {"UnprocessedItems": {TABLE: left} if left else {}, "ConsumedCapacity": consumed})

    def _throttled(self, scope: str | None) -> Answer:
        document: dict[str, Any] = {"__type": "ProvisionedThroughputExceededException"}
        if scope is not None:
            limit = "AccountLimitExceeded" if scope == "Account" else f"{scope}ProvisionedThroughputExceeded"
            document["ThrottlingReasons"] = [{"reason": f"TableWrite{limit.removeprefix('Table')}"}]
        return _answer(400, document)


def _key(put: dict[str, Any]) -> Key:
    item = put["PutRequest"]["Item"]
    return item["pk"]["S"], item["sk"]["S"]


def _answer(status: int, document: dict[str, Any]) -> Answer:
    body = json.dumps(document).encode()
    return Answer(status, body, str(zlib.crc32(body)))
