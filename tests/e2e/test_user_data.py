"""`deploy/user-data.sh`: it installs, loads, resumes, and always shuts the instance down."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.account import BUCKET, DATASET, NAMES, TABLE, Account, filled, opened, policy
from tests.e2e.harness import COMMAND
from tests.support import waiting
from tests.support.endpoint.tables import REGION
from tests.support.iam import Grant
from tests.support.stubs import Stubs
from tests.support.waiting import until

LOGS = NAMES["LOGS"]
WHEEL = "ingest_cli-0.1.0-cp311-abi3-linux_x86_64.whl"
SCHEDULED, DOWN = "shutdown -h +1440", "shutdown -h now"


@dataclass
class Instance:
    """An instance that runs the script.

    Attributes:
        folder: holds everything.
        stubs: the commands of its system.
        env: of the script.
        script: its text.
    """

    folder: Path
    stubs: Stubs
    env: dict[str, str]
    script: str = field(default_factory=lambda: filled("user-data.sh"))

    @classmethod
    def new(cls, folder: Path, env: dict[str, str], load: str) -> Instance:
        """One with buckets, of which `load` is what its ingest-cli does."""
        made = cls(folder, Stubs(folder / "stubs"), env)
        made.change("place=/opt/ingest-cli", f"place={made.place}")
        stubs = made.stubs
        stubs.add("dnf", "shutdown", "systemctl", "sleep")
        stubs.add("python3.11", then=f'mkdir -p "$3/bin" && cp "{stubs.folder}/pip" "$3/bin/pip"')
        stubs.add("pip", then=f'test -e "${{@: -1}}" && cp "{stubs.folder}/ingest-cli" "$(dirname "$0")/ingest-cli"')
        stubs.add("ingest-cli", then=load)
        stubs.add_python("curl", region=REGION)
        given = json.loads(filled("iam-instance.json"))
        stubs.add_python("aws", buckets=str(made.buckets), policy=given, used=str(folder / "used"))
        for name in ("program/requirements.lock", f"program/{WHEEL}", f"manifests/{DATASET}.toml"):
            (made.buckets / BUCKET / name).parent.mkdir(parents=True, exist_ok=True)
            (made.buckets / BUCKET / name).touch()
        return made

    @property
    def place(self) -> Path:
        return self.folder / "place"

    @property
    def buckets(self) -> Path:
        return self.folder / "buckets"

    @property
    def logs(self) -> list[Path]:
        """What was kept."""
        return sorted((self.buckets / LOGS).glob("*"))

    def change(self, old: str, new: str) -> None:
        """Change a setting of the script."""
        assert self.script.count(f"\n{old}") == 1
        self.script = self.script.replace(f"\n{old}", f"\n{new}")

    def start(self) -> subprocess.Popen[str]:
        """Run the script."""
        path = self.folder / "user-data.sh"
        path.write_text(self.script)
        return subprocess.Popen(
            ["bash", str(path)],
            env=self.stubs.path(self.env),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for its end, and check that the last thing it did was to shut down; its exit code and what it said."""
        out, err = _awaited(process)
        assert self.stubs.called[0].startswith("shutdown -h +"), "before anything can go wrong"
        assert self.stubs.called[-1] == DOWN, (out, err, self.stubs.called)
        return process.returncode, err

    def run(self) -> tuple[int, str]:
        """Run the script to its end; see `finish`."""
        return self.finish(self.start())


