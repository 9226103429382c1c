"""One run per dataset: the second is told who holds it, and the lock of one that is gone is taken over."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place, small_dump
from tests.support.endpoint import Endpoint, faults
from tests.support.endpoint.clients import Client
from tests.support.waiting import until

LOCK, RUN = "_lock#demo-small", "_run#demo-small"


@contextmanager
def held(cli: Cli, table: Place, manifest: Path) -> Iterator[int]:
    """A load that holds its lock as long as the block lasts; its process id."""
    table.goes_wrong(faults.hang(), "BatchWriteItem")
    with cli.started("load", manifest, *table.to) as process:
        until(lambda: "BatchWriteItem" in table.operations(), process)
        yield process.pid
    table.endpoint.script.clear()


@pytest.mark.parametrize("options", [(), ("--restart",), ("--limit", "1")])
def test_the_second_of_two_runs_is_told_who_holds_it(
    cli: Cli, table: Place, tmp_path: Path, options: tuple[str, ...]
) -> None:
    manifest = small_dump(tmp_path)
    with held(cli, table, manifest) as pid:
        lock, written = table.reserved(LOCK), len(table.writes)
        result = cli("load", manifest, *table.to, *options)
        since = f"since {lock['since']['S']}"
        result.complains(5, '"demo-small"', f"process {pid} on {socket.gethostname()}", since, "table unlock")
        # Whatever was written meanwhile, the first run wrote it.
        assert {write.pk for write in table.writes[written:]} <= {LOCK, RUN}
        assert {table.reserved(pk)["token"]["S"] for pk in (LOCK, RUN)} == {lock["token"]["S"]}
        assert table.reserved(LOCK)["pid"] == {"N": str(pid)}
    assert table.items == {}


def test_the_lock_of_a_killed_run_is_taken_over_at_once(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    with held(cli, table, manifest) as killed:
        pass
    assert table.reserved(LOCK)["pid"] == {"N": str(killed)}
    assert float(table.reserved(LOCK)["expires"]["N"]) > time.time() + 20  # it has not expired: its owner is gone
    result = cli("load", manifest, *table.to)
    assert (result.code, len(table.items)) == (0, 9), result
    assert (LOCK, "_") not in table.everything


def _write_lock(admin: Client, table: Place, *, expires_in_s: int) -> dict[str, Any]:
    row = {
        "pk": {"S": LOCK},
        "sk": {"S": "_"},
        "token": {"S": "f00d"},
        "host": {"S": "spot-17"},
        "machine": {"S": "another boot/pid:[4026531836]"},
        "pid": {"N": "4711"},
        "started": {"S": "1234"},
        "since": {"S": "2019-05-04T03:02:01+00:00"},
        "expires": {"N": str(int(time.time()) + expires_in_s)},  # whole: a number is kept without its last zeros
    }
    admin.put_item(TableName=table.name, Item=row)
    return row


def test_the_lock_of_another_machine_holds_until_it_expires(
    cli: Cli, table: Place, admin: Client, tmp_path: Path
) -> None:
    manifest = small_dump(tmp_path)
    row = _write_lock(admin, table, expires_in_s=45)
    written = len(table.writes)
    result = cli("load", manifest, *table.to)
    result.complains(5, "process 4711 on spot-17", "since 2019-05-04T03:02:01+00:00")
    assert len(table.writes) == written
    assert table.reserved(LOCK) == row
    _write_lock(admin, table, expires_in_s=-1)
    assert cli("load", manifest, *table.to).code == 0
    assert len(table.items) == 9


def test_a_lock_can_be_removed(cli: Cli, table: Place, admin: Client, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    _write_lock(admin, table, expires_in_s=45)
    assert cli("load", manifest, *table.to).code == 5
    result = cli("table", "unlock", "demo-small", *table.at)
    assert result.code == 0
    assert "unlocked demo-small" in result.out
    assert cli("load", manifest, *table.to).code == 0
    result = cli("table", "unlock", "demo-small", *table.at)
    assert (result.code, "is not locked" in result.out) == (0, True)


def test_a_run_whose_lock_was_taken_from_it_ends(cli: Cli, table: Place, tmp_path: Path) -> None:
    """It must not save its state over that of the run which took over."""
    rows = [("N", "", "", f"kenari.{n}@example.org") for n in range(3000)]
    manifest = small_dump(tmp_path, rows)
    with cli.started("load", manifest, *table.to, "--max-wcu", "300") as process:
        until(lambda: len(table.items) > 100, process)
        assert cli("table", "unlock", "demo-small", *table.at).code == 0
        second = cli("load", manifest, *table.to)
        first = cli.finish(process)
    assert second.code == 0, second
    first.complains(5, "another run has taken over")
    assert len(table.items) == 3000
    assert (RUN, "_") not in table.everything
    assert table.reserved("_dataset#demo-small")["state"] == {"S": "complete"}


def test_other_datasets_and_other_tables_are_not_in_the_way(
    cli: Cli, table: Place, endpoint: Endpoint, admin: Client, tmp_path: Path
) -> None:
    manifest, other = small_dump(tmp_path), make_table(Place(endpoint), admin)
    with held(cli, table, manifest):
        assert cli("load", manifest, *other.to).code == 0
        table.endpoint.script.clear()
        assert cli("load", small_dump(tmp_path, dataset="demo-other"), *table.to).code == 0
    assert {sk.partition("#")[0] for _, sk in table.items} == {"demo-other"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_gives_its_lock_back(
    cli: Cli, table: Place, tmp_path: Path, number: signal.Signals
) -> None:
    rows = [("N", "", "", f"kenari.{n}@example.org") for n in range(3000)]
    with cli.started("load", small_dump(tmp_path, rows), *table.to, "--max-wcu", "300") as process:
        until(lambda: len(table.items) > 100, process)
        process.send_signal(number)
        assert cli.finish(process).code == 75
    assert (LOCK, "_") not in table.everything
