"""The reserved rows of a table: which datasets are in it, and which peppers they were hashed with.

Their `pk` starts with `_`, which no key id can; their `sk` is `_`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ingest_cli.aws import sentences
from ingest_cli.errors import KeyRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest_cli.keys import Pepper
    from ingest_cli.manifest import Manifest
    from ingest_cli.tables import Table

SK = "_"
LOADING, COMPLETE, WITHDRAWING = "loading", "complete", "withdrawing"

REGISTRY = "_datasets"
"""`pk` of the row that holds the ids of all datasets, so that they are found without looking at every item."""


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """What the table says about a dataset.

    Attributes:
        dataset: its id.
        title, occurred_on, description: from the manifest; the date in ISO form, or None.
        classes: data classes that its columns expose.
        src: first 8 hex digits of the fingerprint of the sources of its current load.
        state: `loading` until a load is complete, `withdrawing` while its items are removed.
        kid: id of the pepper of that load.
        manifest: digest of the manifest of that load.
        counts: rows and items of the last complete load.
        loaded_at: when that was complete, in ISO form, UTC.
    """

    dataset: str
    title: str
    occurred_on: str | None
    description: str
    classes: tuple[str, ...]
    src: str
    state: str
    kid: str
    manifest: str
    counts: Mapping[str, int]
    loaded_at: str | None = None

    @classmethod
    def of(cls, manifest: Manifest, src: str, pepper: Pepper, before: DatasetRow | None) -> DatasetRow:
        """What the table is to say about a dataset once it is loaded.

        Args:
            manifest: describes it.
            src: first 8 hex digits of the fingerprint of its sources.
            pepper: what it is hashed with.
            before: what the table said so far.
        """
        dataset = manifest.dataset
        return cls(
            dataset=dataset.id,
            title=dataset.title,
            occurred_on=dataset.occurred_on.isoformat() if dataset.occurred_on else None,
            description=dataset.description,
            classes=tuple(sorted({each.exposes for each in manifest.fields})),
            src=src,
            state=COMPLETE,
            kid=pepper.kid,
            manifest=manifest.digest,
            counts=before.counts if before else {},
            loaded_at=before.loaded_at if before else None,
        )

    def completes(self, wanted: DatasetRow) -> bool:
        """Whether the table, of which this row tells, holds completely what a load for `wanted` would write."""
        same = (self.src, self.kid, self.manifest) == (wanted.src, wanted.kid, wanted.manifest)
        return same and self.state == COMPLETE

    def in_state(self, state: str) -> DatasetRow:
        """The row, in another state."""
        return replace(self, state=state)

    def completed(self, counts: Mapping[str, int], at: dt.datetime) -> DatasetRow:
        """The row after a complete load."""
        return replace(self, state=COMPLETE, counts=counts, loaded_at=at.isoformat(timespec="seconds"))


class Catalog:
    """Reads and writes the reserved rows of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def dataset(self, dataset: str) -> DatasetRow | None:
        """What the table says about `dataset`; None if nothing."""
        item = self._get(f"_dataset#{dataset}")
        if item is None:
            return None
        return DatasetRow(
            dataset=dataset,
            title=_text(item, "title") or dataset,
            occurred_on=_text(item, "occurred_on"),
            description=_text(item, "description") or "",
            classes=tuple(sorted(item.get("classes", {}).get("SS", []))),
            src=_text(item, "src") or "",
            state=_text(item, "state") or LOADING,
            kid=_text(item, "kid") or "",
            manifest=_text(item, "manifest") or "",
            counts={name: int(one["N"]) for name, one in item.get("counts", {}).get("M", {}).items()},
            loaded_at=_text(item, "loaded_at"),
        )

    def put_dataset(self, row: DatasetRow) -> None:
        """Replace what the table says about a dataset."""
        item: dict[str, Any] = {
            "title": {"S": row.title},
            "src": {"S": row.src},
            "state": {"S": row.state},
            "kid": {"S": row.kid},
            "manifest": {"S": row.manifest},
            "counts": {"M": {name: {"N": str(count)} for name, count in row.counts.items()}},
        }
        if row.classes:
            item["classes"] = {"SS": list(row.classes)}
        for name, text in (
            ("occurred_on", row.occurred_on),
            ("description", row.description),
            ("loaded_at", row.loaded_at),
        ):
            if text:
                item[name] = {"S": text}
        target = self._table.target
        with sentences(target):
            self._table.client.put_item(
                TableName=target.table, Item={**reserved_key(f"_dataset#{row.dataset}"), **item}
            )

    def remove_dataset(self, dataset: str) -> None:
        """Forget what the table says about `dataset`."""
        target = self._table.target
        with sentences(target):
            self._table.client.delete_item(TableName=target.table, Key=reserved_key(f"_dataset#{dataset}"))

    def listed(self) -> frozenset[str] | None:
        """Ids of the datasets in the table; None if none was ever listed: by versions before 0.2, or in a new table."""
        item = self._get(REGISTRY)
        return None if item is None else frozenset(item.get("ids", {}).get("SS", []))

    def enlist(self, dataset: str) -> None:
        """Add `dataset` to those that `listed` gives, if it is not among them."""
        if dataset not in (self.listed() or ()):
            self._change_registry("ADD", dataset)

    def delist(self, dataset: str) -> None:
        """Take `dataset` from those that `listed` gives."""
        if self.listed() is not None:
            self._change_registry("DELETE", dataset)

    def _change_registry(self, verb: str, dataset: str) -> None:
        """Change the set in one step, so that loads at the same time do not undo each other's changes."""
        target = self._table.target
        with sentences(target):
            self._table.client.update_item(
                TableName=target.table,
                Key=reserved_key(REGISTRY),
                UpdateExpression=f"{verb} ids :ids",
                ExpressionAttributeValues={":ids": {"SS": [dataset]}},
            )

    def knows(self, pepper: Pepper) -> bool:
        """Whether the table was loaded with this pepper before.

        Raises:
            KeyRefusedError: it was loaded with another one of the same id.
        """
        item = self._get(f"_key#{pepper.kid}")
        if item is None:
            return False
        if _text(item, "kcv") != pepper.check_value:
            raise KeyRefusedError(
                f'the table "{self._table.target.table}" was loaded with another pepper under the key id '
                f'"{pepper.kid}"; give the one it was loaded with, or give the new one an id of its own'
            )
        return True

    def register(self, pepper: Pepper) -> None:
        """Note in the table which pepper goes by this id; of two at the same time, the first wins.

        Raises:
            KeyRefusedError: the id is taken by another pepper.
        """
        target, client = self._table.target, self._table.client
        item = {**reserved_key(f"_key#{pepper.kid}"), "kcv": {"S": pepper.check_value}}
        with sentences(target):
            try:
                client.put_item(TableName=target.table, Item=item, ConditionExpression="attribute_not_exists(pk)")
            except client.exceptions.ConditionalCheckFailedException:
                self.knows(pepper)

    def _get(self, pk: str) -> Mapping[str, Any] | None:
        target = self._table.target
        with sentences(target):
            answer = self._table.client.get_item(TableName=target.table, Key=reserved_key(pk), ConsistentRead=True)
        item: Mapping[str, Any] | None = answer.get("Item")
        return item


def reserved_key(pk: str) -> dict[str, Any]:
    """The key of a reserved row."""
    return {"pk": {"S": pk}, "sk": {"S": SK}}


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name, {}).get("S")
    return None if value is None else str(value)
