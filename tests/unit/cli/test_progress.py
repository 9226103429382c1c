"""How a run is getting on: lines at intervals, with what an operator wants to know, whether anything moves or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ingest_cli.cli.console import Log
from ingest_cli.cli.progress import LEFT_OVER_S, LINE_EVERY_S, RATE_OVER_S, Progress, Rate, clock_time
from ingest_cli.model.chunks import Origin, Position, Span
from ingest_cli.report.report import Report
from ingest_cli.report.traffic import Traffic
from ingest_cli.sinks.policies.pacing import Pacer
from tests.support.fake_clock import FakeClock


class Lines(list[str]):
    """Keeps lines, as a log file does."""

    add = list.append


@dataclass
class Scene:
    """A run that is watched.

    Attributes:
        lines: what was said, without the time.
        read: source → bytes of it that are settled.
    """

    clock: FakeClock
    progress: Progress
    report: Report
    kept: Lines
    read: dict[int, int] = field(default_factory=dict)

    def tick(self, after_s: float) -> str:
        """What is said after so long; empty if nothing."""
        self.clock.advance(after_s)
        before = len(self.kept)
        self.progress.tick()
        return "".join(line.partition(" info: ")[2] for line in self.kept[before:])


@pytest.fixture
def scene() -> Iterator[Scene]:
    clock, kept = FakeClock(), Lines()
    report = Report("load", "demo", "Demo", "breaches", traffic=Traffic())
    progress = Progress(Log("text", chatty=False, entries=kept), place="2/3 ", bar=False, clock=clock)
    report.byte_progress.plan([500, 500])
    report.byte_progress.begin({0, 1})
    with progress:
        progress.planned("demo", [500, 500])
        yield Scene(clock, progress, report, kept)


def _moves(scene: Scene, rows: int, size: int, wcu: float, *, shard: int = 0, is_last: bool = False) -> None:
    """Read all of a source, and settle so many bytes of it."""
    byte_progress, origin = scene.report.byte_progress, Origin(shard, 0, f"{shard}.csv")
    byte_progress.source(shard)
    if not scene.read.get(shard):
        byte_progress.read(500)
        byte_progress.decoded(500)
        scene.progress.bytes_read(500)
    start, end = scene.read.get(shard, 0), scene.read.get(shard, 0) + size
    scene.read[shard] = end
    byte_progress.handed_out(origin, Span(Position(start), Position(end)))
    byte_progress.commit(origin, Span(Position(start), Position(end)))
    if is_last:
        byte_progress.end(shard)
    scene.report.account.rows_read += rows
    scene.report.traffic.wcu_consumed += wcu
    scene.progress.committed(scene.report)


def test_a_line_has_rates_the_ceiling_retries_rejects_the_file_and_the_time_left(scene: Scene) -> None:
    scene.progress.pace_set(Pacer.starting(scene.clock, 500.0))
    scene.report.traffic.retries = Counter(table=3)
    scene.report.account.rejected = Counter(dummy=2)
    _moves(scene, 25_000, 250, 4_000)
    assert scene.tick(LINE_EVERY_S) == (
        "2/3 demo: 25% of 1,000 bytes done, 25,000 rows; 2.5k rows/s, 400 of 500 WCU/s, 3 retries, 2 rejected, "
        "file 1 of 2; about 0:00:30 left"
    )
    _moves(scene, 3_000, 250, 600, is_last=True)
    _moves(scene, 2_000, 250, 400, shard=1)
    line = scene.tick(LINE_EVERY_S)
    assert "75% of 1,000 bytes done, 30,000 rows; 500 rows/s, 100 of 500 WCU/s" in line
    assert "file 2 of 2; about 0:00:07 left" in line


def test_the_time_left_follows_the_speed_of_late(scene: Scene) -> None:
    _moves(scene, 100, 400, 0)
    assert "about 0:00:15 left" in scene.tick(LINE_EVERY_S)
    for _ in range(int(2 * LEFT_OVER_S / LINE_EVERY_S)):
        _moves(scene, 1, 1, 0)
        line = scene.tick(LINE_EVERY_S)
    assert "about 1:38:00 left" in line, "588 bytes at one in ten seconds"
    for _ in range(int(LEFT_OVER_S / LINE_EVERY_S)):
        line = scene.tick(LINE_EVERY_S)
    assert "left" not in line, "nothing moves"


def test_what_was_read_ahead_is_not_done(scene: Scene) -> None:
    scene.report.byte_progress.source(0)
    scene.report.byte_progress.read(500)
    scene.report.byte_progress.decoded(500)
    scene.progress.bytes_read(500)
    scene.progress.committed(scene.report)
    line = scene.tick(LINE_EVERY_S)
    assert "0% of 1,000 bytes done" in line
    assert "left" not in line


def test_a_narrow_terminal_gets_what_is_not_zero(scene: Scene) -> None:
    scene.progress.pace_set(Pacer.starting(scene.clock, 500.0))
    scene.report.account.rejected = Counter(dummy=2)
    _moves(scene, 25_000, 250, 4_000)
    scene.clock.advance(LINE_EVERY_S)
    figures = scene.progress._figures(scene.report, scene.clock(), brief=True)
    assert figures == "2.5k rows/s, 400/500 WCU/s, 2 rejected"


def test_nothing_is_said_before_it_is_time(scene: Scene) -> None:
    _moves(scene, 10, 10, 0)
    assert scene.tick(LINE_EVERY_S - 1) == ""
    assert "10 rows" in scene.tick(1)
    assert scene.tick(1) == ""


def test_it_goes_on_saying_so_while_nothing_moves(scene: Scene) -> None:
    _moves(scene, 1_000, 100, 0)
    scene.tick(LINE_EVERY_S)
    scene.tick(LINE_EVERY_S)
    assert "1,000 rows; 0 rows/s, 0 rejected" in scene.tick(LINE_EVERY_S)


def test_rows_of_an_earlier_run_are_no_speed_of_this_one(scene: Scene) -> None:
    scene.report.rows_before = scene.report.account.rows_read = 1_000_000
    _moves(scene, 100, 100, 0)
    line = scene.tick(LINE_EVERY_S)
    assert "1,000,100 rows; 10 rows/s" in line
    assert "left" not in line


def test_a_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate(0.0)
    assert rate.at(0.0, 5) == 0.0
    assert rate.at(1.0, 1_000) == 1_000
    assert rate.at(1.0 + RATE_OVER_S, 1_500) == 50
    assert rate.at(1.0 + 3 * RATE_OVER_S, 1_500) == 0.0


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00:00"), (61, "0:01:01"), (3 * 3600 + 2 * 60 + 1, "3:02:01")])
def test_a_length_of_time(seconds: float, text: str) -> None:
    assert clock_time(seconds) == text
