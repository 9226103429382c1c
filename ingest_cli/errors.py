"""Every way a run can end badly, as one tree.

An error carries two decisions so that nobody downstream has to take them again: the process
`exit_code`, and whether it is `transient` (the same command, run again, may well succeed).

The message of an `IngestError` is one sentence for the person at the shell: what happened, where,
and what to try. It never holds a cell of a dump, a pepper or a credential.
"""

from __future__ import annotations

import os
import traceback
from copy import copy
from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """Process exit codes; the numbers are a contract with cron jobs and wrappers."""

    DONE = 0
    CRASHED = 1
    USAGE = 2
    TOO_MANY_REJECTS = 3
    UNUSABLE = 4
    LOCKED = 5
    TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
    ABORTED = 130  # 128 + SIGINT, as a shell reports it


class IngestError(Exception):
    """Base of every error this program raises on purpose."""

    exit_code: ExitCode = ExitCode.CRASHED
    transient: bool = False

    def with_text(self, text: str) -> Self:
        """The same error with another message, to which nothing is added."""
        other = copy(self)
        other.args = (text,)
        return other


class UsageError(IngestError):
    """The command line, settings, manifest or key cannot be used as given."""

    exit_code = ExitCode.USAGE


class ManifestError(UsageError):
    """The manifest is not valid, or does not fit the dump it describes."""


class MissingColumnError(ManifestError):
    """A source lacks a column that the manifest names, and is not said to be optional."""


class KeyRefusedError(UsageError):
    """The pepper cannot be read, is too weak, or is not the one the table was loaded with."""


class UntrustedStateError(UsageError):
    """What an earlier run has left, a reserved row or a saved state, is not authentic, or damaged."""


class TooManyRejectsError(IngestError):
    """More rows were rejected than the manifest allows."""

    exit_code = ExitCode.TOO_MANY_REJECTS


class SourceError(IngestError):
    """A dump cannot be found, opened, or read to its end; or held no rows at all."""

    exit_code = ExitCode.UNUSABLE


class MissingSourceError(SourceError):
    """Nothing is found under a name.

    Attributes:
        what: which name, and why; without what to try.
    """

    def __init__(self, what: str, advice: str = "check `sources` in [dataset]") -> None:
        super().__init__(f"{what}; {advice}")
        self.what = what


class DamagedError(SourceError):
    """A source is cut off or damaged, so that a better copy of it is to be had.

    Attributes:
        what: where and how; without what to try.
    """

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(f"{what}. {advice}" if advice else what)
        self.what = what


GET_WHOLE = "Get the whole file, and run the same command"
"""What to try where a source is cut off."""

GET_AGAIN = "Get the file again, and run the same command"
"""What to try where a source is damaged."""


class TableError(IngestError):
    """The table is missing, has another key schema, or may not be used with these credentials."""

    exit_code = ExitCode.UNUSABLE


class MissingTableError(TableError):
    """There is no table of this name; in the middle of a load: it was deleted."""


class UnreachableError(TableError):
    """There is no connection to DynamoDB, which at the start means a wrong address, and later bad weather."""

    transient = True


class LockedError(IngestError):
    """Another run holds this dataset."""

    exit_code = ExitCode.LOCKED
    transient = True


class TryAgainError(IngestError):
    """Interrupted or throttled out: the same command, run again, goes on."""

    exit_code = ExitCode.TRY_AGAIN
    transient = True


class SpentError(TryAgainError):
    """The run has consumed what it may cost."""


class BusyError(TryAgainError):
    """DynamoDB does not take requests just now."""


class CrashError(Exception):
    """A bug, as far as it may be told: neither a message nor a source line, since they may hold values.

    Attributes:
        kind: name of the exception.
        place: where it was raised, in our own code if possible.
    """

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(kind, place)
        self.kind = kind
        self.place = place

    @classmethod
    def of(cls, error: BaseException) -> CrashError:
        """What may be told of `error`."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if "ingest_cli" in frame.filename] or frames
        place = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(ours[-3:]))  # noqa: PTH119 - start-up time
        return cls(type(error).__name__, place)
