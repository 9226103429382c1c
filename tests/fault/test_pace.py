"""The rate of the installed command, by the clock on the wall: only bounds that no slow machine can break.

How well a rate is used, and how soon a new one is settled into, is for `tests/property/test_pace.py`, in virtual time;
`python -m tests.bench.pace` measures it on a machine. All loads run at the same time, and are looked at afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.fault.pace import Case, Measured, measure

BATCH_WCU = 25
SAVED_UP = (("burst_s", 300),)
"""So that the table itself takes whatever comes, and it is the command that holds back."""

CASES = {
    "a number": Case(8, options=("--max-wcu", "20"), limits=SAVED_UP),
    "a share": Case(8, options=("--max-wcu", "4%"), limits=SAVED_UP),
    "two workers": Case(8, options=("--max-wcu", "200", "--workers", "2"), limits=SAVED_UP),
    "a change": Case(14, changes=((2, 100),), limits=SAVED_UP),
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Measured]]]:
    folder = tmp_path_factory.mktemp("pace")
    with ThreadPoolExecutor(len(CASES)) as pool:
        yield {name: pool.submit(measure, folder / name.replace(" ", "-"), case) for name, case in CASES.items()}


@pytest.mark.slow
@pytest.mark.timed
@pytest.mark.parametrize(("name", "ceiling"), [("a number", 20), ("a share", 20), ("two workers", 200)])
def test_a_ceiling_is_never_exceeded(measured: dict[str, Future[Measured]], name: str, ceiling: int) -> None:
    seen = measured[name].result()
    assert 0 < seen.wcu <= ceiling * seen.elapsed_s + BATCH_WCU
    assert seen.throttled == 0
    assert seen.code == 75


@pytest.mark.slow
@pytest.mark.timed
def test_a_change_of_the_capacity_is_noticed(measured: dict[str, Future[Measured]]) -> None:
    """Long after it, the rate is nowhere near the old one of 500, which the table would still take."""
    seen = measured["a change"].result()
    seconds = seen.seconds(9)
    assert sum(seconds) <= 250 * len(seconds), seen.seconds()
    assert seen.wcu <= 500 * seen.elapsed_s + BATCH_WCU
    assert seen.code == 75
