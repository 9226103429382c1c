"""Provide the base of the scanner: the loop over its states, and the records found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest_cli.formats import record_stream
from ingest_cli.formats.interface import MAX_CHUNK_ROWS
from ingest_cli.formats.sql.boundaries import LOOK_AHEAD_BYTES
from ingest_cli.formats.sql.catalog import Context
from ingest_cli.formats.sql.dialect import Syntax
from ingest_cli.formats.sql.rows import Passed, RowRun
from ingest_cli.formats.sql.tokens import Cursor, IncompleteError, TooLongError

State = Callable[[int], int]
"""Reads the text at an offset and returns the offset to continue at; raises IncompleteError or TooLongError."""


@dataclass(frozen=True, slots=True)
class Scan:
    """Result of scanning a block.

    Attributes:
        runs: the records, in order.
        passed: rows of unread tables, in order.
        consumed: number of bytes scanned.
    """

    runs: list[RowRun]
    passed: list[Passed]
    consumed: int


class Machine(ABC):
    """State machine over the bytes of a dump; subclasses define the states."""

    def __init__(self, syntax: Syntax) -> None:
        self._syntax = syntax
        self._data = b""
        self._final = False
        self._runs = list[RowRun]()
        self._records = 0
        self._passed = list[Passed]()
        self._joins_passed = False
        self._state: State = self._statement
        self._context = Context(b"")
        self._lead = 0  # length of the statement's head if it is part of the next record
        self._reason = ""  # of the rows being rejected

    def scan(self, data: bytes, *, final: bool) -> Scan:
        """Scan `data`, which starts with the bytes that the last call did not consume.

        Raises:
            ManifestError: the manifest does not fit the dump.
        """
        self._data, self._final = data, final
        self._runs, self._records, self._passed, self._joins_passed = [], 0, [], False
        at = 0
        while at < len(data) and self._records < MAX_CHUNK_ROWS:
            try:
                at = self._state(at)
            except IncompleteError:
                if len(data) - at > record_stream.MAX_RECORD_BYTES + (0 if final else LOOK_AHEAD_BYTES):
                    self._give_up(at)
                elif final:
                    at = len(data)
                else:
                    break
            except TooLongError:
                self._give_up(at)
        self._data = b""
        return Scan(self._runs, self._passed, at)

    @abstractmethod
    def _statement(self, at: int) -> int:
        """Initial state: before a statement."""

    @abstractmethod
    def _give_up(self, at: int) -> None:
        """Reject the text at `at`, which is longer than a record may be."""

    def _reject_at(self, places: Sequence[int]) -> None:
        """Reject the rows that seem to start at `places`."""
        self._reject(places, [place + 1 for place in places], estimated=True)

    def _reject(self, starts: Sequence[int], ends: Sequence[int], *, estimated: bool) -> None:
        if not starts:
            return
        if self._context.read:
            rejected = [(place, self._reason) for place in range(len(starts))]
            self._add(RowRun(starts, ends, rejected, estimated=estimated))
        else:
            self._pass(starts[0], len(starts), estimated=estimated)

    def _add(self, run: RowRun) -> None:
        self._runs.append(run)
        self._records += len(run.starts)
        self._joins_passed = False

    def _pass(self, at: int, rows: int = 1, *, estimated: bool = False) -> None:
        """Count rows of an unread table."""
        if not self._context.name or not rows:
            return
        if not self._joins_passed:
            self._passed.append(Passed(at))
            self._joins_passed = True
        self._passed[-1].rows[self._context.name] += rows
        self._passed[-1].estimated += rows if estimated else 0

    def _cursor(self, at: int) -> Cursor:
        return Cursor(self._data, at, self._syntax, final=self._final)
