"""Account of rows and items: of a chunk, of a saved state, and of a run. It has to balance.

`PendingChunk` counts the account of a chunk. `Journal` adds it to that of the run when the chunk is committed, and
saves the sum with the checkpoint.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest_cli.model.plain_values import text, whole

MAX_NAME_CHARACTERS = 1 << 16
"""Maximum length of a reason, column or table name in an account that is read; a header may be long."""


@dataclass(slots=True)
class Account:
    """Numbers of rows and items, counted only when they are committed.

    Attributes:
        rows_read, rows_kept: number of rows.
        rejected: reason → rows.
        skipped: reason → rows.
        rejected_identifiers: (column, reason) → values, in rows of any result.
        flags: name of an anomaly → rows or identifiers kept in spite of it.
        identifiers: class → items to send, i.e. after merging.
        items_built, items_merged, items_acknowledged: number of items; in a dry run the last are those to be sent.
        refused: reason → items.
        bytes_acknowledged: size of the acknowledged items by DynamoDB's rules.
        wcu_predicted: predicted write capacity units of the items sent.
        largest_item_bytes: size of the largest item by DynamoDB's rules.
        import_bytes: size of the items as read by an import from S3.
        passed_over: name of a table, sheet or the like that is not read → its rows, which no other figure includes.
    """

    rows_read: int = 0
    rows_kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected_identifiers: Counter[tuple[str, str]] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    identifiers: Counter[str] = field(default_factory=Counter)
    items_built: int = 0
    items_merged: int = 0
    items_acknowledged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    bytes_acknowledged: int = 0
    wcu_predicted: int = 0
    largest_item_bytes: int = 0
    import_bytes: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def rows_rejected(self) -> int:
        """Number of rows rejected for any reason."""
        return self.rejected.total()

    @property
    def rows_skipped(self) -> int:
        """Number of rows skipped for any reason."""
        return self.skipped.total()

    @property
    def items_refused(self) -> int:
        """Number of items refused for any reason."""
        return self.refused.total()

    @property
    def balances(self) -> bool:
        """Return whether every row and every item is accounted for exactly once."""
        rows = self.rows_kept + self.rows_rejected + self.rows_skipped
        items = self.items_acknowledged + self.items_merged + self.items_refused
        return (self.rows_read, self.items_built) == (rows, items)

    def add(self, other: Account) -> None:
        """Add the figures of `other`."""
        for name in self.__slots__:
            if name == "largest_item_bytes":
                self.largest_item_bytes = max(self.largest_item_bytes, other.largest_item_bytes)
            elif isinstance(mine := getattr(self, name), Counter):
                mine.update(getattr(other, name))
            else:
                setattr(self, name, mine + getattr(other, name))

    def to_plain(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        plain: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if name == "rejected_identifiers":
                value = [[*key, count] for key, count in value.items()]
            plain[name] = dict(value) if isinstance(value, Counter) else value
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Account:
        """Restore an account from the result of `to_plain`.

        Raises:
            TypeError, ValueError, KeyError: `plain` is not an account.
        """
        if plain.keys() != set(cls.__slots__):
            raise ValueError("not the figures of an account")
        account = cls()
        for name, value in plain.items():
            if name == "rejected_identifiers":
                account.rejected_identifiers = Counter(
                    {(_name(column), _name(reason)): whole(count) for column, reason, count in value}
                )
            elif isinstance(getattr(account, name), Counter):
                setattr(account, name, Counter({_name(key): whole(count) for key, count in value.items()}))
            else:
                setattr(account, name, whole(value))
        return account


def _name(value: Any) -> str:
    return text(value, MAX_NAME_CHARACTERS)
