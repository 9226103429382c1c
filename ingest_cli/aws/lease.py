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
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.reserved_rows import (
    Fields,
    has_token,
    place_of,
    put_row,
    read_row,
    remove_row,
    reserved_key,
)
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

    @classmethod
    def of(cls, fields: Fields) -> Holder:
        """Return the process that a row names."""
        host, machine, started = (fields.text(name, MAX_NAME_CHARACTERS) for name in ("host", "machine", "started"))
        return cls(host, machine.removeprefix("-"), fields.whole("pid", MAX_PID), started.removeprefix("-"))

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of a row that name the process."""
        return {
            "host": {"S": self.host},
            "machine": {"S": self.machine or "-"},
            "pid": {"N": str(self.pid)},
            "started": {"S": self.started or "-"},
        }

    def is_gone(self) -> bool:
        """Return whether the process certainly no longer exists."""
        if not self.machine or self.machine != _machine():
            return False
        return _started(self.pid) != self.started


@dataclass(slots=True)
class Lease:
    """Lock of one dataset; creating it sends no request.

    Attributes:
        now_s: returns the time of day, in seconds since 1970.
        fence: receives how long the lock is certainly held; None: nothing is written under it.
        renew_every_s: seconds between renewals.
    """

    table: Table
    dataset: str
    token: str
    now_s: Callable[[], float] = time.time
    fence: Fence | None = None
    renew_every_s: float = RENEW_EVERY_S
    _holder: Holder = field(default_factory=Holder.this, init=False)
    _since_s: float = field(default=0.0, init=False)

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            LockedError: another run has it; says which, and since when.
        """
        self._since_s = self.now_s()
        if self._put(_is_free(self.token, self._since_s)):
            return
        held = _find(self.table, self.dataset)
        if (held is None or held.holder.is_gone()) and self._put(_is_free("" if held is None else held.token)):
            return
        if held is None:
            raise LockedError(f'another run is locking "{self.dataset}"; run the same command again')
        raise LockedError(self._sentence(held))

    def check(self) -> None:
        """Check whether the lock could be taken, without taking it.

        Raises:
            LockedError: another run has it; says which, and since when.
        """
        held = _find(self.table, self.dataset)
        if held is None or held.holder.is_gone():
            return
        if held.expires_s >= self.now_s():
            raise LockedError(self._sentence(held))

    def renew(self) -> None:
        """Extend the lock by another lease.

        Raises:
            LockedError: another run has taken it over.
        """
        if not self._put(has_token(self.token)):
            raise LockedError(f'another run has taken over "{self.dataset}"; this one ends')

    def release(self) -> None:
        """Release the lock, if this run still holds it."""
        remove_row(self.table, self._pk, self.token)

    @property
    def _pk(self) -> str:
        return f"_lock#{self.dataset}"

    def _put(self, condition: Mapping[str, Any]) -> bool:
        """Write this run's lease if `condition` holds; return whether it did."""
        now_s = self.now_s()
        began_s = 0.0 if self.fence is None else self.fence.now_s()
        item: dict[str, Any] = {
            **reserved_key(self._pk),
            **self._holder.attributes(),
            "token": {"S": self.token},
            "since": {"S": dt.datetime.fromtimestamp(self._since_s, dt.UTC).isoformat(timespec="seconds")},
            "expires": {"N": f"{now_s + LEASE_S:.3f}"},
        }
        if put_row(self.table, item, condition) is None:
            return False
        if self.fence is not None:
            self.fence.extend(began_s, LEASE_S)
        return True

    def _sentence(self, held: _Lock) -> str:
        left_s = max(held.expires_s - self.now_s(), 0.0)
        return (
            f'"{self.dataset}" is locked by process {held.holder.pid} on {held.holder.host} since '
            f"{held.since}; wait for it to end. If that process no longer exists, the lock expires in {left_s:,.0f} s; "
            f"`ingest-cli table unlock {self.dataset}` with the same --table removes it at once"
        )


def _is_free(token: str, now_s: float | None = None) -> Mapping[str, Any]:
    """Return the condition that there is no lock, or that of this token, or one that has expired at `now_s`."""
    expression = "attribute_not_exists(pk) OR #token = :token"
    names, values = {"#token": "token"}, {":token": {"S": token}}
    if now_s is not None:
        expression += " OR #expires < :now"
        names["#expires"], values[":now"] = "expires", {"N": f"{now_s:.3f}"}
    return {
        "ConditionExpression": expression,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


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
        now_s: time of day, in seconds since 1970.
    """
    lock = _find(table, dataset)
    if lock is None:
        return None
    holder = lock.holder
    return Held(holder.host, holder.pid, lock.since, lock.expires_s - now_s, holder.is_gone())


def unlock(table: Table, dataset: str) -> bool:
    """Remove the lock of a dataset, regardless of its holder; return whether there was one."""
    return remove_row(table, f"_lock#{dataset}")


def _find(table: Table, dataset: str) -> _Lock | None:
    """Read the lock of a dataset; None if there is none.

    Raises:
        TableError: the row is damaged.
    """
    pk = f"_lock#{dataset}"
    item = read_row(table, pk)
    if item is None:
        return None
    advice = f"`ingest-cli table unlock {dataset}` removes it, if no load is running"
    fields = Fields(item, place_of(pk, table.target.table), advice, TableError)
    since = fields.text("since", MAX_NAME_CHARACTERS)
    return _Lock(Holder.of(fields), fields.text("token", MAX_NAME_CHARACTERS), since, fields.seconds("expires"))


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
