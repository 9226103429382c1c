"""Rows of another table, copied or restored with a backup: authentic, but nothing in this table follows from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import Cli, Place, small_dump
from tests.support.endpoint.clients import Client
from tests.support.state_mac import as_bytes

DATASET = "demo-small"
ELSEWHERE = "was written to another table"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dump(tmp_path_factory.mktemp("dump"))


@pytest.fixture(scope="module")
def source(shared_cli: Cli, shared_table: Place, manifest: Path) -> Place:
    """A table that the dump was loaded into."""
    assert shared_cli("load", manifest, *shared_table.to).code == 0
    return shared_table


@pytest.fixture
def copy(source: Place, new_table: Callable[[], Place], admin: Client) -> Place:
    """An empty table with all reserved rows of the other one."""
    made = new_table()
    for item in source.everything.values():
        if item["pk"]["S"].startswith("_"):
            admin.put_item(TableName=made.name, Item=as_bytes(item))
    return made


def test_a_load_believes_no_row_of_another_table(cli: Cli, source: Place, copy: Place, manifest: Path) -> None:
    before = dict(copy.everything)
    cli("load", manifest, *copy.to, "--limit", "1").complains(2, ELSEWHERE, "load all of its rows first")
    cli("verify", manifest, *copy.to).complains(4, ELSEWHERE, "load it again first")
    cli("prune", DATASET, *copy.to, "--yes").complains(2, ELSEWHERE, "load it again first")
    assert _unlocked(copy) == before
    assert cli("load", manifest, *copy.to).code == 0
    assert copy.items.keys() == source.items.keys()
    assert cli("verify", manifest, *copy.to).code == 0
    again = cli("load", manifest, *copy.to, "--verbose")
    assert "unchanged" in again.out + again.err


def _unlocked(place: Place) -> dict[tuple[str, str], object]:
    return {key: item for key, item in place.everything.items() if not key[0].startswith("_lock#")}


def test_lookup_and_status_show_it_and_do_not_describe_the_table(cli: Cli, copy: Place) -> None:
    asked = len(copy.requests)
    shown = cli("status", DATASET, *copy.to)
    assert shown.code == 0
    assert "not authenticated" not in shown.out
    cli("lookup", *copy.to, "--json", "nobody@example.org")
    assert "DescribeTable" not in copy.operations(asked)
