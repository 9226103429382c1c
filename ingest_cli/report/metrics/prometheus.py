"""Metrics of the last run for Prometheus, in a file for node_exporter's textfile collector.

One file per task, i.e. per crontab line or unit: node_exporter refuses a series that occurs in two files, so each
carries its file name in the label `task`. Everything is a gauge, since it concerns one run and the next starts
from zero. Timestamps are Unix time in seconds, as Prometheus advises ("Instrumentation", "Timestamps, not time since").
The file is replaced atomically; not by `prometheus_client.write_to_textfile`, since the name of its temporary file is
predictable, and a symbolic link there is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest_cli.report.report import Report
from ingest_cli.runtime.output_files import PUBLIC, new_file_for, read_file

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

SUFFIX = ".prom"
"""Extension that the collector reads; it ignores other files."""

OUTCOMES = ("complete", "unchanged", "partial", "different", "stopped", "locked", "failed")
_LAST_SUCCESS = "ingest_cli_last_success_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run.

    Attributes:
        report: report of the run.
        began_at: Unix time in seconds.
        ended_at: likewise. A change of the clock in between invalidates the difference; `report.elapsed_s` is
            the duration.
    """

    report: Report
    began_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Task:
    """A command: one run per manifest.

    Attributes:
        command: name of the command.
        exit_code: exit code of the process.
        ended_at: Unix time in seconds.
        elapsed_s: duration in seconds.
        runs: finished runs.
        version: version of the program.
    """

    command: str
    exit_code: int
    ended_at: float
    elapsed_s: float
    runs: Sequence[Finished]
    version: str


def write(path: Path, task: Task) -> None:
    """Replace the metrics in `path` by those of `task`; the time of a dataset's last success is carried over.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.
    """
    from prometheus_client import generate_latest  # noqa: PLC0415 - imported only if metrics are requested

    text = generate_latest(_registry(task, path.name.removesuffix(SUFFIX), last_successes(path)))
    with new_file_for(path, PUBLIC) as new:
        new.file.write(text)
        new.put_in_place()


def last_successes(path: Path) -> dict[tuple[str, str], float]:
    """Return (command, dataset) → time of the last success, by the metrics in `path`; empty if unreadable."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - likewise

    try:
        families = [*text_string_to_metric_families(read_file(path).decode("utf-8"))]
    except (OSError, ValueError):
        return {}
    return {
        (sample.labels.get("command", ""), sample.labels.get("dataset", "")): sample.value
        for family in families
        for sample in family.samples
        if sample.name == _LAST_SUCCESS
    }


class _Gauges:
    """Set gauges, each with the common labels before its own."""

    def __init__(self, registry: CollectorRegistry, common: Mapping[str, str]) -> None:
        from prometheus_client import Gauge  # noqa: PLC0415 - likewise

        self._new = Gauge
        self._registry = registry
        self._common = common
        self._gauges: dict[str, Gauge] = {}

    def put(self, name: str, what: str, value: float, **labels: str) -> None:
        labels = {**self._common, **labels}
        if name not in self._gauges:
            self._gauges[name] = self._new(f"ingest_cli_{name}", what, tuple(labels), registry=self._registry)
        self._gauges[name].labels(**labels).set(value)


def _registry(task: Task, name: str, successes: Mapping[tuple[str, str], float]) -> CollectorRegistry:
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - likewise

    registry = CollectorRegistry(auto_describe=False)
    gauges = _Gauges(registry, {"task": name, "command": task.command})
    gauges.put("build_info", "Version of the program that ran last.", 1, version=task.version)
    gauges.put("exit_code", "Exit code of the last command.", task.exit_code)
    gauges.put("end_timestamp_seconds", "When the last command ended.", task.ended_at)
    gauges.put("duration_seconds", "How long the last command took.", task.elapsed_s)
    for run in task.runs:
        _put_run(gauges, run)
    now = {(run.report.command, run.report.dataset): run.ended_at for run in task.runs if not int(run.report.exit_code)}
    for (command, dataset), when in ({**successes, **now}).items():
        if command == task.command:
            gauges.put(
                "last_success_timestamp_seconds", "When a dataset last ended with exit code 0.", when, dataset=dataset
            )
    return registry


def _put_run(gauges: _Gauges, run: Finished) -> None:
    report, account, traffic = run.report, run.report.account, run.report.traffic
    dataset = report.dataset

    def put(name: str, what: str, value: float, **labels: str) -> None:
        gauges.put(name, what, value, dataset=dataset, **labels)

    put("dataset_exit_code", "Exit code of the dataset's run.", int(report.exit_code))
    for outcome in OUTCOMES:
        is_it = float(report.outcome == outcome)
        put("dataset_outcome", "1 for the outcome of the dataset, 0 for the others.", is_it, outcome=outcome)
    put("dataset_start_timestamp_seconds", "When its run began.", run.began_at)
    put("dataset_end_timestamp_seconds", "When its run ended.", run.ended_at)
    put("dataset_duration_seconds", "How long its run took.", report.elapsed_s)
    if not report.is_begun:
        return  # zeros would look like a dump without rows
    put("source_bytes", "Bytes of its sources that were read.", report.source_bytes)
    rows = {"read": account.rows_read, "kept": account.rows_kept}
    rows |= {"rejected": account.rows_rejected, "skipped": account.rows_skipped}
    for fate, count in rows.items():
        put("rows", "Rows of the load, those that an earlier part of it did included.", count, fate=fate)
    put("rows_before", "Rows of it that an earlier, broken-off run had done.", report.rows_before)
    items = {"built": account.items_built, "acknowledged": report.items_acknowledged, "checked": report.items_checked}
    items |= {"merged": account.items_merged, "refused": account.items_refused}
    for fate, count in items.items():
        put("items", "Items of the load, those of an earlier part of it included.", count, fate=fate)
    reasons: Iterable[tuple[str, str, Mapping[str, int]]] = (
        ("rejected_rows", "Rows rejected, by reason.", account.rejected),
        ("skipped_rows", "Rows skipped, by reason.", account.skipped),
        ("refused_items", "Items refused, by reason.", account.refused),
        ("retries", "Requests that had to be sent again, by reason.", traffic.retries),
    )
    for name, what, counts in reasons:
        for reason, count in sorted(counts.items()):
            put(name, what, count, reason=reason)
    put("wcu_predicted", "Write capacity units that the items should consume.", account.wcu_predicted)
    put("wcu_consumed", "Write capacity units that this run consumed.", traffic.wcu_consumed)
    put("requests", "Requests sent by this run.", traffic.requests)
