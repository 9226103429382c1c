"""pytest plugin: tests marked `timed` that fail are run again, one after another, when all other tests have ended.

A failure counts only if it happens again there. Works with and without pytest-xdist.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator

import pytest

ALONE = "TESTS_RUN_ALONE"
"""Environment variable that is set in the run of the retries: there, a failure is a failure."""
RETRIED = "retried"
"""Outcome of a failure that is not counted yet."""


class RetryAlone:
    """The hooks, in the process that reports and in those of pytest-xdist."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._failed: dict[str, None] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Take the failure of a timed test for none so far."""
        report = yield
        if report.failed and report.when != "teardown" and item.get_closest_marker("timed") is not None:
            report.outcome = RETRIED  # type: ignore[assignment] # of this plugin's own
        return report

    @pytest.hookimpl
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Show such a failure as "r"."""
        return (RETRIED, "r", "RETRIED LATER") if report.outcome == RETRIED else None

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note it."""
        if report.outcome == RETRIED:
            self._failed[report.nodeid] = None

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Run those tests again, and fail with them."""
        if not self._failed or hasattr(self._config, "workerinput") or exitstatus == pytest.ExitCode.INTERRUPTED:
            return
        command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-p", "no:cacheprovider", *self._failed]
        done = subprocess.run(
            command,
            cwd=self._config.rootpath,
            env={**os.environ, ALONE: "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if (terminal := self._config.pluginmanager.get_plugin("terminalreporter")) is not None:
            terminal.ensure_newline()
            terminal.section("timed tests that failed, run again alone")
            terminal.write_line(done.stdout.rstrip())
        if done.returncode:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def register(config: pytest.Config) -> None:
    """Add the plugin, unless this is the run of the retries."""
    if ALONE not in os.environ:
        config.pluginmanager.register(RetryAlone(config), "retry-alone")
