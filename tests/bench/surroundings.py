"""What the measured commands find around them: an invented dump, a key, credentials, an endpoint that costs little."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3

from tests.bench import measure
from tests.support.dumps import Dump, manifest_of, write_dump
from tests.support.endpoint import ACCESS_KEY, SECRET_KEY, EndpointProcess
from tests.support.endpoint.tables import REGION
from tests.support.shapes import SHAPES, Shape

COMMAND = Path(sys.executable).parent / "ingest-cli"
REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = "bench"
KID, PEPPER = "k1", bytes(range(32))


def _written(telco: Shape) -> Shape:
    """The telco dump with an e-mail column at the end."""
    email = next(field for field in SHAPES["dirty"].fields if field.name == "email")
    return telco._replace(columns=(*telco.columns, ("EMAIL", "email")), fields=(*telco.fields, email))


def _described(written: Shape) -> Shape:
    """The same as its manifest has it: id, phone and e-mail are looked up, the numbers of the SIM left alone."""
    used = ("id", "phone", "email", "name", "address")
    return written._replace(fields=tuple(field for field in written.fields if field.name in used))


WRITTEN = _written(SHAPES["telco"])
DESCRIBED = _described(WRITTEN)


@dataclass(frozen=True)
class Surroundings:
    """Where the benchmarks take place.

    Attributes:
        folder: for dumps; goes away at the end.
        url: of the endpoint.
    """

    folder: Path
    url: str

    def dump(self, rows: int) -> Path:
        """The manifest of a clean dump of so many rows; the dump is written the first time."""
        manifest = self.folder / f"telco-{rows}.toml"
        if not manifest.exists():
            write_dump(Dump(shape=WRITTEN, rows=rows), manifest.with_suffix(".csv"))
            dump = Dump(shape=DESCRIBED, rows=rows)
            manifest.write_text(manifest_of(dump, f"telco-{rows}", [f"telco-{rows}.csv"]), encoding="utf-8")
        return manifest

    def run(self, *command: str | Path) -> measure.Cost:
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
                "AWS_EC2_METADATA_DISABLED": "true",
                "PEPPER": f"{KID}:{PEPPER.hex()}",
            }
            return measure.run(command, env, self.folder)


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """An endpoint that acknowledges every batch unread, with the table, and a folder."""
    with tempfile.TemporaryDirectory(prefix="ingest-cli-bench-") as folder, EndpointProcess("--null") as endpoint:
        client = boto3.client("dynamodb", **endpoint.client_arguments)
        client.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client.close()
        yield Surroundings(Path(folder), endpoint.url)
