"""Store the state of a load: in the table, which survives the machine, or in a folder.

A stored state carries a MAC, which is checked before any of it is decompressed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ingest_cli.aws.authentication import authenticate, authenticated_file
from ingest_cli.aws.reserved_rows import (
    Fields,
    has_token,
    place_of,
    put_row,
    read_row,
    remove_row,
    reserved_key,
)
from ingest_cli.errors import (
    LockedError,
    StateTooLargeError,
    TryAgainError,
    UnsafeFileError,
    UntrustedStateError,
    UsageError,
)
from ingest_cli.runtime.output_files import new_file_for, read_file, remove_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest_cli.aws.authentication import StateKey
    from ingest_cli.aws.table import Table

STATE_FILE = "ingest-state"

MAX_FILE_BYTES = 16 << 20
"""Maximum size of a state file that is read: a state has up to 8 MiB before compression (`checkpoint.MAX_BYTES`)."""

_ADVICE = "nothing was written or deleted. Give the --key that the load was started with, or start over with --restart"

_DAMAGED = "nothing was written or deleted. Load the dataset again with --restart"


MAX_ROW_BYTES = 398 << 10
"""Maximum size of a state in a row: an item has at most 400 KiB (DynamoDB Developer Guide, "Quotas"), of which key, MAC
and names take less than 2 KiB."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A state as found in the store.

    Attributes:
        state: stored bytes.
        is_authentic: whether its MAC was checked and is valid. If not, it has another pepper, or there was no
            key to check it with: it may be shown, but not relied on.
    """

    state: bytes
    is_authentic: bool


class Ledger(Protocol):
    """Store of one load's state, which is replaced as a whole each time."""

    def read(self) -> Saved | None:
        """Return the state last written; None if there is none.

        Raises:
            UntrustedStateError: it names this pepper, or none, and its MAC is not valid.
            UsageError, TableError: it cannot be read.
        """
        ...

    def write(self, state: bytes) -> float:
        """Replace the state; return the write capacity units consumed.

        Raises:
            TryAgainError, TableError, StateTooLargeError: it cannot be written; the previous one is still there.
            LockedError: another run has taken over.
        """
        ...

    def clear(self) -> None:
        """Remove the state, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class TableLedger:
    """Row `_run#<dataset>` of the table.

    Attributes:
        token: identifies this run; only the run that took the row over last can write it.
        key: authentication key; None: the row can only be read.
    """

    table: Table
    dataset: str
    token: str
    key: StateKey | None = None

    def read(self) -> Saved | None:
        """See `Ledger.read`."""
        item = read_row(self.table, self._pk)
        if item is None:
            return None
        place = place_of(self._pk, self.table.target.table)
        is_authentic = authenticate(item, self.key, place, _ADVICE)
        return Saved(Fields(item, place, _DAMAGED).binary("state"), is_authentic)

    def take_over(self, state: bytes) -> None:
        """Make this run the writer of the row, starting with `state`."""
        self._put(state)

    def write(self, state: bytes) -> float:
        """See `Ledger.write`."""
        consumed = self._put(state, has_token(self.token))
        if consumed is None:
            raise LockedError(f'another run has taken over the load of "{self.dataset}"; this one ends')
        return consumed

    def clear(self) -> None:
        """See `Ledger.clear`."""
        remove_row(self.table, self._pk, self.token)

    @property
    def _pk(self) -> str:
        return f"_run#{self.dataset}"

    def _put(self, state: bytes, condition: Mapping[str, Any] | None = None) -> float | None:
        if self.key is None:
            raise AssertionError("what cannot be signed is not written")
        if len(state) > MAX_ROW_BYTES:
            raise StateTooLargeError(
                f"the state of this load is too large for a row of the table ({len(state):,} bytes; at most "
                f"{MAX_ROW_BYTES:,}); keep it in a folder with --state, or split the manifest into several with fewer "
                "sources each"
            )
        item = self.key.signed({**reserved_key(self._pk), "state": {"B": state}, "token": {"S": self.token}})
        return put_row(self.table, item, condition)


def forget(table: Table, dataset: str) -> None:
    """Remove the state of a load from the table, regardless of its run."""
    remove_row(table, f"_run#{dataset}")


@dataclass(frozen=True, slots=True)
class FileLedger:
    """A file in a folder that belongs to one dataset.

    Attributes:
        folder: folder, created if it does not exist.
    """

    folder: Path
    key: StateKey

    def read(self) -> Saved | None:
        """See `Ledger.read`."""
        place = f'the state file "{self._path}"'
        try:
            data = read_file(self._path, MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(
                f'the state in "{self.folder}" cannot be read ({error.strerror}); check --state'
            ) from error
        if len(data) > MAX_FILE_BYTES:
            raise UntrustedStateError(
                f"{place} is larger than any that this program writes (over {MAX_FILE_BYTES >> 20} MiB); {_ADVICE}"
            )
        found = authenticated_file(data, STATE_FILE, self.key, place, _ADVICE)
        return Saved(found.content, found.is_authentic)

    def take_over(self, state: bytes) -> None:
        """Write `state`; fails early if the folder is not writable.

        Raises:
            UsageError: it is not.
        """
        try:
            self._replace(state, make_folders=True)
        except OSError as error:
            raise UsageError(
                f'the state cannot be written to "{self.folder}" ({error.strerror}); give another folder with --state'
            ) from error

    def write(self, state: bytes) -> float:
        """See `Ledger.write`. The file is completely on disk before the previous one is replaced."""
        try:
            self._replace(state)
        except UnsafeFileError as error:
            raise UsageError(
                f'the state cannot be written to "{self.folder}" ({error.strerror}); remove it, or give another folder '
                "with --state"
            ) from error
        except OSError as error:
            raise TryAgainError(
                f'the state cannot be written to "{self.folder}" ({error.strerror}); make room, and run the '
                "same command again"
            ) from error
        return 0.0

    def clear(self) -> None:
        """See `Ledger.clear`."""
        try:
            remove_file(self._path)
        except OSError as error:
            raise TryAgainError(f'the state in "{self.folder}" cannot be removed ({error.strerror})') from error

    @property
    def _path(self) -> Path:
        return self.folder / STATE_FILE

    def _replace(self, state: bytes, *, make_folders: bool = False) -> None:
        with new_file_for(self._path, make_folders=make_folders) as new:
            new.file.write(self.key.signed_file(STATE_FILE, state))
            new.put_in_place()
