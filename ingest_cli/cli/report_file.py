"""File given by `--report`: reports of the runs of a command, for people or for programs.

It is checked before the first run, and written after each, so that it exists even if the next run crashes. It
holds no personal data, and gets the permissions of any new file.
"""

from __future__ import annotations

import datetime as dt
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ingest_cli import __version__
from ingest_cli.cli.console import escape
from ingest_cli.errors import TryAgainError, UsageError
from ingest_cli.report.html import GENERATOR
from ingest_cli.report.report import Report
from ingest_cli.runtime.output_files import PUBLIC, new_file_for, read_file

if TYPE_CHECKING:
    from ingest_cli.report.html.document import Document

LAYOUT = 1
"""Version of the JSON report's keys, incremented by an incompatible change."""

_JSON_BEGINS = '{"ingest_cli_report": '
_PAGE_BEGINS = "<!DOCTYPE html>"
_LOOK_AT = 1024
_LIBRARIES = ("jinja2", "matplotlib")


class ReportFile:
    """Collect the contents of the file, and write it."""

    def __init__(self, path: Path) -> None:
        """Check that the file can be written.

        Args:
            path: path ending in `.html` or `.json`, which selects the format.

        Raises:
            UsageError: the file cannot be written, was not written by this program, or a library is not installed.
        """
        self._path = path
        self._is_page = path.suffix.lower() in {".html", ".htm"}
        self._runs: list[dict[str, Any]] = []
        self._not_run: list[dict[str, Any]] = []
        self._message: str | None = None
        self._document: Document | None = None
        if not self._is_page and path.suffix.lower() != ".json":
            raise UsageError(f'--report writes a page (FILE.html) or JSON (FILE.json), not "{path}"')
        if self._is_page and any(find_spec(library) is None for library in _LIBRARIES):
            raise UsageError(
                "the libraries for the page of --report are not installed; run pip install 'ingest-cli[report]', or "
                "give --report FILE.json"
            )
        try:
            self._check()
            with new_file_for(path, PUBLIC):
                pass
        except OSError as error:
            raise UsageError(f'--report cannot write "{path}" ({error.strerror}); give another file') from error

    @classmethod
    def wanted(cls, path: Path | None, rejects: Path | None) -> Self | None:
        """The file, if one was asked for.

        Raises:
            UsageError: see `__init__`; or it is the file of rejects as well.
        """
        if path is None:
            return None
        if rejects is not None and rejects.resolve() == path.resolve():
            raise UsageError(f'--report and --rejects both name "{path}"; give each a separate file')
        return cls(path)

    def add(self, report: Report) -> None:
        """Add a run."""
        buckets, timeline = report.traffic.latencies.buckets_ms(), report.timeline.as_dict()
        self._runs.append({**report.as_dict(), "latency_buckets_ms": buckets, "timeline": timeline})

    def add_not_run(self, manifest: str, message: str, exit_code: int) -> None:
        """Add a manifest that could not be run."""
        self._not_run.append({"manifest": manifest, "message": message, "exit_code": int(exit_code)})

    def note(self, message: str) -> None:
        """Add the cause of the command's failure, if no run contains it."""
        self._message = message

    def write(self, exit_code: int) -> None:
        """Write the current contents atomically.

        Raises:
            TryAgainError: the file can no longer be written.
        """
        report = {
            "ingest_cli_report": LAYOUT,
            "version": __version__,
            "written_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "exit_code": int(exit_code),
            "message": self._message,
            "not_run": self._not_run,
            "runs": self._runs,
        }
        text = self._page(report) if self._is_page else json.dumps(report) + "\n"
        try:
            self._check()
            with new_file_for(self._path, PUBLIC) as new:
                new.file.write(text.encode("utf-8"))
                new.put_in_place()
        except UsageError as error:
            raise TryAgainError(str(error)) from error
        except OSError as error:
            raise TryAgainError(
                f'the report "{self._path}" could not be written ({error.strerror}); the run is not affected, '
                "and its result is on stdout"
            ) from error

    def _page(self, report: dict[str, Any]) -> str:
        if self._document is None:
            from ingest_cli.report.html.document import Document  # noqa: PLC0415 - an extra, and slow to import

            self._document = Document()
        return self._document.render(_printable(report))

    def _check(self) -> None:
        """Check that the file does not exist, or was written by this program.

        Raises:
            UsageError, OSError: it is another file, or cannot be examined.
        """
        path = self._path
        if path.is_dir() or (path.exists() and not path.is_file()):
            raise UsageError(f'--report cannot write "{path}": it is not a file; give another name')
        if not path.exists():
            return
        begin = read_file(path, _LOOK_AT).decode(errors="replace")
        is_page = begin.startswith(_PAGE_BEGINS) and GENERATOR in begin
        if begin and not is_page and not begin.startswith(_JSON_BEGINS):
            raise UsageError(f'"{path}" exists and is not a report of this program; give another file to --report')


def _printable(value: Any) -> Any:
    """Make all text printable: column names come from a dump, and may contain any character."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {escape(name) if isinstance(name, str) else name: _printable(one) for name, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, list) else value
