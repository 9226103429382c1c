"""Ceiling of the read or write rate of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ingest_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Ceiling of a rate, as given by `--max-wcu` or `--max-rcu`.

    Attributes:
        units_per_s: capacity units per second (read units for `--max-rcu`); or
        share: share of the table's provisioned capacity, in (0, 1]. If neither is set, all of it.
    """

    units_per_s: float | None = None
    share: float | None = None
    option: str = "--max-wcu"

    @classmethod
    def parse(cls, text: str | None, option: str = "--max-wcu") -> Self:
        """Parse the value of `option`.

        Raises:
            UsageError: `text` is invalid.
        """
        if text is None:
            return cls(option=option)
        number = text.strip().removesuffix("%")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if text.strip().endswith("%"):
            if not 0 < value <= 100:  # noqa: PLR2004 - per cent
                raise UsageError(f"{option} takes a percentage above 0 % and up to 100 %, not {text}")
            return cls(share=value / 100, option=option)
        if not 1 <= value < float("inf"):
            units = "read" if option == "--max-rcu" else "write"
            raise UsageError(
                f"{option} takes a number of {units} capacity units per second from 1 on, or NN%, not {text}"
            )
        return cls(units_per_s=value, option=option)

    def of(self, provisioned_per_s: float | None) -> float | None:
        """Return the ceiling for a table of this provisioned capacity; None: determine what the table accepts.

        Raises:
            UsageError: a share was given, but the table has no provisioned capacity.
        """
        if provisioned_per_s is None:
            if self.share is not None:
                raise UsageError(
                    f"{self.option} {self.share:.0%} is a share of provisioned capacity, but the table is on-demand; "
                    "give a number of capacity units per second"
                )
            return self.units_per_s
        bounds = (self.units_per_s, provisioned_per_s * (1.0 if self.share is None else self.share))
        return min(bound for bound in bounds if bound is not None)


NO_CEILING = Ceiling()
"""All that is provisioned; of an on-demand table, what it accepts."""
