"""Check the table of a load, and the settings that depend on it, without writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.catalog import Catalog
from ingest_cli.sinks.write_path import provisioned_wcu

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.settings import RunSettings


@dataclass(frozen=True, slots=True)
class CheckedTable:
    """A table that a load can write to.

    Attributes:
        described: its description by DynamoDB.
        region: its region.
        provisioned_wcu_per_s: its provisioned write capacity; None for an on-demand table.
        ceiling_wcu_per_s: maximum rate of a load that `--max-wcu` sets; None: none is known.
    """

    described: dict[str, Any]
    region: str
    provisioned_wcu_per_s: float | None
    ceiling_wcu_per_s: float | None


def check_table(table: Table, pepper: Pepper, settings: RunSettings) -> CheckedTable:
    """Check that the table exists and has the right keys, that the pepper is its own, and that the ceiling fits.

    Raises:
        TableError: the table cannot be used.
        KeyRefusedError: the table was loaded with another pepper with the same id.
        UsageError: the ceiling is a share of a capacity that the table does not have.
    """
    described = table.check()
    provisioned = provisioned_wcu(described)
    ceiling = settings.max_wcu.of(provisioned)
    Catalog(table, pepper).knows(pepper)
    return CheckedTable(described, table.client.meta.region_name, provisioned, ceiling)
