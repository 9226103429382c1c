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

MAX_WRITERS = 32
"""Writers that a row remembers, some 35 bytes each: the newest of them, so that the row stays within 2 KiB or so."""

_DIGEST_DIGITS = 16

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
        generation: names the load under way, over all its runs. Whatever may undo what it wrote (another load, a
            withdrawal, its completion) renews or removes it, so that a saved state that names it can be trusted, and
            no other can.
        writers: who may have written the items that are there, oldest first, as `src/manifest/kid`. Those of one
            `src` cannot be told from each other.
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
    generation: str | None = None
    writers: tuple[str, ...] = ()

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
        writers, writer = before.writers if before else (), _writer(src, manifest.digest, pepper.kid)
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
            writers=writers if writer in writers else (*writers, writer)[-MAX_WRITERS:],
        )

    def completes(self, wanted: DatasetRow) -> bool:
        """Whether the table, of which this row tells, holds completely what a load for `wanted` would write."""
        return self.is_of(wanted) and self.state == COMPLETE

    def is_of(self, wanted: DatasetRow) -> bool:
        """Whether a load for `wanted` writes the same items as the load which this row tells of."""
        return (self.src, self.kid, self.manifest) == (wanted.src, wanted.kid, wanted.manifest)

    @property
    def under_way(self) -> str | None:
        """The generation of a load that was begun and is not complete; None if there is none, or it has no name."""
        return self.generation if self.state == LOADING else None

    @property
    def mixture(self) -> str | None:
        """A sentence on items of the current `src` that may be of more than one manifest or key; None if none are."""
        writers = sum(one.startswith(f"{self.src}/") for one in self.writers)
        if writers < 2:  # noqa: PLR2004 - more than one
            return None
        return (
            f"items of this state of the dump (src {self.src}) were written with {writers} manifests or keys, and "
            "cannot be told apart: those that the last one does not give, if any, stay. "
            f"`ingest-cli prune {self.dataset} --all`, and then `load`, gives a clean table"
        )

    def loading(self, generation: str) -> DatasetRow:
        """The row while its load is under way."""
        return replace(self, state=LOADING, generation=generation)

    def withdrawing(self) -> DatasetRow:
        """The row while all items of the dataset are removed."""
        return replace(self, state=WITHDRAWING, generation=None)

    def pruned(self) -> DatasetRow:
        """The row once no item of another `src` is left."""
        return replace(self, writers=tuple(one for one in self.writers if one.startswith(f"{self.src}/")))

    def completed(self, counts: Mapping[str, int], at: dt.datetime) -> DatasetRow:
        """The row after a complete load."""
        loaded_at = at.isoformat(timespec="seconds")
        return replace(self, state=COMPLETE, counts=counts, loaded_at=loaded_at, generation=None)


class Catalog:
    """Reads and writes the reserved rows of one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def dataset(self, dataset: str) -> DatasetRow | None:
        """What the table says about `dataset`; None if nothing."""
        item = self._get(f"_dataset#{dataset}")
        if item is None:
            return None
        src, kid, manifest = (_text(item, name) or "" for name in ("src", "kid", "manifest"))
        writers = tuple(one["S"] for one in item.get("writers", {}).get("L", []))
        return DatasetRow(
            dataset=dataset,
            title=_text(item, "title") or dataset,
            occurred_on=_text(item, "occurred_on"),
            description=_text(item, "description") or "",
            classes=tuple(sorted(item.get("classes", {}).get("SS", []))),
            src=src,
            state=_text(item, "state") or LOADING,
            kid=kid,
            manifest=manifest,
            counts={name: int(one["N"]) for name, one in item.get("counts", {}).get("M", {}).items()},
            loaded_at=_text(item, "loaded_at"),
            generation=_text(item, "generation"),
            writers=writers or (_writer(src, manifest, kid),),  # versions before did not list them
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
        if row.writers:
            item["writers"] = {"L": [{"S": one} for one in row.writers]}
        if row.classes:
            item["classes"] = {"SS": list(row.classes)}
        for name, text in (
            ("occurred_on", row.occurred_on),
            ("description", row.description),
            ("loaded_at", row.loaded_at),
            ("generation", row.generation),
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


def _writer(src: str, manifest: str, kid: str) -> str:
    return f"{src}/{manifest[:_DIGEST_DIGITS]}/{kid}"


def _text(item: Mapping[str, Any], name: str) -> str | None:
    value = item.get(name, {}).get("S")
    return None if value is None else str(value)
