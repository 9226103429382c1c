"""Allow one run per dataset: a lease in the table, renewed during the run, available to others after it expires.

Runs of the same dump cannot harm each other, since they write the same items. A run of an older dump could: it would
restore items that the catalog lists as removed. Therefore nothing is written unless the lease is certainly held
(`policies.fence`). Other machines compare a lease with the time of day; a clock that is wrong by less than the length
of a lease costs only time.

The row carries no MAC: a forged one can only block other runs, which `table unlock` undoes, or fail to block them, and
two runs at once write the same items. The types of its values are checked all the same.
"""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.reserved_rows import Fields, place_of, read_row, remove_row_of, reserved_key
from ingest_cli.aws.session import sentences
from ingest_cli.errors import LockedError, TableError

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.runtime.fence import Fence

LEASE_S = 60.0
"""Seconds: long enough for a few renewals to fail, short enough to wait out after a machine has failed."""

RENEW_EVERY_S = 15.0

MAX_PID = (1 << 31) - 1
MAX_NAME_CHARACTERS = 1024
"""Longest name in a row; Linux has host names of up to 64 characters, and DNS of 253."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process, identified on this machine and for others.

    Attributes:
        host: host name, for messages.
        machine: identifies the running system and its process namespace; equal on the same machine only.
        pid: process id there.
        started: start of the process in ticks of that system, to detect a reused process id.
    """

    host: str
    machine: str
    pid: int
    started: str

    @classmethod
    def this(cls) -> Holder:
        """Return this process."""
        return cls(socket.gethostname(), _machine(), os.getpid(), _started(os.getpid()) or "")

    def is_gone(self) -> bool:
        """Return whether the process certainly no longer exists."""
        if not self.machine or self.machine != _machine():
            return False
        return _started(self.pid) != self.started


