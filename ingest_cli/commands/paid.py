"""What a load pays for while it writes: raised capacity, and no more units than it may cost."""

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
"""Seconds after which it is looked whether a raise of capacity costs too much; it is paid by the hour."""


@contextmanager
def paid(  # noqa: PLR0913, PLR0917 - each is a thing of its own
    path: WritePath, table: Table, settings: RunSettings, lease: Lease, report: Report, scaling: Scaling | None
) -> Iterator[None]:
    """Raise the capacity if that was asked for, and keep to what may be spent while the block lasts.

    Args:
        path: what is written through.
        table: whose capacity.
        settings: may hold a limit.
        lease: kept while the raise is waited for, which may take minutes.
        report: knows the prices.
        scaling: the capacity while the command lasts; None: it is not touched.

    Raises:
        TryAgainError: the load would cost more than it may.
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
