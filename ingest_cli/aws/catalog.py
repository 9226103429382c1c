"""Catalog of a table: its datasets, and the peppers they were hashed with.

The row of a dataset decides whether a load is complete and which items are stale, so it carries a MAC under the pepper
that it names, that of its last load. A row of another pepper cannot be checked, and one of another table (copied, or
restored with a backup) says nothing about this one: its contents are not relied on, and a complete load replaces it.
The list of datasets carries no MAC: it only names rows, each of which has its own, and is changed concurrently by loads
with different peppers. Neither does the check value of a pepper, which cannot be made to match without the pepper.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.authentication import RowSigner, StateKey
from ingest_cli.aws.reserved_rows import IS_ABSENT, Fields, place_of, put_row, read_row, remove_row, reserved_key
from ingest_cli.aws.service_errors import sentences
from ingest_cli.errors import KeyRefusedError, TableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.manifest import Manifest

LOADING, COMPLETE, WITHDRAWING = "loading", "complete", "withdrawing"

MAX_WRITERS = 32
"""Maximum number of writers in a row, the newest, some 35 bytes each, so that the row stays within about 2 KiB."""

_DIGEST_DIGITS = 16
_WRITER = re.compile(r"[0-9a-f]{8}/[0-9a-f]{0,16}/[a-z0-9]{1,8}")

_ADVICE = (
    "nothing was written or deleted. Give the --key that the dataset was loaded with, or load it again with --restart"
)

_DAMAGED = "nothing was written or deleted. Load the dataset again with --restart, or remove it with `prune --all`"

REGISTRY = "_datasets"
"""`pk` of the row with the ids of all datasets, so that finding them needs no scan of the items."""


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """The table's record of a dataset.

    Attributes:
        title, occurred_on, description: from the manifest; the date in ISO form, or None.
        classes: data classes that its columns expose.
        src: first 8 hex digits of the fingerprint of the sources of its current load.
        state: `loading` until a load is complete, `withdrawing` while its items are removed.
        manifest: digest of the manifest of that load.
        counts: rows and items of the last complete load.
        loaded_at: completion time of that load, in ISO form, UTC.
        generation: name of the load in progress, across all its runs. Every operation that may undo its writes
            (another load, a withdrawal, its completion) renews or removes it, so that only a saved state that names
            it can be trusted.
        writers: possible writers of the present items, oldest first, as `src/manifest/kid`. Those of one `src` cannot
            be distinguished.
        partial: `src` of partial loads (`--skip`, `--limit`) that wrote into the complete dataset since. An item of
            both has the later one's, so that it cannot be distinguished from one that left the dump.
        is_authentic: whether its MAC was checked and is valid, for this table. If not, none of its contents may be
            relied on.
        is_elsewhere: whether its MAC is valid for another table.
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
    partial: tuple[str, ...] = ()
    is_authentic: bool = field(default=True, compare=False)
    is_elsewhere: bool = field(default=False, compare=False)

    @classmethod
    def of(cls, manifest: Manifest, src: str, pepper: Pepper, before: DatasetRow | None) -> DatasetRow:
        """Return the row that a load is to leave.

        Args:
            src: first 8 hex digits of the fingerprint of its sources.
            before: the current row. If it is not authentic, only its list of writers is kept, since that decides only
                whether a note mentions possible older items.
        """
        dataset = manifest.dataset
        writer = _writer(src, manifest.digest, pepper.kid)
        writers = tuple(filter(_WRITER.fullmatch, before.writers)) if before else ()
        before = before if before is not None and before.is_authentic else None
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
            partial=before.partial if before else (),
        )

    def completes(self, wanted: DatasetRow) -> bool:
        """Return whether the table, by this row, already holds everything that a load for `wanted` would write."""
        return self.is_authentic and self.is_of(wanted) and self.state == COMPLETE

    def is_of(self, wanted: DatasetRow) -> bool:
        """Return whether a load for `wanted` writes the same items as the load of this row."""
        return (self.src, self.kid, self.manifest) == (wanted.src, wanted.kid, wanted.manifest)

    @property
    def under_way(self) -> str | None:
        """Return the generation of an incomplete load; None if there is none, or it has no name."""
        return self.generation if self.state == LOADING else None

    @property
    def mixture(self) -> str | None:
        """Return a sentence on items of the current `src` of several manifests or keys; None if there are none."""
        writers = sum(one.startswith(f"{self.src}/") for one in self.writers)
        if writers < 2:  # noqa: PLR2004 - more than one
            return None
        return (
            f"items of this state of the dump (src {self.src}) were written with {writers} manifests or keys, and "
            "cannot be distinguished: those that the last one does not produce, if any, stay. "
            f"`ingest-cli prune {self.dataset} --all`, and then `load`, leaves only current items"
        )

    @property
    def patchwork(self) -> str | None:
        """Return a sentence on rows of another state of the dump that were loaded since; None if there are none."""
        if not self.partial:
            return None
        return (
            f"since the complete load, some rows of another state of the dump (src {', '.join(self.partial)}) were "
            "loaded with --skip or --limit; a load of all of the dump, with --restart if it is as it was at the "
            "complete load, makes the dataset whole again"
        )

    def with_some_of(self, src: str) -> DatasetRow:
        """Return the row after rows of `src`, this or another state of the dump, are written into the dataset."""
        if src == self.src or src in self.partial:
            return self
        return replace(self, partial=(*self.partial, src)[-MAX_WRITERS:])

    def loading(self, generation: str) -> DatasetRow:
        """Return the row during the load."""
        return replace(self, state=LOADING, generation=generation, partial=())

    def withdrawing(self, kid: str) -> DatasetRow:
        """Return the row during the removal of all items by a command with the pepper `kid`."""
        return replace(self, state=WITHDRAWING, generation=None, kid=kid)

    @classmethod
    def unknown(cls, dataset: str) -> DatasetRow:
        """Return the row of a dataset of which nothing is known for certain."""
        return cls(dataset, dataset, None, "", (), "", LOADING, "", "", {}, is_authentic=False)

    def pruned(self) -> DatasetRow:
        """Return the row after all items of other `src` were removed."""
        return replace(self, writers=tuple(one for one in self.writers if one.startswith(f"{self.src}/")))

    def completed(self, counts: Mapping[str, int], at: dt.datetime) -> DatasetRow:
        """Return the row after a complete load."""
        loaded_at = at.isoformat(timespec="seconds")
        return replace(self, state=COMPLETE, counts=counts, loaded_at=loaded_at, generation=None)


