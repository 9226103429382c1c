"""What the capacity was before somebody raised it: reserved rows of the table, written before the raise.

`_capacity` is of a load that raises and lowers again; whoever holds it renews it, so that a later run can tell that its
holder is gone, and undo what it left. It carries a MAC: nobody without the pepper can have a load lower the capacity.
`_capacity#autoscaling` is of autoscaling that a person's change has suspended. That change takes no pepper, so the row
has no MAC; loads do not look at it, and `table restore` says that it is not authenticated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.authentication import authenticate
from ingest_cli.aws.capacity.autoscaling import ALL_SUSPENDED
from ingest_cli.aws.lease import MAX_NAME_CHARACTERS, Holder, holder_of
from ingest_cli.aws.reserved_rows import Fields, place_of, reserved_key
from ingest_cli.aws.session import sentences
from ingest_cli.errors import TableError

if TYPE_CHECKING:
    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.table import Table

LEASE_S = 60.0
RENEW_EVERY_S = 15.0
_ROW, _SUSPENDED_ROW = "_capacity", "_capacity#autoscaling"
_TOKEN = "#token = :token"  # noqa: S105 - a condition

MAX_UNITS = 10**9
"""Capacity units per second; the largest quota that AWS has raised a table to is some 10 million."""

_NOT_AUTHENTIC = (
    "the capacity was not changed. `table capacity` without --key shows what the row says, `table capacity --wcu` sets "
    "what you want, and `table restore` without --key then removes the row"
)
_DAMAGED = "set the capacity with `table capacity --wcu`, and delete the row with `aws dynamodb delete-item`"


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
        is_authentic: whether the MAC of the row was checked, and is right.
    """

    wcu: int
    rcu: int
    raised_wcu: int
    suspended: Mapping[str, bool] | None
    began_s: float
    token: str
    holder: Holder = field(default_factory=Holder.this)
    expires_s: float = 0.0
    is_authentic: bool = True

    def is_abandoned(self, now_s: float) -> bool:
        """Whether nobody is left who would undo it."""
        return self.expires_s < now_s or self.holder.is_gone()


class RaiseRow:
    """The row `_capacity` of a table."""

    def __init__(self, table: Table, now_s: Callable[[], float], key: StateKey | None = None) -> None:
        """Set up.

        Args:
            table: where.
            now_s: the time of day, in seconds since 1970.
            key: what the row is authenticated with; None: it can only be looked at and removed.
        """
        self._table = table
        self._now_s = now_s
        self._key = key

    def read(self) -> Raise | None:
        """The raise that is to be undone; None if there is none.

        Raises:
            UntrustedStateError: it names our pepper, or none, and its MAC is not right.
            TableError: it is damaged.
        """
        item = _get(self._table, _ROW)
        if item is None:
            return None
        place = place_of(_ROW, self._table.target.table)
        is_authentic = authenticate(item, self._key, place, _NOT_AUTHENTIC)
        fields = Fields(item, place, _DAMAGED, TableError)
        return Raise(
            wcu=fields.whole("wcu", MAX_UNITS),
            rcu=fields.whole("rcu", MAX_UNITS),
            raised_wcu=fields.whole("raised_wcu", MAX_UNITS),
            suspended=_suspended(fields),
            began_s=fields.seconds("began"),
            token=fields.text("token", MAX_NAME_CHARACTERS),
            holder=holder_of(fields),
            expires_s=fields.seconds("expires"),
            is_authentic=is_authentic,
        )

    def write(self, one: Raise, instead_of: str | None, lease_s: float = LEASE_S) -> bool:
        """Write it with a new lease; whether nobody else was faster.

        Args:
            one: what to write.
            instead_of: token of the row there is; None: there is none.
            lease_s: its length; negative: it is over at once, so that anybody may undo the raise.
        """
        if self._key is None:
            raise AssertionError("what cannot be signed is not written")
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
                signed = self._key.signed(item)
                client.put_item(TableName=target.table, Item=signed, ConditionExpression=condition, **optional)
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
        if item is None:
            return None
        place = place_of(_SUSPENDED_ROW, self._table.target.table)
        return _suspended(Fields(item, place, "delete it with `aws dynamodb delete-item`", TableError))

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


def _suspended(fields: Fields) -> Mapping[str, bool] | None:
    return fields.flags("suspended", frozenset(ALL_SUSPENDED)) if fields.has("suspended") else None


def _map(suspended: Mapping[str, bool]) -> Any:
    return {"M": {name: {"BOOL": value} for name, value in suspended.items()}}
