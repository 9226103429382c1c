"""Settings that make no sense: one sentence, exit code 2, and nothing written."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import PEPPER_HEX, Cli, Place, Result, new_cli, small_dump
from tests.support.endpoint import Endpoint
from tests.support.endpoint.clients import connected

MISUSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no rate at all": (("--max-wcu", "0"), ("--max-wcu", "from 1 on", "not 0")),
    "a negative rate": (("--max-wcu", "-5"), ("--max-wcu", "not -5")),
    "no number": (("--max-wcu", "abc"), ("--max-wcu", "not abc")),
    "not a number": (("--max-wcu", "nan"), ("--max-wcu", "not nan")),
    "an endless rate": (("--max-wcu", "inf"), ("--max-wcu", "not inf")),
    "an empty rate": (("--max-wcu", ""), ("--max-wcu",)),
    "more than there is": (("--max-wcu", "150%"), ("--max-wcu", "up to 100 %", "not 150%")),
    "none of what there is": (("--max-wcu", "0%"), ("--max-wcu", "not 0%")),
    "a share of nothing": (("--max-wcu", "50%"), ("--max-wcu 50%", "the table is on-demand")),
    "an unknown place": (("--state", "nonsense"), ("--state", '"nonsense"', "file:DIR")),
    "an unknown scheme": (("--state", "s3:bucket"), ("--state", '"s3:bucket"')),
    "no folder": (("--state", "file:"), ("--state", '"file:"')),
    "no patience": (("--give-up-after", "-1"), ("--give-up-after",)),
    "no seconds": (("--give-up-after", "soon"), ("--give-up-after",)),
    "nothing to replay": (("--replay", "none.jsonl"), ("--replay",)),
    "no place for rejects": (("--rejects", "nowhere/rejects"), ("--rejects", "nowhere/rejects")),
}


class Misused(NamedTuple):
    """What the commands said, and the table that they were about."""

    table: Place
    said: dict[str, Future[Result]]


@pytest.fixture(scope="module")
def misused(tmp_path_factory: pytest.TempPathFactory) -> Misused:
    """All of them, two at a time, since most of their time is spent on starting."""
    folder = tmp_path_factory.mktemp("misuse")
    cli: Cli = new_cli(folder / "home", secrets=(PEPPER_HEX,))
    manifest: Path = small_dump(folder)
    with Endpoint() as endpoint, connected(endpoint.client_arguments) as admin, ThreadPoolExecutor(2) as pool:
        table = make_table(Place(endpoint), admin)
        said = {name: pool.submit(cli, "load", manifest, *table.to, *options) for name, (options, _) in MISUSES.items()}
        pool.shutdown()
        return Misused(table, said)


@pytest.mark.parametrize("name", MISUSES)
def test_one_sentence(misused: Misused, name: str) -> None:
    misused.said[name].result().complains(2, *MISUSES[name][1])


def test_nothing_was_written(misused: Misused) -> None:
    items = {write.pk for write in misused.table.writes}
    # Where a setting can be judged only once the table is known, the lock may have been taken, and given back.
    assert items <= {"_lock#demo-small"}
    assert misused.table.everything == {}
