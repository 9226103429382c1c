"""Read back what a load should have written, and compare it item by item with what the source gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_cli.aws import sentences
from ingest_cli.loading import rebuild

if TYPE_CHECKING:
    from ingest_cli.keys import Pepper
    from ingest_cli.manifest import Manifest
    from ingest_cli.tables import Table

_SETS = ("SS", "NS", "BS")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the table holds of a dataset, against what it should.

    Attributes:
        expected: items that the sources give.
        equal: of those, items that the table holds as they should be.
        missing: keys of items that the table does not hold.
        different: keys of items that it holds with other content.
        surplus: keys of items of the dataset that the sources do not give.
    """

    expected: int
    equal: int
    missing: tuple[tuple[str, str], ...]
    different: tuple[tuple[str, str], ...]
    surplus: tuple[tuple[str, str], ...]

    @property
    def agrees(self) -> bool:
        """Whether the table holds exactly what it should."""
        return not (self.missing or self.different or self.surplus)


def compare(manifest: Manifest, table: Table, pepper: Pepper) -> Comparison:
    """Compare all items of a dataset; holds them in memory.

    Raises:
        IngestError: the source or the table cannot be read.
    """
    expected = {key: _comparable(item) for key, item in rebuild(manifest, pepper, table.target).items()}
    found = {(item["pk"]["S"], item["sk"]["S"]): _comparable(item) for item in _items_of(manifest.dataset.id, table)}
    shared = expected.keys() & found.keys()
    different = sorted(key for key in shared if expected[key] != found[key])
    return Comparison(
        expected=len(expected),
        equal=len(shared) - len(different),
        missing=tuple(sorted(expected.keys() - found.keys())),
        different=tuple(different),
        surplus=tuple(sorted(found.keys() - expected.keys())),
    )


def _items_of(dataset: str, table: Table) -> Iterator[Mapping[str, Any]]:
    target = table.target
    with sentences(target):
        pages = table.client.get_paginator("scan").paginate(
            TableName=target.table,
            FilterExpression="begins_with(sk, :dataset)",
            ExpressionAttributeValues={":dataset": {"S": f"{dataset}#"}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def _comparable(value: Any) -> Any:
    """An attribute value without the order that sets do not have."""
    if isinstance(value, dict):
        return {name: sorted(one) if name in _SETS else _comparable(one) for name, one in value.items()}
    return value
