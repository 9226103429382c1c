"""How fast a load writes, as the table sees it: what each second of the endpoint's own clock brought."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from tests.e2e.harness import PEPPER_HEX, Cli, new_cli, small_dump
from tests.support.endpoint import EndpointProcess
from tests.support.waiting import until

TABLE = "people"
HOT_PHONE = "0129987341"


@dataclass(frozen=True)
class Case:
    """A load to be measured.

    Attributes:
        seconds: how long it is looked at, from its first batch on; then it is stopped.
        wcu_per_s: provisioned.
        options: of the command.
        changes: (seconds after the first batch, what the table is provisioned with from then on).
        limits: what the endpoint enforces besides.
        hot: whether 30 % of the rows share a phone number.
        rows: of the dump.
    """

    seconds: float = 0.0
    wcu_per_s: int = 500
    options: tuple[str, ...] = ()
    changes: tuple[tuple[float, int], ...] = ()
    limits: tuple[tuple[str, int], ...] = ()
    hot: bool = False
    rows: int = 20_000


@dataclass(frozen=True)
class Measured:
    """What the endpoint saw.

    Attributes:
        requests: of BatchWriteItem: (seconds after the first one, WCU, whether it was throttled).
        others_done_s: when the last item of another key than the hot one was written.
        code: exit code of the command.
        elapsed_s: from before the command was started until after it had ended.
    """

    requests: Sequence[tuple[float, float, bool]]
    others_done_s: float
    code: int
    elapsed_s: float

    @property
    def wcu(self) -> float:
        """All that was consumed."""
        return sum(wcu for _, wcu, _ in self.requests)

    def seconds(self, first: int = 0, last: int | None = None) -> list[float]:
        """WCU in each full second, from `first` up to, and without, `last`."""
        bins: defaultdict[int, float] = defaultdict(float)
        for at, wcu, _ in self.requests:
            bins[int(at)] += wcu
        end = int(self.requests[-1][0]) if last is None else last
        return [bins[second] for second in range(first, end)]

    @property
    def throttled(self) -> float:
        """Share of the requests that were."""
        return sum(throttled for *_, throttled in self.requests) / len(self.requests)


def _dump(folder: Path, case: Case) -> Path:
    folder.mkdir()
    rows = [
        ("N", "", HOT_PHONE if case.hot and n % 10 < 3 else "", f"kenari.{n}@example.org") for n in range(case.rows)
    ]
    return small_dump(folder, rows)


def measure(folder: Path, case: Case) -> Measured:
    """Run a load in `folder`, which is made, against an endpoint that is a process of its own."""
    folder.mkdir(exist_ok=True)
    cli: Cli = new_cli(folder / "home", secrets=(PEPPER_HEX,))
    manifest = _dump(folder / "dump", case)
    limits = json.dumps(dict(case.limits))
    with EndpointProcess("--latency-ms", "5", "--limits", limits) as endpoint:
        at = ["--table", TABLE, "--endpoint-url", endpoint.url]
        assert cli("table", "create", *at, "--wcu", str(case.wcu_per_s)).code == 0
        client = boto3.client("dynamodb", **endpoint.client_arguments)
        started = time.monotonic()
        with cli.started("load", manifest, *at, "--key", "env:PEPPER", *case.options) as process:
            began = _first_batch(endpoint)
            for after, wcu in case.changes:
                time.sleep(max(began + after - time.monotonic(), 0))
                client.update_table(
                    TableName=TABLE, ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": wcu}
                )
            if case.seconds:
                time.sleep(max(began + case.seconds - time.monotonic(), 0))
                process.terminate()
            result = cli.finish(process)
        elapsed_s = time.monotonic() - started
        return _seen(endpoint.audit(), result.code, elapsed_s)


def _first_batch(endpoint: EndpointProcess) -> float:
    until(lambda: endpoint.state(items=False)["tables"][TABLE]["count"] > 5)
    return time.monotonic()


def _seen(audit: dict[str, Any], code: int, elapsed_s: float) -> Measured:
    batches = [one for one in audit["requests"] if one["operation"] == "BatchWriteItem"]
    first = batches[0]["time_s"]
    requests = [
        (one["time_s"] - first, one["wcu"], one["outcome"] != "ok" or one["processed"] < one["items"])
        for one in batches
    ]
    data = [one for one in audit["writes"] if not one["pk"].startswith("_")]
    ((hot, count),) = Counter(one["pk"] for one in data).most_common(1)
    others = [one["time_s"] for one in data if one["pk"] != hot or count == 1]
    return Measured(requests, max(others) - first, code, elapsed_s)
