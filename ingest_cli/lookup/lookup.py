"""Look up the breaches that contain an identifier.

Read-only: needs GetItem and Query on one table. The identifier is hashed at once and stored nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.aws.catalog import Catalog
from ingest_cli.aws.service_errors import sentences
from ingest_cli.aws.table import Table
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.email import email_base
from ingest_cli.identifiers.phone import NO_PLUS
from ingest_cli.items.hashing import Hasher, base64url
from ingest_cli.model.key_references import read_pepper
from ingest_cli.model.keys import Pepper
from ingest_cli.model.manifest import INTERNATIONAL
from ingest_cli.model.settings import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_REGION = "MY"
_MAX_QUESTION_CHARACTERS = 1024


@dataclass(frozen=True, slots=True)
class Breach:
    """A dataset in which an identifier was found.

    Attributes:
        title, occurred_on, description: from the table; the date in ISO form, or None.
        labels: fine labels under which the identifier was found.
        classes: data classes exposed together with it.
        hints: class → masks of the other identifiers of its records.
        records: number of records it was found in.
        authenticated: whether the table's row of the dataset is authentic. If not, because there is none or the dataset
            was loaded with another pepper since, the title is the id, and there is no date and no description.
    """

    dataset: str
    title: str
    occurred_on: str | None
    description: str
    labels: tuple[str, ...]
    classes: tuple[str, ...]
    hints: Mapping[str, tuple[str, ...]]
    records: int
    authenticated: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return the breach as a JSON-compatible dictionary."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Lookup:
    """Search for identifiers in one table; call it with the identifier as typed.

    Attributes:
        is_key_known: whether anything in the table was hashed with this pepper. If not, nothing can be found.
    """

    table: Table
    hasher: Hasher
    catalog: Catalog
    is_key_known: bool

    @classmethod
    def open(cls, table: str | Target, key: str) -> Lookup:
        """Connect to a table.

        Args:
            table: name, ARN or location.
            key: reference to the pepper, such as `env:PEPPER` or `secretsmanager:ARN`.

        Raises:
            KeyRefusedError: the pepper cannot be read, or the table was loaded with another one with the same id.
            TableError: the table cannot be used.
        """
        opened = Table(Target(table) if isinstance(table, str) else table)
        return cls.on(opened, read_pepper(key, opened.session))

    @classmethod
    def on(cls, table: Table, pepper: Pepper) -> Lookup:
        """Set up for an open table.

        Raises:
            KeyRefusedError: the table was loaded with another pepper with the same id.
        """
        catalog = Catalog(table, pepper, only_shows=True)
        return cls(table, Hasher(pepper), catalog, catalog.knows(pepper))

    def __call__(self, question: str, kind: str | None = None, region: str = DEFAULT_REGION) -> list[Breach]:
        """Return the breaches that contain an identifier, ordered by dataset id; empty if there are none.

        Args:
            question: identifier in any spelling.
            kind: kind of identifier; None: every possible kind.
            region: region of phone numbers without a country code.

        Raises:
            UntrustedStateError: the table's row of a dataset is not authentic.
            TableError: the table cannot be read.
        """
        found: dict[str, list[Mapping[str, Any]]] = {}
        for pk in dict.fromkeys(self._keys(question, kind, region)):
            for item in self._items(pk):
                found.setdefault(item["sk"]["S"].partition("#")[0], []).append(item)
        return [self._breach(dataset, found[dataset]) for dataset in sorted(found)]

    def reads(self, question: str, kind: str | None = None, region: str = DEFAULT_REGION) -> bool:
        """Return whether `question` is a valid identifier of this kind, or of any if it is None."""
        return next(self._keys(question, kind, region), None) is not None

    def _keys(self, question: str, kind: str | None, region: str) -> Iterator[str]:
        """Yield the possible partition keys of the identifier."""
        text = pc.utf8_trim_whitespace(pc.utf8_normalize(pa.array([question[:_MAX_QUESTION_CHARACTERS]]), "NFKC"))
        for name in IDENTIFIERS if kind is None else (kind,):
            found = IDENTIFIERS[name].canonicalize(text, region)
            if NO_PLUS in found.rejected_reason:  # not a number of the region, but perhaps an international one
                found = IDENTIFIERS[name].canonicalize(text, INTERNATIONAL)
            values = found.value
            yield from self._pks(name, values)
            if name == "email":  # the leaked address may be a spelling variant of this one, or the reverse
                base = pc.coalesce(email_base(values), values)
                yield from self._pks("email", base)
                yield from self._pks("email_base", base)

    def _pks(self, kind: str, values: pa.StringArray) -> Iterator[str]:
        for tag in base64url(self.hasher.tags(kind, values)).to_pylist():
            yield f"{self.hasher.kid}.{tag}"

    def _items(self, pk: str) -> Iterator[Mapping[str, Any]]:
        target = self.table.target
        with sentences(target):
            pages = self.table.client.get_paginator("query").paginate(
                TableName=target.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
            )
            for page in pages:
                yield from page["Items"]

    def _breach(self, dataset: str, items: list[Mapping[str, Any]]) -> Breach:
        row = self.catalog.dataset(dataset)
        row = row if row is not None and row.is_authentic else None
        hints: dict[str, set[str]] = {}
        for item in items:
            for name, masks in item.get("hints", {}).get("M", {}).items():
                hints.setdefault(name, set()).update(masks["SS"])
        return Breach(
            dataset=dataset,
            title=row.title if row else dataset,
            occurred_on=row.occurred_on if row else None,
            description=row.description if row else "",
            labels=tuple(sorted({item["label"]["S"] for item in items})),
            classes=tuple(sorted({name for item in items for name in item["classes"]["SS"]})),
            hints={name: tuple(sorted(hints[name])) for name in sorted(hints)},
            records=len({item["sk"]["S"] for item in items}),
            authenticated=row is not None,
        )


def _plain(value: object) -> object:
    """Convert tuples to lists at every level, as in JSON."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
