"""Dry run: all stages of a load without a write, and a prediction of the load.

Also reproduces the items that a table should hold. Must not depend on a table, except for one that the caller checks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ingest_cli.checkpoint.journal import Journal, JournalTargets
from ingest_cli.checkpoint.rejects import RejectFile
from ingest_cli.commands.outcome import accounted, check, note_undecodable
from ingest_cli.commands.preflight import check_sources
from ingest_cli.commands.run import (
    NO_SRC,
    RunContext,
    age_key_of,
    announced,
    fingerprints,
    reject_file,
    run_all,
    selection_of,
    src_of,
    stages_of,
)
from ingest_cli.commands.sampler import recorded
from ingest_cli.commands.spending import predict_load
from ingest_cli.engines.chunk_size import ChunkSize
from ingest_cli.engines.factory import ProcessPlan, dry_run_engine
from ingest_cli.engines.serial import SerialWriter
from ingest_cli.engines.worker import ItemSpec
from ingest_cli.errors import IngestError
from ingest_cli.model.keys import Pepper, ephemeral_pepper
from ingest_cli.model.settings import RunSettings, Target
from ingest_cli.pipeline import plan
from ingest_cli.report.observer import Observers, ReportUpdater
from ingest_cli.report.pricing import DEFAULT_WCU, Pace
from ingest_cli.report.report import Report
from ingest_cli.sinks.policies.pacing import ON_DEMAND_START_WCU_PER_S

if TYPE_CHECKING:
    from ingest_cli.commands.table_check import CheckedTable
    from ingest_cli.model.manifest import Manifest
    from ingest_cli.sinks.interface import Sink


def validate(
    manifest: Manifest,
    settings: RunSettings,
    context: RunContext | None = None,
    *,
    region: str | None = None,
    table_check: Callable[[], CheckedTable] | None = None,
) -> Report:
    """Run all stages on a dump, write nothing, and predict a load. Needs no key, no table and no network.

    Args:
        manifest: manifest of the dump.
        settings: settings of the run.
        context: environment of the run.
        region: region for prices; None: that of the environment, else `pricing.DEFAULT_REGION`.
        table_check: checks the table of the load first, which then determines the prices; None: no table is known.
    """
    context, checked = context or RunContext(), None
    report = Report("validate" if table_check is None else "plan", manifest.dataset.id, manifest.dataset.title)
    with accounted(report):
        if table_check is not None:
            checked = table_check()
            settings.max_wcu.of(checked.provisioned_wcu_per_s)  # a share requires provisioned capacity
        _dry_run(manifest, settings, context, report)
    if report.account.items_acknowledged:
        _predict(report, settings, region, checked)
    return report


def _dry_run(manifest: Manifest, settings: RunSettings, context: RunContext, report: Report) -> None:
    stop = context.stop
    planned = plan(manifest, Target("", insecure_http=settings.insecure_http), stop.wait)
    announced(planned, report, context.observer)
    ends = check_sources(planned, age_key_of(settings), stop.wait)
    items = ItemSpec(manifest, ephemeral_pepper(), NO_SRC, settings.rejects_include_raw)
    with reject_file(settings, context.earlier) as rejects:
        journal, chunk_size = Journal(JournalTargets(report, rejects), context.observer), ChunkSize()
        observer = Observers(ReportUpdater(report), journal, chunk_size, context.observer)
        stages = stages_of(planned, settings, selection_of(planned, settings), ends, chunk_size, observer)
        processes = ProcessPlan.of(settings, planned)
        with (
            dry_run_engine(processes, items, journal.commit, observer, stop) as engine,
            recorded(report),
            engine as writer,
        ):
            run_all(planned.shards, stages, writer, report)
    note_undecodable(report, manifest)
    check(report, manifest)
    report.outcome = "partial" if settings.is_partial else "complete"


def _predict(report: Report, settings: RunSettings, region: str | None, checked: CheckedTable | None) -> None:
    """Add the prediction to the report of a dry run, or the error in the prices."""
    if checked is None:
        region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        provisioned, described = None, {}
    else:
        region, described = checked.region, checked.described
        capacity = checked.provisioned_wcu_per_s
        provisioned = None if capacity is None else settings.max_wcu.of(capacity)
    warm = float(described.get("WarmThroughput", {}).get("WriteUnitsPerSecond") or ON_DEMAND_START_WCU_PER_S)
    limit = settings.max_wcu.units_per_s
    pace = Pace(min(warm, limit or warm), max(int(provisioned or limit or DEFAULT_WCU), 1))
    try:
        predict_load(report, settings, region, pace)
    except IngestError as error:
        if not report.exit_code:
            report.outcome, report.message, report.exit_code = "failed", str(error), error.exit_code


def reproduce(
    manifest: Manifest,
    pepper: Pepper,
    settings: RunSettings,
    *,
    sink: Sink,
    report: Report,
    context: RunContext | None = None,
) -> None:
    """Write the items built from the sources of `manifest` into `sink`, chunk by chunk.

    Args:
        manifest: manifest of the dump.
        pepper: pepper to hash with.
        settings: how to read.
        sink: sink for the items.
        report: account of the items.
        context: environment of the run.

    Raises:
        IngestError: a source cannot be read, or does not fit the manifest; or raised by the observer.
    """
    context = context or RunContext()
    planned = announced(plan(manifest, context.target, context.stop.wait), report, context.observer)
    report.src = src_of(fingerprints(planned, settings))
    context.observer.fingerprinted(report.src)
    ends = check_sources(planned, age_key_of(settings), context.stop.wait)
    journal, chunk_size = Journal(JournalTargets(report, RejectFile(None)), context.observer), ChunkSize()
    observer = Observers(ReportUpdater(report), journal, chunk_size, context.observer)
    stages = stages_of(planned, settings, selection_of(planned, settings), ends, chunk_size, observer)
    items = ItemSpec(manifest, pepper, report.src, keep_seal_keys=True).stages()
    run_all(planned.shards, stages, SerialWriter(items, sink, journal.commit, observer, context.stop), report)
