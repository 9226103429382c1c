"""An AWS account on the loopback interface: a table, a bucket with a dump, a secret, and the roles of `deploy/`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3

from tests.e2e.harness import KID, PEPPER_LINE, REPOSITORY, Cli, Place, Result, new_cli, small_dump
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, Credentials, Endpoint
from tests.support.endpoint.access import ACCOUNT
from tests.support.endpoint.tables import REGION
from tests.support.iam import Policy
from tests.support.object_store import ObjectStore
from tests.support.secret_store import SecretStore

DEPLOY = REPOSITORY / "deploy"
ROLES = ("loader", "reader", "verifier", "operator")
TABLE, DATASET, BUCKET = "breaches", "demo-small", "dumps-of-the-demo"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:pepper-AbCdEf"
NAMES = {
    "REGION": REGION,
    "ACCOUNT": ACCOUNT,
    "NAME": "pepper-AbCdEf",
    "BUCKET": BUCKET,
    "PREFIX": "2017",
    "LOGS": "logs-of-the-demo",
    "DATASET": "demo-*",
    "KID": KID,
}
"""What stands in the files → what it is here."""


def filled(name: str) -> str:
    """The text of a file in `deploy/`, with the names of this account."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    for placeholder, here in NAMES.items():
        text = re.sub(rf"\b{placeholder}\b", here, text)
    return text


def policy(*names: str) -> Policy:
    """The policies of files such as `iam-loader.json`, given as `loader`, as one."""
    return Policy.of(*(json.loads(filled(f"iam-{name}.json")) for name in names))


def access_key(role: str) -> str:
    """The access key of a role."""
    return f"AKIA{role.upper():0>16}"


@dataclass
class Account:
    """An AWS account with a table, a bucket with one dump, a secret, and roles that may use them.

    Attributes:
        endpoint, store, secrets: its services.
        folder: where the manifests are.
        cli: the command, as somebody who may do everything.
        policies: role → its policy.
    """

    endpoint: Endpoint
    store: ObjectStore
    secrets: SecretStore
    folder: Path
    cli: Cli
    policies: dict[str, Policy] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        return Place(self.endpoint, TABLE)

    def change_dump(self) -> None:
        """Replace one person of the dump by another."""
        self.store.data = self.store.data.replace(b"870513-10-4739", b"880513-10-4739")
        self.store.etag = f"{int(self.store.etag, 16) + 1:x}"

    def role(self, name: str, *parts: str) -> Policy:
        """Give a role the policies of files, and forget what it has used of others."""
        found = policy(*parts or (name,))
        for service in (self.endpoint.service, self.store, self.secrets):
            service.policies[access_key(name)] = found
        self.policies[name] = found
        return found

    def run(self, role: str, *arguments: str | Path, stdin: str = "") -> Result:
        """Run a command in a role; its key is in the secret."""
        env = {**self.cli.env, **self.environment(role)}
        return replace(self.cli, env=env)(*arguments, stdin=stdin)

    def environment(self, role: str) -> dict[str, str]:
        """The variables that lead to this account in a role; "": one that may do everything."""
        return {
            "AWS_ACCESS_KEY_ID": access_key(role) if role else ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.store.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.secrets.url,
            "AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING": self.endpoint.url,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "INGEST_TABLE": TABLE,
            "INGEST_KEY": f"secretsmanager:{SECRET}",
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint.url,
        }

    def client(self, role: str, service: str = "dynamodb") -> Any:
        """A client of DynamoDB in a role."""
        keys = (access_key(role) if role else ACCESS_KEY, SECRET_KEY)
        return boto3.client(
            service,  # type: ignore[call-overload] # a str
            endpoint_url=self.endpoint.url,
            region_name=REGION,
            aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1],
        )


@contextmanager
def opened(folder: Path) -> Iterator[Account]:
    """An account with an empty table of 50 WCU; the dump in its bucket is the one of `DATASET`."""
    small_dump(folder, source=f"s3://{BUCKET}/2017/")
    dump = (folder / f"{DATASET}.csv").read_bytes()
    credentials = [Credentials(key, SECRET_KEY) for key in (ACCESS_KEY, *map(access_key, ROLES))]
    with ExitStack() as stack:
        endpoint = stack.enter_context(Endpoint(credentials=credentials))
        store = stack.enter_context(ObjectStore(dump, "2017/dump.csv"))
        secrets = stack.enter_context(SecretStore(SECRET, PEPPER_LINE))
        found = Account(endpoint, store, secrets, folder, new_cli(folder / "home"))
        for role in ROLES:
            found.role(role)
        assert found.run("", "table", "create", "--wcu", "50").code == 0
        yield found
