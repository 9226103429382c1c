"""Metrics of the last run for CloudWatch, in the embedded metric format: one JSON document per line.

CloudWatch Logs extracts metrics from such lines, whatever their source: its agent, the log driver of a
container, Lambda (Amazon CloudWatch User Guide, "Specification: Embedded metric format"). Of its rules: a metric is a
number under its name at the root; each dimension is a string there, at most 30 in a set; at most 100 metrics in a
directive; the timestamp is in milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ingest_cli.report.report import Report

NAMESPACE = "ingest-cli"

_UNITS = {
    "ExitCode": "None",
    "Duration": "Seconds",
    "SourceBytes": "Bytes",
    "RowsRead": "Count",
    "RowsKept": "Count",
    "RowsRejected": "Count",
    "RowsSkipped": "Count",
    "ItemsBuilt": "Count",
    "ItemsAcknowledged": "Count",
    "ItemsChecked": "Count",
    "ItemsMerged": "Count",
    "ItemsRefused": "Count",
    "ConsumedWriteCapacityUnits": "Count",
    "Requests": "Count",
    "Retries": "Count",
}

_ALWAYS = 2  # number of these for any run


def lines(report: Report, ended_at: float) -> Iterator[str]:
    """Yield the lines for one run: one with its figures, and one for each reject reason.

    Args:
        report: report of the run.
        ended_at: Unix time in seconds.
    """
    account, traffic = report.account, report.traffic
    values = (
        int(report.exit_code),
        report.elapsed_s,
        report.source_bytes,
        account.rows_read,
        account.rows_kept,
        account.rows_rejected,
        account.rows_skipped,
        account.items_built,
        report.items_acknowledged,
        report.items_checked,
        account.items_merged,
        account.items_refused,
        traffic.wcu_consumed,
        traffic.requests,
        traffic.retries.total(),
    )
    dimensions = {"Command": report.command, "Dataset": report.dataset}
    # The outcome is not a dimension, since an alarm concerns a dataset whatever the outcome; but it can be searched.
    # A run that never started has no figures: zeros would look like a dump without rows.
    names = [*_UNITS] if report.is_begun else [*_UNITS][:_ALWAYS]
    yield _line(ended_at, dimensions, dict(zip(names, values, strict=False)), {"Outcome": report.outcome})
    for name, counts in (
        ("RowsRejectedByReason", account.rejected),
        ("ItemsRefusedByReason", account.refused),
        ("RetriesByReason", traffic.retries),
    ):
        for reason, count in sorted(counts.items()):
            yield _line(ended_at, {**dimensions, "Reason": reason}, {name: count}, {})


def _line(
    ended_at: float, dimensions: Mapping[str, str], values: Mapping[str, float], properties: Mapping[str, str]
) -> str:
    metrics = [{"Name": name, "Unit": _UNITS.get(name, "Count")} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [[*dimensions]], "Metrics": metrics}
    metadata = {"Timestamp": int(ended_at * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": metadata, **dimensions, **properties, **values})
