"""A scripted endpoint for each module that asks for one, and a table in it for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest_cli.aws.table import Table
from ingest_cli.model.settings import Target
from tests.e2e.conftest import cli
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint

__all__ = ["cli"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as running:
        yield running


@pytest.fixture
def table(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """An empty table."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    arguments = endpoint.client_arguments
    made = Table(Target("people", arguments["region_name"], endpoint_url=arguments["endpoint_url"]))
    made.create(None)
    yield made
    endpoint.script.clear()
    made.drop()
    made.client.close()
