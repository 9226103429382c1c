"""What `load` and `validate` have in common: many manifests, one account each, the worst exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from ingest_cli.cli.console import Log, Progress, escape, show_report
from ingest_cli.cli.interrupts import Interrupts
from ingest_cli.errors import ExitCode, IngestError
from ingest_cli.loading import Watcher
from ingest_cli.manifest import Manifest, load_manifest
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.report import Report

_FROM_BEST_TO_WORST = (
    ExitCode.DONE,
    ExitCode.TRY_AGAIN,
    ExitCode.LOCKED,
    ExitCode.TOO_MANY_REJECTS,
    ExitCode.UNUSABLE,
    ExitCode.USAGE,
    ExitCode.CRASHED,
)


def worst(codes: Iterable[int]) -> int:
    """The exit code that says most about what has to be done."""
    return max(codes, key=_FROM_BEST_TO_WORST.index, default=ExitCode.DONE)


def run_all(
    manifests: Iterable[Path], output: str, log: Log, run: Callable[[Manifest, Watcher, StopRequest], Report]
) -> tuple[int, list[Report]]:
    """Run each manifest, print its report, and go on with the next whatever happened, short of a signal.

    Returns:
        The worst exit code, and the reports.
    """
    codes, reports, interrupts = list[int](), list[Report](), Interrupts(log)
    for path in manifests:
        try:
            manifest = load_manifest(path)
        except IngestError as error:
            log.line(str(error), "error", exit_code=int(error.exit_code))
            codes.append(error.exit_code)
            continue
        with Progress(log) as progress:
            report = run(manifest, progress.watcher(), interrupts.fresh())
        show_report(report, output)
        sys.stdout.flush()
        if report.message:
            log.line(f"{escape(str(path))}: {report.message}", "error", exit_code=int(report.exit_code))
        codes.append(report.exit_code)
        reports.append(report)
        if interrupts.seen:
            break
    return worst(codes), reports
