"""Reserved rows with the capacity before a raise, written before the raise.

`_capacity` belongs to a load that raises and lowers again; its holder renews it, so that a later run can detect that
the holder is gone, and restore the capacity. It carries a MAC: without the pepper, a load cannot be made to lower the
capacity. `_capacity#autoscaling` belongs to autoscaling suspended by an operator's change. That change takes no pepper,
so the row has no MAC; loads do not read it, and `table restore` reports that it is not authenticated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.authentication import RowSigner
from ingest_cli.aws.capacity.autoscaling import ALL_SUSPENDED
from ingest_cli.aws.lease import MAX_NAME_CHARACTERS, Holder
from ingest_cli.aws.reserved_rows import (
    IS_ABSENT,
    Fields,
    has_token,
    place_of,
    put_row,
    read_row,
    remove_row,
    reserved_key,
)
from ingest_cli.errors import TableError

if TYPE_CHECKING:
    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.table import Table

LEASE_S = 60.0
RENEW_EVERY_S = 15.0
_ROW, _SUSPENDED_ROW = "_capacity", "_capacity#autoscaling"

MAX_UNITS = 10**9
"""Capacity units per second; the largest quota that AWS has raised a table to is some 10 million."""

_NOT_AUTHENTIC = (
    "the capacity was not changed. `table capacity` without --key shows the row, `table capacity --wcu` sets the "
    "capacity, and `table restore` without --key then removes the row"
)
_DAMAGED = "set the capacity with `table capacity --wcu`, and delete the row with `aws dynamodb delete-item`"


@dataclass(frozen=True, slots=True)
class Raise:
    """Raise of capacity to undo.

    Attributes:
        wcu, rcu: capacity before.
        suspended: previous state of autoscaling; None: not changed.
        began_s: time of the raise, in seconds since 1970.
        expires_s: time until which the holder is certain to undo it, in seconds since 1970.
        is_authentic: whether the MAC of the row was checked and is valid, for this table.
        is_elsewhere: whether it is valid, but for another table.
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
    is_elsewhere: bool = False

    def is_abandoned(self, now_s: float) -> bool:
        """Return whether the process that would undo it is gone."""
        return self.expires_s < now_s or self.holder.is_gone()


class RaiseRow:
    """Row `_capacity` of a table."""

    def __init__(self, table: Table, now_s: Callable[[], float], key: StateKey | None = None) -> None:
        """Set up.

        Args:
            now_s: returns the time of day, in seconds since 1970.
            key: authentication key of the row; None: it can only be read and removed.
        """
        self._table = table
        self._now_s = now_s
        self._signer = RowSigner(table, key)

    def read(self) -> Raise | None:
        """Read the raise to undo; None if there is none.

        Raises:
            UntrustedStateError: the row names this pepper, or none, and its MAC is not valid.
            TableError: the row is damaged.
        """
        item = read_row(self._table, _ROW)
        if item is None:
            return None
        place = place_of(_ROW, self._table.target.table)
        is_authentic, is_elsewhere = self._signer.check(item, place, _NOT_AUTHENTIC)
        fields = Fields(item, place, _DAMAGED, TableError)
        return Raise(
            wcu=fields.whole("wcu", MAX_UNITS),
            rcu=fields.whole("rcu", MAX_UNITS),
            raised_wcu=fields.whole("raised_wcu", MAX_UNITS),
            suspended=_suspended(fields),
            began_s=fields.seconds("began"),
            token=fields.text("token", MAX_NAME_CHARACTERS),
            holder=Holder.of(fields),
            expires_s=fields.seconds("expires"),
            is_authentic=is_authentic,
            is_elsewhere=is_elsewhere,
        )

    def write(self, one: Raise, instead_of: str | None, lease_s: float = LEASE_S) -> bool:
        """Write it with a new lease; return False if another process wrote the row first.

        Args:
            instead_of: token of the existing row; None: no row.
            lease_s: length of the lease in seconds; negative: already expired, so that any process may undo the raise.
        """
        item: dict[str, Any] = {
            **reserved_key(_ROW),
            **one.holder.attributes(),
            "wcu": {"N": str(one.wcu)},
            "rcu": {"N": str(one.rcu)},
            "raised_wcu": {"N": str(one.raised_wcu)},
            "began": {"N": f"{one.began_s:.3f}"},
            "token": {"S": one.token},
            "expires": {"N": f"{self._now_s() + lease_s:.3f}"},
        }
        if one.suspended is not None:
            item["suspended"] = _map(one.suspended)
        condition = IS_ABSENT if instead_of is None else has_token(instead_of)
        return put_row(self._table, self._signer.signed(item), condition) is not None

    def clear(self, token: str) -> None:
        """Remove the row, if it still belongs to `token`."""
        remove_row(self._table, _ROW, token)


class SuspendedRow:
    """Row `_capacity#autoscaling` of a table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> Mapping[str, bool] | None:
        """Read the state to restore autoscaling to; None if it was not suspended."""
        item = read_row(self._table, _SUSPENDED_ROW)
        if item is None:
            return None
        place = place_of(_SUSPENDED_ROW, self._table.target.table)
        return _suspended(Fields(item, place, "delete it with `aws dynamodb delete-item`", TableError))

    def write(self, suspended: Mapping[str, bool]) -> None:
        """Record the previous state of autoscaling, unless one is recorded already."""
        put_row(self._table, {**reserved_key(_SUSPENDED_ROW), "suspended": _map(suspended)}, IS_ABSENT)

    def clear(self) -> None:
        """Remove the row."""
        remove_row(self._table, _SUSPENDED_ROW)


def _suspended(fields: Fields) -> Mapping[str, bool] | None:
    return fields.flags("suspended", frozenset(ALL_SUSPENDED)) if fields.has("suspended") else None


def _map(suspended: Mapping[str, bool]) -> Any:
    return {"M": {name: {"BOOL": value} for name, value in suspended.items()}}
