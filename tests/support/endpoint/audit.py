"""What the endpoint did: every write it applied and every request it saw, whatever it answered.

This is the record that a test holds against the client's own account. A write is *acknowledged* when
an unaltered success answer that reports it as processed was handed to the kernel in full; a write applied
behind a reset connection is in the log, but not acknowledged.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from .clock import Clock


@dataclass(slots=True)
class WriteRecord:
    """One applied write.

    Attributes:
        sequence: 1, 2, … in the order of application.
        time_s: by the endpoint's clock.
        action: "put", "update" or "delete".
        table: its name.
        pk: content of the partition key value, as on the wire.
        sk: content of the sort key value; "" for a table without one.
        sha256: of the canonical JSON of the item as stored; "" for a delete.
        request: number of the request that carried it.
        acknowledged: see the module.
    """

    sequence: int
    time_s: float
    action: str
    table: str
    pk: str
    sk: str
    sha256: str
    request: int
    acknowledged: bool = False


@dataclass(slots=True)
class RequestRecord:
    """One request.

    Attributes:
        number: 1, 2, … in the order of arrival.
        time_s: by the endpoint's clock.
        operation: such as "BatchWriteItem".
        tables: names of the tables it is about.
        items: items or keys it carries.
        processed: items written or read for it.
        wcu: write capacity units consumed.
        rcu: read capacity units consumed.
        outcome: "ok", or the short name of the error answered, or that would have been answered.
        fault: the scripted fault that befell it, or "".
        sent: whether an answer was handed to the kernel in full.
    """

    number: int
    time_s: float
    operation: str
    tables: list[str]
    items: int
    processed: int = 0
    wcu: float = 0.0
    rcu: float = 0.0
    outcome: str = "ok"
    fault: str = ""
    sent: bool = False


class Audit:
    """The log, in memory and, with a path, as JSON lines on disk.

    Args:
        clock: seconds.
        path: file to append to; a line is complete once written, so that it can be read at any time.
    """

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self.writes: list[WriteRecord] = []
        self.requests: list[RequestRecord] = []
        self._clock = clock
        self._file = None if path is None else path.open("a", encoding="utf-8", buffering=1)

    def request(self, operation: str, tables: list[str], items: int) -> RequestRecord:
        """Note the arrival of a request."""
        record = RequestRecord(len(self.requests) + 1, self._clock(), operation, tables, items)
        self.requests.append(record)
        return record

    def write(self, action: str, table: str, key: tuple[str, str], sha256: str, request: int) -> WriteRecord:
        """Note a write that was applied."""
        record = WriteRecord(len(self.writes) + 1, self._clock(), action, table, key[0], key[1], sha256, request)
        self.writes.append(record)
        return record

    def answered(self, request: RequestRecord, writes: list[WriteRecord], *, sent: bool, intact: bool) -> None:
        """Note how a request was answered, as far as is known.

        Args:
            request: its record.
            writes: what it applied.
            sent: whether the answer was handed to the kernel in full.
            intact: whether that answer was the true one.
        """
        request.sent = sent
        for record in writes:
            record.acknowledged = sent and intact and request.outcome == "ok"

    def log(self, request: RequestRecord, writes: list[WriteRecord]) -> None:
        """Write a request that has ended to the file."""
        if self._file is not None:
            lines = [json.dumps({"record": "write", **asdict(one)}) + "\n" for one in writes]
            self._file.write("".join([*lines, json.dumps({"record": "request", **asdict(request)}) + "\n"]))

    def acknowledged_keys(self, table: str) -> set[tuple[str, str]]:
        """Keys of all acknowledged puts into `table`."""
        return {(w.pk, w.sk) for w in self.writes if w.table == table and w.action == "put" and w.acknowledged}

    def dump(self) -> dict[str, Any]:
        """The whole log as a JSON document: {"writes": [...], "requests": [...]}."""
        return {
            "writes": [asdict(one) for one in self.writes],
            "requests": [asdict(one) for one in self.requests],
        }

    def clear(self) -> None:
        """Forget everything so far; the file keeps it."""
        self.writes.clear()
        self.requests.clear()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
