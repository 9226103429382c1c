"""What `docs/deploy/` offers for copying does what it says, as far as a machine without AWS can tell."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from tests.e2e.harness import COMMAND, REPOSITORY, SAMPLES, TIMEOUT_S, Cli, Place

DEPLOY = REPOSITORY / "docs" / "deploy"
INSTALLED = "/opt/ingest-cli/bin/ingest-cli"
POLICIES = sorted(DEPLOY.glob("iam-*.json"))


def _put(text: str, places: dict[str, Path]) -> str:
    """`text` with other places than those of a server."""
    for there, here in places.items():
        assert there in text
        text = text.replace(there, str(here))
    return text


def _shell(command: str, cli: Cli, env: dict[str, str], **streams: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**cli.env, **env},
        cwd=cli.home,
        timeout=TIMEOUT_S,
        start_new_session=True,
        check=False,
        **streams,
    )


@pytest.fixture
def places(cli: Cli, tmp_path: Path) -> dict[str, Path]:
    """Where on this machine the places of a server are."""
    found = {
        INSTALLED: COMMAND,
        "/srv/dumps": tmp_path / "dumps",
        "/var/lib/node_exporter/textfile": tmp_path / "metrics",
    }
    shutil.copytree(SAMPLES, found["/srv/dumps"])
    for extra in set(found["/srv/dumps"].glob("*.toml")) - {found["/srv/dumps"] / "telco.toml"}:
        extra.unlink()
    found["/var/lib/node_exporter/textfile"].mkdir()
    (cli.home / "pepper.key").write_text(cli.env["PEPPER"])
    (cli.home / "pepper.key").chmod(0o600)
    return found


def _environment(table: Place, cli: Cli, given: dict[str, str]) -> dict[str, str]:
    """The variables that a file sets, made to fit this machine."""
    assert given["INGEST_TABLE"] == "breaches"
    assert given["INGEST_KEY"] == "file:/etc/ingest-cli/pepper.key"
    return {
        "INGEST_TABLE": table.name,
        "INGEST_KEY": f"file:{cli.home / 'pepper.key'}",
        "INGEST_ENDPOINT_URL": table.endpoint.url,
    }


def test_the_crontab(cli: Cli, table: Place, places: dict[str, Path], tmp_path: Path) -> None:
    lines = [line for line in (DEPLOY / "crontab").read_text().splitlines() if not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines[:-1])
    when, command = lines[-1].split(" ", 5)[:5], lines[-1].split(" ", 5)[5]
    assert all(re.fullmatch(r"[\d*]+", one) for one in when)
    assert "%" not in command, "cron takes it for the end of the line"
    places["/var/log/ingest-cli"] = tmp_path
    done = _shell(_put(command, places), cli, _environment(table, cli, given))
    assert (done.returncode, done.stdout) == (0, b"")
    assert len(table.items) == 258
    assert (tmp_path / "metrics" / "ingest-cli.prom").stat().st_mode & stat.S_IROTH, "node_exporter is somebody else"
    assert all(json.loads(line) for line in (tmp_path / "ingest.log").read_text().splitlines())
    assert "/var/log/ingest-cli/*.log {" in (DEPLOY / "logrotate").read_text()


def test_the_service_s_command(cli: Cli, table: Place, places: dict[str, Path]) -> None:
    lines = (DEPLOY / "ingest-cli.service").read_text().splitlines()
    given = dict(line.split("=", 2)[1:] for line in lines if line.startswith("Environment="))
    (start,) = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    done = _shell(_put(start, places), cli, _environment(table, cli, given))
    assert done.returncode == 0
    assert b"load complete" in done.stdout
    assert len(table.items) == 258


@pytest.mark.parametrize("name", ["ingest-cli.service", "ingest-cli.timer"])
def test_the_units_are_units(name: str) -> None:
    unit = RawConfigParser(strict=False, delimiters="=", comment_prefixes="#")
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # how configparser is told that case matters
    unit.read(DEPLOY / name)
    assert set(unit) <= {"DEFAULT", "Unit", "Service", "Timer", "Install"}
    assert unit["Unit"]["Description"]
    if name.endswith(".timer"):
        assert unit["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    for name in ("ingest-cli.service", "ingest-cli.timer"):
        (tmp_path / name).write_text((DEPLOY / name).read_text().replace(INSTALLED, str(COMMAND)))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.glob("ingest-cli.*")))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


STUB = '#!/bin/bash\necho "$(basename "$0") $*" >> "$LOG"\n'
STUBS = {
    "dnf": "",
    "aws": 'if [[ "$*" == *ingest.log* ]]; then cat "$4" >> "$LOG"; fi\n',
    "python3.11": 'mkdir -p "$3/bin"; cp "$STUBS/pip" "$STUBS/ingest-cli" "$3/bin/"\n',
    "pip": "",
    "ingest-cli": 'touch "$PLACE/ingest.log"; read -r code rest < "$CODES"; echo "$rest" > "$CODES"; exit "$code"\n',
    "sleep": "",
    "shutdown": "",
}


@pytest.mark.parametrize(
    ("codes", "runs", "last"), [("0", 1, 0), ("75 75 0", 3, 0), ("4", 1, 4), ("75 75 75 75", 3, 75)]
)
def test_the_user_data_goes_on_until_it_is_done(tmp_path: Path, codes: str, runs: int, last: int) -> None:
    stubs, log = tmp_path / "stubs", tmp_path / "log"
    stubs.mkdir()
    for name, rest in STUBS.items():
        (stubs / name).write_text(STUB + rest)
        (stubs / name).chmod(0o755)
    (tmp_path / "codes").write_text(codes)
    env = {
        "PATH": f"{stubs}:{os.environ['PATH']}",
        "LOG": str(log),
        "STUBS": str(stubs),
        "CODES": str(tmp_path / "codes"),
        "PLACE": str(tmp_path / "place"),
        "ATTEMPTS": "3",
    }
    done = subprocess.run(
        ["bash", DEPLOY / "user-data.sh"], env=env, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    called = log.read_text().splitlines()
    loads = [line for line in called if line.startswith("ingest-cli load ")]
    assert len(loads) == runs
    assert "--table breaches --key secretsmanager:arn:aws:secretsmanager:" in loads[0]
    assert re.search(rf"-exit-{last}\.jsonl$", called[-2])
    assert called[-1] == "shutdown -h now"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing_wrong_with_it() -> None:
    subprocess.run(["shellcheck", DEPLOY / "user-data.sh"], timeout=TIMEOUT_S, check=True)


@pytest.mark.parametrize(
    ("name", "service", "operation"),
    [
        ("ecs-task-definition.json", "ecs", "RegisterTaskDefinition"),
        ("batch-job-definition.json", "batch", "RegisterJobDefinition"),
    ],
)
def test_the_definitions_are_what_aws_takes(name: str, service: str, operation: str) -> None:
    """By the shapes of its API that botocore has; an unknown key is a fault there, too."""
    given = json.loads((DEPLOY / name).read_text())
    client = boto3.client(service, region_name="us-east-1")
    shape = client.meta.service_model.operation_model(operation).input_shape
    client.close()
    assert ParamValidator().validate(given, shape).generate_report() == ""
    text = json.dumps(given)
    (command,) = set(re.findall(r"exec (ingest-cli [^\"]*)", text))
    assert "--metrics-emf -" in command


def test_the_containers_command(cli: Cli, table: Place, places: dict[str, Path]) -> None:
    given = json.loads((DEPLOY / "ecs-task-definition.json").read_text())["containerDefinitions"][0]
    (script,) = given["command"]
    script = script.replace("exec ingest-cli", f"exec {COMMAND}").replace("/manifests", str(places["/srv/dumps"]))
    env = {"INGEST_TABLE": table.name, "INGEST_KEY": "env:PEPPER", "INGEST_ENDPOINT_URL": table.endpoint.url}
    done = _shell(script, cli, env)
    assert done.returncode == 0
    report, metrics, message = map(json.loads, done.stdout.splitlines())
    assert (report["outcome"], metrics["Outcome"], message["level"]) == ("complete", "complete", "info")


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_a_policy_grants_what_there_is_and_names_what_it_is_for(path: Path) -> None:
    policy = json.loads(path.read_text())
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert statement.keys() == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert actions == sorted(actions)
        for action in actions:
            service, _, name = action.partition(":")
            client = boto3.client(service, region_name="us-east-1")
            # The name of the one action that is not that of an operation, but stands for one (ListObjectsV2).
            known = {*client.meta.service_model.operation_names, *(["ListBucket"] if service == "s3" else [])}
            client.close()
            assert name in known
        assert "*" not in statement["Resource"].removesuffix("/PREFIX/*")


@pytest.mark.parametrize(
    ("document", "name", "sid"),
    [("docs/operators-guide.md", "iam-loader.json", "LoadTheTable"), ("README.md", "iam-reader.json", "AskTheTable")],
)
def test_a_policy_is_the_one_of_the_documents(document: str, name: str, sid: str) -> None:
    """Which are held against what the commands ask for, when their sessions are run."""
    blocks = re.findall(r"^```json\n(.*?)^```$", (REPOSITORY / document).read_text(), re.MULTILINE | re.DOTALL)
    (shown,) = [json.loads(block) for block in blocks if f'"{sid}"' in block]
    filed = json.loads((DEPLOY / name).read_text())
    assert [one for one in filed["Statement"] if one in shown["Statement"]] == shown["Statement"]


def test_every_file_is_explained() -> None:
    text = (DEPLOY / "README.md").read_text()
    assert {path.name for path in DEPLOY.iterdir()} - {"README.md"} == set(
        re.findall(r"^\| \[`([^`]+)`\]", text, re.MULTILINE)
    )
