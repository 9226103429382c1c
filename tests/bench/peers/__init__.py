"""Other libraries that write items into DynamoDB: who they are, and the items they are given.

Those of PyPI live in an environment of their own, since some of them want other versions of boto3 and of Arrow than
this program has; `make bench` makes it, and installs those of npm beside the scripts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.surroundings import ANY_RATE, COMMAND, Surroundings
from tests.support.endpoint import EndpointProcess

HERE = Path(__file__).parent
PYTHON = Path(sys.prefix) / "peers" / "bin" / "python"


@dataclass(frozen=True)
class Peer:
    """A script, and what runs it.

    Attributes:
        script: its file name; see `ready.py` for how it is called.
        package: the module or package that it is about.
        python: the interpreter; None for Node.js.
    """

    script: str
    package: str
    python: Path | None = PYTHON

    @property
    def command(self) -> tuple[str | Path, ...]:
        """The beginning of its command line."""
        return (self.python or "node", HERE / self.script)

    def missing(self) -> str:
        """Why it cannot run here; empty if it can."""
        if self.python is None:
            installed = (HERE / "node_modules" / self.package).is_dir() and shutil.which("node") is not None
        else:
            installed = self.python.exists() and _imports(self.python, self.package)
        return "" if installed else f"{self.package} is not installed; make bench does that"


def _imports(python: Path, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


PEERS = {
    "boto3 batch_writer, ready items": Peer("boto3_batch_writer.py", "boto3", Path(sys.executable)),
    "awswrangler put_df, ready frame": Peer("awswrangler_put_df.py", "awswrangler"),
    "awswrangler put_items, ready items": Peer("awswrangler_put_items.py", "awswrangler"),
    "PynamoDB batch_write, ready models": Peer("pynamodb_batch_write.py", "pynamodb"),
    "aioboto3 batch_writer, ready items": Peer("aioboto3_batch_writer.py", "aioboto3"),
    "aiodynamo batch_write, ready items": Peer("aiodynamo_batch_write.py", "aiodynamo"),
    "lib-dynamodb of npm, ready items": Peer("lib_dynamodb.mjs", "@aws-sdk/lib-dynamodb", None),
}
"""Whom the program is compared with, by how they are called in the table."""


def ready_items(place: Surroundings, rows: int) -> Path:
    """The items of a dump of so many rows, in DynamoDB's JSON, one a line: as this program wrote them into a table."""
    path = place.folder / f"items-{rows}.jsonl"
    if not path.exists():
        with EndpointProcess() as endpoint:
            to = ["--table", "items", "--endpoint-url", endpoint.url]
            place.run(COMMAND, "table", "create", *to)
            place.run(COMMAND, "load", place.dump(rows), *to, *ANY_RATE, "--key", "env:PEPPER")
            stored = endpoint.state()["tables"]["items"]["items"]
        items = [item for item in stored if not item["pk"]["S"].startswith("_")]
        path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return path
