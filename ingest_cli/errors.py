"""Exceptions of the program, as one tree.

    ProgramError                   root: pickled with message, attributes and notes
    ├── IngestError                ends a command, with a message for the operator and an exit code
    │   ├── UsageError             [2] command line, settings, manifest or key cannot be used as given
    │   │   ├── ManifestError          the manifest is invalid, or does not fit the dump
    │   │   │   └── MissingColumnError     a column that the manifest names is missing from a source
    │   │   ├── KeyRefusedError        the pepper is unreadable, weak, or not the one of the table
    │   │   ├── UntrustedStateError    saved state is damaged or not authentic
    │   │   └── StateTooLargeError     the state exceeds what can be saved
    │   ├── TooManyRejectsError    [3] more rejects than the manifest allows
    │   ├── SourceError            [4] a dump cannot be found, opened or read to its end
    │   │   ├── MissingSourceError     a source name matches nothing
    │   │   ├── DamagedError           a source is truncated or damaged
    │   │   └── SourceBusyError        [75, transient] a source is temporarily unreadable
    │   ├── TableError             [4] the table is missing, unsuitable or not accessible
    │   │   ├── MissingTableError      the table does not exist
    │   │   ├── BrokenSealError        the content of an item is damaged, not authentic, or of a later version
    │   │   └── UnreachableError       [4, transient] no connection to DynamoDB
    │   ├── LockedError            [5, transient] another run holds the dataset
    │   └── TryAgainError          [75, transient] interrupted or throttled; the same command resumes
    │       ├── SpentError             the cost limit is reached
    │       ├── BusyError              DynamoDB is temporarily not accepting requests
    │       └── StillSuspendedError    autoscaling cannot be resumed yet (aws.capacity.restore)
    ├── HandledError               handled inside the program, never shown to an operator
    │   ├── TransientFaultError        a write is not confirmed; retrying it is safe
    │   │   └── ThrottledError             nothing was written because a rate limit was reached
    │   ├── RefusedBatchError          an item caused its batch to be refused
    │   ├── AnswerTooLargeError        a response exceeds its limits
    │   ├── UnsafeFileError            another user may control a path; also an `OSError`
    │   ├── IncompleteError            more of an SQL dump must be read to decide (formats.sql.tokens)
    │   ├── TooLongError               an SQL record exceeds the maximum size (formats.sql.tokens)
    │   ├── TooManyValuesError         an Arrow batch holds too many list values (formats.arrow.cells)
    │   ├── BrokenFileError            an Arrow or Parquet file is damaged (formats.arrow.reading)
    │   └── UnreadableError            `draft` cannot read a file (formats.sniffing.containers)
    └── CrashError                 [1] a bug, reported without values

The number in brackets is the exit code, inherited by the classes below it. `transient` means that running the same
command again may succeed. Callers never decide either again.

Exceptions that only one package uses are defined there, as noted in parentheses; all others are defined here. An
exception with a leading underscore never leaves its module, and need not be in the tree.

The message of an `IngestError` is one sentence for the operator: what happened, where, and what to try. It never
contains a cell of a dump, a pepper or a credential.

Must not import anything of this package.
"""

from __future__ import annotations

import os
import traceback
from copy import copy
from enum import IntEnum
from typing import Any, Self


class ExitCode(IntEnum):
    """Process exit codes, a contract with cron jobs and wrappers."""

    DONE = 0
    CRASHED = 1
    USAGE = 2
    TOO_MANY_REJECTS = 3
    UNUSABLE = 4
    LOCKED = 5
    TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
    ABORTED = 130  # 128 + SIGINT, as a shell reports it


class ProgramError(Exception):
    """Root of the tree.

    Worker processes send errors to their parent. An exception is pickled by its final message and attributes, not by
    the arguments of its constructor, so that a subclass may have any constructor.

    Attributes:
        exit_code: exit code of a command that the error ends.
        transient: whether running the same command again may succeed.
    """

    exit_code: ExitCode = ExitCode.CRASHED
    transient: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        reduced: Any = super().__reduce__()  # (class, arguments[, attributes])
        return _restored, reduced


def _restored(kind: type[ProgramError], args: tuple[Any, ...], state: dict[str, Any] | None = None) -> ProgramError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state or {})
    return error


class IngestError(ProgramError):
    """Error that ends a command."""

    def with_text(self, text: str) -> Self:
        """Return a copy of the error with another message, without additions."""
        other = copy(self)
        other.args = (text,)
        return other


