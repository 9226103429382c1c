"""The steps of `deploy/README.md`, run one after the other on a server that is a folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.account import DEPLOY
from tests.e2e.harness import COMMAND, new_cli, small_dump
from tests.support import waiting
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Endpoint
from tests.support.host_files import Unit, crontab
from tests.support.iam import Policy
from tests.support.stubs import Stubs

README = DEPLOY / "README.md"
MAX_POLICY_CHARACTERS, MAX_USER_DATA_BYTES = 6_144, 16_384
"""Of a managed policy without its white space, and of user data: quotas of IAM and EC2."""

INSTALL = """\
words=()
while (($#)); do
  case "$1" in -o | -g) shift ;; *) words+=("$1") ;; esac
  shift
done
exec /usr/bin/install "${words[@]}"
"""
"""`install`, without the owner, whom there is not."""


def steps() -> list[str]:
    """The commands of the page, in order."""
    text = README.read_text(encoding="utf-8")
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        found += [one.strip() for one in re.split(r"^\$ ", block, flags=re.MULTILINE) if one.strip()]
    return found


@dataclass
class Server:
    """Runs the steps.

    Attributes:
        folder: where they are run; `root` in it is the server.
        env: of everything.
        stubs: commands of the server, and `aws`.
        ran: what was started by systemd and by cron, and its exit code.
    """

    folder: Path
    env: dict[str, str]
    stubs: Stubs
    ran: list[tuple[str, int]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def here(self, text: str) -> str:
        """A text with the folders of the server replaced by those below `root`."""
        return re.sub(r"(?<![\w./])/(etc|opt|srv|var/lib|var/cache|var/log)/", rf"{self.root}/\1/", text)

    def run(self, command: str, env: dict[str, str] | None = None) -> str:
        """Run a command of the page; what it printed."""
        done = waiting.run(
            ["bash", "-c", self.here(command)],
            env={**self.env, **(env or {})},
            cwd=self.folder,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, (command, done.stdout)
        return done.stdout

    def start(self, name: str) -> None:
        """What systemd does when it is told to start a service."""
        unit = Unit.read(name, (self.root / "etc/systemd/system" / name).read_text())
        env = {name: self.here(text) for name, text in unit.environment.items()}
        self.run(" ".join(f"'{word}'" if " " in word else word for word in unit.command), env)
        self.ran.append((name, 0))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    cli = new_cli(folder / "home")
    stubs = Stubs(folder / "stubs")
    stubs.add("useradd", "systemctl")
    stubs.add("install", then=INSTALL)
    stubs.add("crontab", then="test -r $3")
    stubs.add("python3", then=f'mkdir -p "$3/bin" && cp "{stubs.folder}/pip" "$3/bin/pip"')
    stubs.add("pip", then=f'test -e "${{@: -1}}" && ln -sf {COMMAND} "$(dirname "$0")/ingest-cli"')
    bucket = {"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    stubs.add_python("aws", buckets=str(folder / "buckets"), policy={"Statement": [bucket]}, used=str(folder / "used"))
    shutil.copytree(DEPLOY, folder / "deploy")
    for name in ("systemd/system", "logrotate.d"):
        (folder / "root" / "etc" / name).mkdir(parents=True)
    (folder / "ingest_cli-0.1.0-cp311-abi3-linux_x86_64.whl").touch()
    (folder / "credentials").write_text(
        f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
    )
    small_dump(folder)
    with Endpoint() as endpoint:
        env = {**cli.env, "AWS_ENDPOINT_URL_DYNAMODB": endpoint.url, "AWS_DEFAULT_REGION": "ap-southeast-1"}
        del env["AWS_REGION"], env["PEPPER"]
        env["PATH"] = f"{COMMAND.parent}:{env['PATH']}"
        yield Server(folder, stubs.path(env), stubs)


def test_the_steps_lead_to_a_table_that_is_verified(server: Server) -> None:
    said = ""
    for command in steps():
        said = server.run(command)
        if command.startswith("install -d -o root"):
            small_dump(server.root / "srv/dumps")
        if command.startswith("systemctl start"):
            server.start(command.split()[-1])
    assert "9 items" in said
    assert "verify complete" in said
    assert server.ran == [("ingest-cli.service", 0)]
    called = server.stubs.called
    assert [line for line in called if line.startswith("systemctl")] == [
        "systemctl daemon-reload",
        "systemctl start ingest-cli.service",
        "systemctl enable --now ingest-cli.timer",
    ]
    assert (server.root / "etc/ingest-cli/pepper.key").stat().st_mode & 0o777 == 0o600
    (job,) = crontab((server.folder / "filled/crontab").read_text())
    assert "unchanged" not in server.run(job.command, {name: server.here(text) for name, text in job.variables.items()})
    assert (server.folder / "buckets/my-dumps/manifests/demo-small.toml").exists()
    policies = [line for line in called if line.startswith("aws iam create-policy")]
    assert len(policies) == len(list(DEPLOY.glob("iam-*.json")))


def test_what_is_filled_in_is_complete_and_within_the_quotas(server: Server) -> None:
    """No word in capitals is left of those that stand for something, in what AWS is given."""
    if not (server.folder / "filled").exists():
        for command in steps()[:2]:
            server.run(command)
    placeholders = set(re.findall(r"`([A-Z]+)`", README.read_text().partition("## 1.")[2].partition("```")[0]))
    assert placeholders == {"REGION", "ACCOUNT", "NAME", "KID", "DATASET", "BUCKET", "PREFIX", "LOGS"}
    for path in (server.folder / "filled").iterdir():
        if path.name == "README.md":
            continue
        text = path.read_text()
        assert not placeholders & set(re.findall(r"\b[A-Z]+\b", text)), path.name
        if path.name.startswith("iam-"):
            assert len(re.sub(r"\s", "", text)) <= MAX_POLICY_CHARACTERS
            assert Policy.of(json.loads(text)).statements
    assert (server.folder / "filled/user-data.sh").stat().st_size <= MAX_USER_DATA_BYTES
