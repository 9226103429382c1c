"""The question of the serving side: which breaches is this identifier in?

Read-only: GetItem and Query on one table are all it needs. What is asked for is hashed at once and kept
nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.aws.catalog import Catalog
from ingest_cli.aws.session import sentences
from ingest_cli.aws.table import Table
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.email import email_base
from ingest_cli.identifiers.phone import NO_PLUS
from ingest_cli.items.hashing import Hasher, base64url
from ingest_cli.model.keys import Pepper, read_pepper
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
        dataset: its id.
        title, occurred_on, description: what the table says about it; the date in ISO form, or None.
        labels: fine labels under which the identifier was found.
        classes: data classes exposed together with it.
        hints: class → masks of the other identifiers of its records.
        records: number of records it was found in.
        authenticated: whether what the table says about the dataset is authentic. If not, because it says nothing or
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
        """The breach for programs."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Lookup:
    """Answers questions about one table. Call it with what a person typed.

    Attributes:
        table: what is asked.
        hasher: hashes the questions.
        catalog: tells the titles of datasets.
        is_key_known: whether anything in the table was hashed with this pepper. If nothing was, nobody is found.
    """

    table: Table
    hasher: Hasher
    catalog: Catalog
    is_key_known: bool

    @classmethod
    def open(  # noqa: PLR0913 - as on the command line
        cls,
        table: str,
        key: str,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        insecure_http: bool = False,
    ) -> Lookup:
        """Connect to a table.

        Args:
            table: its name or ARN.
            key: reference to the pepper, such as `env:PEPPER` or `secretsmanager:ARN`.
            region: AWS region; None: as for AWS's own tools.
            profile: AWS profile; None: likewise.
            endpoint_url: another endpoint than the region's.
            insecure_http: whether it may be reached by http:// over a network.

        Raises:
            KeyRefusedError: the pepper cannot be read, or the table was loaded with another one of the same id.
            TableError: the table cannot be used.
        """
        target = Target(table, region, profile, endpoint_url, insecure_http)
        opened = Table(target)
        return cls.on(opened, read_pepper(key, opened.session))

    @classmethod
    def on(cls, table: Table, pepper: Pepper) -> Lookup:
        """Answer questions about an open table.

        Raises:
            KeyRefusedError: the table was loaded with another pepper of the same id.
        """
        catalog = Catalog(table, pepper)
        return cls(table, Hasher(pepper), catalog, catalog.knows(pepper))

    def __call__(self, question: str, kind: str | None = None, region: str = DEFAULT_REGION) -> list[Breach]:
        """The breaches that an identifier is in, in order of their dataset ids; empty if it is in none.

        Args:
            question: an identifier, spelled in any way.
            kind: what it is; None: everything it can be.
            region: for phone numbers without a country code.

        Raises:
            UntrustedStateError: what the table says about a dataset is not authentic.
            TableError: the table cannot be read.
        """
        found: dict[str, list[Mapping[str, Any]]] = {}
        for pk in dict.fromkeys(self._keys(question, kind, region)):
            for item in self._items(pk):
                found.setdefault(item["sk"]["S"].partition("#")[0], []).append(item)
        return [self._breach(dataset, found[dataset]) for dataset in sorted(found)]

    def reads(self, question: str, kind: str | None = None, region: str = DEFAULT_REGION) -> bool:
        """Whether a question can be read as an identifier at all."""
        return next(self._keys(question, kind, region), None) is not None

    def _keys(self, question: str, kind: str | None, region: str) -> Iterator[str]:
        """The partition keys under which the identifier would be."""
        text = pc.utf8_trim_whitespace(pc.utf8_normalize(pa.array([question[:_MAX_QUESTION_CHARACTERS]]), "NFKC"))
        for name in IDENTIFIERS if kind is None else (kind,):
            found = IDENTIFIERS[name].canonicalize(text, region)
            if NO_PLUS in found.rejected_reason:  # no dump has it as a number of the region, but perhaps as the other
                found = IDENTIFIERS[name].canonicalize(text, INTERNATIONAL)
            values = found.value
            yield from self._pks(name, values)
            if (
                name == "email"
            ):  # the address asked for may be a spelling of the one that leaked, or the other way round
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
    """Tuples as lists, all the way down, as JSON has them."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
