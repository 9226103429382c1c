"""Exceptions of the program, as one tree.

Each class carries two decisions that callers do not make again: the process `exit_code`, and whether the error is
`transient` (running the same command again may succeed).

The message of an `IngestError` is one sentence for the operator: what happened, where, and what to try. It never
contains a cell of a dump, a pepper or a credential.
"""

from __future__ import annotations

import os
import traceback
from copy import copy
from enum import IntEnum
from typing import Self


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


class IngestError(Exception):
    """Base of every error that this program raises on purpose."""

    exit_code: ExitCode = ExitCode.CRASHED
    transient: bool = False

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
        cause = "was written by a later version of ingest-cli; update it" if newer else "is damaged or not authentic"
        super().__init__(text or f"the content of an item {cause}; load its dataset again")


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


class CrashError(Exception):
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
