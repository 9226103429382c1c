"""How fast it writes, as the table sees it: what each second of the endpoint's own clock brought.

All loads run at the same time, each against an endpoint that is a process of its own, and are looked at afterwards.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.e2e.harness import PEPPER_HEX, Cli, new_cli, small_dump
from tests.fault.scenes import wait_until
from tests.support.endpoint import EndpointProcess

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
    """

    requests: Sequence[tuple[float, float, bool]]
    others_done_s: float
    code: int

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


WIDE = (("partitions", 64), ("partition_wcu_per_s", 10_000))

CASES = {
    "all there is": Case(14, limits=(("burst_s", 1),)),
    "a number": Case(10, options=("--max-wcu", "400")),
    "a share": Case(10, options=("--max-wcu", "80%")),
    "a small number": Case(12, options=("--max-wcu", "20")),
    "changes": Case(37, changes=((8, 100), (22, 1000))),
    "hot key": Case(wcu_per_s=700, limits=(*WIDE, ("key_wcu_per_s", 50)), hot=True, rows=4000),
    "no hot key": Case(wcu_per_s=700, limits=WIDE, hot=True, rows=4000),
}


def _dump(folder: Path, case: Case) -> Path:
    folder.mkdir()
    rows = [
        ("N", "", HOT_PHONE if case.hot and n % 10 < 3 else "", f"kenari.{n}@example.org") for n in range(case.rows)
    ]
    return small_dump(folder, rows)


def _measure(folder: Path, case: Case) -> Measured:
    cli: Cli = new_cli(folder / "home", secrets=(PEPPER_HEX,))
    manifest = _dump(folder / "dump", case)
    limits = json.dumps(dict(case.limits))
    with EndpointProcess("--latency-ms", "5", "--limits", limits) as endpoint:
        at = ["--table", TABLE, "--endpoint-url", endpoint.url]
        assert cli("table", "create", *at, "--wcu", str(case.wcu_per_s)).code == 0
        client = boto3.client("dynamodb", **endpoint.client_arguments)
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
        return _seen(endpoint.audit(), result.code)


def _first_batch(endpoint: EndpointProcess) -> float:
    wait_until(lambda: endpoint.state(items=False)["tables"][TABLE]["count"] > 5)
    return time.monotonic()


def _seen(audit: dict[str, Any], code: int) -> Measured:
    batches = [one for one in audit["requests"] if one["operation"] == "BatchWriteItem"]
    first = batches[0]["time_s"]
    requests = [
        (one["time_s"] - first, one["wcu"], one["outcome"] != "ok" or one["processed"] < one["items"])
        for one in batches
    ]
    data = [one for one in audit["writes"] if not one["pk"].startswith("_")]
    ((hot, count),) = Counter(one["pk"] for one in data).most_common(1)
    others = [one["time_s"] for one in data if one["pk"] != hot or count == 1]
    return Measured(requests, max(others) - first, code)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Measured]]]:
    folder = tmp_path_factory.mktemp("pace")
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {
            name: pool.submit(_measure, _made(folder / str(number)), case)
            for number, (name, case) in enumerate(CASES.items())
        }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_all_there_is_is_used_and_little_is_throttled(measured: dict[str, Future[Measured]]) -> None:
    seen = measured["all there is"].result()
    seconds = seen.seconds(1)
    assert sum(seconds) / len(seconds) >= 0.95 * 500, seconds
    assert seen.throttled <= 0.02
    assert seen.code == 75


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a number", "a share"])
def test_a_ceiling_is_kept_and_used(measured: dict[str, Future[Measured]], name: str) -> None:
    seen = measured[name].result()
    # The first second has one request more than time for it. After it, a request more or less makes a bin.
    seconds = seen.seconds(1)
    assert 380 <= sum(seconds) / len(seconds) <= 400 + 25 / len(seconds), seconds
    assert max(seen.seconds()) <= 440, seconds
    assert seen.throttled == 0


@pytest.mark.slow
def test_a_small_ceiling_is_smooth(measured: dict[str, Future[Measured]]) -> None:
    seconds = measured["a small number"].result().seconds()
    assert 19 <= sum(seconds) / len(seconds) <= 21, seconds
    assert max(seconds) <= 25, seconds


@pytest.mark.slow
def test_a_changed_capacity_is_found_and_used(measured: dict[str, Future[Measured]]) -> None:
    """Each is settled into within ten seconds, although the table has no unused capacity left to forgive anything."""
    seen = measured["changes"].result()
    for first, last, capacity in ((1, 8, 500), (18, 22, 100), (32, 36, 1000)):
        seconds = seen.seconds(first, last)
        mean = sum(seconds) / len(seconds)
        assert 0.9 * capacity <= mean <= 1.05 * capacity, (capacity, seen.seconds())


@pytest.mark.slow
def test_a_hot_key_holds_up_nobody_else(measured: dict[str, Future[Measured]]) -> None:
    with_it, without = measured["hot key"].result(), measured["no hot key"].result()
    assert (with_it.code, without.code) == (0, 0)
    assert with_it.others_done_s < 1.1 * without.others_done_s
    alone = with_it.seconds(int(with_it.others_done_s) + 2)
    assert 0.8 * 50 <= sum(alone) / len(alone) <= 1.05 * 50, alone  # and it gets what its partition gives
