"""A rate is kept, and used, from second to second; see `pace` for how it is measured.

All loads run at the same time, and are looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fault.pace import Case, Measured, measure

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


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Measured]]]:
    folder = tmp_path_factory.mktemp("pace")
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {
            name: pool.submit(measure, _made(folder / str(number)), case)
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
