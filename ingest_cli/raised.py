"""What the capacity was before somebody raised it: reserved rows of the table, written before the raise.

`_capacity` is of a load that raises and lowers again; whoever holds it renews it, so that a later run can tell that its
holder is gone, and undo what it left. `_capacity#autoscaling` is of autoscaling that a person's change has suspended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest_cli.aws import sentences
from ingest_cli.catalog import reserved_key
from ingest_cli.lock import Holder

if TYPE_CHECKING:
    from ingest_cli.tables import Table

LEASE_S = 60.0
RENEW_EVERY_S = 15.0
_ROW, _SUSPENDED_ROW = "_capacity", "_capacity#autoscaling"
_TOKEN = "#token = :token"  # noqa: S105 - a condition


@dataclass(frozen=True, slots=True)
class Raise:
    """A raise of capacity that is to be undone.

    Attributes:
        wcu, rcu: what was provisioned before.
        raised_wcu: what it was raised to.
        suspended: state of the autoscaling before; None: it was left alone.
        began_s: when, in seconds since 1970.
        token: names the command that did it.
        holder: the process that did it.
        expires_s: until when it is certain, in seconds since 1970, that it will undo it.
    """

    wcu: int
    rcu: int
    raised_wcu: int
    suspended: Mapping[str, bool] | None
    began_s: float
    token: str
    holder: Holder = field(default_factory=Holder.this)
    expires_s: float = 0.0

    def is_abandoned(self, now_s: float) -> bool:
        """Whether nobody is left who would undo it."""
        return self.expires_s < now_s or self.holder.is_gone()


class RaiseRow:
    """The row `_capacity` of a table."""

    def __init__(self, table: Table, now_s: Callable[[], float]) -> None:
        """Set up.

        Args:
            table: where.
            now_s: the time of day, in seconds since 1970.
        """
        self._table = table
        self._now_s = now_s

    def read(self) -> Raise | None:
        """The raise that is to be undone; None if there is none."""
        item = _get(self._table, _ROW)
        if item is None:
            return None
        text = {name: str(value["S"]) for name, value in item.items() if "S" in value}
        number = {name: float(value["N"]) for name, value in item.items() if "N" in value}
        holder = Holder(text["host"], text["machine"].removeprefix("-"), int(number["pid"]), text["started"])
        return Raise(
            wcu=int(number["wcu"]),
            rcu=int(number["rcu"]),
            raised_wcu=int(number["raised_wcu"]),
            suspended=_suspended(item),
            began_s=number["began"],
            token=text["token"],
            holder=holder,
            expires_s=number["expires"],
        )

    def write(self, one: Raise, instead_of: str | None, lease_s: float = LEASE_S) -> bool:
        """Write it with a new lease; whether nobody else was faster.

        Args:
            one: what to write.
            instead_of: token of the row there is; None: there is none.
            lease_s: its length; negative: it is over at once, so that anybody may undo the raise.
        """
        condition = "attribute_not_exists(pk)" if instead_of is None else _TOKEN
        names, values = ({}, {}) if instead_of is None else ({"#token": "token"}, {":token": {"S": instead_of}})
        target, client = self._table.target, self._table.client
        passed = client.exceptions.ConditionalCheckFailedException
        item: dict[str, Any] = {
            **reserved_key(_ROW),
            "wcu": {"N": str(one.wcu)},
            "rcu": {"N": str(one.rcu)},
            "raised_wcu": {"N": str(one.raised_wcu)},
            "began": {"N": f"{one.began_s:.3f}"},
            "token": {"S": one.token},
            "host": {"S": one.holder.host},
            "machine": {"S": one.holder.machine or "-"},
            "pid": {"N": str(one.holder.pid)},
            "started": {"S": one.holder.started or "-"},
            "expires": {"N": f"{self._now_s() + lease_s:.3f}"},
        }
        if one.suspended is not None:
            item["suspended"] = _map(one.suspended)
        optional: dict[str, Any] = {}
        if names:
            optional = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        try:
            with sentences(target, passed):
                client.put_item(TableName=target.table, Item=item, ConditionExpression=condition, **optional)
        except passed:
            return False
        return True

    def clear(self, token: str) -> None:
        """Remove it, if it is still that of `token`."""
        target, client = self._table.target, self._table.client
        passed = client.exceptions.ConditionalCheckFailedException
        try:
            with sentences(target, passed):
                client.delete_item(
                    TableName=target.table,
                    Key=reserved_key(_ROW),
                    ConditionExpression=_TOKEN,
                    ExpressionAttributeNames={"#token": "token"},
                    ExpressionAttributeValues={":token": {"S": token}},
                )
        except passed:
            return


class SuspendedRow:
    """The row `_capacity#autoscaling` of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> Mapping[str, bool] | None:
        """The state that autoscaling is to be given back; None if it was not suspended."""
        item = _get(self._table, _SUSPENDED_ROW)
        return None if item is None else _suspended(item)

    def write(self, suspended: Mapping[str, bool]) -> None:
        """Note the state in which autoscaling was found, unless one is noted already."""
        target, client = self._table.target, self._table.client
        passed = client.exceptions.ConditionalCheckFailedException
        item = {**reserved_key(_SUSPENDED_ROW), "suspended": _map(suspended)}
        try:
            with sentences(target, passed):
                client.put_item(TableName=target.table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except passed:
            return

    def clear(self) -> None:
        """Remove it."""
        target = self._table.target
        with sentences(target):
            self._table.client.delete_item(TableName=target.table, Key=reserved_key(_SUSPENDED_ROW))


def _get(table: Table, pk: str) -> Mapping[str, Any] | None:
    target = table.target
    with sentences(target):
        answer = table.client.get_item(TableName=target.table, Key=reserved_key(pk), ConsistentRead=True)
    item: Mapping[str, Any] | None = answer.get("Item")
    return item


def _suspended(item: Mapping[str, Any]) -> Mapping[str, bool] | None:
    if "suspended" not in item:
        return None
    return {name: bool(value["BOOL"]) for name, value in item["suspended"]["M"].items()}


def _map(suspended: Mapping[str, bool]) -> Any:
    return {"M": {name: {"BOOL": value} for name, value in suspended.items()}}
