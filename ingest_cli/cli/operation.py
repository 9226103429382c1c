"""Context of one command: output, time limit, log, metrics files, exit code, and mail on failure."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import click

from ingest_cli import __version__
from ingest_cli.cli.audience import Manners, audience
from ingest_cli.cli.console import Log, escape, show_report, tell
from ingest_cli.cli.interrupts import Interrupts
from ingest_cli.cli.log_file import LogFile
from ingest_cli.cli.options import MESSAGES, Duration, option, together
from ingest_cli.commands.outcome import Result
from ingest_cli.errors import CrashError, ExitCode, IngestError, UsageError
from ingest_cli.report.metrics import emf
from ingest_cli.report.metrics import prometheus as textfile
from ingest_cli.report.report import Report
from ingest_cli.runtime.output_files import PUBLIC, check_replaceable, opener
from ingest_cli.runtime.running_time import RunningTime

STDOUT = "-"
_CHANGING = frozenset({"load", "prune"})

unattended_options = together(
    option(
        "--verbose/--quiet",
        "-v/-q",
        default=None,
        help="Always print messages and the report, or only print failures. Default: no messages without a terminal, "
        "and no report of a load or prune from cron.",
    ),
    option(
        "--max-runtime",
        type=Duration(),
        metavar="TIME",
        help="Stop after this long, even if manifests are left (resumable): 90s, 30m, 2h.",
    ),
    option(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="File to append all messages to, in the format of --log-format; stderr is text then. May be rotated.",
    ),
    section=MESSAGES,
)

operation_options = together(
    unattended_options,
    option(
        "--metrics-file",
        type=click.Path(path_type=Path),
        metavar="FILE.prom",
        help="File for metrics of this command, read by node_exporter's textfile collector.",
    ),
    option(
        "--metrics-emf",
        metavar="FILE|-",
        help="File to append metrics to, in CloudWatch's embedded metric format; - for stdout.",
    ),
    section=MESSAGES,
)


class Operation:
    """One command; a context manager, at the end of which the metrics are complete."""

    def __init__(
        self,
        command: str,
        values: Mapping[str, Any],
        clock: Callable[[], float] = time.monotonic,
        show: Callable[[Any, str], None] | None = None,
        *,
        asks: bool | None = None,
    ) -> None:
        """Open all output files, so that a failure to do so is reported before any work.

        Args:
            show: prints a result as `text` or `json`; None: the report of a load.
            asks: whether the command is run for its result; None: true unless it changes a table.

        Raises:
            UsageError: a file cannot be written.
        """
        self.command = command
        self._output: str = values["output"]
        self._clock = clock
        self._show: Callable[[Any, str], None] = show or show_report
        self._began_s = clock()
        limit_s: float | None = values["max_runtime"]
        self._limit = None if limit_s is None else RunningTime(limit_s, clock)
        asks = command not in _CHANGING if asks is None else asks
        self._manners = Manners.of(values["verbose"], audience(), asks=asks)
        self._metrics: Path | None = values.get("metrics_file")
        self._emf: str | None = values.get("metrics_emf")
        self._runs: list[textfile.Finished] = []
        self._complaints: set[str] = set()
        self._code: int = ExitCode.DONE
        _check_metrics_file(self._metrics)
        if self._emf not in {None, STDOUT}:
            check_appendable(Path(str(self._emf)))
        with ExitStack() as stack:
            kept = None
            if values["log_file"] is not None:
                kept = LogFile(values["log_file"], self._complain)
                stack.callback(kept.close)
            self.log = Log(values["log_format"], chatty=self._manners.chatty, entries=kept)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the remaining output."""
        if self._limit is not None:
            self._limit.end()
        if isinstance(error, IngestError | click.ClickException | CrashError):
            self._code = getattr(error, "exit_code", ExitCode.CRASHED)
            self.log.keep(_sentence(error), "error", exit_code=int(self._code))
        elif error is not None and not isinstance(error, click.exceptions.Exit):
            self._code = ExitCode.CRASHED
        self._write_metrics()
        self._stack.close()

    def limit(self, interrupts: Interrupts) -> None:
        """Stop the runs when the time limit is reached."""
        if self._limit is not None:
            self._limit.watch(lambda: interrupts.request("stopped by --max-runtime"))

    def begun(self, path: Path) -> None:
        """Record the start of a run."""
        self.log.keep(f"{path}: {self.command} started")

    def finished(self, path: Path, report: Report, began_at: float) -> None:
        """Publish the result of a run in all outputs."""
        self.tell(report, report.message and f"{path}: {report.message}", f"{path}: {_paragraph(report)}")
        self.log.keep(f"{path}: {_account(report)}", dataset=report.dataset, outcome=report.outcome)
        self._runs.append(textfile.Finished(report, began_at, time.time()))
        self._write_emf()
        self._write_metrics()

    def tell(self, found: Result, sentence: str | None, paragraph: str) -> None:
        """Print a result in the form that the audience needs.

        Args:
            found: result to show, if results are wanted; not shown as text if nothing was started.
            sentence: cause of the failure, printed in addition; None: no failure.
            paragraph: message in its place, if only failures are printed.
        """
        if self._output == "json" or (self._manners.result and found.is_begun):
            self._show(found, self._output)
        if sentence and self._manners.result:
            self.log.line(sentence, "error", exit_code=int(found.exit_code))
        elif found.exit_code != ExitCode.DONE:
            self.log.paragraph(paragraph, "error", exit_code=int(found.exit_code))

    def ended(self, code: int) -> int:
        """Record the exit code of the command, and return it."""
        self._code = code
        return code

    def _write_metrics(self) -> None:
        if self._metrics is None:
            return
        codes = [int(run.report.exit_code) for run in self._runs]
        task = textfile.Task(
            self.command,
            int(self._code) or max(codes, default=0),
            time.time(),
            self._clock() - self._began_s,
            self._runs,
            __version__,
        )
        try:
            textfile.write(self._metrics, task)
        except OSError as error:
            self._complain(f'the metrics file "{escape(str(self._metrics))}" cannot be written ({error.strerror})')

    def _write_emf(self) -> None:
        if self._emf is None:
            return
        run = self._runs[-1]
        text = "".join(f"{line}\n" for line in emf.lines(run.report, run.ended_at))
        try:
            if self._emf == STDOUT:
                click.echo(text, nl=False)
            else:
                with _appending(self._emf) as file:
                    file.write(text.encode("ascii"))
        except OSError as error:
            self._complain(f'the metrics cannot be written to "{escape(self._emf)}" ({error.strerror})')

    def _complain(self, sentence: str) -> None:
        """Report once a failure of a secondary output; it does not affect the runs."""
        if sentence not in self._complaints:
            self._complaints.add(sentence)
            tell(f"ingest-cli: {sentence}")


