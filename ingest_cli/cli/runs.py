"""What `load` and `validate` have in common: many manifests, one account each, the worst exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from ingest_cli.cli.console import Log, Progress, escape, show_report
from ingest_cli.cli.interrupts import Interrupts
from ingest_cli.errors import ExitCode, IngestError, ManifestError
from ingest_cli.loading import Watcher
from ingest_cli.manifest import Manifest, load_manifest
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.report import Report
from ingest_cli.settings import RunSettings

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


Run = Callable[[Manifest, RunSettings, Watcher, StopRequest], Report]


class Runs:
    """The runs of one command, a manifest each.

    Attributes:
        codes: exit codes so far.
        reports: reports so far.
    """

    def __init__(self, settings: RunSettings, output: str, log: Log, run: Run, *, writes: bool = True) -> None:
        """Set up.

        Args:
            settings: how to run.
            output: `text` or `json`.
            log: where messages go.
            run: runs a manifest.
            writes: whether it writes to a table, where each dataset has its own place.
        """
        self.codes: list[int] = []
        self.reports: list[Report] = []
        # The system's allocator gives back sooner what a chunk took, and costs nothing more (`make bench`: memory).
        pa.set_memory_pool(pa.system_memory_pool())
        self._settings = settings
        self._output = output
        self._log = log
        self._run = run
        self._writes = writes
        self._interrupts = Interrupts(log)
        self._datasets: dict[str, Path] = {}

    @property
    def interrupted(self) -> bool:
        """Whether a signal asked to stop."""
        return self._interrupts.seen

    def all(self, manifests: Iterable[Path]) -> int:
        """Run each manifest, and go on with the next whatever happened, short of a signal; the worst exit code."""
        for path in manifests:
            self.one(path)
            if self.interrupted:
                break
        return worst(self.codes)

    def one(self, path: Path) -> None:
        """Run a manifest and print its report."""
        try:
            manifest = self._manifest(path)
        except IngestError as error:
            self._log.line(str(error), "error", exit_code=int(error.exit_code))
            self.codes.append(error.exit_code)
            return
        settings = replace(self._settings, append_rejects=bool(self.reports))
        with Progress(self._log) as progress:
            report = self._run(manifest, settings, progress.watcher(), self._interrupts.fresh())
        show_report(report, self._output)
        sys.stdout.flush()
        if report.message:
            self._log.line(f"{escape(str(path))}: {report.message}", "error", exit_code=int(report.exit_code))
        self.codes.append(report.exit_code)
        self.reports.append(report)

    def _manifest(self, path: Path) -> Manifest:
        """The manifest at `path`.

        Raises:
            ManifestError: it has a mistake, or is of a dataset that this command has had already.
        """
        manifest = load_manifest(path)
        other = self._datasets.setdefault(manifest.dataset.id, path)
        if self._writes and other != path:
            raise ManifestError(
                f'{path}: the dataset id "{manifest.dataset.id}" is that of {other} too; an id is never used twice'
            )
        return manifest
