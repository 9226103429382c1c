"""Predict a load: a dry run, and the cost estimate based on it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest_cli.aws.catalog import Catalog
from ingest_cli.commands.outcome import accounted
from ingest_cli.commands.run import EarlierRuns, Watcher
from ingest_cli.commands.spending import predict_load
from ingest_cli.commands.validate import validate
from ingest_cli.errors import IngestError
from ingest_cli.report.pricing import DEFAULT_WCU, Pace
from ingest_cli.report.report import Report
from ingest_cli.sinks.policies.pacing import ON_DEMAND_START_WCU_PER_S
from ingest_cli.sinks.write_path import provisioned_wcu

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest_cli.aws.table import Table
    from ingest_cli.model.ceiling import Ceiling
    from ingest_cli.model.keys import Pepper
    from ingest_cli.model.manifest import Manifest
    from ingest_cli.model.settings import RunSettings
    from ingest_cli.runtime.stop import StopRequest


@dataclass(frozen=True, slots=True)
class DryRun:
    """Run all stages on a dump, write nothing, and predict a load. Needs no key, no table and no network.

    Attributes:
        region: region for prices; None: that of the environment, else `pricing.DEFAULT_REGION`.
    """

    region: str | None = None

    def __call__(
        self, manifest: Manifest, settings: RunSettings, watcher: Watcher, stop: StopRequest, earlier: EarlierRuns
    ) -> Report:
        """Run one manifest."""
        report = validate(manifest, settings, watcher, stop, earlier)
        region = self.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        _add_prediction(report, settings, region, None)
        return report


@dataclass(frozen=True, slots=True)
class PlannedLoad:
    """Run all checks and stages of a load into a table without writing, and predict the load."""

    table: Table
    pepper: Pepper

    def __call__(
        self, manifest: Manifest, settings: RunSettings, watcher: Watcher, stop: StopRequest, earlier: EarlierRuns
    ) -> Report:
        """Run one manifest."""
        checked, described = Report("plan", manifest.dataset.id, manifest.dataset.title), dict[str, Any]()
        with accounted(checked):
            described = self.table.check()
            Catalog(self.table).knows(self.pepper)
            settings.max_wcu.of(provisioned_wcu(described))
        if checked.exit_code:
            return checked
        report = validate(manifest, settings, watcher, stop, earlier)
        report.command = "plan"
        _add_prediction(report, settings, self.table.client.meta.region_name, described)
        return report


def _add_prediction(
    report: Report, settings: RunSettings, region: str | None, described: dict[str, Any] | None
) -> None:
    """Add the prediction to the report of a dry run that built any items, or the error in the prices."""
    if not report.account.items_acknowledged:
        return
    try:
        predict_load(report, settings, region, _pace(described, settings.max_wcu))
    except IngestError as error:
        if not report.exit_code:
            report.outcome, report.message, report.exit_code = "failed", str(error), error.exit_code


def _pace(described: Mapping[str, Any] | None, ceiling: Ceiling) -> Pace:
    """Return the rates of a load, into a table of this description if it is known."""
    provisioned = None if described is None else provisioned_wcu(described)
    if provisioned is not None:
        provisioned = ceiling.of(provisioned)
    warm = float((described or {}).get("WarmThroughput", {}).get("WriteUnitsPerSecond") or ON_DEMAND_START_WCU_PER_S)
    limit = ceiling.units_per_s
    return Pace(min(warm, limit or warm), max(int(provisioned or limit or DEFAULT_WCU), 1))
