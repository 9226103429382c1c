"""Cost of a load: the price list, the price of consumed units, and the predicted cost of each way of loading.

Pure arithmetic on a dated list of prices; must not call AWS. The packaged list is `prices.toml`, with a source
for each price.
"""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

from ingest_cli.errors import ManifestError, UsageError
from ingest_cli.model.toml_schema import TomlTable

STALE_AFTER_DAYS = 365
"""Days after which prices count as old. AWS changes them every few years; the last time in November 2024, by half."""

DEFAULT_WCU = 1000
"""Assumed rate of a table whose provisioned capacity is unknown: that of one partition (AWS, "Burst and adaptive
capacity")."""

ON_DEMAND_WCU_PER_S = 4000.0
"""Rate of a new on-demand table (AWS, "DynamoDB on-demand capacity mode")."""

DEFAULT_REGION = "us-east-1"
GB = 1 << 30
"""Bytes of AWS's gigabytes: 2^30 (AWS, "DynamoDB item sizes", billing examples)."""

_PRICES = ("write_request_million", "wcu_hour", "rcu_hour", "storage_gb_month", "import_gb")
_TABLES = {
    "": ("dated", "currency", "sources", "free_tier", "regions"),
    "free_tier": ("wcu",),
    "region": (*_PRICES, "unconfirmed"),
}
_MILLION = 1_000_000
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices of one region; see `prices.toml`."""

    region: str
    write_request_million: float
    wcu_hour: float
    rcu_hour: float
    storage_gb_month: float
    import_gb: float
    unconfirmed: frozenset[str] = frozenset()

    def doubt(self, price: str) -> str:
        """Return the note for a price that no document confirms."""
        return " (a price not confirmed)" if price in self.unconfirmed else ""


@dataclass(frozen=True, slots=True)
class PriceList:
    """All prices of one date.

    Attributes:
        name: name of the file, for messages.
        dated: date on which the prices were looked up.
        free_wcu: provisioned write capacity that is free.
        regions: prices by region.
    """

    name: str
    dated: dt.date
    currency: str
    free_wcu: int
    regions: Mapping[str, Rates]

    @classmethod
    def read(cls, path: Path | None = None) -> PriceList:
        """Read a price list, by default the packaged one.

        Raises:
            UsageError: the file cannot be read, or is not a price list.
        """
        name = "prices.toml" if path is None else str(path)
        try:
            text = (files("ingest_cli.report") / "prices.toml" if path is None else path).read_text(encoding="utf-8")
            raw = tomllib.loads(text)
        except OSError as error:
            raise UsageError(f'the price list "{name}" cannot be read ({error.strerror}); check --prices') from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f'the price list "{name}" is not TOML: {error}') from error
        try:
            return cls._of(TomlTable(raw, name, _TABLES), name)
        except ManifestError as error:
            raise UsageError(str(error)) from error

    @classmethod
    def _of(cls, table: TomlTable, name: str) -> PriceList:
        dated = table.get("dated", dt.date, "2026-10-04")
        if dated is None:
            raise table.error("dated", "missing, and required: the day on which the prices were looked up")
        free_wcu = table.table("free_tier", required=False).get("wcu", int) or 0
        regions = table.get("regions", dict) or {}
        if not regions:
            raise table.error("[regions]", "missing, and required: a table of prices for each region")
        rates = {region: _rates(region, each, name) for region, each in regions.items()}
        return cls(name, dated, table.required_text("currency"), free_wcu, rates)

    def rates(self, region: str) -> Rates | None:
        """Return the prices of a region, if the list has them."""
        return self.regions.get(region)

    def warning(self, today: dt.date) -> str | None:
        """Return a warning if the prices are too old to be reliable."""
        age = (today - self.dated).days
        if age <= STALE_AFTER_DAYS:
            return None
        return (
            f"the prices in {self.name} are of {self.dated}, {age} days ago; check them against AWS's price page, and "
            "give a newer list with --prices"
        )


def _rates(region: str, raw: object, name: str) -> Rates:
    if not isinstance(raw, dict):
        raise ManifestError(f"{name}: [regions.{region}] must be a table")
    where = f"[regions.{region}]"
    table = TomlTable(raw, name, _TABLES, "region", where)
    prices = dict[str, float]()
    for key in _PRICES:
        value = raw.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise table.error(key, "must be a price, such as 0.625")
        prices[key] = float(value)
    unconfirmed = table.get("unconfirmed", list) or []
    return Rates(region, **prices, unconfirmed=frozenset(map(str, unconfirmed)))


def check_cost(what: str, costs: Sequence[Cost], max_cost: float | None, advice: str) -> None:
    """Check costs against `--max-cost`.

    Args:
        max_cost: limit of their sum; None: no limit.

    Raises:
        UsageError: the sum exceeds the limit.
    """
    amount = sum(cost.amount for cost in costs)
    if max_cost is not None and amount > max_cost:
        raise UsageError(
            f"{what} costs {money(amount)} {costs[0].currency} ({'; '.join(cost.arithmetic for cost in costs)}), which "
            f"is more than --max-cost {as_typed(max_cost)}; {advice}"
        )


def money(amount: float) -> str:
    """Format an amount for display: no exponent, and only significant digits."""
    return f"{amount:,.6f}".rstrip("0").rstrip(".")


def as_typed(amount: float) -> str:
    """Format an amount given by the user, without loss: no exponent, no separators."""
    text = f"{Decimal(repr(float(amount))):f}"
    return text.removesuffix(".0")


@dataclass(frozen=True, slots=True)
class Cost:
    """An amount of money, and its calculation.

    Attributes:
        amount: amount in `currency`.
        arithmetic: calculation, for display.
    """

    amount: float
    currency: str
    arithmetic: str

    def as_dict(self) -> dict[str, Any]:
        """Return the cost for programs."""
        return {"amount": round(self.amount, 6), "currency": self.currency, "arithmetic": self.arithmetic}


@dataclass(frozen=True, slots=True)
class Tariff:
    """Price of writing to one table.

    Attributes:
        rates: prices of its region.
        dated: date on which the prices were looked up.
        provisioned: whether it has provisioned capacity. A unit consumed then costs the share of the capacity that it
            occupies for a second: that capacity is paid for, used or not.
    """

    rates: Rates
    currency: str
    dated: dt.date
    provisioned: bool

    @property
    def per_wcu(self) -> float:
        """Price of one write unit."""
        return self.rates.wcu_hour / _HOUR_S if self.provisioned else self.rates.write_request_million / _MILLION

    def cost(self, wcu: float) -> Cost:
        """Return the cost of write units."""
        rates = self.rates
        if self.provisioned:
            price = f"/ 3,600 x {rates.wcu_hour:g} {self.currency} per WCU-hour{rates.doubt('wcu_hour')}, provisioned"
        else:
            price = f"x {rates.write_request_million:g} {self.currency} per million"
            price += f"{rates.doubt('write_request_million')}, on-demand"
        sum_ = f"{wcu:,.0f} WCU {price}, {rates.region}, prices of {self.dated}"
        return Cost(wcu * self.per_wcu, self.currency, sum_)

    def wcu_for(self, amount: float) -> float:
        """Return the number of write units that an amount pays for."""
        return amount / self.per_wcu if self.per_wcu else math.inf

    def capacity_cost(self, wcu: int, rcu: int, hours: float) -> Cost:
        """Return the cost of provisioned capacity; started hours count as whole ones.

        It is billed by the hour (AWS, "Pricing for provisioned capacity").
        """
        rates, begun = self.rates, max(math.ceil(hours), 1)
        parts = [f"{wcu:,} WCU x {rates.wcu_hour:g}"] + ([f"{rcu:,} RCU x {rates.rcu_hour:g}"] if rcu else [])
        amount = (wcu * rates.wcu_hour + rcu * rates.rcu_hour) * begun
        sum_ = f"({' + '.join(parts)} {self.currency}) x {begun} started h, {rates.region}, prices of {self.dated}"
        return Cost(amount, self.currency, sum_)

    def warm_cost(self, wcu: int) -> Cost:
        """Return the one-time cost of raising warm throughput by `wcu`: that of as many units for an hour.

        Not confirmed: AWS says that the charge depends on the price of provisioned units (AWS, "Understanding DynamoDB
        warm throughput"), and its examples use an hour of them.
        """
        sum_ = f"{wcu:,} WCU x {self.rates.wcu_hour:g} {self.currency}, once, {self.rates.region}"
        return Cost(wcu * self.rates.wcu_hour, self.currency, sum_)


@dataclass(frozen=True, slots=True)
class Volume:
    """Amount of data to write.

    Attributes:
        items: number of items.
        wcu: write capacity units that writing them once consumes.
        item_bytes: size by DynamoDB's rules.
        import_bytes: size as read by an import from S3: DynamoDB JSON, one per line.
    """

    items: int
    wcu: int
    item_bytes: int
    import_bytes: int


@dataclass(frozen=True, slots=True)
class Way:
    """One way to load, with its predicted cost.

    Attributes:
        way: `on-demand`, `provisioned`, `free-tier` or `import`.
        items: number of items to write.
        wcu: write capacity units consumed.
        hours: duration; None: not specified by AWS.
        cost: cost in `currency`, without storage.
        arithmetic: calculation, for display.
    """

    way: str
    items: int
    wcu: int
    hours: float | None
    cost: float
    currency: str
    arithmetic: str

    def as_dict(self) -> dict[str, Any]:
        """Return the prediction for programs."""
        hours = None if self.hours is None else round(self.hours, 6)
        return {**asdict(self), "hours": hours, "cost": round(self.cost, 6)}


@dataclass(frozen=True, slots=True)
class Pace:
    """Rates of the ways to load.

    Attributes:
        on_demand_wcu_per_s: rate of an on-demand table.
        provisioned_wcu_per_s: provisioned rate.
    """

    on_demand_wcu_per_s: float = ON_DEMAND_WCU_PER_S
    provisioned_wcu_per_s: int = DEFAULT_WCU


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted cost and duration of a load.

    Attributes:
        ways: possible ways, see `Way`.
        storage: monthly cost of storing the items.
        dated: date on which the prices were looked up.
    """

    ways: tuple[Way, ...]
    storage: Cost
    region: str
    dated: dt.date

    def as_list(self) -> list[dict[str, Any]]:
        """Return the ways for programs."""
        return [way.as_dict() for way in self.ways]


def predict(volume: Volume, prices: PriceList, rates: Rates, pace: Pace | None = None) -> Prediction:
    """Predict the cost of each way to load.

    Args:
        prices: price list.
        rates: prices of the region.
    """
    pace = pace or Pace()
    ways = [_on_demand(volume, prices, rates, pace), _provisioned(volume, prices, rates, pace)]
    if prices.free_wcu:
        ways.append(_free(volume, prices))
    ways.append(_import(volume, prices, rates))
    gb = volume.item_bytes / GB
    sum_ = f"{gb:,.6f} GB x {rates.storage_gb_month:g} {prices.currency}{rates.doubt('storage_gb_month')} a month"
    storage = Cost(gb * rates.storage_gb_month, prices.currency, sum_)
    return Prediction(tuple(ways), storage, rates.region, prices.dated)


def _on_demand(volume: Volume, prices: PriceList, rates: Rates, pace: Pace) -> Way:
    hours = volume.wcu / pace.on_demand_wcu_per_s / _HOUR_S
    sum_ = (
        f"{volume.wcu:,} WCU x {rates.write_request_million:g} {prices.currency} per million"
        f"{rates.doubt('write_request_million')}, at {pace.on_demand_wcu_per_s:,.0f} WCU/s"
    )
    cost = volume.wcu * rates.write_request_million / _MILLION
    return Way("on-demand", volume.items, volume.wcu, hours, cost, prices.currency, sum_)


def _provisioned(volume: Volume, prices: PriceList, rates: Rates, pace: Pace) -> Way:
    wcu_per_s = pace.provisioned_wcu_per_s
    hours = volume.wcu / wcu_per_s / _HOUR_S
    begun = max(math.ceil(hours), 1)
    sum_ = (
        f"{volume.wcu:,} WCU / {wcu_per_s:,} WCU/s = {hours:.4f} h; {begun} started h x {wcu_per_s:,} WCU x "
        f"{rates.wcu_hour:g} {prices.currency}{rates.doubt('wcu_hour')}"
    )
    cost = begun * wcu_per_s * rates.wcu_hour
    return Way("provisioned", volume.items, volume.wcu, hours, cost, prices.currency, sum_)


def _free(volume: Volume, prices: PriceList) -> Way:
    hours = volume.wcu / prices.free_wcu / _HOUR_S
    sum_ = (
        f"{volume.wcu:,} WCU / {prices.free_wcu} WCU/s = {hours:.4f} h; up to {prices.free_wcu} provisioned WCU of an "
        "account are free"
    )
    return Way("free-tier", volume.items, volume.wcu, hours, 0.0, prices.currency, sum_)


def _import(volume: Volume, prices: PriceList, rates: Rates) -> Way:
    gb = volume.import_bytes / GB
    sum_ = (
        f"{volume.import_bytes:,} bytes of DynamoDB JSON = {gb:,.6f} GB x {rates.import_gb:g} {prices.currency}"
        f"{rates.doubt('import_gb')}; into a new table only, and without counting against its capacity; AWS does not "
        "say how long it takes"
    )
    return Way("import", volume.items, 0, None, gb * rates.import_gb, prices.currency, sum_)
