"""Cost of a load so far and its limit: prices for its table, and `--max-cost`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ingest_cli.errors import TryAgainError, UsageError
from ingest_cli.report.pricing import DEFAULT_REGION, PriceList, Tariff, Volume, as_typed, money, predict
from ingest_cli.report.pricing import Pace as CostPace
from ingest_cli.sinks.policies.pacing import ON_DEMAND_START_WCU_PER_S

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_cli.model.settings import RunSettings
    from ingest_cli.report.report import Report

RESERVE_WCU = 64
"""Write capacity units reserved for the last saved state, the catalog and the lock, not available to items."""


def prices_of(report: Report, path: Path | None, today: dt.date | None = None) -> PriceList:
    """Return the price list, with a note in the report if it is old.

    Raises:
        UsageError: the list cannot be used.
    """
    prices = PriceList.read(path)
    warning = prices.warning(today or dt.datetime.now(dt.UTC).date())
    if warning is not None:
        report.notes.append(warning)
    return prices


def set_tariff(report: Report, settings: RunSettings, region: str, *, provisioned: bool) -> None:
    """Set the prices of writing in the report, where the list has prices for the region.

    Raises:
        UsageError: the list cannot be used, or has no prices although a limit is set.
    """
    prices = prices_of(report, settings.prices)
    rates = prices.rates(region)
    if rates is not None:
        report.tariff = Tariff(rates, prices.currency, prices.dated, provisioned)
    elif settings.max_cost is not None:
        raise UsageError(
            f'--max-cost needs prices, and {prices.name} has none for the region "{region}"; give a list that does '
            "with --prices"
        )


def limit_wcu(report: Report, settings: RunSettings) -> float | None:
    """Return the write capacity units that a load may consume, over all of its runs, within the command's limit."""
    if settings.max_cost is None or report.tariff is None:
        return None
    return report.tariff.wcu_for(settings.max_cost - settings.cost_before) - RESERVE_WCU


def check_limit(report: Report, settings: RunSettings) -> None:
    """Check, before the first write, that anything is left to spend.

    Raises:
        TryAgainError: nothing is left.
    """
    limit = limit_wcu(report, settings)
    if limit is not None and limit <= 0:
        raise spent(report, settings)


def spent(report: Report, settings: RunSettings) -> TryAgainError:
    """Return the error for a load that has used up its limit."""
    cost = report.cost
    assert cost is not None  # noqa: S101 - a limit requires prices
    assert settings.max_cost is not None  # noqa: S101 - and is only reached if set
    runs = " in all of its runs" if report.wcu_before else ""
    others = (
        f", and those before it in this command up to {money(settings.cost_before)}" if settings.cost_before else ""
    )
    return TryAgainError(
        f"stopped before it costs more than --max-cost {as_typed(settings.max_cost)}: it has cost {money(cost.amount)} "
        f"{cost.currency}{runs} ({cost.arithmetic}){others}; run the same command again with a higher --max-cost to go "
        "on"
    )


def cost_of(report: Report) -> float:
    """Return the maximum cost of a load that counts against its command's limit; 0 if it wrote nothing."""
    if report.tariff is None or not report.wcu_spent:
        return 0.0
    return report.tariff.cost(report.wcu_spent + RESERVE_WCU).amount


def predict_load(
    report: Report,
    settings: RunSettings,
    region: str | None,
    *,
    provisioned_wcu: float | None = None,
    on_demand_wcu_per_s: float = ON_DEMAND_START_WCU_PER_S,
    max_wcu_per_s: float | None = None,
) -> None:
    """Add the prediction of a load to the report of a dry run.

    Args:
        report: report of the dry run.
        settings: hold the path of the price list.
        region: region for prices; None or not in the list: `DEFAULT_REGION`.
        provisioned_wcu: provisioned capacity of the table; None: unknown.
        on_demand_wcu_per_s: rate of an on-demand table.
        max_wcu_per_s: ceiling of the load.

    Raises:
        UsageError: the price list cannot be used.
    """
    prices = prices_of(report, settings.prices)
    rates = prices.rates(region or DEFAULT_REGION)
    if rates is None:
        rates = prices.rates(DEFAULT_REGION) or next(iter(prices.regions.values()))
        report.notes.append(f'{prices.name} has no prices for the region "{region}"; those of {rates.region} were used')
    account, default = report.account, CostPace()
    provisioned = provisioned_wcu or max_wcu_per_s or default.provisioned_wcu_per_s
    pace = CostPace(min(on_demand_wcu_per_s, max_wcu_per_s or on_demand_wcu_per_s), max(int(provisioned), 1))
    volume = Volume(account.items_acknowledged, account.wcu_predicted, account.bytes_acknowledged, account.import_bytes)
    report.prediction = predict(volume, prices, rates, pace)
