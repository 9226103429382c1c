"""Reserved rows of a table: their keys, and their attributes, read with types and ranges checked.

Their `pk` starts with `_`, which no key id can; their `sk` is `_`. Reading an attribute returns a value of the right
type or raises an error that names the row and the attribute, never the value: it may be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ingest_cli.aws.service_errors import sentences
from ingest_cli.errors import IngestError, UntrustedStateError
from ingest_cli.model.plain_values import flag, seconds_of_text, text, whole_of_text

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table

SK = "_"

MAX_TEXT_CHARACTERS = 400 << 10
"""Maximum length of a text in an item: an item has at most 400 KiB."""

_T = TypeVar("_T")


def reserved_key(pk: str) -> dict[str, Any]:
    """Return the key of a reserved row."""
    return {"pk": {"S": pk}, "sk": {"S": SK}}


def place_of(pk: str, table: str) -> str:
    """Return the name of a reserved row for messages."""
    return f'the row "{pk}" of the table "{table}"'


def read_row(table: Table, pk: str) -> Mapping[str, Any] | None:
    """Read a reserved row, strongly consistent; None if there is none.

    Raises:
        TableError, TryAgainError: the table cannot be read.
    """
    with sentences(table.target):
        answer = table.client.get_item(TableName=table.target.table, Key=reserved_key(pk), ConsistentRead=True)
    item: Mapping[str, Any] | None = answer.get("Item")
    return item


IS_ABSENT: Mapping[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
"""Condition of a write: there is no such row."""


def has_token(token: str) -> Mapping[str, Any]:
    """Return the condition of a write that the row holds `token`, i.e. still belongs to that run."""
    return {
        "ConditionExpression": "#token = :token",
        "ExpressionAttributeNames": {"#token": "token"},
        "ExpressionAttributeValues": {":token": {"S": token}},
    }


def put_row(table: Table, item: Mapping[str, Any], condition: Mapping[str, Any] | None = None) -> float | None:
    """Write a reserved row if a condition holds; return the write capacity units consumed, or None if it does not.

    Args:
        condition: arguments of the request, such as `IS_ABSENT` or `has_token`; None: no condition.

    Raises:
        TableError, TryAgainError: it cannot be written.
    """
    failed = table.client.exceptions.ConditionalCheckFailedException
    request: dict[str, Any] = {"TableName": table.target.table, "Item": item, "ReturnConsumedCapacity": "TOTAL"}
    try:
        with sentences(table.target, failed):
            answer = table.client.put_item(**request, **(condition or {}))
    except failed:
        return None
    return float(answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0))


def remove_row(table: Table, pk: str, token: str | None = None) -> bool:
    """Remove a reserved row, unless another run than that of `token` has taken it over; return whether it was there.

    Raises:
        TableError, TryAgainError: it cannot be removed.
    """
    taken_over = table.client.exceptions.ConditionalCheckFailedException
    request: dict[str, Any] = {"TableName": table.target.table, "Key": reserved_key(pk), "ReturnValues": "ALL_OLD"}
    try:
        with sentences(table.target, taken_over):
            answer = table.client.delete_item(**request, **({} if token is None else has_token(token)))
    except taken_over:
        return False
    return bool(answer.get("Attributes"))


@dataclass(frozen=True, slots=True)
class Fields:
    """The attributes of one row.

    Attributes:
        place: name of the row in messages.
        advice: what to try, for messages.
    """

    item: Mapping[str, Any]
    place: str
    advice: str
    error: type[IngestError] = UntrustedStateError

    def has(self, name: str) -> bool:
        """Return whether the attribute is present."""
        return name in self.item

    def text(self, name: str, most: int = MAX_TEXT_CHARACTERS) -> str:
        """Return a string attribute."""
        return self._read(name, "S", lambda value: text(value, most))

    def text_or_none(self, name: str) -> str | None:
        """Return a string attribute that may be missing."""
        return self.text(name) if self.has(name) else None

    def whole(self, name: str, most: int = (1 << 63) - 1) -> int:
        """Return a number attribute: a whole one from 0 to `most`."""
        return self._read(name, "N", lambda value: whole_of_text(value, most))

    def seconds(self, name: str) -> float:
        """Return a number attribute: a time in seconds since 1970."""
        return self._read(name, "N", seconds_of_text)

    def binary(self, name: str) -> bytes:
        """Return a binary attribute."""
        return self._read(name, "B", _bytes)

    def texts(self, name: str, kind: str) -> tuple[str, ...]:
        """Return a set of strings (`SS`) or a list of them (`L`); empty if it is missing."""
        return self._read(name, kind, lambda value: _texts(value, kind)) if self.has(name) else ()

    def counts(self, name: str) -> dict[str, int]:
        """Return a map of whole numbers."""
        return self._read(name, "M", lambda value: _map(value, "N", whole_of_text))

    def flags(self, name: str, names: frozenset[str]) -> dict[str, bool]:
        """Return a map of booleans with no other names than these."""
        return self._read(name, "M", lambda value: _flags(value, names))

    def fail(self, name: str, why: str) -> IngestError:
        """Return the error for an invalid attribute."""
        return self.error(f"{self.place} cannot be read: `{name}` {why}; {self.advice}")

    def _read(self, name: str, kind: str, parse: Callable[[Any], _T]) -> _T:
        if name not in self.item:
            raise self.fail(name, "is missing")
        try:
            return parse(_member(self.item[name], kind))
        except ValueError as error:
            raise self.fail(name, str(error)) from None


def _member(value: Any, kind: str) -> Any:
    if not isinstance(value, Mapping) or kind not in value:
        raise ValueError(f"is not of the type {kind}")
    return value[kind]


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray):
        raise ValueError("is not binary")  # noqa: TRY004 - one exception type for all invalid values
    return bytes(value)


def _texts(value: Any, kind: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("is not a list")  # noqa: TRY004 - one exception type for all invalid values
    members = value if kind == "SS" else [_member(one, "S") for one in value]
    return tuple(text(one, MAX_TEXT_CHARACTERS) for one in members)


def _map(value: Any, kind: str, parse: Callable[[Any], _T]) -> dict[str, _T]:
    if not isinstance(value, Mapping):
        raise ValueError("is not a map")  # noqa: TRY004 - one exception type for all invalid values
    return {text(name, MAX_TEXT_CHARACTERS): parse(_member(one, kind)) for name, one in value.items()}


def _flags(value: Any, names: frozenset[str]) -> dict[str, bool]:
    flags = _map(value, "BOOL", flag)
    if not flags.keys() <= names:
        raise ValueError("has a member of an unknown name")
    return flags
