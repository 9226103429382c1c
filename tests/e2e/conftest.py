"""One endpoint for all tests, a table and a home for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.harness import PEPPER_LINE, Cli, Place, new_cli
from tests.support.endpoint import Endpoint
from tests.support.endpoint.clients import Client, connected
from tests.support.endpoint.items import Item
from tests.support.state_mac import as_bytes, signed_row


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


@pytest.fixture(scope="session")
def admin(endpoint: Endpoint) -> Iterator[Client]:
    with connected(endpoint.client_arguments) as client:
        yield client


def make_table(place: Place, admin: Client, keys: tuple[str, ...] = ("pk", "sk")) -> Place:
    admin.create_table(
        TableName=place.name,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return place


@pytest.fixture(scope="session")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Runs commands two at a time: most of their time is spent on starting."""
    with ThreadPoolExecutor(2) as workers:
        yield workers


@pytest.fixture(autouse=True)
def _nothing_goes_wrong_any_more(endpoint: Endpoint) -> Iterator[None]:
    yield
    endpoint.script.clear()


@pytest.fixture
def nowhere(endpoint: Endpoint) -> Place:
    """A table that is not there."""
    return Place(endpoint)


@pytest.fixture
def table(endpoint: Endpoint, admin: Client) -> Place:
    """An empty table."""
    return make_table(Place(endpoint), admin)


@pytest.fixture(scope="session")
def new_table(endpoint: Endpoint, admin: Client) -> Callable[[], Place]:
    """Makes empty tables."""
    return lambda: make_table(Place(endpoint), admin)


@pytest.fixture(scope="module")
def shared_table(endpoint: Endpoint, admin: Client) -> Place:
    """An empty table that all tests of a module share."""
    return make_table(Place(endpoint), admin)


def identity_of(place: Place, admin: Client) -> str:
    """Return the id of a table, which signed rows name."""
    return admin.describe_table(TableName=place.name)["Table"]["TableId"]


def filled(place: Place, admin: Client, everything: Mapping[tuple[str, str], Item]) -> Place:
    """Put what another table held into an empty one, signed rows as if written to it: faster than loading it."""
    items = [
        signed_row(item, PEPPER_LINE, identity_of(place, admin)) if "mac" in item else as_bytes(item)
        for item in everything.values()
    ]
    puts = [{"PutRequest": {"Item": item}} for item in items]
    for first in range(0, len(puts), 25):
        admin.batch_write_item(RequestItems={place.name: puts[first : first + 25]})  # type: ignore[dict-item] # literals
    return place


@pytest.fixture(scope="module")
def shared_cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A command that all tests of a module share."""
    return new_cli(tmp_path_factory.mktemp("shared") / "home")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return new_cli(tmp_path / "home")
