"""How often capacity can be lowered, how long a change is waited for, and when a raise costs too much."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ingest_cli.aws.capacity.autoscaling import is_aws
from ingest_cli.aws.capacity.capacity import Billing, CapacityControl
from ingest_cli.aws.capacity.raise_record import Raise
from ingest_cli.aws.capacity.temporary_raise import ScaleWish, Scaling
from ingest_cli.aws.lease import Holder
from ingest_cli.errors import BusyError, TableError, TryAgainError
from ingest_cli.model.settings import Target
from ingest_cli.report.pricing import PriceList, Tariff
from ingest_cli.runtime.stop import StopRequest
from tests.support.fake_clock import FakeClock

NOW = dt.datetime(2026, 11, 23, 9, 30, tzinfo=dt.UTC)


def billing(decreases: int, last: dt.datetime | None, **more: Any) -> Billing:
    provisioned = {"WriteCapacityUnits": 10, "ReadCapacityUnits": 5, "NumberOfDecreasesToday": decreases}
    if last is not None:
        provisioned["LastDecreaseDateTime"] = last
    return Billing.of({"TableStatus": "ACTIVE", "ProvisionedThroughput": provisioned, **more}, NOW)


@pytest.mark.parametrize(
    ("decreases", "ago", "wait", "left"),
    [
        (0, None, 0, 4 + 14),
        (3, 5, 0, 1 + 14),
        (4, 20, 40, 14),  # at 10:10, and once an hour after that
        (4, 70, 0, 15),
        (9, 59, 1, 15),
        (9, 600, 0, 4 + 14),  # that was yesterday, and with it the nine
    ],
)
def test_four_decreases_a_day_and_one_an_hour(decreases: int, ago: int | None, wait: int, left: int) -> None:
    found = billing(decreases, None if ago is None else NOW - dt.timedelta(minutes=ago))
    assert found.next_decrease(NOW) == NOW + dt.timedelta(minutes=wait)
    assert found.decreases_left(NOW) == left


def test_at_the_end_of_the_day_the_next_one_is_waited_for() -> None:
    late = NOW.replace(hour=23, minute=50)
    found = Billing.of(
        {
            "TableStatus": "ACTIVE",
            "ProvisionedThroughput": {"NumberOfDecreasesToday": 4, "LastDecreaseDateTime": late},
        },
        late,
    )
    assert found.next_decrease(late) == dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    assert found.decreases_left(late) == 0


class Slow:
    """A table that is changed for so many seconds."""

    target = Target("slow")

    def __init__(self, clock: FakeClock, duration_s: float, status: str = "UPDATING") -> None:
        self._clock, self._until_s, self._status = clock, clock() + duration_s, status

    def describe(self) -> dict[str, Any]:
        return {"TableStatus": self._status if self._clock() < self._until_s else "ACTIVE"}


def test_a_change_is_waited_for_but_not_for_ever() -> None:
    clock = FakeClock()
    table: Any = Slow(clock, 100)
    assert CapacityControl(table).settled(clock.sleep).status == "ACTIVE"
    assert 100 <= sum(clock.slept_s) < 106
    clock = FakeClock()
    table = Slow(clock, 1e9)
    with pytest.raises(BusyError, match="still UPDATING after 600 s"):
        CapacityControl(table).settled(clock.sleep, 600)
    assert sum(clock.slept_s) == pytest.approx(600)
    table = Slow(clock, 1e9, "DELETING")
    with pytest.raises(TableError, match="being deleted"):
        CapacityControl(table).settled(clock.sleep)


def test_warm_throughput_is_waited_for_as_well() -> None:
    warm = {"WriteUnitsPerSecond": 9000, "Status": "UPDATING"}
    assert not billing(0, None, WarmThroughput=warm).is_settled
    assert billing(0, None, WarmThroughput={**warm, "Status": "ACTIVE"}).is_settled


@pytest.mark.parametrize(("minutes", "stops"), [(0, False), (118, False), (119, True), (400, True)])
def test_a_raise_is_stopped_before_the_hour_that_is_too_dear(minutes: int, stops: bool) -> None:  # noqa: FBT001 - a case
    prices, clock, stop = PriceList.read(), FakeClock(), StopRequest()
    rates = prices.rates("us-east-1")
    assert rates is not None
    scaling = Scaling.__new__(Scaling)
    scaling._wish, scaling._now_s = ScaleWish(1100, max_cost=1.9), clock
    scaling._raise = Raise(100, 5, 1100, None, clock(), "token", Holder("host", "", 1, ""))
    clock.advance(minutes * 60)
    scaling.watch_cost(Tariff(rates, "USD", prices.dated, provisioned=True), stop)
    assert stop.requested == stops
    if stops:
        with pytest.raises(TryAgainError, match=r"more than --max-cost 1\.9: 2 h at 0\.65 USD are over"):
            stop.check()


def test_which_endpoints_are_aws_s() -> None:
    assert is_aws("https://dynamodb.ap-southeast-1.amazonaws.com")
    assert is_aws("https://application-autoscaling.cn-north-1.amazonaws.com.cn")
    assert not is_aws("http://127.0.0.1:8000")
    assert not is_aws("https://amazonaws.com.example.org")