def _check_metrics_file(path: Path | None) -> None:
    """Refuse early a metrics file that could not be written.

    Raises:
        UsageError: the file cannot be written.
    """
    if path is None:
        return
    name, folder = escape(str(path)), path.parent
    if path.suffix != textfile.SUFFIX:
        raise UsageError(
            f'--metrics-file "{name}" does not end in {textfile.SUFFIX}, and node_exporter would ignore it; rename it'
        )
    if not folder.is_dir():
        raise UsageError(
            f'--metrics-file: the folder "{escape(str(folder))}" does not exist; create it, or give the one of '
            "node_exporter's --collector.textfile.directory"
        )
    try:
        check_replaceable(path)
    except OSError as error:
        raise UsageError(f'--metrics-file "{name}" cannot be written ({error.strerror}); give another file') from error
    if path.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f'--metrics-file "{name}" cannot be written; make its folder writable, or give another file')


def check_appendable(path: Path) -> None:
    """Refuse early a file that metrics could not be appended to.

    Raises:
        UsageError: in one sentence.
    """
    try:
        with _appending(path):
            pass
    except OSError as error:
        raise UsageError(
            f'--metrics-emf "{escape(str(path))}" cannot be written ({error.strerror}); give another file, or -'
        ) from error


def _appending(path: str | Path) -> BinaryIO:
    return open(path, "ab", opener=opener(PUBLIC))


def _sentence(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, CrashError):
        return f"crashed with {error.kind} at {error.place}"
    return str(error)


def _account(report: Report) -> str:
    """Summarize a run in one sentence."""
    account = report.account
    is_load = report.command == "load"
    where = "" if report.table is None else f" {'into' if is_load else 'in'} {report.table}"
    said = f"{report.command} of {report.title} ({report.dataset}){where}: {report.outcome}"
    if report.outcome in {"unchanged", "locked"}:
        return said
    said += f" after {report.elapsed_s:,.1f} s"
    if not account.rows_read:
        return said
    return (
        f"{said}; {account.rows_read:,} rows read, {account.rows_kept:,} kept, "
        f"{account.rows_rejected:,} rejected, {account.rows_skipped:,} skipped; {account.items_built:,} items built, "
        f"{account.items_acknowledged:,} {'acknowledged' if is_load else 'checked'}, "
        f"{account.items_refused:,} refused; {report.traffic.retries.total():,} requests retried"
    )


def _paragraph(report: Report) -> str:
    """Describe the failure, the remedy and the progress: everything that a mail needs."""
    sentences = [report.message or "", _account(report), *report.notes, f"exit code {int(report.exit_code)}"]
    return " ".join(f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}." for sentence in sentences if sentence)
