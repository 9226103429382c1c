"""Look up the breaches that contain an identifier.

Read-only: needs GetItem and Query on one table. The identifier is hashed at once and stored nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.aws.catalog import Catalog
from ingest_cli.aws.service_errors import sentences
from ingest_cli.aws.table import Table
from ingest_cli.errors import BrokenSealError
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.identifiers.email import email_base
from ingest_cli.identifiers.phone import NO_PLUS
from ingest_cli.items.hashing import Hasher, base64url
from ingest_cli.items.sealed import SEAL_CLASS, Content, item_key, open_seal
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


class _Candidate(NamedTuple):
    """A partition key that the question may stand for, and what is needed to open the items under it."""

    pk: str
    kind: str
    canonical: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """Search for identifiers in one table; call it with the identifier as typed.

    Attributes:
        table: table to read.
        pepper: pepper of the items.
        catalog: source of the titles of datasets.
        is_key_known: whether anything in the table was hashed with this pepper. If not, nothing can be found.
    """

    table: Table
    pepper: Pepper
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
        return cls(table, pepper, catalog, catalog.knows(pepper))

    def __call__(self, question: str, kind: str | None = None, region: str = DEFAULT_REGION) -> list[Breach]:
        """Return the breaches that contain an identifier, ordered by dataset id; empty if there are none.

        Args:
            question: identifier in any spelling.
            kind: kind of identifier; None: every possible kind.
            region: region of phone numbers without a country code.

        Raises:
            UntrustedStateError: the table's row of a dataset is not authentic.
            BrokenSealError: the content of an item is damaged or not authentic.
            TableError: the table cannot be read.
        """
        found: dict[str, dict[str, Content]] = {}
        for candidate in dict.fromkeys(self._candidates(question, kind, region)):
            for item in self._items(candidate.pk):
                sk = item["sk"]["S"]
                found.setdefault(sk.partition("#")[0], {})[sk] = self._opened(candidate, item)
        return [self._breach(dataset, found[dataset]) for dataset in sorted(found)]

    def reads(self, question: str, kind: str | None = None, region: str = DEFAULT_REGION) -> bool:
        """Return whether `question` is a valid identifier of this kind, or of any if it is None."""
        return next(self._candidates(question, kind, region), None) is not None

    def _candidates(self, question: str, kind: str | None, region: str) -> Iterator[_Candidate]:
        """Yield the possible partition keys of the identifier."""
        text = pc.utf8_trim_whitespace(pc.utf8_normalize(pa.array([question[:_MAX_QUESTION_CHARACTERS]]), "NFKC"))
        for name in IDENTIFIERS if kind is None else (kind,):
            found = IDENTIFIERS[name].canonicalize(text, region)
            if NO_PLUS in found.rejected_reason:  # not a number of the region, but perhaps an international one
                found = IDENTIFIERS[name].canonicalize(text, INTERNATIONAL)
            values = found.value
            yield from self._of_kind(name, values)
            if name == "email":  # the leaked address may be a spelling variant of this one, or the reverse
                base = pc.coalesce(email_base(values), values)
                yield from self._of_kind("email", base)
                yield from self._of_kind("email_base", base)

    def _of_kind(self, kind: str, values: pa.StringArray) -> Iterator[_Candidate]:
        tags = base64url(Hasher(self.pepper).tags(kind, values)).to_pylist()
        for tag, canonical in zip(tags, values.to_pylist(), strict=True):
            yield _Candidate(f"{self.pepper.kid}.{tag}", kind, canonical)

    def _opened(self, candidate: _Candidate, item: Mapping[str, Any]) -> Content:
        """Return the content of an item.

        Raises:
            BrokenSealError: it is damaged or not authentic.
        """
        sealed = item.get("sealed", {}).get("B")
        if not isinstance(sealed, bytes):
            raise BrokenSealError
        subkey = self.pepper.subkey(SEAL_CLASS + candidate.kind)
        return open_seal(item_key(subkey, candidate.canonical, item["sk"]["S"]), sealed)

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

    def _breach(self, dataset: str, contents: Mapping[str, Content]) -> Breach:
        row = self.catalog.dataset(dataset)
        row = row if row is not None and row.is_authentic else None
        hints: dict[str, set[str]] = {}
        for content in contents.values():
            for name, masks in content.hints.items():
                hints.setdefault(name, set()).update(masks)
        return Breach(
            dataset=dataset,
            title=row.title if row else dataset,
            occurred_on=row.occurred_on if row else None,
            description=row.description if row else "",
            labels=tuple(sorted({content.label for content in contents.values()})),
            classes=tuple(sorted({name for content in contents.values() for name in content.classes})),
            hints={name: tuple(sorted(hints[name])) for name in sorted(hints)},
            records=len(contents),
            authenticated=row is not None,
        )


def _plain(value: object) -> object:
    """Convert tuples to lists at every level, as in JSON."""
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
