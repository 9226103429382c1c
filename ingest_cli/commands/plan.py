"""Predict a load: a dry run, and the cost estimate based on it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.catalog import Catalog
from ingest_cli.commands.outcome import accounted
from ingest_cli.commands.run import Watcher
from ingest_cli.commands.spending import predict_load
from ingest_cli.commands.validate import validate
from ingest_cli.errors import IngestError
from ingest_cli.report.report import Report
from ingest_cli.sinks.policies.pacing import ON_DEMAND_START_WCU_PER_S
from ingest_cli.sinks.write_path import parse_ceiling, provisioned_wcu

if TYPE_CHECKING:
    from ingest_cli.aws.table import Table
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.manifest import Manifest
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.runtime.stop import StopRequest


def validate_and_predict(
    manifest: Manifest,
    settings: RunSettings,
    watcher: Watcher | None = None,
    stop: StopRequest | None = None,
    *,
    region: str | None = None,
) -> Report:
    """Run all stages on a dump, write nothing, and predict a load. Needs no key, no table and no network.

    Args:
        manifest: manifest of the dump.
        settings: settings of the run.
        watcher: callbacks for progress.
        stop: stop request.
        region: region for prices; None: that of the environment, else `pricing.DEFAULT_REGION`.
    """
    report = validate(manifest, settings, watcher, stop)
    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    _add(report, settings, region, None)
    return report


def plan_load(  # noqa: PLR0913, PLR0917 - independent collaborators
    manifest: Manifest,
    table: Table,
    pepper: Pepper,
    settings: RunSettings,
    watcher: Watcher | None = None,
    stop: StopRequest | None = None,
) -> Report:
    """Run all checks and stages of a load without writing, and predict the load."""
    checked, described = Report("plan", manifest.dataset.id, manifest.dataset.title), dict[str, Any]()
    with accounted(checked):
        described = table.check()
        Catalog(table).knows(pepper)
        parse_ceiling(settings.max_wcu).of(provisioned_wcu(described))
    if checked.exit_code:
        return checked
    report = validate(manifest, settings, watcher, stop)
    report.command = "plan"
    _add(report, settings, table.client.meta.region_name, described)
    return report


def _add(report: Report, settings: RunSettings, region: str | None, described: dict[str, Any] | None) -> None:
    """Add the prediction to the report of a dry run that built any items, or the error in the prices."""
    if not report.account.items_acknowledged:
        return
    provisioned = None if described is None else provisioned_wcu(described)
    warm = (described or {}).get("WarmThroughput", {}).get("WriteUnitsPerSecond") or ON_DEMAND_START_WCU_PER_S
    ceiling = parse_ceiling(settings.max_wcu)
    if provisioned is not None:
        provisioned = ceiling.of(provisioned)
    try:
        predict_load(
            report,
            settings,
            region,
            provisioned_wcu=provisioned,
            on_demand_wcu_per_s=float(warm),
            max_wcu_per_s=ceiling.wcu_per_s,
        )
    except IngestError as error:
        if not report.exit_code:
            report.outcome, report.message, report.exit_code = "failed", str(error), error.exit_code