def _awaited(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it said up to its end; if that does not come, nothing of it is left."""
    with process:
        return waiting.communicate(process)


CODES = 'touch "$(dirname "$0")/../ingest.log"; read -r code rest < codes; echo "$rest" > codes; exit "$code"'


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """One of which the loads exit with the codes in the file `codes`."""
    (tmp_path / "codes").write_text("0")
    return Instance.new(tmp_path, {"PATH": os.environ["PATH"]}, CODES)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with opened(tmp_path_factory.mktemp("account")) as found:
        yield found


def test_it_loads_with_its_two_policies_and_needs_all_of_them(account: Account, tmp_path: Path) -> None:
    role = account.role("loader", "loader", "instance")
    env = {**account.cli.env, **account.environment("loader")}
    for name in ("AWS_REGION", "INGEST_TABLE", "INGEST_KEY"):
        del env[name]
    instance = Instance.new(tmp_path, env, f'exec {COMMAND} "$@"')
    manifest = (account.folder / f"{DATASET}.toml").read_text()
    (instance.buckets / BUCKET / "manifests" / f"{DATASET}.toml").write_text(manifest)
    code, said = instance.run()
    assert (code, role.refused) == (0, []), said
    assert len(account.place.items) == 9
    (log,) = instance.logs
    assert re.fullmatch(r"\d{8}T\d{6}Z-exit-0\.jsonl", log.name)
    assert any("complete after" in json.loads(line)["message"] for line in log.read_text().splitlines())
    used = {Grant(*json.loads(line)) for line in (tmp_path / "used").read_text().splitlines()}
    assert used == policy("instance").unused
    assert instance.stubs.names(but=["ingest-cli"]) == [
        *("shutdown", "curl", "curl", "dnf", "python3.11", "aws", "aws", "pip", "pip", "aws", "aws", "shutdown")
    ]
    (load,) = [line for line in instance.stubs.called if line.startswith("ingest-cli")]
    assert f"--table {TABLE} --key secretsmanager:arn:aws:secretsmanager:{REGION}:" in load


@pytest.mark.parametrize(
    ("codes", "runs", "last"), [("0", 1, 0), ("75 75 0", 3, 0), ("4", 1, 4), ("75 4", 2, 4), ("75 75 75 75", 3, 75)]
)
def test_it_loads_again_as_long_as_that_resumes(instance: Instance, codes: str, runs: int, last: int) -> None:
    (instance.folder / "codes").write_text(codes)
    instance.change("attempts=100", "attempts=3")
    assert instance.run() == (last, "")
    assert instance.stubs.names().count("ingest-cli") == runs
    assert instance.stubs.called.count("sleep 60") == codes.split()[:runs].count("75")
    (log,) = instance.logs
    assert log.name.endswith(f"-exit-{last}.jsonl")


@pytest.mark.parametrize("name", ["dnf", "curl", "python3.11", "aws", "pip"])
def test_it_shuts_down_when_a_step_fails(instance: Instance, name: str) -> None:
    instance.stubs.add(name, then="echo broken >&2; exit 9")
    assert instance.run() == (9, "broken\n")
    assert "ingest-cli" not in instance.stubs.names()
    assert instance.stubs.called[0] == SCHEDULED


def test_it_shuts_down_when_s3_refuses(instance: Instance) -> None:
    instance.change(f"bucket={BUCKET}", "bucket=another-bucket")
    code, said = instance.run()
    assert code == 1
    assert "not authorized to perform: s3:GetObject on another-bucket/program" in said


def test_a_log_that_cannot_be_kept_does_not_stop_the_shutdown(instance: Instance) -> None:
    instance.change(f"logs={LOGS}", "logs=another-bucket")
    code, said = instance.run()
    assert code == 0
    assert said.splitlines()[-1] == "user-data: the log could not be copied to s3://another-bucket"


def test_no_log_is_kept_without_a_bucket_for_it(instance: Instance) -> None:
    instance.change(f"logs={LOGS}", "logs=")
    assert instance.run() == (0, "")
    assert not any("ingest.log" in line for line in instance.stubs.called if line.startswith("aws"))


def test_the_region_is_the_one_of_the_table_s_arn(instance: Instance) -> None:
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/breaches"
    instance.change(f"table={TABLE}", f"table={arn}")
    instance.stubs.add("ingest-cli", then='echo "region $AWS_REGION" >> region; ' + CODES)
    assert instance.run() == (0, "")
    assert (instance.folder / "region").read_text() == "region eu-west-1\n"
    assert "curl" not in instance.stubs.names()
    assert any(f"--table {arn} " in line for line in instance.stubs.called)


def test_everything_has_a_limit_of_time(instance: Instance) -> None:
    instance.change("hours=24", "hours=2")
    instance.stubs.add("timeout", then='exec /usr/bin/timeout "$@"')
    assert instance.run() == (0, "")
    called = instance.stubs.called
    assert called[0] == "shutdown -h +120"
    *steps, copy = [line.split() for line in called if line.startswith("timeout")]
    assert [Path(words[4]).name for words in steps] == [
        "dnf",
        "python3.11",
        "aws",
        "aws",
        "pip",
        "pip",
        "aws",
        "ingest-cli",
    ]
    # In the foreground: else it signals its whole process group, and the load would get a second one and end at once.
    assert all(words[1:3] == ["--foreground", "--kill-after=30s"] for words in steps)
    assert all(0 < int(words[3].removesuffix("s")) <= 7200 for words in steps)
    load = steps[-1]
    assert 0 < int(load[load.index("--max-runtime") + 1].removesuffix("s")) <= int(load[3].removesuffix("s")) - 300
    assert copy[1:4] == ["--kill-after=10s", "120s", "aws"]


def test_a_step_that_hangs_is_ended(instance: Instance) -> None:
    """At the end of its time, which bash takes from the environment."""
    os.mkfifo(instance.folder / "never")
    instance.stubs.add("dnf", then="read -r line < never")
    instance.env["SECONDS"] = str(24 * 3600 - 2)
    assert instance.run() == (124, "")
    assert "python3.11" not in instance.stubs.names()


def test_nothing_is_started_when_the_time_is_over(instance: Instance) -> None:
    instance.env["SECONDS"] = str(24 * 3600 + 5)
    assert instance.run() == (124, "")
    assert set(instance.stubs.names()) == {"shutdown", "curl"}


def test_no_load_is_begun_that_could_not_be_saved_in_time(instance: Instance) -> None:
    instance.env["SECONDS"] = str(24 * 3600 - 590)
    assert instance.run() == (75, "")
    assert "ingest-cli" not in instance.stubs.names()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_the_load_save_and_shuts_down(instance: Instance, number: signal.Signals) -> None:
    folder = instance.folder
    os.mkfifo(folder / "never")
    load = (
        'trap \'echo term >> signals; exit 75\' TERM\ntouch "$(dirname "$0")/../ingest.log" begun\nread -r line < never'
    )
    instance.stubs.add("ingest-cli", then=load)
    process = instance.start()
    until((folder / "begun").exists)
    process.send_signal(number)
    code, _ = instance.finish(process)
    assert code == 143
    assert (folder / "signals").read_text() == "term\n"
    assert [log.name.partition("-")[2] for log in instance.logs] == ["exit-143.jsonl"]


def test_a_signal_during_the_installation_shuts_down(instance: Instance) -> None:
    os.mkfifo(instance.folder / "never")
    instance.stubs.add("dnf", then="touch begun; read -r line < never")
    process = instance.start()
    until((instance.folder / "begun").exists)
    process.send_signal(signal.SIGTERM)
    assert instance.finish(process)[0] == 143
    assert "ingest-cli" not in instance.stubs.names()


def test_where_shutdown_does_not_work_systemd_is_asked(instance: Instance) -> None:
    instance.stubs.add("shutdown", then="exit 1")
    process = instance.start()
    _awaited(process)
    assert process.returncode == 0
    assert instance.stubs.called[0] == SCHEDULED
    assert instance.stubs.called[-2:] == [DOWN, "systemctl poweroff --force"]
