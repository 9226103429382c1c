"""Credentials that expire, tables that come and go, disks that fill up, items that nobody wants."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import Cli, Place, plug, small_dump
from tests.fault.scenes import long_dump, under_way
from tests.support.endpoint import Credentials, Endpoint, Fault, faults
from tests.support.endpoint.clients import Client, connected
from tests.support.waiting import load_factor, until

ROWS = 400
RUN = ("_run#demo-small", "_")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return long_dump(tmp_path, ROWS)


def _goes_on(cli: Cli, table: Place, manifest: Path, *options: str | Path, rows: int = ROWS) -> None:
    """Check that the same command finishes what was begun, without beginning again."""
    result = cli("load", manifest, *table.to, "--output", "json", *options)
    assert result.code == 0, result
    assert 0 < result.report["rows_before"] < rows
    assert result.report["rows"]["kept"] == len(table.items) == rows
    assert RUN not in table.everything


# -- credentials


def test_expired_credentials_stop_it_and_new_ones_go_on(cli: Cli, table: Place, manifest: Path) -> None:
    with under_way(cli, table, manifest) as process:
        table.endpoint.script.add(faults.error("ExpiredTokenException"))
        result = cli.finish(process)
    result.complains(75, "the AWS credentials have expired", "run the same command again")
    table.endpoint.script.clear()
    _goes_on(cli, table, manifest)


def test_a_policy_that_was_changed_stops_it(cli: Cli, table: Place, manifest: Path) -> None:
    with under_way(cli, table, manifest) as process:
        table.goes_wrong(faults.error("AccessDeniedException"), "BatchWriteItem")
        result = cli.finish(process)
    result.complains(4, "AccessDeniedException", "check the credentials and their policy")
    table.endpoint.script.clear()
    _goes_on(cli, table, manifest)


SHORT_LIVED_S = 15 * 60 + 2
"""botocore begins to renew credentials when they have 15 minutes left."""

ISSUER = """\
import datetime, json, pathlib
calls = pathlib.Path({calls!r})
calls.write_text(calls.read_text() + "x" if calls.exists() else "x")
first = calls.read_text() == "x"
lasts_s = {short} if first else 36000
ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=lasts_s)
name = "FIRST" if first else "SECOND"
print(json.dumps({{"Version": 1, "AccessKeyId": "AKIAIOSFODNN7" + name, "SecretAccessKey": "synthetic-" + name,
                   "SessionToken": "token-" + name, "Expiration": ends.isoformat()}}))
