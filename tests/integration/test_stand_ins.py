"""A day of reading and removing on other people's DynamoDBs: moto, which `--sandbox` is, and dynalite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from tests.e2e.harness import SMALL_ROWS, Cli, small_dump
from tests.support.dynalite import Dynalite


@contextmanager
def moto() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        # What other tests of this process left behind is there still.
        urlopen(Request(f"{url}/moto-api/reset", method="POST")).close()  # noqa: S310 - our own server
        yield url
    finally:
        server.stop()


@contextmanager
def dynalite() -> Iterator[str]:
    with Dynalite() as running:
        yield running.url


@pytest.mark.parametrize("stand_in", [moto, dynalite])
def test_a_day(cli: Cli, tmp_path: Path, stand_in: Callable[[], Iterator[str]]) -> None:
    with stand_in() as url:  # type: ignore[attr-defined] # mypy does not see through the decorator
        at = ["--table", "breaches", "--endpoint-url", url]
        to = [*at, "--key", "env:PEPPER"]
        assert cli("table", "create", *at).code == 0
        assert cli("load", small_dump(tmp_path), *to).code == 0
        manifest = small_dump(tmp_path, SMALL_ROWS[1:])
        assert cli("load", manifest, *to).code == 0
        found = cli("verify", manifest, *to, "--output", "json", "--max-rcu", "50")
        assert (found.code, found.report["equal"], found.report["surplus"]["count"]) == (4, 6, 3)
        pruned = cli("prune", "demo-small", *to, "--yes", "--output", "json")
        assert (pruned.code, pruned.report["items"]) == (0, {"found": 9, "stale": 3, "removed": 3})
        assert cli("verify", manifest, *to, "--full").code == 0
        (seen,) = cli("status", *at, "--output", "json").report["datasets"]
        assert (seen["state"], seen["counts"]["items"]) == ("complete", 6)
        assert cli("status", "--scan", *at, "--output", "json").report["datasets"][0]["dataset"] == "demo-small"
        assert cli("prune", "demo-small", "--all", *to, "--yes").code == 0
        gone = cli("status", *at, "--output", "json")
        assert (gone.code, gone.report["datasets"]) == (0, [])