class Lease:
    """Lock of one dataset."""

    def __init__(
        self,
        table: Table,
        dataset: str,
        token: str,
        now_s: Callable[[], float],
        lease_s: float = LEASE_S,
        fence: Fence | None = None,
    ) -> None:
        """Set up without locking.

        Args:
            table: table of the lock.
            dataset: dataset to lock.
            token: identifies this run.
            now_s: returns the time of day, in seconds since 1970.
            lease_s: length of a lease in seconds.
            fence: receives how long the lock is certainly held; None: nothing is written under it.
        """
        self._table = table
        self._dataset = dataset
        self._token = token
        self._now_s = now_s
        self._lease_s = lease_s
        self._fence = fence
        self.renew_every_s = min(RENEW_EVERY_S, lease_s / 4)
        self._holder = Holder.this()
        self._since_s = now_s()

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockedError: another run has it; says which, and since when.
        """
        self._since_s = self._now_s()
        if self._put("attribute_not_exists(pk) OR #expires < :now OR #token = :token", self._token):
            return
        held = _find(self._table, self._dataset)
        is_free = held is None or held.holder.is_gone()
        token = "" if held is None else held.token
        if is_free and self._put("attribute_not_exists(pk) OR #token = :token", token):
            return
        if held is None:
            raise LockedError(f'another run takes "{self._dataset}" at this moment; run the same command again')
        raise LockedError(self._sentence(held))

    def check(self) -> None:
        """Check whether the lock could be taken, without taking it.

        Raises:
            LockedError: another run has it; says which, and since when.
        """
        held = _find(self._table, self._dataset)
        if held is None or held.holder.is_gone():
            return
        if held.expires_s >= self._now_s():
            raise LockedError(self._sentence(held))

    def renew(self) -> None:
        """Extend the lock by another lease.

        Raises:
            LockedError: another run has taken it over.
        """
        if not self._put("#token = :token", self._token):
            raise LockedError(f'another run has taken over "{self._dataset}"; this one ends')

    def release(self) -> None:
        """Release the lock, if this run still holds it."""
        remove_row_of(self._table, f"_lock#{self._dataset}", self._token)

    @property
    def _key(self) -> dict[str, Any]:
        return reserved_key(f"_lock#{self._dataset}")

    def _put(self, condition: str, token: str) -> bool:
        """Write this run's lease if `condition` holds; return whether it did."""
        target, client, now = self._table.target, self._table.client, self._now_s()
        began_s = 0.0 if self._fence is None else self._fence.now_s()
        names = {"#token": "token"}
        values: dict[str, Any] = {":token": {"S": token}}
        if ":now" in condition:
            names["#expires"] = "expires"
            values[":now"] = {"N": f"{now:.3f}"}
        passed = client.exceptions.ConditionalCheckFailedException
        holder = self._holder
        item: dict[str, Any] = {
            **self._key,
            "token": {"S": self._token},
            "host": {"S": holder.host},
            "machine": {"S": holder.machine or "-"},
            "pid": {"N": str(holder.pid)},
            "started": {"S": holder.started or "-"},
            "since": {"S": dt.datetime.fromtimestamp(self._since_s, dt.UTC).isoformat(timespec="seconds")},
            "expires": {"N": f"{now + self._lease_s:.3f}"},
        }
        try:
            with sentences(target, passed):
                client.put_item(
                    TableName=target.table,
                    Item=item,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
        except passed:
            return False
        if self._fence is not None:
            self._fence.extend(began_s, self._lease_s)
        return True

    def _sentence(self, held: _Lock) -> str:
        left_s = max(held.expires_s - self._now_s(), 0.0)
        return (
            f'"{self._dataset}" is being worked on by process {held.holder.pid} on {held.holder.host}, since '
            f"{held.since}; wait for "
            f"it. If it is gone for good, its lock ends by itself in {left_s:,.0f} s, or at once with "
            f"`ingest-cli table unlock {self._dataset}` and the same --table"
        )


@dataclass(frozen=True, slots=True)
class _Lock:
    """Content of the row."""

    holder: Holder
    token: str
    since: str
    expires_s: float


@dataclass(frozen=True, slots=True)
class Held:
    """An existing lock.

    Attributes:
        host, pid: process that holds it.
        since: time when it was taken, in ISO form, UTC.
        left_s: seconds left of the lease; negative: it was not renewed, and can be taken over.
        is_gone: whether the process certainly no longer exists: it was one of this machine.
    """

    host: str
    pid: int
    since: str
    left_s: float
    is_gone: bool = False


def look(table: Table, dataset: str, now_s: float) -> Held | None:
    """Read the lock of a dataset; None if there is none.

    Args:
        table: table of the lock.
        dataset: locked dataset.
        now_s: time of day, in seconds since 1970.
    """
    lock = _find(table, dataset)
    if lock is None:
        return None
    holder = lock.holder
    return Held(holder.host, holder.pid, lock.since, lock.expires_s - now_s, holder.is_gone())


def unlock(table: Table, dataset: str) -> bool:
    """Remove the lock of a dataset, regardless of its holder; return whether there was one."""
    target = table.target
    with sentences(target):
        answer = table.client.delete_item(
            TableName=target.table, Key=reserved_key(f"_lock#{dataset}"), ReturnValues="ALL_OLD"
        )
    return bool(answer.get("Attributes"))


def _find(table: Table, dataset: str) -> _Lock | None:
    """Read the lock of a dataset; None if there is none.

    Raises:
        TableError: the row is damaged.
    """
    pk = f"_lock#{dataset}"
    item = read_row(table, pk)
    if item is None:
        return None
    advice = f"`ingest-cli table unlock {dataset}` removes it, if nobody is at work"
    fields = Fields(item, place_of(pk, table.target.table), advice, TableError)
    since = fields.text("since", MAX_NAME_CHARACTERS)
    return _Lock(holder_of(fields), fields.text("token", MAX_NAME_CHARACTERS), since, fields.seconds("expires"))


def holder_of(fields: Fields) -> Holder:
    """Return the process that a row names."""
    host, machine, started = (fields.text(name, MAX_NAME_CHARACTERS) for name in ("host", "machine", "started"))
    return Holder(host, machine.removeprefix("-"), fields.whole("pid", MAX_PID), started.removeprefix("-"))


def _machine() -> str:
    """Return a name shared only by processes that see each other's ids; "" where unavailable (not on Linux)."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """Return the start of a process of this machine, in its ticks; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in {"Z", "X"}:  # dead, but not yet reaped by its parent
        return None
    return fields[19]  # field 22 of proc(5), counted after the name