class Catalog:
    """Catalog of one table."""

    def __init__(self, table: Table, pepper: Pepper | None = None, *, only_shows: bool = False) -> None:
        """Set up without sending a request.

        Args:
            pepper: pepper that authenticates rows; None: rows can only be read, and none is authentic.
            only_shows: whether rows are shown and nothing else: those of other tables are accepted, and the table need
                not be described, which a role that only reads may not do.
        """
        self._table = table
        self._signer = RowSigner(table, None if pepper is None else StateKey.of(pepper), only_shows)

    def dataset(self, dataset: str) -> DatasetRow | None:
        """Read the row of `dataset`; None if there is none.

        Raises:
            UntrustedStateError: the row names this pepper, or none, and its MAC is not valid; or it is damaged.
        """
        pk = f"_dataset#{dataset}"
        item = read_row(self._table, pk)
        if item is None:
            return None
        place = self._place(pk)
        is_authentic, is_elsewhere = self._signer.check(item, place, _ADVICE)
        fields = Fields(item, place, _DAMAGED)
        state = fields.text("state")
        if state not in {LOADING, COMPLETE, WITHDRAWING}:
            raise fields.fail("state", "has an unknown value")
        return DatasetRow(
            dataset=dataset,
            title=fields.text("title"),
            occurred_on=fields.text_or_none("occurred_on"),
            description=fields.text_or_none("description") or "",
            classes=tuple(sorted(fields.texts("classes", "SS"))),
            src=fields.text("src"),
            state=state,
            kid=fields.text("kid"),
            manifest=fields.text("manifest"),
            counts=fields.counts("counts"),
            loaded_at=fields.text_or_none("loaded_at"),
            generation=fields.text_or_none("generation"),
            writers=fields.texts("writers", "L"),
            partial=fields.texts("partial", "L"),
            is_authentic=is_authentic,
            is_elsewhere=is_elsewhere,
        )

    def put_dataset(self, row: DatasetRow) -> None:
        """Replace the row of a dataset; its pepper is that of this catalog."""
        if self._signer.key is None or self._signer.key.kid != row.kid:
            raise AssertionError("a row is signed with the pepper that it names")
        item: dict[str, Any] = {
            **reserved_key(f"_dataset#{row.dataset}"),
            "title": {"S": row.title},
            "src": {"S": row.src},
            "state": {"S": row.state},
            "manifest": {"S": row.manifest},
            "counts": {"M": {name: {"N": str(count)} for name, count in row.counts.items()}},
        }
        if row.writers:
            item["writers"] = {"L": [{"S": one} for one in row.writers]}
        if row.partial:
            item["partial"] = {"L": [{"S": one} for one in row.partial]}
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
        put_row(self._table, self._signer.signed(item))

    def remove_dataset(self, dataset: str) -> None:
        """Remove the row of `dataset`."""
        remove_row(self._table, f"_dataset#{dataset}")

    def listed(self) -> frozenset[str] | None:
        """Return the ids of the datasets in the table; None if there is no list.

        The list is not authenticated: an id in it may be unknown, and one may be missing.
        """
        item = read_row(self._table, REGISTRY)
        if item is None:
            return None
        advice = "`status --scan` finds the datasets without it"
        return frozenset(Fields(item, self._place(REGISTRY), advice).texts("ids", "SS"))

    def enlist(self, dataset: str) -> None:
        """Add `dataset` to the list if it is missing."""
        if dataset not in (self.listed() or ()):
            self._change_registry("ADD", dataset)

    def delist(self, dataset: str) -> None:
        """Remove `dataset` from the list."""
        if self.listed() is not None:
            self._change_registry("DELETE", dataset)

    def _change_registry(self, verb: str, dataset: str) -> None:
        """Change the set in one step, so that concurrent loads do not undo each other's changes."""
        target = self._table.target
        with sentences(target):
            self._table.client.update_item(
                TableName=target.table,
                Key=reserved_key(REGISTRY),
                UpdateExpression=f"{verb} ids :ids",
                ExpressionAttributeValues={":ids": {"SS": [dataset]}},
            )

    def knows(self, pepper: Pepper) -> bool:
        """Return whether the table was loaded with this pepper before.

        Raises:
            KeyRefusedError: it was loaded with another pepper with the same id.
        """
        pk = f"_key#{pepper.kid}"
        item = read_row(self._table, pk)
        if item is None:
            return False
        advice = "if the pepper is certainly the right one, delete the row; the next load writes it again"
        if Fields(item, self._place(pk), advice, TableError).text("kcv") != pepper.check_value:
            raise KeyRefusedError(
                f'the table "{self._table.target.table}" was loaded with another pepper under the key id '
                f'"{pepper.kid}"; give the one it was loaded with, or give the new pepper another id'
            )
        return True

    def register(self, pepper: Pepper) -> None:
        """Register the pepper under its id in the table; of two at the same time, the first is kept.

        Raises:
            KeyRefusedError: the id belongs to another pepper.
        """
        item = {**reserved_key(f"_key#{pepper.kid}"), "kcv": {"S": pepper.check_value}}
        if put_row(self._table, item, IS_ABSENT) is None:
            self.knows(pepper)

    def _place(self, pk: str) -> str:
        return place_of(pk, self._table.target.table)


def _writer(src: str, manifest: str, kid: str) -> str:
    return f"{src}/{manifest[:_DIGEST_DIGITS]}/{kid}"
