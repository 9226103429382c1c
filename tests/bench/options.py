"""How much is measured, as the command line says; and how a benchmark says that it was not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What all benchmarks are told.

    Attributes:
        rows: that the program loads or validates in one run.
        wall_rows: of the loads and validations whose wall time is compared, which needs longer ones.
        slow_rows: that the slow contenders load; the stages are measured with them, too.
        runs: repetitions; medians are shown.
        most_rows: of the largest load, whose memory and cost are compared with those of small ones.
        format_mb: size of the dump of each format.
    """

    rows: int
    wall_rows: int
    slow_rows: int
    runs: int
    most_rows: int
    format_mb: float


class LeftOutError(Exception):
    """A benchmark, or a contender of one, cannot be measured here; the message says why."""
