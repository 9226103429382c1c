"""Check the table of a load without writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.catalog import Catalog
from ingest_cli.sinks.write_path import provisioned_wcu

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A table that a load can write to.

    Attributes:
        described: its description by DynamoDB.
        region: its region.
        provisioned_wcu_per_s: its provisioned write capacity; None for an on-demand table.
    """

    described: dict[str, Any]
    region: str
    provisioned_wcu_per_s: float | None


def check_table(table: Table, pepper: Pepper) -> CheckedTable:
    """Check that the table exists and has the right keys, and that the pepper is its own.

    Raises:
        TableError: the table cannot be used.
        KeyRefusedError: the table was loaded with another pepper with the same id.
    """
    described = table.check()
    Catalog(table, pepper).knows(pepper)
    return CheckedTable(described, table.client.meta.region_name, provisioned_wcu(described))
