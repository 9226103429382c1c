"""What the measured commands find around them: invented dumps, a key, credentials, an endpoint that costs little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import boto3

from tests.bench import dumping, measure
from tests.support.dumps import Dump, manifest_of
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, EndpointProcess, make_certificate
from tests.support.endpoint.tables import REGION

COMMAND = Path(sys.executable).parent / "ingest-cli"
REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = "bench"
KID, PEPPER = "k1", bytes(range(32))

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
"""Worker processes that the program takes by itself for a large dump."""

ANY_RATE = ("--max-wcu", "1000000")
"""The endpoint takes any rate: the program need not find out which."""


class Counts(NamedTuple):
    """What the endpoint has seen so far.

    Attributes:
        items: that came in batches.
        requests: batches.
        cpu_s: its own processor time.
    """

    items: int
    requests: int
    cpu_s: float


@dataclass(frozen=True)
class Surroundings:
    """Where the benchmarks take place.

    Attributes:
        folder: for dumps; goes away at the end.
        url: of the endpoint, with TLS.
        plain_url: of the same endpoint, without.
        ca_path: the certificate to trust.
    """

    folder: Path
    url: str
    plain_url: str
    ca_path: Path

    def dump(self, rows: int, *, zipped: bool = False) -> Path:
        """The manifest of a clean dump of so many rows; the dump is written the first time."""
        name = f"telco-{rows}"
        dump = Dump(shape=dumping.DESCRIBED, rows=rows)
        plain, manifest = self.folder / f"{name}.csv", self.folder / f"{name}.toml"
        if not manifest.exists():
            dumping.write(plain, rows)
            manifest.write_text(manifest_of(dump, name, [plain.name]), encoding="utf-8")
        if not zipped:
            return manifest
        packed, manifest = self.folder / f"{name}.csv.gz", self.folder / f"{name}-gz.toml"
        if not manifest.exists():
            dumping.zip_file(plain, packed)
            manifest.write_text(manifest_of(dump, f"{name}-gz", [packed.name]), encoding="utf-8")
        return manifest

    def forget(self, manifest: Path) -> None:
        """Delete a dump and its manifest."""
        for path in (manifest, manifest.with_suffix(".csv")):
            path.unlink(missing_ok=True)

    def run(self, *command: str | Path, sample_memory: bool = False) -> measure.Cost:
        """Run a command with an empty home, so that nothing is remembered from the run before.

        Raises:
            CommandFailedError: it failed.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as home:
            env = {
                "PATH": os.environ["PATH"],
                "HOME": home,
                "LANG": "C.UTF-8",
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_REGION": REGION,  # what the SDK for JavaScript calls it
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CA_BUNDLE": str(self.ca_path),
                "NODE_EXTRA_CA_CERTS": str(self.ca_path),
                "PEPPER": f"{KID}:{PEPPER.hex()}",
            }
            return measure.run(command, env, self.folder, sample_memory=sample_memory)

    def load(self, manifest: Path, *options: str, sample_memory: bool = False) -> tuple[measure.Cost, int]:
        """Load a dump with the program; what that cost, and how many items it wrote.

        Raises:
            CommandFailedError: it failed.
        """
        at = ["--table", TABLE, "--endpoint-url", self.url, "--key", "env:PEPPER"]
        how = [*ANY_RATE, "--restart", "--output", "json"]
        before = self.counts()
        cost = self.run(COMMAND, "load", manifest, *at, *how, *options, sample_memory=sample_memory)
        items = int(json.loads(cost.out)["items"]["acknowledged"])
        self.check(before, items)
        return cost, items

    def counts(self) -> Counts:
        """What the endpoint has seen so far."""
        # The URL is the one that the endpoint printed: http://127.0.0.1:PORT.
        with urllib.request.urlopen(f"{self.plain_url}/__counts__", timeout=60) as answer:  # noqa: S310 - see above
            return Counts(**json.load(answer))

    def check(self, before: Counts, items: int) -> None:
        """What a contender says it wrote has to have come.

        Raises:
            CommandFailedError: it has not.
        """
        came = self.counts().items - before.items
        if came != items:
            raise measure.CommandFailedError(f"{items} items were written, and {came} came")


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """An endpoint that acknowledges every batch unread, with the table, and a folder."""
    with tempfile.TemporaryDirectory(prefix="ingest-cli-bench-") as name, EndpointProcess() as endpoint:
        folder = Path(name)
        client = boto3.client("dynamodb", **endpoint.client_arguments)
        client.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client.close()
        certificate = make_certificate(folder)
        paths = [str(certificate.certificate_path), str(certificate.key_path)]
        command = [sys.executable, "-m", "tests.bench.front", endpoint.url.rpartition(":")[2], *paths]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True) as front:
            ports = json.loads(front.stdout.readline() if front.stdout else "")
            secure, plain = (f"127.0.0.1:{ports[name]}" for name in ("secure_port", "plain_port"))
            try:
                yield Surroundings(folder, f"https://{secure}", f"http://{plain}", certificate.certificate_path)
            finally:
                front.communicate()  # closes its standard input


def knows_workers(place: Surroundings, command: str) -> bool:
    """Whether a command of the program can have worker processes."""
    return "--workers" in place.run(COMMAND, command, "--help").out


def with_workers(place: Surroundings, command: str, number: int) -> tuple[str, ...]:
    """The options for so many worker processes; none if the program does not know them."""
    return ("--workers", str(number)) if knows_workers(place, command) else ()
