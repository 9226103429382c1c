"""The files in `deploy/` do what they say, as far as a machine without AWS can tell.

The script for an instance is in `test_user_data.py`, the policies in `test_policies.py`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from tests.e2e.account import DEPLOY, filled
from tests.e2e.harness import COMMAND, PEPPER_LINE, Cli, Place, Result, small_dump
from tests.support import waiting
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, faults
from tests.support.endpoint.tables import REGION
from tests.support.host_files import Rotation, Unit, crontab
from tests.support.iam import like
from tests.support.stubs import Stubs

FOLDERS = (
    "/etc/ingest-cli",
    "/opt/ingest-cli/bin",
    "/srv/dumps",
    "/var/cache/ingest-cli",
    "/var/lib/ingest-cli",
    "/var/lib/node_exporter/textfile",
    "/var/log/ingest-cli",
)
SERVICE, FAILURE, TIMER = "ingest-cli.service", "ingest-cli-failure@.service", "ingest-cli.timer"


@dataclass(frozen=True)
class Server:
    """A machine with the program installed, a dump, a key and credentials.

    Attributes:
        root: its files.
        cli: checks what is said.
        table: where its loads go.
    """

    root: Path
    cli: Cli
    table: Place

    def here(self, text: str) -> str:
        """A text with the places of the server replaced by those below `root`."""
        for folder in FOLDERS:
            text = text.replace(folder, f"{self.root}{folder}")
        return text

    def run(self, command: list[str], env: dict[str, str], cwd: str | Path = "/", umask: str = "0022") -> Result:
        """Run a command as a daemon does: with these variables only, and what it says in one stream, here `out`."""
        named = {name: self.here(text) for name, text in env.items()}
        assert named["INGEST_TABLE"] == "breaches"
        named["INGEST_TABLE"] = self.table.name
        done = waiting.run(
            [self.here(one) for one in command],
            env={"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL_DYNAMODB": self.table.endpoint.url, **named},
            cwd=cwd,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=int(umask, 8),
        )
        return self.cli.checked(done.returncode, done.stdout, b"")

    @property
    def metrics(self) -> Path:
        return Path(self.here("/var/lib/node_exporter/textfile/ingest-cli.prom"))

    @property
    def files(self) -> dict[Path, int]:
        """All files, and when each was changed."""
        return {path: path.stat().st_mtime_ns for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture
def server(cli: Cli, table: Place, tmp_path: Path) -> Server:
    made = Server(tmp_path / "server", cli, table)
    for folder in FOLDERS:
        Path(made.here(folder)).mkdir(parents=True)
    Path(made.here("/opt/ingest-cli/bin/ingest-cli")).symlink_to(COMMAND)
    small_dump(Path(made.here("/srv/dumps")))
    key = Path(made.here("/etc/ingest-cli/pepper.key"))
    key.write_text(PEPPER_LINE)
    key.chmod(0o600)
    Path(made.here("/etc/ingest-cli/credentials")).write_text(
        f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    return made


# cron and logrotate


def _cron(server: Server) -> Result:
    (job,) = crontab(filled("crontab"))
    assert job.variables["AWS_REGION"] == REGION
    # crontab(5): what cron sets.
    own = {"HOME": "/nonexistent", "LOGNAME": "ingest", "SHELL": "/bin/sh"}
    return server.run(["/bin/sh", "-c", job.command], {**own, **job.variables})


def test_the_crontab_loads_and_is_silent(server: Server) -> None:
    done = _cron(server)
    assert (done.code, done.out) == (0, "")
    assert len(server.table.items) == 9
    assert server.metrics.stat().st_mode & stat.S_IROTH, "node_exporter is another user"
    log = Path(server.here("/var/log/ingest-cli/ingest.log"))
    assert all(json.loads(line) for line in log.read_text().splitlines())


def test_the_crontab_mails_a_failure(server: Server) -> None:
    for dump in Path(server.here("/srv/dumps")).glob("*.csv"):
        dump.unlink()
    done = _cron(server)
    assert done.code == 4
    assert "does not exist" in done.out


def test_logrotate_moves_the_log_of_the_crontab(server: Server) -> None:
    folder = Path(server.here("/var/log/ingest-cli"))
    rotation = Rotation.read(filled("logrotate"))
    assert rotation.pattern == "/var/log/ingest-cli/*.log"
    assert rotation.user == "ingest ingest", "of the owner of the folder, else logrotate refuses it"
    assert {"missingok", "notifempty", "delaycompress"} <= rotation.flags
    assert rotation.rotate(folder) == []
    assert _cron(server).code == 0
    (old,) = rotation.rotate(folder)
    before = old.read_text()
    assert _cron(server).code == 0
    assert old.read_text() == before
    assert "unchanged" in (folder / "ingest.log").read_text()


# systemd


def _unit(name: str, instance: str = "") -> Unit:
    return Unit.read(name, filled(name), instance)


def _start(server: Server) -> Result:
    unit = _unit(SERVICE)
    assert unit.environment["AWS_REGION"] == REGION
    own = {"HOME": "/nonexistent", "LOGNAME": "ingest", "USER": "ingest"}
    folder = server.here(unit.one("Service", "WorkingDirectory"))
    return server.run(unit.command, {**own, **unit.environment}, folder, unit.one("Service", "UMask"))


def test_the_service_loads_and_writes_only_where_it_may(server: Server) -> None:
    """Its home directory is hidden by ProtectHome=, and all else is read-only by ProtectSystem=strict."""
    before = server.files
    done = _start(server)
    assert (done.code, "load complete" in done.out) == (0, True), done
    assert len(server.table.items) == 9
    changed = {path for path, at in server.files.items() if before.get(path) != at}
    allowed = [Path(server.here(folder)) for folder in _unit(SERVICE).writable]
    assert server.metrics in changed
    cache = Path(server.here("/var/cache/ingest-cli"))
    assert any(path.is_relative_to(cache) for path in changed), "digests of dumps"
    assert server.metrics.stat().st_mode & stat.S_IROTH, "node_exporter is another user"
    assert [path for path in changed if not any(path.is_relative_to(folder) for folder in allowed)] == []


def test_the_service_needs_nothing_in_a_home_directory() -> None:
    unit = _unit(SERVICE)
    assert unit.one("Service", "ProtectHome") == "yes"
    text = " ".join([*unit.command, *unit.environment.values()])
    assert not re.search(r"~|/home|/root|/run/user", text)


def test_the_service_leaves_no_core_dump_and_may_do_little() -> None:
    unit = _unit(SERVICE)
    expected = {"LimitCORE": "0", "NoNewPrivileges": "yes", "CapabilityBoundingSet": ""}
    assert {name: unit.one("Service", name) for name in expected} == expected
    families = unit.one("Service", "RestrictAddressFamilies").split()
    assert {"AF_INET", "AF_INET6", "AF_UNIX"} <= set(families), "AF_UNIX for the worker processes"
    assert "ProtectProc" not in unit.sections["Service"], "which would hide the holder of a lock"


def test_a_failure_of_the_service_is_mailed(server: Server, tmp_path: Path) -> None:
    """By the unit that OnFailure= names, on the exit code of a failed load."""
    for dump in Path(server.here("/srv/dumps")).glob("*.csv"):
        dump.unlink()
    failed = _start(server)
    assert failed.code == 4
    name = _unit(SERVICE).one("Unit", "OnFailure")
    template, instance = re.fullmatch(r"(.+@)(.+)\.service", name).groups()  # type: ignore[union-attr] # it has to
    unit = _unit(f"{template}.service", instance)
    stubs = Stubs(tmp_path / "stubs")
    (tmp_path / "journal").write_text(failed.out)
    stubs.add("journalctl", then=f"cat {tmp_path / 'journal'}")
    stubs.add("mail", then=f"cat > {tmp_path / 'mail'}")
    env = stubs.path({"PATH": os.environ["PATH"]})
    waiting.run(unit.command, env=env, check=True)
    assert sorted(stubs.called) == [
        "journalctl --unit=ingest-cli.service --lines=50 --no-pager --output=cat",
        "mail -s ingest-cli failed on host.example.org ops@example.org",
    ]
    assert "does not exist" in (tmp_path / "mail").read_text()


def test_the_timer_starts_the_service_every_night() -> None:
    unit = _unit(TIMER)
    assert re.fullmatch(r"\*-\*-\* \d\d:\d\d:\d\d", unit.one("Timer", "OnCalendar"))
    assert unit.one("Timer", "Persistent") == "true"
    assert unit.one("Install", "WantedBy") == "timers.target"
    assert "Unit" not in unit.sections["Timer"], "it starts the service of its own name"


@pytest.mark.parametrize("name", [SERVICE, FAILURE, TIMER])
def test_a_unit_has_known_sections_and_says_what_it_is(name: str) -> None:
    unit = _unit(name, "x")
    assert unit.one("Unit", "Description")
    assert set(unit.sections) == {"Unit", "Timer", "Install"} if name == TIMER else {"Unit", "Service"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    for name in (SERVICE, FAILURE, TIMER):
        (tmp_path / name).write_text(filled(name).replace("/opt/ingest-cli/bin/ingest-cli", str(COMMAND)))
    names = [SERVICE, FAILURE.replace("@", "@ingest-cli"), TIMER]
    for command in (
        ["verify", "--man=no", *(str(tmp_path / name) for name in names)],
        ["security", "--offline=true", "--no-pager", "--threshold=25", str(tmp_path / SERVICE)],
    ):
        done = waiting.run(["systemd-analyze", *command], text=True)
        assert (done.returncode, done.stderr) == (0, ""), done


# EC2, ECS, Batch


def test_shellcheck_finds_nothing_wrong_with_the_script() -> None:
    command = Path(sysconfig.get_path("scripts")) / "shellcheck"
    done = waiting.run([command, DEPLOY / "user-data.sh"], text=True)
    assert (done.returncode, done.stdout) == (0, "")


ECS, BATCH = "ecs-task-definition.json", "batch-job-definition.json"


def _container(name: str) -> dict[str, Any]:
    given: dict[str, Any] = json.loads(filled(name))
    if name == BATCH:
        properties: dict[str, Any] = given["containerProperties"]
        return properties
    (container,) = given["containerDefinitions"]
    return {**container, "command": [*container["entryPoint"], *container["command"]]}


@pytest.mark.parametrize(
    ("name", "service", "operation"),
    [(ECS, "ecs", "RegisterTaskDefinition"), (BATCH, "batch", "RegisterJobDefinition")],
)
def test_the_definitions_are_what_aws_takes(name: str, service: str, operation: str) -> None:
    """By the shapes of its API that botocore has; an unknown key is a fault there, too."""
    client = boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload] # a str
    shape = client.meta.service_model.operation_model(operation).input_shape
    client.close()
    assert ParamValidator().validate(json.loads(filled(name)), shape).generate_report() == ""


def _run_container(server: Server, name: str) -> Result:
    """Run the command of a container, whose key is in the environment here."""
    container = _container(name)
    env = {one["name"]: one["value"] for one in container["environment"]}
    assert env.pop("INGEST_KEY").startswith(f"secretsmanager:arn:aws:secretsmanager:{REGION}:")
    assert env["AWS_REGION"] == REGION
    command = [one.replace("/manifests", "/srv/dumps") for one in container["command"]]
    own = {
        "PATH": f"{COMMAND.parent}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "INGEST_KEY": "env:PEPPER",
        "PEPPER": PEPPER_LINE,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    return server.run(command, {**own, **env})


def _is_retried(name: str, code: int) -> bool:
    """Whether AWS starts a container again that exited with a code.

    Batch: the first condition that fits decides; where none does, it is retried ("Automated job retries"). ECS: unless
    the code is ignored ("Restart individual containers in Amazon ECS tasks").
    """
    given = json.loads(filled(name))
    if name == ECS:
        restart = given["containerDefinitions"][0]["restartPolicy"]
        return restart["enabled"] and code not in restart["ignoredExitCodes"]
    for condition in given["retryStrategy"]["evaluateOnExit"]:
        if like(condition.get("onExitCode", ""), str(code)):
            return bool(condition["action"] == "RETRY")
    return True


@pytest.mark.parametrize("name", [ECS, BATCH])
def test_a_container_resumes_although_a_file_is_missing_beside(server: Server, name: str) -> None:
    dumps = Path(server.here("/srv/dumps"))
    small_dump(dumps, dataset="demo-xmissing")
    (dumps / "demo-xmissing.csv").unlink()
    server.table.goes_wrong(faults.error("ExpiredTokenException"), "BatchWriteItem", nth=1)
    interrupted = _run_container(server, name)
    assert (interrupted.code, server.table.items) == (75, {})
    assert "try again: " in interrupted.out
    assert _is_retried(name, interrupted.code)
    again = _run_container(server, name)
    assert len(server.table.items) == 9
    assert again.code == 4
    assert not _is_retried(name, again.code)
    documents = [json.loads(line) for line in again.out.splitlines()]
    assert {one.get("Outcome") for one in documents if "_aws" in one} == {"complete", "failed"}


@pytest.mark.parametrize("name", [ECS, BATCH])
def test_only_what_can_be_resumed_is_started_again(name: str) -> None:
    assert [code for code in (0, 1, 2, 3, 4, 5, 75, 130) if _is_retried(name, code)] == [75]


def test_batch_starts_a_job_again_whose_instance_was_taken_back() -> None:
    given = json.loads(filled(BATCH))
    first = given["retryStrategy"]["evaluateOnExit"][1]
    assert first["action"] == "RETRY"
    assert like(first["onStatusReason"], "Host EC2 (instance i-0123456789abcdef0) terminated.")
    (limit,) = re.findall(r"--max-runtime (\d+)h", given["containerProperties"]["command"][2])
    assert int(limit) * 3600 < given["timeout"]["attemptDurationSeconds"], "it saves before Batch ends it"


def test_every_file_is_explained() -> None:
    text = (DEPLOY / "README.md").read_text()
    assert {path.name for path in DEPLOY.iterdir()} - {"README.md"} == set(
        re.findall(r"^\| \[`([^`]+)`\]", text, re.MULTILINE)
    )
