"""Cost of a load: prices for its table, the limit `--max-cost`, and the capacity raised for it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_cli.errors import SpentError, TryAgainError, UsageError
from ingest_cli.report.pricing import DEFAULT_REGION, Pace, PriceList, Tariff, Volume, as_typed, money, predict
from ingest_cli.runtime.background import Repeater

if TYPE_CHECKING:
    from pathlib import Path

    from ingest_cli.aws.capacity.temporary_raise import Scaling
    from ingest_cli.aws.lease import Lease
    from ingest_cli.commands.run import EarlierRuns
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.report.report import Report
    from ingest_cli.runtime.stop import StopRequest

RESERVE_WCU = 64
"""Write capacity units reserved for the last saved state, the catalog and the lock, not available to items."""

COST_EVERY_S = 1.0
"""Seconds between checks of the cost of raised capacity, which is billed by the hour."""


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


@dataclass(frozen=True, slots=True)
class CostLimit:
    """Limit on the cost of a load, over all of its runs.

    Attributes:
        max_cost: limit of the command, in the currency of the price list; None: no limit.
        spent_before: part of it that earlier loads of the command have spent.
    """

    max_cost: float | None
    spent_before: float = 0.0

    @classmethod
    def of(cls, settings: RunSettings, earlier: EarlierRuns) -> CostLimit:
        """Return the limit of a load."""
        return cls(settings.max_cost, earlier.cost)

    def wcu(self, report: Report) -> float | None:
        """Return the write capacity units that the load may consume; None: no limit."""
        if self.max_cost is None or report.tariff is None:
            return None
        return report.tariff.wcu_for(self.max_cost - self.spent_before) - RESERVE_WCU

    def check(self, report: Report) -> None:
        """Check, before the first write, that anything is left to spend.

        Raises:
            TryAgainError: nothing is left.
        """
        limit = self.wcu(report)
        if limit is not None and limit <= 0:
            raise self.reached(report)

    def reached(self, report: Report) -> TryAgainError:
        """Return the error for a load that has used up the limit."""
        cost = report.cost
        assert cost is not None  # noqa: S101 - a limit requires prices
        assert self.max_cost is not None  # noqa: S101 - and is only reached if set
        runs = " in all of its runs" if report.wcu_before else ""
        others = f", and those before it in this command up to {money(self.spent_before)}" if self.spent_before else ""
        return TryAgainError(
            f"stopped before it costs more than --max-cost {as_typed(self.max_cost)}: it has cost "
            f"{money(cost.amount)} {cost.currency}{runs} ({cost.arithmetic}){others}; run the same command again with "
            "a higher --max-cost to resume it"
        )

    @contextmanager
    def enforced(self, report: Report) -> Iterator[None]:
        """Report a budget spent in the block as this limit.

        Raises:
            TryAgainError: the load would exceed the limit.
        """
        try:
            yield
        except SpentError as error:
            raise self.reached(report) from error


def cost_of(report: Report) -> float:
    """Return the maximum cost of a load that counts against its command's limit; 0 if it wrote nothing."""
    if report.tariff is None or not report.wcu_spent:
        return 0.0
    return report.tariff.cost(report.wcu_spent + RESERVE_WCU).amount


@contextmanager
def raised_capacity(
    scaling: Scaling | None, tariff: Tariff | None, lease: Lease, stop: StopRequest, on_raised: Callable[[], None]
) -> Iterator[None]:
    """Raise the capacity if requested, and watch its cost during the block.

    Args:
        scaling: capacity during the command; None: unchanged.
        tariff: price of capacity; None: unknown.
        lease: renewed while waiting for the raise, which may take minutes.
        on_raised: called when the capacity is available.

    Raises:
        IngestError: the capacity cannot be raised.
    """
    if scaling is None:
        yield
        return
    with Repeater("lease", lease.renew_every_s, lease.renew, stop.fail):
        scaling.begin(tariff, stop.wait)
    on_raised()
    with Repeater("cost", COST_EVERY_S, lambda: scaling.watch_cost(tariff, stop), stop.fail):
        yield


def predict_load(report: Report, settings: RunSettings, region: str | None, capacity: Pace) -> None:
    """Add the prediction of a load to the report of a dry run.

    Args:
        region: region for prices; None or not in the list: `DEFAULT_REGION`.

    Raises:
        UsageError: the price list cannot be used.
    """
    prices = prices_of(report, settings.prices)
    rates = prices.rates(region or DEFAULT_REGION)
    if rates is None:
        rates = prices.rates(DEFAULT_REGION) or next(iter(prices.regions.values()))
        report.notes.append(f'{prices.name} has no prices for the region "{region}"; those of {rates.region} were used')
    account = report.account
    volume = Volume(account.items_acknowledged, account.wcu_predicted, account.bytes_acknowledged, account.import_bytes)
    report.prediction = predict(volume, prices, rates, capacity)
