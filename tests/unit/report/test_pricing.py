"""Prices and their age, and budgets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ingest_cli.errors import SpentError, UsageError
from ingest_cli.report.pricing import STALE_AFTER_DAYS, Pace, PriceList, Tariff, Volume, predict
from ingest_cli.runtime.shared_state import BudgetState, SharedByProcesses, SharedState
from ingest_cli.sinks.policies.budget import Budget

LIST = PriceList.read()
PRICES = """\
dated = {dated}
currency = "USD"
[free_tier]
wcu = 25
[regions.us-east-1]
write_request_million = {price}
wcu_hour = 0.00065
rcu_hour = 0.00013
storage_gb_month = 0.25
import_gb = 0.15
"""

WRONG_LISTS = {
    "no TOML": ("dated 3", "is not TOML"),
    "no date": ('currency = "USD"\n[regions.us-east-1]', "dated"),
    "a date as text": ('dated = "2026"\ncurrency = "USD"', "must be a date"),
    "no region": ('dated = 2026-01-01\ncurrency = "USD"', "[regions]"),
    "a price that is none": (PRICES.format(dated="2026-01-01", price='"x"'), "must be a price"),
    "a price below nothing": (PRICES.format(dated="2026-01-01", price="-1"), "must be a price"),
    "a price forgotten": (PRICES.format(dated="2026-01-01", price=1).replace("rcu_hour", "#"), "rcu_hour"),
    "a price misspelled": (PRICES.format(dated="2026-01-01", price=1).replace("rcu_h", "rcu_"), "did you mean"),
}


def test_prices_are_stale_after_a_year_and_a_day() -> None:
    assert LIST.warning(LIST.dated + dt.timedelta(days=STALE_AFTER_DAYS)) is None
    said = LIST.warning(LIST.dated + dt.timedelta(days=STALE_AFTER_DAYS + 1))
    assert said is not None
    assert "366 days ago" in said


def test_the_packaged_list_has_the_region_of_the_first_breach() -> None:
    rates = LIST.rates("ap-southeast-1")
    assert rates is not None
    assert rates.wcu_hour == 0.00074
    assert rates.doubt("import_gb")
    assert not rates.doubt("wcu_hour")
    assert LIST.rates("mars-north-1") is None


def test_what_is_begun_is_paid() -> None:
    rates = LIST.rates("us-east-1")
    assert rates is not None
    million = Volume(1_000_000, 1_000_000, 10**8, 10**8)
    ways = {way.way: way for way in predict(million, LIST, rates, Pace(4000, 100)).ways}
    assert ways["provisioned"].hours == pytest.approx(2.7778, abs=1e-4)
    assert ways["provisioned"].cost == pytest.approx(3 * 100 * 0.00065), "three hours begun"
    assert ways["on-demand"].cost == pytest.approx(0.625)
    assert ways["on-demand"].hours == pytest.approx(1e6 / 4000 / 3600)
    assert ways["free-tier"].hours == pytest.approx(1e6 / 25 / 3600)
    tariff = Tariff(rates, "USD", LIST.dated, provisioned=True)
    assert tariff.capacity_cost(100, 10, 1.01).amount == pytest.approx(2 * (0.065 + 0.0013))
    assert tariff.cost(3600).amount == pytest.approx(0.00065), "the share of a unit-hour"
    assert tariff.wcu_for(0.00065) == pytest.approx(3600)


@pytest.mark.parametrize("state", [SharedState().budget, SharedByProcesses().budget], ids=["alone", "shared"])
def test_a_budget_is_never_passed(state: BudgetState) -> None:
    first = Budget.starting(state, 60)
    second = Budget(state)
    first.reserve(25)
    second.reserve(25)
    with pytest.raises(SpentError):
        first.reserve(25)
    second.settle(-25)  # it was throttled
    first.reserve(25)
    first.settle(10)  # and took more than expected
    with pytest.raises(SpentError):
        second.reserve(1)


def test_without_a_limit_there_is_no_budget() -> None:
    budget = Budget.starting(SharedState().budget, None)
    budget.settle(1e12)
    budget.reserve(1e12)


@pytest.mark.parametrize("mistake", WRONG_LISTS)
def test_a_price_list_with_a_mistake(tmp_path: Path, mistake: str) -> None:
    text, words = WRONG_LISTS[mistake]
    prices = tmp_path / "mine.toml"
    prices.write_text(text)
    with pytest.raises(UsageError) as caught:
        PriceList.read(prices)
    assert str(prices) in str(caught.value)
    assert words in str(caught.value)
