"""Tables: their description, their status over time, their items in key order, their throughput."""

from __future__ import annotations

import hashlib
import math
import time
import uuid
from collections.abc import Iterator
from typing import Any

from .capacity import Direction, Limits, Throughput
from .clock import Clock
from .errors import DynamoError, invalid_parameter, throttled, validation
from .items import MAX_PK_BYTES, MAX_SK_BYTES, Item, KeyPart, Value, item_bytes, key_part, value_bytes

REGION = "ap-southeast-1"
ACCOUNT = "000000000000"
_KEY_MISMATCH = "The provided key element does not match the schema"
_EPOCH_S = 1_700_000_000  # creation times are counted from here, so that they look like dates
_DAY_S, _DECREASE_EVERY_S, _FREE_DECREASES = 86_400, 3_600, 4
_WCU_BYTES = 1024  # a write unit covers 1 KiB, a read unit 4 KiB ("Read and write operations")
_RCU_BYTES = 4096


class Table:
    """One table.

    Args:
        request: a validated CreateTable request.
        clock: seconds.
        limits: what throughput is enforced; None enforces none.
        transition_s: how long it stays CREATING, UPDATING or DELETING.
    """

    def __init__(self, request: dict[str, Any], clock: Clock, limits: Limits | None, transition_s: float) -> None:
        self.name: str = request["TableName"]
        self.arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{self.name}"
        types = {d["AttributeName"]: d["AttributeType"] for d in request["AttributeDefinitions"]}
        self.key_types: dict[str, str] = {
            part["AttributeName"]: types[part["AttributeName"]] for part in request["KeySchema"]
        }
        self.pk_name, *rest = self.key_types
        self.sk_name: str | None = rest[0] if rest else None
        self.definition = request
        self.provisioned: dict[str, int] | None = request.get("ProvisionedThroughput")
        if request.get("BillingMode") == "PAY_PER_REQUEST":
            self.provisioned = None
        self.on_demand_maximum: dict[str, int] = dict(request.get("OnDemandThroughput", {}))
        self.decreases = 0
        """How often its provisioned throughput was lowered today."""
        self.last_decrease_s: float | None = None
        """When it was the last time, in seconds since 1970."""
        self._wall_s = time.time() - clock()
        self._clock = clock
        self._limits = limits
        self._transition_s = transition_s
        self._id = str(uuid.uuid4())
        self._created_s = clock()
        self._status = "CREATING"
        self._until_s = clock() + transition_s
        self._partitions: dict[KeyPart, dict[KeyPart | None, Item]] = {}
        self._sorted: dict[KeyPart, list[KeyPart | None]] = {}
        self._scan_order: list[tuple[int, KeyPart]] | None = None
        self._bytes = 0
        self._throughput: dict[Direction, Throughput] = {}
        self._refit()

    # Status

    @property
    def status(self) -> str:
        """CREATING, UPDATING, ACTIVE, DELETING, or GONE once deleted."""
        if self._status in {"CREATING", "UPDATING", "DELETING"} and self._clock() >= self._until_s:
            self._status = "GONE" if self._status == "DELETING" else "ACTIVE"
        return self._status

    def enter(self, status: str, for_s: float | None = None) -> None:
        """Change the status; a passing one ends after `for_s` (default: the table's transition time)."""
        self._status = status
        self._until_s = self._clock() + (self._transition_s if for_s is None else for_s)

    # Throughput

    def _refit(self) -> None:
        if self._limits is None:
            return
        provisioned, maximum = self.provisioned, self.on_demand_maximum
        read = None if provisioned is None else float(provisioned["ReadCapacityUnits"])
        write = None if provisioned is None else float(provisioned["WriteCapacityUnits"])
        self._throughput = {
            "Read": Throughput("Read", self._limits, self._clock, read, maximum.get("MaxReadRequestUnits")),
            "Write": Throughput("Write", self._limits, self._clock, write, maximum.get("MaxWriteRequestUnits")),
        }

    def set_throughput(self, provisioned: dict[str, int] | None) -> None:
        """Provision {"ReadCapacityUnits": …, "WriteCapacityUnits": …}, or None for on-demand."""
        self.provisioned = provisioned
        self._refit()

    def decreases_today(self) -> int:
        """How often it was lowered in this UTC day."""
        if self.last_decrease_s is not None and self.last_decrease_s // _DAY_S != self._now_s() // _DAY_S:
            self.decreases = 0
        return self.decreases

    def count_decrease(self) -> None:
        """Note that it is lowered.

        Raises:
            DynamoError: LimitExceededException: after four in a day, once an hour ("Service, account, and table
                quotas"; the message is the service's own).
        """
        now_s, last_s = self._now_s(), self.last_decrease_s
        if self.decreases_today() >= _FREE_DECREASES and last_s is not None and now_s - last_s < _DECREASE_EVERY_S:
            raise DynamoError(
                "LimitExceededException",
                "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After "
                f"the first {_FREE_DECREASES} decreases, each subsequent decrease in the same UTC day can be performed "
                f"at most once every {_DECREASE_EVERY_S} seconds. Number of decreases today: {self.decreases}.",
            )
        self.decreases += 1
        self.last_decrease_s = now_s

    def _now_s(self) -> float:
        return self._wall_s + self._clock()

    @property
    def is_limited(self) -> bool:
        """Whether any throughput is enforced."""
        return self._limits is not None

    def set_limits(self, limits: Limits | None) -> None:
        """Change what is enforced; buckets start full again."""
        self._limits = limits
        self._throughput = {}
        self._refit()

    def charge(self, direction: Direction, units: float, pk: Value) -> None:
        """Take capacity for one item.

        Raises:
            DynamoError: a throttling error that names the limit.
        """
        if not self._throughput:
            return
        part = key_part(pk)
        reason = self._throughput[direction].refusal(units, part, _hash64(part))
        if reason is None:
            return
        if self.provisioned is not None:
            kind = "ProvisionedThroughputExceededException"
        else:
            kind = "RequestLimitExceeded" if "AccountLimit" in reason else "ThrottlingException"
        raise throttled(kind, [reason], self.arn)

    # Keys

    def key_of(self, item: Item) -> Item:
        """The key of an item to be put.

        Raises:
            DynamoError: ValidationException for a missing, mistyped, empty or too long key attribute.
        """
        for name, wanted in self.key_types.items():
            if name not in item:
                raise invalid_parameter(f"Missing the key {name} in the item")
            if wanted not in item[name]:
                actual = next(iter(item[name]))
                raise invalid_parameter(f"Type mismatch for key {name} expected: {wanted} actual: {actual}")
        key = {name: item[name] for name in self.key_types}
        self._check_key_content(key)
        return key

    def check_key(self, key: Item) -> Item:
        """The key given in a request, checked against the schema.

        Raises:
            DynamoError: ValidationException.
        """
        if key.keys() != self.key_types.keys():
            raise validation(_KEY_MISMATCH)
        if any(wanted not in key[name] for name, wanted in self.key_types.items()):
            raise validation(_KEY_MISMATCH)
        self._check_key_content(key)
        return key

    def _check_key_content(self, key: Item) -> None:
        for name, value in key.items():
            kind = {"S": "string", "B": "binary"}.get(next(iter(value)))
            if kind and not next(iter(value.values())):
                raise validation(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute "
                    f"cannot contain an empty {kind} value. Key: {name}"
                )
            limit, part = (MAX_PK_BYTES, "hashkey") if name == self.pk_name else (MAX_SK_BYTES, "rangekey")
            if value_bytes(value) > limit:
                raise invalid_parameter(f"Size of {part} has exceeded the maximum size limit of {limit} bytes")

    def parts(self, key: Item) -> tuple[KeyPart, KeyPart | None]:
        """A key as Python values that sort."""
        return key_part(key[self.pk_name]), None if self.sk_name is None else key_part(key[self.sk_name])

    def key_texts(self, key: Item) -> tuple[str, str]:
        """The contents of a key as on the wire, "" for no sort key."""
        texts = [str(next(iter(key[name].values()))) for name in self.key_types]
        return texts[0], texts[1] if len(texts) > 1 else ""

    # Items

    def get(self, key: Item) -> Item | None:
        """The item with this key."""
        pk, sk = self.parts(key)
        return self._partitions.get(pk, {}).get(sk)

    def put(self, item: Item) -> None:
        """Store an item whose key was checked."""
        pk, sk = self.parts(item)
        partition = self._partitions.get(pk)
        if partition is None:
            partition = self._partitions[pk] = {}
            self._scan_order = None
        if sk in partition:
            self._bytes -= item_bytes(partition[sk])
        else:
            self._sorted.pop(pk, None)
        partition[sk] = item
        self._bytes += item_bytes(item)

    def delete(self, key: Item) -> None:
        """Remove the item with this key, if there is one."""
        pk, sk = self.parts(key)
        partition = self._partitions.get(pk, {})
        gone = partition.pop(sk, None)
        if gone is not None:
            self._bytes -= item_bytes(gone)
            self._sorted.pop(pk, None)
            if not partition:
                del self._partitions[pk]
                self._scan_order = None

    def partition(self, pk: KeyPart) -> list[Item]:
        """The items of one partition key in sort key order."""
        partition = self._partitions.get(pk)
        if partition is None:
            return []
        if pk not in self._sorted:
            self._sorted[pk] = sorted(partition, key=lambda sk: (sk is not None, sk))
        return [partition[sk] for sk in self._sorted[pk]]

    def scan(self, start: Item | None, segment: int, segments: int) -> Iterator[Item]:
        """All items of a segment in hash order, after the key `start`."""
        if self._scan_order is None:
            self._scan_order = sorted(((_hash64(pk), pk) for pk in self._partitions), key=lambda pair: pair[0])
        after = None if start is None else self.parts(start)
        after_hash = -1 if after is None else _hash64(after[0])
        for pk_hash, pk in self._scan_order:
            if pk_hash < after_hash or pk_hash * segments >> 64 != segment:
                continue
            for item in self.partition(pk):
                if after is None or pk_hash > after_hash or self.parts(item)[1] > after[1]:  # type: ignore[operator] # one type per table
                    yield item

    @property
    def count(self) -> int:
        """Number of items."""
        return sum(map(len, self._partitions.values()))

    def items(self) -> dict[tuple[str, str], Item]:
        """All items by the wire contents of their keys."""
        return {self.key_texts(item): item for partition in self._partitions.values() for item in partition.values()}

    # Description

    def describe(self) -> dict[str, Any]:
        """The TableDescription."""
        throughput = self.provisioned or {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
        description: dict[str, Any] = {
            "TableName": self.name,
            "TableArn": self.arn,
            "TableId": self._id,
            "TableStatus": self.status,
            "CreationDateTime": round(_EPOCH_S + self._created_s, 3),
            "AttributeDefinitions": self.definition["AttributeDefinitions"],
            "KeySchema": self.definition["KeySchema"],
            "ProvisionedThroughput": {"NumberOfDecreasesToday": self.decreases_today(), **throughput},
            "ItemCount": self.count,
            "TableSizeBytes": self._bytes,
            "DeletionProtectionEnabled": bool(self.definition.get("DeletionProtectionEnabled")),
        }
        if self.last_decrease_s is not None:
            description["ProvisionedThroughput"]["LastDecreaseDateTime"] = round(self.last_decrease_s, 3)
        if self.provisioned is None:
            description["BillingModeSummary"] = {"BillingMode": "PAY_PER_REQUEST"}
        if self.on_demand_maximum:
            description["OnDemandThroughput"] = self.on_demand_maximum
        if "WarmThroughput" in self.definition:
            description["WarmThroughput"] = {**self.definition["WarmThroughput"], "Status": self.status}
        return description


def _hash64(pk: KeyPart) -> int:
    raw = pk if isinstance(pk, bytes) else str(pk).encode()
    return int.from_bytes(hashlib.md5(raw, usedforsecurity=False).digest()[:8], "big")


def write_units(*items: Item | None) -> float:
    """WCU of a write: by the larger of the items before and after it; at least 1."""
    return max(1.0, *(math.ceil(item_bytes(item) / _WCU_BYTES) if item else 1.0 for item in items))


def read_units(size_bytes: int, *, consistent: bool) -> float:
    """RCU of a read of that many bytes; half of it when eventually consistent."""
    return max(1, math.ceil(size_bytes / _RCU_BYTES)) * (1.0 if consistent else 0.5)


def not_found(name: str | None = None) -> DynamoError:
    """The error of data operations (no name) and of table operations (with one) on an unknown table."""
    if name is None:
        return DynamoError("ResourceNotFoundException")
    return DynamoError("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
