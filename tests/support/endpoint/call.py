"""One call on its way through the endpoint: what it asks, what it consumed, what it applied."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .errors import DynamoError, validation
from .items import item_sha256
from .tables import not_found

if TYPE_CHECKING:
    from .audit import Audit, RequestRecord, WriteRecord
    from .capacity import Direction, Limits
    from .clock import Clock
    from .items import Item
    from .tables import Table

_USABLE = {"ACTIVE", "UPDATING"}


@dataclass(slots=True)
class State:
    """What outlives a call.

    Attributes:
        clock: seconds.
        limits: throughput enforced on tables made from now on.
        transition_s: how long a table stays CREATING, UPDATING or DELETING.
        recovery: PointInTimeRecoveryStatus that DescribeContinuousBackups reports.
        audit: see `Audit`.
        tables: by name.
        scalable: targets of Application Auto Scaling by resource and dimension.
    """

    clock: Clock
    limits: Limits | None
    transition_s: float
    recovery: str
    audit: Audit
    tables: dict[str, Table] = field(default_factory=dict)
    scalable: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def find(self, name: Any) -> Table | None:
        """The table of that name, unless it is gone."""
        table = self.tables.get(name)
        if table is not None and table.status == "GONE":
            del self.tables[name]
            return None
        return table


@dataclass(slots=True)
class Call:
    """One request while it is worked on.

    Attributes:
        state: see `State`.
        payload: the parsed body.
        record: its line in the audit log.
        held_back: positions, in a batch, that a scripted fault leaves unprocessed.
        writes: what it applied.
    """

    state: State
    payload: dict[str, Any]
    record: RequestRecord
    held_back: frozenset[int] = frozenset()
    writes: list[WriteRecord] = field(default_factory=list)
    _consumed: defaultdict[tuple[str, Direction], float] = field(default_factory=lambda: defaultdict(float))

    def usable_table(self, name: Any) -> Table:
        """The table, if its items can be used now.

        Raises:
            DynamoError: ResourceNotFoundException, also while it is created or deleted.
        """
        table = self.state.find(name)
        if table is None or table.status not in _USABLE:
            raise not_found()
        return table

    def table(self) -> Table:
        """`usable_table` of the request's TableName."""
        return self.usable_table(self.required("TableName"))

    def required(self, name: str) -> Any:
        """A member that must be there.

        Raises:
            DynamoError: ValidationException.
        """
        if self.payload.get(name) is None:
            wire = name[0].lower() + name[1:]
            raise validation(
                f"1 validation error detected: Value null at '{wire}' failed to satisfy constraint: "
                "Member must not be null"
            )
        return self.payload[name]

    def charge(self, table: Table, direction: Direction, units: float, key: Item) -> None:
        """Take capacity for one item and remember it for ConsumedCapacity.

        Raises:
            DynamoError: a throttling error.
        """
        table.charge(direction, units, key[table.pk_name])
        self._consumed[table.name, direction] += units
        if direction == "Write":
            self.record.wcu += units
        else:
            self.record.rcu += units

    def store(self, table: Table, item: Item, action: str = "put") -> None:
        """Put an item and note it."""
        table.put(item)
        key = table.key_texts(item)
        self._note(action, table, key, item_sha256(item))

    def drop(self, table: Table, key: Item) -> None:
        """Delete an item and note it."""
        table.delete(key)
        self._note("delete", table, table.key_texts(key), "")

    def _note(self, action: str, table: Table, key: tuple[str, str], sha256: str) -> None:
        self.writes.append(self.state.audit.write(action, table.name, key, sha256, self.record.number))
        self.record.processed += 1

    def consumed(self) -> list[dict[str, Any]] | None:
        """One ConsumedCapacity for each table, or None if it was not asked for."""
        level = self.payload.get("ReturnConsumedCapacity", "NONE")
        if level not in {"TOTAL", "INDEXES", "NONE"}:
            raise validation(
                f"1 validation error detected: Value '{level}' at 'returnConsumedCapacity' failed to satisfy "
                "constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
            )
        if level == "NONE":
            return None
        totals: defaultdict[str, float] = defaultdict(float)
        for (name, _), units in self._consumed.items():
            totals[name] += units
        detail = level == "INDEXES"
        return [
            {"TableName": name, "CapacityUnits": units} | ({"Table": {"CapacityUnits": units}} if detail else {})
            for name, units in totals.items()
        ]

    def with_consumed(self, answer: dict[str, Any]) -> dict[str, Any]:
        """`answer`, with the ConsumedCapacity of an operation on one table if it was asked for."""
        consumed = self.consumed()
        return answer | {"ConsumedCapacity": consumed[0]} if consumed else answer


def conditional_check_failed(item: Item | None, wanted: str | None) -> DynamoError:
    """The error of a false condition; `wanted` is ReturnValuesOnConditionCheckFailure."""
    members = {"Item": item} if item and wanted == "ALL_OLD" else {}
    return DynamoError("ConditionalCheckFailedException", members=members)