class UsageError(IngestError):
    """The command line, settings, manifest or key cannot be used as given."""

    exit_code = ExitCode.USAGE


class ManifestError(UsageError):
    """The manifest is not valid, or does not fit the dump it describes."""


class MissingColumnError(ManifestError):
    """A source lacks a column that the manifest names and does not mark as optional."""


class KeyRefusedError(UsageError):
    """The pepper cannot be read, is too weak, or is not the one that the table was loaded with."""


class UntrustedStateError(UsageError):
    """State left by an earlier run (a reserved row or a saved state) is damaged or not authentic."""


class StateTooLargeError(UsageError):
    """The state of a load is larger than what can be saved, or read again."""


class TooManyRejectsError(IngestError):
    """More rows were rejected than the manifest allows."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class SourceError(IngestError):
    """A dump cannot be found, opened or read to its end, or has no rows."""

    exit_code = ExitCode.UNUSABLE


class MissingSourceError(SourceError):
    """A source name matches nothing.

    Attributes:
        what: the name and the reason, without advice.
    """

    def __init__(self, what: str, advice: str = "check `sources` in [dataset]") -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what


class DamagedError(SourceError):
    """A source is truncated or damaged; a better copy is needed.

    Attributes:
        what: location and kind of the damage, without advice.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what}. {advice}" if advice else what)
        self.what = what


class SourceBusyError(SourceError):
    """A source is temporarily unreadable; running the same command again resumes."""

    exit_code = ExitCode.TRY_AGAIN
    transient = True


GET_WHOLE = "Get the whole file, and run the same command"
"""Advice for a truncated source."""

GET_AGAIN = "Get the file again, and run the same command"
"""Advice for a damaged source."""


class TableError(IngestError):
    """The table is missing, has another key schema, or is not accessible with these credentials."""

    exit_code = ExitCode.UNUSABLE


class MissingTableError(TableError):
    """The table does not exist, or was deleted during a load."""


class BrokenSealError(TableError):
    """A sealed item cannot be opened: it is damaged, forged, or was written by a later version."""

    def __init__(self, text: str = "", *, newer: bool = False) -> None:
        cause = (
            "was written by a later version of ingest-cli; update it"
            if newer
            else "is damaged or not authentic; load its dataset again"
        )
        super().__init__(text or f"the content of an item {cause}")
        self.newer = newer


class UnreachableError(TableError):
    """DynamoDB cannot be reached: a wrong address if at the start, a network fault if later."""

    transient = True


class LockedError(IngestError):
    """Another run holds this dataset."""

    exit_code = ExitCode.LOCKED
    transient = True


class TryAgainError(IngestError):
    """The run was interrupted or throttled; running the same command again resumes it."""

    exit_code = ExitCode.TRY_AGAIN
    transient = True


class SpentError(TryAgainError):
    """The run has reached its cost limit."""


class BusyError(TryAgainError):
    """DynamoDB is temporarily not accepting requests."""


class HandledError(ProgramError):
    """Error that is handled inside the program; reaching the command line would be a bug."""


class TransientFaultError(HandledError):
    """It is unknown whether a batch was written; retrying all of it is safe.

    Attributes:
        reason: a fixed identifier for the report, e.g. `timeout`, `InternalServerError`.
    """

    transient = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ThrottledError(TransientFaultError):
    """Nothing was written because a rate limit was reached.

    Attributes:
        scope: owner of the limit: `table`, `account`, `key_range`, `index`, or `unknown`.
    """

    def __init__(self, reason: str, scope: str = "unknown") -> None:
        super().__init__(reason)
        self.scope = scope


class RefusedBatchError(HandledError):
    """An item caused the whole batch to be refused; none of it was written.

    Attributes:
        reason: a fixed identifier for the report.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AnswerTooLargeError(HandledError):
    """A response is longer, or nested more deeply, than any that the service sends."""


class UnsafeFileError(HandledError, OSError):
    """Another user may have chosen the target of a path; `strerror` describes how."""


class CrashError(ProgramError):
    """A bug, reported without its message and source line, since both may contain values.

    Attributes:
        kind: name of the exception class.
        place: where it was raised, in this package if possible.
    """

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(kind, place)
        self.kind = kind
        self.place = place

    @classmethod
    def of(cls, error: BaseException) -> CrashError:
        """Return the reportable part of `error`."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "ingest_cli" in frame.filename] or frames
        place = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(ours[-3:]))  # noqa: PTH119 - start-up time
        return cls(type(error).__name__, place)
