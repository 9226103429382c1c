"""Every exit code, provoked: one sentence on stderr, no traceback, no value, and nothing written that should not be."""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import make_table
from tests.e2e.harness import (
    OTHER_LINE,
    PEPPER_LINE,
    SMALL_MANIFEST,
    SMALL_ROWS,
    Cli,
    Place,
    Result,
    plug,
    small_dump,
)
from tests.support.endpoint import faults
from tests.support.endpoint.clients import Client
from tests.support.waiting import until


def test_0_when_done(cli: Cli, table: Place, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path), *table.to, "--verbose")
    assert (result.code, len(table.items)) == (0, 9)
    (sentence,) = result.err.splitlines()
    assert "1 of 1 done" in sentence


CRASHES = {
    "in the stages": (
        "import ingest_cli.pipeline as module\n"
        "def broken(rows, fields):\n"
        "    raise ValueError(str(rows.raw(0)) + ' and ' + str(list(rows.columns)))\n"
        "module.normalize = broken\n"
    ),
    "in a writer": (
        "import ingest_cli.sinks.dynamodb as module\n"
        "def broken(answer, batch, table):\n"
        "    raise KeyError(batch.body(table))\n"
        "module.interpret = broken\n"
    ),
    "with the key at hand": (
        "import ingest_cli.engines.worker as module\n"
        "def broken(pepper):\n"
        "    raise RuntimeError(pepper.secret.hex())\n"
        "module.Hasher = broken\n"
    ),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("place", CRASHES)
def test_1_when_crashed(cli: Cli, table: Place, tmp_path: Path, place: str, workers: int) -> None:
    result = cli(
        *("load", small_dump(tmp_path), *table.to, "--workers", str(workers)),
        env=plug(tmp_path / "plug", CRASHES[place]),
    )
    result.complains(1, "crashed with", "this is a bug")
    assert table.reserved("_dataset#demo-small")["state"] == {"S": "loading"}


def test_1_when_a_validation_crashed(cli: Cli, tmp_path: Path) -> None:
    result = cli("validate", small_dump(tmp_path), env=plug(tmp_path / "plug", CRASHES["in the stages"]))
    result.complains(1, "crashed with")


Prepared = Callable[[Path, Place], list[str | Path]]
Runner = Callable[[Callable[[Path], list[str | Path]]], Future[Result]]


@pytest.fixture(scope="module")
def ran(pool: ThreadPoolExecutor, shared_cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Runs a command, in the background, whose arguments are prepared in a folder of its own."""
    return lambda prepare: pool.submit(shared_cli, *prepare(tmp_path_factory.mktemp("run")))


def _with(*options: str) -> Prepared:
    return lambda folder, table: ["load", small_dump(folder), *table.to, *options]


def _changed(old: str, new: str) -> Prepared:
    return lambda folder, table: [
        "load",
        small_dump(folder, change=lambda text: text.replace(old, new)),
        *table.to,
    ]


def _key(content: str, mode: int = 0o600) -> Prepared:
    def prepare(folder: Path, table: Place) -> list[str | Path]:
        file = folder / "pepper.key"
        file.write_text(content)
        file.chmod(mode)
        return ["load", small_dump(folder), *table.at, "--key", f"file:{file}"]

    return prepare


USAGE: dict[str, tuple[Prepared, str]] = {
    "an option out of range": (_with("--concurrency", "0"), "--concurrency"),
    "an unknown option": (_with("--tabel", "x"), "--table"),
    "no manifest": (lambda _, table: ["load", *table.to], "MANIFEST"),
    "no table": (lambda folder, _: ["load", small_dump(folder), "--key", "env:PEPPER"], "--table"),
    "no key": (lambda folder, table: ["load", small_dump(folder), *table.at], "--key"),
    "no TOML": (_changed("[dataset]", "[dataset"), "not valid TOML"),
    "an unknown key in the manifest": (_changed("title =", "titel ="), "did you mean `title`?"),
    "an unknown column": (_changed('"TEL"', '"TELS"'), 'did you mean "TEL"?'),
    "a key file that others can read": (_key(PEPPER_LINE, 0o644), "chmod 600"),
    "a key that is too short": (_key(PEPPER_LINE[:-2]), "62 hex digits"),
    "the key itself": (
        lambda folder, table: ["load", small_dump(folder), *table.at, "--key", PEPPER_LINE],
        "disclosed",
    ),
    "an endpoint that is none": (_with("--endpoint-url", "localhost:8000"), "--endpoint-url"),
    "a reject file that is a folder": (_with("--rejects", "."), "--rejects"),
}


def _prepared(prepare: Prepared, table: Place, folder: Path) -> list[str | Path]:
    return prepare(folder, table)


@pytest.fixture(scope="module")
def used_wrongly(new_table: Callable[[], Place], ran: Runner) -> dict[str, tuple[Place, Future[Result]]]:
    said = {}
    for mistake, (prepare, _) in USAGE.items():
        table = new_table()
        said[mistake] = (table, ran(partial(_prepared, prepare, table)))
    return said


@pytest.mark.parametrize("mistake", USAGE)
def test_2_when_used_wrongly(used_wrongly: dict[str, tuple[Place, Future[Result]]], mistake: str) -> None:
    table, said = used_wrongly[mistake]
    said.result().complains(2, USAGE[mistake][1])
    assert table.items == {}


def test_2_without_a_region(cli: Cli, table: Place, tmp_path: Path) -> None:
    cli("load", small_dump(tmp_path), *table.to, without=["AWS_REGION"]).complains(2, "--region")


def test_2_for_another_pepper_under_a_known_id(cli: Cli, table: Place, tmp_path: Path) -> None:
    manifest = small_dump(tmp_path)
    assert cli("load", manifest, *table.to).code == 0
    written = len(table.writes)
    result = cli("load", manifest, *table.to, "--restart", env={"PEPPER": OTHER_LINE})
    result.complains(2, "another pepper", '"k1"')
    assert len(table.writes) == written


REJECTED = (*SMALL_ROWS, *(("KENARI BIN SALAH", "87", "12", f"kenari.{n}") for n in range(3)))


@pytest.mark.parametrize("command", ["load", "validate"])
def test_3_when_too_much_is_rejected(cli: Cli, table: Place, tmp_path: Path, command: str) -> None:
    manifest = small_dump(tmp_path, REJECTED, rest="[rejects]\nmin_sample = 1")
    result = cli(command, manifest, *(table.to if command == "load" else []))
    result.complains(3, "3 of 6 rows", "max_ratio")
    assert "3 rejected" in result.out
    if command == "load":
        assert table.reserved("_dataset#demo-small")["state"] == {"S": "loading"}
    else:
        assert table.writes == []


@pytest.mark.parametrize("rows", [SMALL_ROWS, ()])
def test_3_for_rows_that_do_not_fit_names_the_key_that_helps(
    cli: Cli, table: Place, tmp_path: Path, rows: tuple[tuple[str, ...], ...]
) -> None:
    short = [(f"KENARI {n}", "", "", f"kenari.{n}@example.org")[:3] for n in range(2)]
    manifest = small_dump(tmp_path, [*rows, *short], rest="[rejects]\nmin_sample = 1")
    result = cli("load", manifest, *table.to)
    result.complains(3, "too_few_cells (2 rows)", 'set `short_rows = "fill"` in [format]')
    assert "max_ratio" not in result.err


def test_3_when_nothing_could_be_used(cli: Cli, table: Place, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path, REJECTED[3:]), *table.to)
    result.complains(3, "not one of 3 rows")
    assert table.items == {}


def _sources(entry: str, make: Callable[[Path], object] = lambda _: None) -> Callable[[Path], Path]:
    def prepare(folder: Path) -> Path:
        make(folder)
        path = folder / "manifest.toml"
        path.write_text(SMALL_MANIFEST.format(dataset="demo-bad", title="Demo", source=entry, rest=""))
        return path

    return prepare


def _cut_gzip(folder: Path) -> None:
    rows = "".join(f"KENARI {n},,,kenari.{n}@example.org\n" for n in range(2000))
    packed = gzip.compress(f"NAME,IC,TEL,EMAIL\n{rows}".encode())
    (folder / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])


UNUSABLE_SOURCES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (_sources("none.csv"), "does not exist"),
    "no match": (_sources("none-*.csv"), "no file matches"),
    "a folder": (_sources("folder", lambda here: (here / "folder").mkdir()), "is a folder"),
    "empty": (_sources("empty.csv", lambda here: (here / "empty.csv").touch()), "not a single row"),
    "a header alone": (
        _sources("bare.csv", lambda here: (here / "bare.csv").write_text("NAME,IC,TEL,EMAIL\n")),
        "not a single row",
    ),
    "cut off": (_sources("cut.csv.gz", _cut_gzip), "cut.csv.gz"),
}


def _load(prepare: Callable[[Path], Path], table: Place, folder: Path) -> list[str | Path]:
    return ["load", prepare(folder), *table.to]


@pytest.fixture(scope="module")
def unusable(new_table: Callable[[], Place], ran: Runner) -> dict[str, tuple[Place, Future[Result]]]:
    said = {}
    for fault, (prepare, _) in UNUSABLE_SOURCES.items():
        table = new_table()
        said[fault] = (table, ran(partial(_load, prepare, table)))
    return said


@pytest.mark.parametrize("fault", UNUSABLE_SOURCES)
def test_4_when_the_source_is_unusable(unusable: dict[str, tuple[Place, Future[Result]]], fault: str) -> None:
    table, said = unusable[fault]
    result = said.result()
    result.complains(4, UNUSABLE_SOURCES[fault][1])
    assert ("load failed" in result.out) == (fault == "cut off")  # which comes to light in the middle of a load
    if fault == "cut off":  # the rows that could be read may be there, but nobody is told that all are
        assert table.reserved("_dataset#demo-bad")["state"] == {"S": "loading"}
    else:
        assert table.items == {}


def test_4_when_a_validated_source_is_unusable(cli: Cli, tmp_path: Path) -> None:
    manifests = []
    for number, (prepare, _) in enumerate(UNUSABLE_SOURCES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        manifests.append(prepare(folder))
    result = cli("validate", *manifests, "--output", "json")
    assert result.code == 4
    assert {(report["outcome"], report["exit_code"]) for report in result.reports} == {("failed", 4)}
    for sentence, (_, words) in zip(result.err.splitlines(), UNUSABLE_SOURCES.values(), strict=True):
        assert words in sentence


def test_4_without_a_table(cli: Cli, nowhere: Place, tmp_path: Path) -> None:
    cli("load", small_dump(tmp_path), *nowhere.to).complains(4, "no table", "ingest-cli table create")


@pytest.mark.parametrize("keys", [("id", "sk"), ("pk",)])
def test_4_with_another_key_schema(
    cli: Cli, nowhere: Place, admin: Client, tmp_path: Path, keys: tuple[str, ...]
) -> None:
    place = make_table(nowhere, admin, keys)
    cli("load", small_dump(tmp_path), *place.to).complains(4, "key schema")
    assert place.writes == []
    if keys == ("id", "sk"):
        for command in (["status"], ["table", "restore"], ["table", "unlock", "demo-small"]):
            cli(*command, *place.at).complains(4, "another key schema than pk (S HASH), sk (S RANGE)")


@pytest.mark.parametrize("operation", ["DescribeTable", "PutItem", "BatchWriteItem"])
def test_4_when_access_is_denied(cli: Cli, table: Place, tmp_path: Path, operation: str) -> None:
    table.goes_wrong(faults.error("AccessDeniedException"), operation)
    cli("load", small_dump(tmp_path), *table.to).complains(4, "AccessDeniedException", "policy")
    assert table.items == {}


def test_4_when_the_signature_is_wrong(cli: Cli, table: Place, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path), *table.to, env={"AWS_SECRET_ACCESS_KEY": "kenari-bukan-kunci"})
    result.complains(4, "credentials")
    assert "kenari-bukan-kunci" not in result.out + result.err
    assert table.writes == []


def test_4_when_nobody_listens(cli: Cli, tmp_path: Path) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        result = cli("load", small_dump(tmp_path), "--table", "t", "--endpoint-url", url, "--key", "env:PEPPER")
    result.complains(4, "no connection", url)


def test_4_without_credentials(cli: Cli, table: Place, tmp_path: Path) -> None:
    without = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    result = cli("load", small_dump(tmp_path), *table.to, without=without)
    result.complains(4, "no AWS credentials", "--sandbox")
    assert table.writes == []


def test_2_with_half_of_the_credentials(cli: Cli, table: Place, tmp_path: Path) -> None:
    result = cli("load", small_dump(tmp_path), *table.to, without=["AWS_SECRET_ACCESS_KEY"])
    result.complains(2, "the AWS credentials cannot be read (PartialCredentialsError)", "check the variables AWS_…")
    assert table.writes == []


@pytest.mark.parametrize("operation", ["DescribeTable", "BatchWriteItem"])
def test_75_when_the_credentials_have_expired(cli: Cli, table: Place, tmp_path: Path, operation: str) -> None:
    table.goes_wrong(faults.error("ExpiredTokenException"), operation)
    cli("load", small_dump(tmp_path), *table.to).complains(75, "expired", "run the same command again")
    assert table.items == {}


def test_75_when_throttled_for_too_long(cli: Cli, table: Place, tmp_path: Path) -> None:
    table.goes_wrong(faults.throttle(), "BatchWriteItem")
    result = cli("load", small_dump(tmp_path), *table.to, "--give-up-after", "1")
    result.complains(75, "ProvisionedThroughputExceededException", "run the same command again")
    assert table.items == {}


def _long_dump(folder: Path) -> Path:
    """A dump of twelve batches, of which a load with one request in flight queues fewer."""
    return small_dump(folder, [("N", "", "", f"kenari.{n}@example.org") for n in range(300)])


def _is_writing(table: Place) -> bool:
    return "BatchWriteItem" in table.operations()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_75_when_interrupted_and_done_when_run_again(
    cli: Cli, table: Place, tmp_path: Path, number: signal.Signals
) -> None:
    manifest = _long_dump(tmp_path)
    table.goes_wrong(faults.delay(0.2), "BatchWriteItem", times=4)
    with cli.started("load", manifest, *table.to, "--concurrency", "1") as process:
        until(lambda: _is_writing(table), process)
        process.send_signal(number)
        result = cli.finish(process)
    result.complains(75, "stopped by", "run the same command again")
    assert len(table.items) < 300
    assert cli("load", manifest, *table.to).code == 0
    assert len(table.items) == 300


def test_130_at_the_second_signal(cli: Cli, table: Place, tmp_path: Path) -> None:
    table.goes_wrong(faults.hang(), "BatchWriteItem")
    with cli.started("load", _long_dump(tmp_path), *table.to, "--concurrency", "1") as process:
        until(lambda: _is_writing(table), process)
        until(lambda: _signalled(process) is not None)
        assert cli.finish(process).code == 130


def _signalled(process: subprocess.Popen[bytes]) -> int | None:
    """Interrupt a process, and give it a moment; its exit code once it has one."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(0.2)
    return None


def test_0_when_nobody_reads_on(cli: Cli, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with cli.started("validate", small_dump(tmp_path), stdout=writer) as process:
        os.close(writer)
        result = cli.finish(process)
    assert (result.code, result.err) == (0, "")