"""


def _known(name: str, *, expired: bool = False) -> Credentials:
    return Credentials(f"AKIAIOSFODNN7{name}", f"synthetic-{name}", f"token-{name}", expired)


@pytest.mark.timed
@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_credentials_are_renewed_on_the_way(cli: Cli, table: Place, tmp_path: Path, transport: str) -> None:
    manifest, calls, issuer = long_dump(tmp_path, 2 * ROWS), tmp_path / "calls", tmp_path / "issuer.py"
    issuer.write_text(ISSUER.format(calls=str(calls), short=SHORT_LIVED_S))
    (cli.home / ".aws").mkdir()
    (cli.home / ".aws" / "config").write_text(f"[default]\ncredential_process = {sys.executable} {issuer}\n")
    env = {name: value for name, value in cli.env.items() if "KEY" not in name}
    cli = dataclasses.replace(cli, env=env, secrets=(*cli.secrets, "synthetic-FIRST", "synthetic-SECOND"))
    verifier = table.endpoint.service.verifier
    assert verifier is not None
    verifier.known.update({one.access_key: one for one in (_known("FIRST"), _known("SECOND"))})
    with under_way(cli, table, manifest, "--transport", transport, items=50) as process:
        until(lambda: len(calls.read_text()) > 1, process)
        # A request that is on its way was signed before: the old ones are good for a moment yet.
        renewed_at = len(table.items)
        until(lambda: len(table.items) > renewed_at + 50, process)
        verifier.known[_known("FIRST").access_key] = _known("FIRST", expired=True)
        result = cli.finish(process)
    assert result.code == 0, result
    assert len(table.items) == 2 * ROWS
    assert len(calls.read_text()) == 2


@pytest.mark.timed
def test_credentials_that_cannot_be_renewed_stop_it(cli: Cli, table: Place, tmp_path: Path) -> None:
    busy = load_factor()  # the more so, the longer does it take until items are written
    rows = int(ROWS * busy)
    manifest, issuer = long_dump(tmp_path, rows), tmp_path / "issuer.py"
    ends = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=10, seconds=6 * busy)
    known = _known("FIRST")
    issued = {
        "Version": 1,
        "AccessKeyId": known.access_key,
        "SecretAccessKey": known.secret_key,
        "SessionToken": known.session_token,
        "Expiration": ends.isoformat(),
    }
    issuer.write_text(f"print({json.dumps(issued)!r})")
    (cli.home / ".aws").mkdir()
    (cli.home / ".aws" / "config").write_text(f"[default]\ncredential_process = {sys.executable} {issuer}\n")
    env = {name: value for name, value in cli.env.items() if "KEY" not in name}
    verifier = table.endpoint.service.verifier
    assert verifier is not None
    verifier.known[known.access_key] = known
    without = dataclasses.replace(cli, env=env)
    with under_way(without, table, manifest, wcu_per_s=60, items=30) as process:
        issuer.write_text("raise SystemExit(1)")
        result = without.finish(process)
    assert result.code == 75, result
    assert "the AWS credentials" in result.err.splitlines()[-1]
    assert "run the same command again" in result.err.splitlines()[-1]
    _goes_on(cli, table, manifest, rows=rows)


ROLE = """\
import datetime, os
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.session import Session
def refused():
    raise ClientError({{"Error": {{"Code": "AccessDenied", "Message": "sts:AssumeRole"}}}}, "AssumeRole")
ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds={left_s})
keys = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], None
role = RefreshableCredentials(*keys, ends, refused, "assume-role")
Session.get_credentials = lambda *_, **__: role
"""
"""Credentials of a role that may not be taken on any more once they have less than ten minutes left."""


@pytest.mark.timed
@pytest.mark.parametrize("transport", ["curl", "boto3"])
def test_a_role_that_is_refused_on_the_way_stops_it(cli: Cli, table: Place, tmp_path: Path, transport: str) -> None:
    busy = load_factor()
    manifest = long_dump(tmp_path, int(ROWS * busy))
    role = dataclasses.replace(cli, env={**cli.env, **plug(tmp_path / "plug", ROLE.format(left_s=600 + 4 * busy))})
    with under_way(role, table, manifest, "--transport", transport, wcu_per_s=60, items=30) as process:
        result = role.finish(process)
    result.complains(75, "the AWS credentials cannot be renewed", "run the same command again")


def test_a_role_that_is_refused_at_the_start_is_no_refusal_of_the_table(cli: Cli, table: Place, manifest: Path) -> None:
    env = plug(manifest.parent / "plug", ROLE.format(left_s=60))
    cli("load", manifest, *table.to, env=env).complains(75, "the AWS credentials cannot be renewed")
    assert table.everything == {}


# -- the table


@pytest.fixture
def slow_endpoint() -> Iterator[Endpoint]:
    """One whose tables take a while to change."""
    with Endpoint(transition_s=4.0) as running:
        yield running


def test_it_waits_for_a_table_that_is_being_made(cli: Cli, slow_endpoint: Endpoint, tmp_path: Path) -> None:
    with connected(slow_endpoint.client_arguments) as admin:
        table = make_table(Place(slow_endpoint), admin)
    assert slow_endpoint.table(table.name).status == "CREATING"
    assert cli("load", small_dump(tmp_path), *table.to).code == 0
    assert len(table.items) == 9


@pytest.mark.parametrize("status", ["UPDATING", "DELETING"])
def test_a_table_that_is_being_changed_can_be_written_and_one_that_goes_away_not(
    cli: Cli, endpoint: Endpoint, table: Place, tmp_path: Path, status: str
) -> None:
    endpoint.table(table.name).enter(status, 60)
    result = cli("load", small_dump(tmp_path), *table.to)
    if status == "UPDATING":
        assert (result.code, len(table.items)) == (0, 9), result
    else:
        result.complains(4, f'"{table.name}" is DELETING')
        assert table.writes == []


def test_it_goes_on_while_the_table_is_updated(
    cli: Cli, endpoint: Endpoint, admin: Client, table: Place, manifest: Path
) -> None:
    with under_way(cli, table, manifest) as process:
        throughput = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 500}
        admin.update_table(TableName=table.name, BillingMode="PROVISIONED", ProvisionedThroughput=throughput)
        endpoint.table(table.name).enter("UPDATING", 60)
        assert cli.finish(process).code == 0
    assert len(table.items) == ROWS


@pytest.mark.parametrize("option", ["--transport=curl", "--transport=boto3"])
def test_a_table_that_is_deleted_under_a_load_stops_it(
    cli: Cli, table: Place, admin: Client, manifest: Path, option: str
) -> None:
    with under_way(cli, table, manifest, option) as process:
        admin.delete_table(TableName=table.name)
        result = cli.finish(process)
    result.complains(75, f'the table "{table.name}" is gone', "run the same command again")
    cli("load", manifest, *table.to).complains(4, "there is no table", "table create")
    make_table(table, admin)
    result = cli("load", manifest, *table.to, "--output", "json")
    assert (result.code, result.report["rows_before"], len(table.items)) == (0, 0, ROWS), result


def test_one_made_anew_is_not_gone_on_with(
    cli: Cli, table: Place, admin: Client, manifest: Path, tmp_path: Path
) -> None:
    state = ["--state", f"file:{tmp_path / 'state'}"]
    with under_way(cli, table, manifest, *state) as process:
        until((tmp_path / "state" / "ingest-state").exists, process)
        admin.delete_table(TableName=table.name)
        cli.finish(process).complains(75, "is gone")
    make_table(table, admin)
    cli("load", manifest, *table.to, *state).complains(2, "the table was deleted and created again", "--restart")
    assert table.everything == {}
    assert cli("load", manifest, *table.to, *state, "--restart").code == 0
    assert len(table.items) == ROWS


THROTTLES = {
    "as a whole": faults.throttle("TableWriteProvisionedThroughputExceeded"),
    "without a word": faults.error("ThrottlingException"),
    "by its account": faults.throttle("TableWriteAccountLimitExceeded", kind="RequestLimitExceeded"),
    "item by item": faults.partial(25),
}


@pytest.mark.parametrize("how", THROTTLES)
def test_a_table_throttled_to_death_stops_it(cli: Cli, table: Place, manifest: Path, how: str) -> None:
    fault: Fault = THROTTLES[how]
    with under_way(cli, table, manifest, "--give-up-after", "3s") as process:
        table.goes_wrong(fault, "BatchWriteItem")
        result = cli.finish(process)
    result.complains(75, "nothing could be written for 3 s", "run the same command again")
    assert RUN in table.everything
    table.endpoint.script.clear()
    _goes_on(cli, table, manifest)


# -- the disk


@pytest.mark.parametrize("place", ["/proc/state", "{home}/file/state"])
def test_a_folder_for_the_state_that_cannot_be_used_is_refused(
    cli: Cli, table: Place, tmp_path: Path, place: str
) -> None:
    (cli.home / "file").touch()
    state = f"file:{place.format(home=cli.home)}"
    result = cli("load", small_dump(tmp_path), *table.to, "--state", state)
    result.complains(2, "the state", "--state")
    assert table.items == {}
    assert not [pk for pk, _ in table.everything if pk.startswith(("_dataset", "_lock", "_run"))]


def _stop_growing(process: subprocess.Popen[bytes], file: Path | None) -> None:
    """Let no file that the process writes grow beyond the size that this one has; without one, beyond nothing."""
    limit = file.stat().st_size if file else 0
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))


def test_rejects_that_cannot_be_written_any_more_stop_it(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest, rejects = long_dump(tmp_path, ROWS, bad_every=10), tmp_path / "rejects"
    with under_way(cli, table, manifest, "--rejects", rejects) as process:
        _stop_growing(process, rejects)
        result = cli.finish(process)
    result.complains(75, f'the reject file "{rejects}" cannot be written', "make room")
    result = cli("load", manifest, *table.to, "--rejects", rejects, "--output", "json")
    assert result.code == 0, result
    assert 0 < result.report["rows_before"] < ROWS
    assert result.report["notes"] == []
    assert sorted(json.loads(line)["row"] for line in rejects.read_text().splitlines()) == [*range(1, ROWS, 10)]
    assert len(table.items) == ROWS * 9 // 10


def test_a_state_that_cannot_be_written_any_more_stops_it(
    cli: Cli, table: Place, manifest: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    state = ["--state", f"file:{folder}"]
    with under_way(cli, table, manifest, *state) as process:
        saved = (folder / "ingest-state").read_bytes()
        until(lambda: (folder / "ingest-state").read_bytes() != saved, process)
        _stop_growing(process, None)
        result = cli.finish(process)
    result.complains(75, f'the state cannot be written to "{folder}"', "make room")
    _goes_on(cli, table, manifest, *state)


def test_a_state_that_was_removed_means_the_beginning(cli: Cli, table: Place, manifest: Path, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    state = ["--state", f"file:{folder}"]
    with under_way(cli, table, manifest, *state) as process:
        shutil.rmtree(folder)
        cli.finish(process).complains(75, f'the state cannot be written to "{folder}"')
    result = cli("load", manifest, *table.to, *state, "--output", "json")
    assert (result.code, result.report["rows_before"], len(table.items)) == (0, 0, ROWS), result


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for very little."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", place], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        pytest.skip("only a superuser who may mount can have a full disk")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_too_full_for_rejects_stops_it(cli: Cli, table: Place, tmp_path: Path, tiny_disk: Path) -> None:
    manifest, rejects = long_dump(tmp_path, ROWS, bad_every=4), tiny_disk / "rejects"
    command: list[str | Path] = ["load", manifest, *table.to, "--rejects", rejects, "--output", "json"]
    (tiny_disk / "ballast").write_bytes(bytes(8 << 10))
    result = cli(*command, "--max-wcu", "200")
    assert (result.code, result.report["balances"]) == (75, True), result
    assert f'the reject file "{rejects}" cannot be written (No space left on device)' in result.err
    lines = rejects.read_text().splitlines(keepends=True)
    assert all(line.endswith("\n") and json.loads(line) for line in lines)
    subprocess.run(["mount", "-o", "remount,size=1m", tiny_disk], check=True)
    result = cli(*command)
    assert result.code == 0, result
    assert result.report["rows_before"] > 0
    assert result.report["rows"] == {"read": ROWS, "kept": ROWS * 3 // 4, "rejected": ROWS // 4, "skipped": 0}
    assert len(table.items) == ROWS * 3 // 4
    assert sorted(json.loads(line)["row"] for line in rejects.read_text().splitlines()) == [*range(1, ROWS, 4)]


def test_a_disk_too_full_for_the_state_stops_it(cli: Cli, table: Place, manifest: Path, tiny_disk: Path) -> None:
    state = ["--state", f"file:{tiny_disk}"]
    with under_way(cli, table, manifest, *state) as process:
        saved = (tiny_disk / "ingest-state").read_bytes()
        until(lambda: (tiny_disk / "ingest-state").read_bytes() != saved, process)
        with contextlib.suppress(OSError):
            (tiny_disk / "ballast").write_bytes(bytes(16 << 10))
        result = cli.finish(process)
    result.complains(75, f'the state cannot be written to "{tiny_disk}" (No space left on device)', "make room")
    (tiny_disk / "ballast").unlink()
    _goes_on(cli, table, manifest, *state)


# -- the items


def test_a_poisoned_item_is_rejected_alone_and_can_be_replayed(
    cli: Cli, endpoint: Endpoint, table: Place, admin: Client, tmp_path: Path
) -> None:
    manifest, rejects = long_dump(tmp_path, ROWS), tmp_path / "rejects"
    whole = make_table(Place(endpoint), admin)
    assert cli("load", manifest, *whole.to).code == 0
    poisoned = sorted(whole.items)[::150]
    for pk, _ in poisoned:
        table.goes_wrong(faults.error("ValidationException"), "BatchWriteItem", pk=pk)
    result = cli("load", manifest, *table.to, "--rejects", rejects, "--output", "json")
    assert result.code == 0, result
    assert result.report["items"]["refused"] == len(poisoned) == 3
    assert result.report["refused_by_reason"] == {"ValidationException": 3}
    assert table.items == {key: item for key, item in whole.items.items() if key not in poisoned}
    refused = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(one["stage"], one["reason"], one["field"]) for one in refused] == [
        ("write", "ValidationException", "email")
    ] * 3

    endpoint.script.clear()
    before = len(table.writes)
    result = cli("load", manifest, *table.to, "--replay", rejects, "--output", "json")
    assert result.code == 0, result
    assert result.report["skipped_by_reason"] == {"not_replayed": ROWS - 3}
    written = [(one.pk, one.sk) for one in table.writes[before:] if not one.pk.startswith("_")]
    assert sorted(written) == poisoned
    assert table.items == whole.items


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ('{"source": "other.csv", "row": 1}\n', "names no source of this manifest"),
        ("NAME,IC,TEL,EMAIL\n", "is not a file of rejects"),
        ('{"source": "demo-small.csv", "row": "first"}\n', "is not a file of rejects"),
        ('["demo-small.csv", 1]\n', "is not a file of rejects"),
    ],
)
def test_a_replay_of_something_else_is_refused(
    cli: Cli, table: Place, tmp_path: Path, content: str, words: str
) -> None:
    rejects = tmp_path / "rejects"
    rejects.write_text(content)
    cli("load", small_dump(tmp_path), *table.to, "--replay", rejects).complains(2, words)
    assert table.items == {}
