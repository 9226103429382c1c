"""What surrounds a run that nobody watches: who reads, how long it may take, the log, and the metrics."""

from __future__ import annotations

import json
import os
import pty
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ingest_cli.cli.audience import Audience, Manners, audience
from ingest_cli.cli.log_file import LogFile
from ingest_cli.errors import UsageError
from ingest_cli.report.account import Account
from ingest_cli.report.metrics import emf, prometheus
from ingest_cli.report.report import Report
from ingest_cli.report.traffic import Traffic
from ingest_cli.runtime.running_time import RunningTime
from tests.support.fake_clock import FakeClock

# -- who reads -------------------------------------------------------------------------------------------------------


@pytest.fixture
def pipes() -> list[int]:
    """Two pipes, the ends that are written to; and one of which nobody knows anything."""
    return [os.pipe()[1], os.pipe()[1], os.open(os.devnull, os.O_RDWR)]


def test_one_pipe_for_both_is_a_mail(pipes: list[int]) -> None:
    one, other, nothing = pipes
    again = os.dup(one)
    assert audience((nothing, one, again)) is Audience.MAIL
    assert audience((nothing, one, other)) is Audience.PROGRAM


def test_one_socket_for_both_is_a_journal(pipes: list[int]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert audience((pipes[2], ours.fileno(), ours.fileno())) is Audience.MAIL


def test_a_file_is_no_mail(pipes: list[int], tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        assert audience((pipes[2], file.fileno(), file.fileno())) is Audience.PROGRAM
    assert audience((pipes[2], pipes[2], pipes[2])) is Audience.PROGRAM


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_terminal_anywhere_is_a_person(pipes: list[int], place: int) -> None:
    ours, theirs = pty.openpty()
    descriptors = [pipes[0]] * 3
    descriptors[place] = theirs
    assert audience(descriptors) is Audience.PERSON
    os.close(ours)
    os.close(theirs)


def test_a_descriptor_that_is_closed_is_nobody(pipes: list[int]) -> None:
    os.close(pipes[1])
    assert audience((pipes[1], pipes[1], pipes[1])) is Audience.PROGRAM


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize(
    ("who", "chatty", "result"),
    [(Audience.PERSON, True, True), (Audience.PROGRAM, False, True), (Audience.MAIL, False, False)],
)
def test_what_is_said_to_whom(who: Audience, *, chatty: bool, result: bool, asks: bool) -> None:
    assert Manners.of(None, who, asks=asks) == Manners(chatty=chatty, result=result or asks)
    assert Manners.of(True, who, asks=asks) == Manners(chatty=True, result=True)  # noqa: FBT003 - the setting as it is
    assert Manners.of(False, who, asks=asks) == Manners(chatty=False, result=False)  # noqa: FBT003


# -- how long it may take --------------------------------------------------------------------------------------------


class Alarm:
    """An alarm that rings when a test says so."""

    def __init__(self) -> None:
        self.delays_s: list[float] = []
        self.ring: Callable[[], None] = lambda: None

    def __call__(self, delay_s: float, ring: Callable[[], None]) -> None:
        self.delays_s.append(delay_s)
        self.ring = ring


def test_it_is_over_when_the_time_is() -> None:
    clock, alarm, over = FakeClock(), Alarm(), list[str]()
    limit = RunningTime(7200.0, clock, alarm)
    clock.advance(200.0)  # what came before the first run counts
    limit.watch(lambda: over.append("over"))
    assert alarm.delays_s == [7000.0]
    clock.advance(6000.0)
    alarm.ring()  # too early, as after a signal of somebody else's
    assert (over, alarm.delays_s) == ([], [7000.0, 1000.0])
    clock.advance(1000.0)
    alarm.ring()
    assert over == ["over"]


def test_it_is_over_at_once_if_the_time_was_over_before() -> None:
    clock, alarm, over = FakeClock(), Alarm(), list[str]()
    limit = RunningTime(10.0, clock, alarm)
    clock.advance(60.0)
    limit.watch(lambda: over.append("over"))
    assert 0 < alarm.delays_s[0] < 0.1  # 0 would call it off
    alarm.ring()
    assert over == ["over"]
    limit.end()
    assert alarm.delays_s[-1] == 0.0


# -- the log ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def complaints() -> list[str]:
    return []


def test_lines_go_on_in_a_new_file_when_the_old_one_was_moved(tmp_path: Path, complaints: list[str]) -> None:
    path = tmp_path / "x.log"
    log = LogFile(path, complaints.append)
    log.add("one")
    path.rename(tmp_path / "x.log.1")
    log.add("two")
    path.unlink()
    log.add("three")
    assert (tmp_path / "x.log.1").read_text() == "one\n"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("three\n", 0o600)
    path.write_text("")  # copytruncate
    log.add("four")
    assert path.read_text() == "four\n"
    log.close()
    assert complaints == []


def test_a_folder_that_vanishes_is_told_once_and_one_that_comes_back_is_used(
    tmp_path: Path, complaints: list[str]
) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    log = LogFile(folder / "x.log", complaints.append)
    log.add("one")
    folder.rename(tmp_path / "away")
    log.add("two")
    log.add("three")
    assert len(complaints) == 1
    folder.mkdir()
    log.add("four")
    assert (folder / "x.log").read_text() == "four\n"
    log.close()
    assert len(complaints) == 1


def test_a_log_that_cannot_be_opened(tmp_path: Path, complaints: list[str]) -> None:
    with pytest.raises(UsageError, match="--log-file"):
        LogFile(tmp_path, complaints.append)


# -- the metrics -----------------------------------------------------------------------------------------------------


def report() -> Report:
    """One with something of everything in it."""
    account = Account(
        rows_read=10,
        rows_kept=6,
        rejected=Counter(too_short=1, dummy=2),
        skipped=Counter(blank=1),
        items_built=11,
        items_merged=2,
        items_acknowledged=8,
        refused=Counter(item_too_large=1),
        wcu_predicted=9,
    )
    traffic = Traffic(requests=3, retries=Counter({'table "x"\n': 1}), wcu_consumed=8.5)
    one = Report("load", "demo", "Demo", "breaches", outcome="complete", exit_code=0, account=account, traffic=traffic)
    one.elapsed_s, one.source_bytes = 2.5, 1000
    return one


def test_the_metrics_of_prometheus(tmp_path: Path) -> None:
    path = tmp_path / "nightly.prom"
    task = prometheus.Task("load", 0, 2000.0, 3.5, [prometheus.Finished(report(), 1990.0, 1999.0)], "1.2.3")
    prometheus.write(path, task)
    text = path.read_text()
    samples = {
        (sample.name.removeprefix("ingest_cli_"), *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    command, nightly, demo = ("command", "load"), ("task", "nightly"), ("dataset", "demo")
    assert samples["duration_seconds", command, nightly] == 3.5
    assert samples["dataset_start_timestamp_seconds", command, demo, nightly] == 1990
    assert samples["last_success_timestamp_seconds", command, demo, nightly] == 1999
    assert samples["rejected_rows", command, demo, ("reason", "dummy"), nightly] == 2
    assert samples["refused_items", command, demo, ("reason", "item_too_large"), nightly] == 1
    assert samples["retries", command, demo, ("reason", 'table "x"\n'), nightly] == 1
    assert samples["dataset_outcome", command, demo, ("outcome", "complete"), nightly] == 1
    assert samples["dataset_outcome", command, demo, ("outcome", "failed"), nightly] == 0
    assert samples["wcu_consumed", command, demo, nightly] == 8.5
    assert all(line.count("# TYPE") <= 1 for line in text.splitlines())
    assert [one.name for one in tmp_path.iterdir()] == ["nightly.prom"]


def test_what_cannot_be_read_as_metrics_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "nightly.prom"
    path.write_bytes(b"{\xff")
    prometheus.write(path, prometheus.Task("load", 75, 2000.0, 3.5, [], "1.2.3"))
    assert 'ingest_cli_exit_code{command="load",task="nightly"} 75.0' in path.read_text()


def test_every_outcome_has_a_metric() -> None:
    described = (Report.__doc__ or "").partition("one of ")[2].partition(".")[0]
    assert tuple(word.strip(" `\n") for word in described.split(",")) == prometheus.OUTCOMES


def test_the_metrics_of_cloudwatch_are_as_it_wants_them() -> None:
    """Amazon CloudWatch User Guide, "Specification: Embedded metric format"."""
    documents = [json.loads(line) for line in emf.lines(report(), 1_600_000_000.25)]
    assert [document.get("Reason") for document in documents] == [
        None, "dummy", "too_short", "item_too_large", 'table "x"\n',
    ]  # fmt: skip
    for document in documents:
        metadata = document["_aws"]
        assert metadata.keys() == {"Timestamp", "CloudWatchMetrics"}
        assert metadata["Timestamp"] == 1_600_000_000_250
        (directive,) = metadata["CloudWatchMetrics"]
        assert directive.keys() == {"Namespace", "Dimensions", "Metrics"}
        assert directive["Namespace"] == "ingest-cli"
        (dimensions,) = directive["Dimensions"]
        assert 1 <= len(dimensions) <= 30
        assert all(isinstance(document[name], str) and 1 <= len(document[name]) <= 1024 for name in dimensions)
        assert 1 <= len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric.keys() == {"Name", "Unit"}
            assert metric["Unit"] in {"Seconds", "Bytes", "Count", "None"}
            assert type(document[metric["Name"]]) in {int, float}
    first = documents[0]
    assert (first["RowsRead"], first["ItemsAcknowledged"], first["Duration"]) == (10, 8, 2.5)
    assert (documents[1]["RowsRejectedByReason"], documents[3]["ItemsRefusedByReason"]) == (2, 1)
