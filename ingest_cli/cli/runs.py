"""Common parts of commands that take manifests: one run and one account each, one exit code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa

from ingest_cli.cli.console import Log, show_report
from ingest_cli.cli.interrupts import Interrupts
from ingest_cli.cli.operation import Operation
from ingest_cli.cli.progress import Progress
from ingest_cli.cli.report_file import ReportFile
from ingest_cli.cli.standard_streams import ResultFile
from ingest_cli.commands.run import EarlierRuns, RunContext
from ingest_cli.commands.spending import cost_of
from ingest_cli.errors import ExitCode, IngestError, ManifestError
from ingest_cli.formats import FORMATS
from ingest_cli.model.manifest import Manifest, load_manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from ingest_cli.runtime.stop import CONTINUE

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
    """Return the most significant exit code."""
    return max(codes, key=_FROM_BEST_TO_WORST.index, default=ExitCode.DONE)


def overall(codes: Sequence[int]) -> int:
    """Return the exit code of a command with several manifests: 75 if any of them is resumable, else the worst.

    A restarting supervisor checks for 75 only: a failed manifest must not end the load of another one.
    """
    return ExitCode.TRY_AGAIN if ExitCode.TRY_AGAIN in codes else worst(codes)


_Name = TypeVar("_Name")

ReportT = TypeVar("ReportT", bound=Report)
RunCommand = Callable[[Manifest, RunSettings, RunContext], ReportT]


@dataclass(frozen=True, slots=True)
class RunsOutput:
    """Output of the runs of one command.

    Attributes:
        format: `text` or `json`.
        log: log of messages.
        report_file: file for the reports of all runs; None: none.
        operation: environment of the runs, which shows their reports; None: only `format` and `log`.
    """

    format: str
    log: Log
    report_file: ReportFile | None = None
    operation: Operation | None = None


class Runs(Generic[ReportT]):
    """Runs of one command, one per manifest.

    Attributes:
        codes: exit codes so far.
        reports: reports so far.
    """

    def __init__(
        self, settings: RunSettings, output: RunsOutput, run: RunCommand[ReportT], *, writes: bool = True
    ) -> None:
        """Set up.

        Args:
            settings: settings of the runs.
            output: output of the runs.
            run: runs a manifest.
            writes: whether it writes to a table, where each dataset may occur once.
        """
        self.codes: list[int] = []
        self.reports: list[ReportT] = []
        # The system's allocator releases a chunk's memory sooner, at no extra cost (`make bench`: memory).
        pa.set_memory_pool(pa.system_memory_pool())
        self._settings = settings
        self._output = output.format
        self._log = output.log
        self._run = run
        self._report_file = output.report_file
        self._is_unwritten = False
        self._writes = writes
        self._operation = output.operation
        self._place = ""
        self._interrupts = Interrupts(output.log)
        self._datasets: dict[str, Path] = {}
        self._manifests: dict[object, Manifest | IngestError] = {}
        self._resumable: list[str] = []
        self._last_line: str | None = None

    @property
    def interrupted(self) -> bool:
        """Whether a signal or the time limit of the command requested a stop."""
        return self._interrupts.seen

    @property
    def code(self) -> int:
        """The overall exit code. A report or result that could not be written changes that of a success only."""
        code = overall(self.codes)
        is_spoilt = self._is_unwritten or ResultFile.is_lost
        return ExitCode.TRY_AGAIN if is_spoilt and code == ExitCode.DONE else code

    def all(self, manifests: Sequence[Path]) -> int:
        """Run each manifest, continuing after failures but not after a signal; return the overall exit code.

        All are read first, so that an invalid one is reported as such even if a signal comes before its turn.
        """
        for path in manifests:
            self._read(path)
        return self.each(manifests, self.one)

    def each(self, names: Sequence[_Name], do: Callable[[_Name], None]) -> int:
        """Call `do` for each name, continuing after failures but not after a signal.

        Args:
            names: paths of manifests.
            do: function for one name; appends to `codes`.

        Returns:
            The overall exit code.
        """
        if self._operation is not None:
            self._operation.limit(self._interrupts)
        for number, name in enumerate(names):
            if self.interrupted:
                self._leave(names[number:])
                break
            self._place = f"{number + 1}/{len(names)} " if len(names) > 1 else ""
            self._last_line = None
            do(name)
        self._name_resumable()
        return self.code if self._operation is None else self._operation.ended(self.code)

    def failed_beside(self, error: IngestError) -> int:
        """Record a failure of the command outside its runs in all outputs; return the overall exit code."""
        self.codes.append(error.exit_code)
        if self._report_file is not None:
            self._report_file.note(str(error))
            self._write(self._report_file)
        return self.code if self._operation is None else self._operation.ended(self.code)

    def _leave(self, names: Sequence[object]) -> None:
        """Record the manifests that were not started."""
        # With --restart, the same command would load again what was already started.
        advice = "run the command again for the manifests that were not started" if self._settings.restart else CONTINUE
        for name in names:
            found = self._manifests.get(name)
            if isinstance(found, IngestError):
                self._refuse(name, found)
            else:
                self._resumable.append(f"{name}: {self._interrupts.reason} before it was started; {advice}")
        self.codes.append(ExitCode.TRY_AGAIN)

    def _name_resumable(self) -> None:
        """Print last which manifests are resumable and the command to type, unless the last line shows it."""
        is_said = self._resumable[:1] == [self._last_line]
        for text in self._resumable[1 if is_said else 0 :]:
            self._log.line(f"try again: {text}", "error", exit_code=int(ExitCode.TRY_AGAIN))

    def one(self, path: Path) -> None:
        """Run a manifest and print its report."""
        manifest = self._read(path)
        if isinstance(manifest, IngestError):
            self._refuse(path, manifest)
            return
        earlier = EarlierRuns(
            sum(map(cost_of, self.reports)), has_rejects=any(report.is_begun for report in self.reports)
        )
        began_at = time.time()
        if self._operation is not None:
            self._operation.begun(path)
        with Progress(self._log, place=self._place) as progress:
            context = RunContext(progress, self._interrupts.fresh(), earlier=earlier)
            report = self._run(manifest, self._settings, context)
        if self._operation is not None:
            self._operation.finished(path, report, began_at)
        else:
            if report.is_begun or self._output == "json":
                show_report(report, self._output)
            if report.message:
                self._log.line(f"{path}: {report.message}", "error", exit_code=int(report.exit_code))
        self.codes.append(report.exit_code)
        self.reports.append(report)
        if report.exit_code == ExitCode.TRY_AGAIN:
            self._last_line = f"{path}: {report.message}"
            self._resumable.append(self._last_line)
        if self._report_file is not None:
            self._report_file.add(report)
            self._write(self._report_file)

    def _write(self, report_file: ReportFile) -> None:
        """Write the report of all runs so far, so that it exists even if the next one crashes."""
        try:
            report_file.write(overall(self.codes))
        except IngestError as error:
            if not self._is_unwritten:
                self._log.line(str(error), "error", exit_code=int(error.exit_code))
            self._is_unwritten = True
        else:
            self._is_unwritten = False

    def _read(self, path: Path) -> Manifest | IngestError:
        """Return the manifest at `path`, read once, or why it cannot be run."""
        if path not in self._manifests:
            try:
                self._manifests[path] = self._manifest(path)
            except IngestError as error:
                self._manifests[path] = error
        return self._manifests[path]

    def _refuse(self, name: object, error: IngestError) -> None:
        """Report a manifest that cannot be run."""
        self._log.line(str(error), "error", exit_code=int(error.exit_code))
        self.codes.append(error.exit_code)
        if self._report_file is not None:
            self._report_file.add_not_run(Path(str(name)).name, str(error), error.exit_code)
            self._write(self._report_file)

    def _manifest(self, path: Path) -> Manifest:
        """Read the manifest at `path`.

        Raises:
            ManifestError: it is invalid, or its dataset already occurred in this command.
        """
        manifest = load_manifest(path, formats=FORMATS)
        other = self._datasets.setdefault(manifest.dataset.id, path)
        if self._writes and other != path:
            raise ManifestError(
                f'{path}: the dataset id "{manifest.dataset.id}" is also used by {other}; give each dataset its own id'
            )
        return manifest
