"""Paid resources of a load: raised capacity, and a limit on consumed units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ingest_cli.commands.spending import spent
from ingest_cli.commands.watchers import follow_capacity
from ingest_cli.errors import SpentError
from ingest_cli.runtime.background import Repeater

if TYPE_CHECKING:
    from ingest_cli.aws.capacity.temporary_raise import Scaling
    from ingest_cli.aws.lease import Lease
    from ingest_cli.aws.table import Table
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.report.report import Report
    from ingest_cli.sinks.write_path import WritePath

COST_EVERY_S = 1.0
"""Seconds between checks of the cost of raised capacity, which is billed by the hour."""


@contextmanager
def paid(
    path: WritePath, table: Table, settings: RunSettings, lease: Lease, report: Report, scaling: Scaling | None
) -> Iterator[None]:
    """Raise the capacity if requested, and enforce the spending limit during the block.

    Args:
        path: write path.
        table: table whose capacity is raised.
        settings: may hold a limit.
        lease: kept alive while waiting for the raise, which may take minutes.
        report: holds the prices.
        scaling: capacity during the command; None: unchanged.

    Raises:
        TryAgainError: the load would exceed its spending limit.
        IngestError: the capacity cannot be raised.
    """
    stop, tariff = path.rules.stop, report.tariff
    with ExitStack() as stack:
        if scaling is not None:
            with Repeater("lease", lease.renew_every_s, lease.renew, stop.fail):
                scaling.begin(tariff, stop.wait)
            follow_capacity(path, table, settings)
            watch = scaling.watch_cost
            stack.enter_context(Repeater("cost", COST_EVERY_S, lambda: watch(tariff, stop), stop.fail))
        try:
            yield
        except SpentError as error:
            raise spent(report, settings) from error
