"""What the values of options may be, where click has no word for it: lengths of time, amounts, numbers of processes."""

from __future__ import annotations

from typing import Any, ClassVar

import click

from ingest_cli.settings import AUTO_WORKERS


class Duration(click.ParamType[float]):
    """A length of time such as `90s`, `30m` or `2h`; a bare number is in seconds.

    Ten years at the most: the timers of the operating system end somewhere, and no run lasts so long.
    """

    name = "duration"
    MOST_DAYS = 3650
    _UNITS: ClassVar = {"s": 1, "m": 60, "h": 3600, "d": 86400}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        text = str(value).strip().lower()
        unit = self._UNITS.get(text[-1:], 1)
        try:
            duration_s = float(text.rstrip("smhd")) * unit
        except ValueError:
            duration_s = 0.0
        if not 0 < duration_s < float("inf"):
            self.fail(f"{value!r} is not a length of time; write 90s, 30m or 2h.", param, ctx)
        if duration_s > self.MOST_DAYS * self._UNITS["d"]:
            self.fail(f"{value!r} is longer than any run; write {self.MOST_DAYS}d or less.", param, ctx)
        return duration_s


class Amount(click.ParamType[float]):
    """An amount of money."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The amount; more than nothing, and not any."""
        try:
            amount = float(value)
        except ValueError:
            amount = 0.0
        if not 0 < amount < float("inf"):
            self.fail(f"{str(value)!r} is not an amount that anything could cost; write 5 or 0.50.", param, ctx)
        return amount


class Workers(click.ParamType[int]):
    """A number of processes, or `auto`."""

    name = "workers"
    MOST = 64

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """How many; `AUTO_WORKERS` for `auto`."""
        text = str(value).strip().lower()
        if text == "auto":
            return AUTO_WORKERS
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= self.MOST):
            self.fail(f"{value!r} is no number of processes; write 1 to {self.MOST}, or auto.", param, ctx)
        return int(text)
