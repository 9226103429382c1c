"""Several manifests, one exit code: 75 if any of them is resumable, each of which is named on the last lines."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest_cli.cli.console import Log
from ingest_cli.cli.interrupts import Interrupts
from ingest_cli.cli.report_file import ReportFile
from ingest_cli.cli.runs import Runs, overall
from ingest_cli.cli.standard_streams import ResultFile
from ingest_cli.commands.run import Watcher
from ingest_cli.errors import ExitCode
from ingest_cli.model.manifest import Manifest
from ingest_cli.model.settings import RunSettings
from ingest_cli.report.report import Report
from ingest_cli.runtime.stop import StopRequest

SAMPLES = Path(__file__).resolve().parents[2] / "sample_data"
MANIFESTS = [SAMPLES / name for name in ("telco.toml", "forum.toml", "klinik.toml")]
STOPPED = "the AWS credentials have expired; renew them, and run the same command again"
MISSING = "no such file; check `sources` in [dataset]"


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The handlers there were: a run puts its own in their place, and ends the process some time after a signal."""
    monkeypatch.setattr(Interrupts, "_end", lambda _self, _reason: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@dataclass
class Scripted:
    """Ends each run as it is told to.

    Attributes:
        ends: exit code and message of each run.
        signals: sent during the run of this number; None: none.
        begun: ids of the datasets that were run.
    """

    ends: list[tuple[int, str | None]]
    signal_in: int | None = None

    def __post_init__(self) -> None:
        self.begun: list[str] = []

    def __call__(self, manifest: Manifest, settings: RunSettings, watcher: Watcher, stop: StopRequest) -> Report:
        del settings, watcher, stop
        report = Report("load", manifest.dataset.id, manifest.dataset.title, "breaches")
        code, report.message = self.ends[len(self.begun)]
        report.exit_code = ExitCode(code)
        if self.signal_in == len(self.begun):
            signal.raise_signal(signal.SIGTERM)
        self.begun.append(manifest.dataset.id)
        return report


def _run(
    scripted: Scripted, manifests: list[Path] = MANIFESTS, report_file: ReportFile | None = None, **settings: bool
) -> int:
    runs = Runs(RunSettings(**settings), "json", Log("text", chatty=True), scripted, report_file)
    return runs.all(manifests)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 75], 75),
        ([75, 4], 75),
        ([4, 75, 2, 0], 75),
        ([3, 75, 5, 1], 75),
        ([5, 0], 5),
        ([3, 5], 3),
        ([3, 4, 5], 4),
        ([4, 2, 3], 2),
        ([2, 1], 1),
    ],
)
def test_the_overall_code_is_75_if_any_is_resumable_else_the_worst(codes: list[int], expected: int) -> None:
    assert overall([ExitCode(code) for code in codes]) == expected


def test_a_missing_file_does_not_hide_a_load_that_can_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    scripted = Scripted([(75, STOPPED), (4, MISSING), (0, None)])
    assert _run(scripted) == 75
    assert len(scripted.begun) == 3
    *_, last = capsys.readouterr().err.splitlines()
    assert last == f"ingest-cli: try again: {MANIFESTS[0]}: {STOPPED}"


def test_json_has_a_document_for_each_run_and_none_for_what_cannot_be_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be all zeros, and of no dataset: the sentence is on stderr."""
    (tmp_path / "bad.toml").write_text("version = 2\n")

    def run(one: Manifest, settings: RunSettings, watcher: Watcher, stop: StopRequest) -> Report:
        del settings, watcher, stop
        return Report("load", one.dataset.id, one.dataset.title, outcome="complete", exit_code=0)

    runs = Runs(RunSettings(), "json", Log("text", chatty=True), run)
    assert runs.all([tmp_path / "missing.toml", MANIFESTS[0], tmp_path / "bad.toml"]) == 2
    said = capsys.readouterr()
    (done,) = map(json.loads, said.out.splitlines())
    assert (done["outcome"], done["begun"]) == ("complete", True)
    assert "missing.toml" in said.err
    assert "bad.toml" in said.err


def test_each_resumable_one_is_named_on_the_last_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(Scripted([(75, STOPPED), (4, MISSING), (75, STOPPED)])) == 75
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == [f"ingest-cli: try again: {path}: {STOPPED}" for path in (MANIFESTS[0], MANIFESTS[2])]


def test_what_the_last_line_says_is_not_said_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(Scripted([(4, MISSING), (0, None), (75, STOPPED)])) == 75
    text = capsys.readouterr().err
    assert text.count(STOPPED) == 1
    assert text.splitlines()[-1] == f"ingest-cli: {MANIFESTS[2]}: {STOPPED}"


def test_one_that_was_not_begun_is_named_too(capsys: pytest.CaptureFixture[str]) -> None:
    scripted = Scripted([(4, MISSING), (75, STOPPED)], signal_in=1)
    assert _run(scripted) == 75
    assert len(scripted.begun) == 2
    *_, first, last = capsys.readouterr().err.splitlines()
    assert first == f"ingest-cli: {MANIFESTS[1]}: {STOPPED}"
    assert last == (
        f"ingest-cli: try again: {MANIFESTS[2]}: stopped by SIGTERM before it was begun; run the same command again "
        "to resume"
    )


def test_with_restart_only_what_was_not_begun_is_run_by_the_same_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(Scripted([(0, None)], signal_in=0), restart=True) == 75
    for line, path in zip(capsys.readouterr().err.splitlines(), MANIFESTS[1:], strict=True):
        assert line.startswith(f"ingest-cli: try again: {path}: stopped by SIGTERM before it was begun; ")
        assert line.endswith("run the command again for what was not begun")


def test_one_that_is_not_there_is_no_resumable_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    report_file = ReportFile.wanted(tmp_path / "report.json", None)
    scripted = Scripted([(75, STOPPED)], signal_in=0)
    assert _run(scripted, [MANIFESTS[0], missing, MANIFESTS[2]], report_file) == 75
    lines = capsys.readouterr().err.splitlines()
    (said,) = [line for line in lines if "missing.toml" in line]
    assert "try again" not in said
    assert "no such manifest" in said
    assert lines[-1].startswith(f"ingest-cli: try again: {MANIFESTS[2]}: stopped by SIGTERM before it was begun")
    runs = json.loads((tmp_path / "report.json").read_text())
    assert "missing.toml" in json.dumps(runs)


def test_failures_alone_end_with_the_worst(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(Scripted([(3, "too many"), (4, MISSING), (0, None)])) == 4
    assert "try again" not in capsys.readouterr().err


@pytest.mark.parametrize(("ends", "expected"), [([0, 0, 0], 75), ([0, 3, 0], 3), ([75, 3, 0], 75)])
def test_a_lost_result_changes_the_code_of_a_success_only(
    monkeypatch: pytest.MonkeyPatch, ends: list[int], expected: int
) -> None:
    monkeypatch.setattr(ResultFile, "is_lost", True)
    assert _run(Scripted([(code, "x" if code else None) for code in ends])) == expected


def test_the_report_file_has_the_same_code(tmp_path: Path) -> None:
    report_file = ReportFile.wanted(tmp_path / "report.json", None)
    assert _run(Scripted([(75, STOPPED), (4, MISSING), (0, None)]), report_file=report_file) == 75
    assert json.loads((tmp_path / "report.json").read_text())["exit_code"] == 75
