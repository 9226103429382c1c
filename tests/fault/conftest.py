"""An endpoint, a table and a home for each test; nothing that one of them breaks is seen by another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import PEPPER_HEX, Cli, Place, new_cli
from tests.support.endpoint import SECRET_KEY, Endpoint
from tests.support.endpoint.clients import Client, connected


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


@pytest.fixture
def admin(endpoint: Endpoint) -> Iterator[Client]:
    with connected(endpoint.client_arguments) as client:
        yield client


@pytest.fixture
def table(endpoint: Endpoint, admin: Client) -> Place:
    """An empty table."""
    return make_table(Place(endpoint), admin)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return new_cli(tmp_path / "home", secrets=(PEPPER_HEX, PEPPER_HEX[::-1], SECRET_KEY))
