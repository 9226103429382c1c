"""The time line is bounded and loses no sum; the histogram of latencies is exact in counts and close in times."""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_cli.commands.sampler import recorded
from ingest_cli.report.report import Report
from ingest_cli.report.timeline import Point, Timeline
from ingest_cli.report.traffic import BUCKETS, FINEST_S, Latencies, Traffic, bound_s, bucket_of, is_throttle, throttles
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.sinks.policies.pacing import Pacer
from tests.support.fake_clock import FakeClock

LATENCIES = st.floats(1e-6, 2000.0)


@given(st.lists(st.tuples(st.floats(0.01, 5.0), st.integers(0, 1000)), max_size=300), st.integers(2, 40))
def test_a_time_line_is_bounded_and_ends_with_all_there_was(steps: list[tuple[float, int]], most: int) -> None:
    line, at_s, rows = Timeline(max_points=most), 0.0, 0
    line.add(Point(0.0))
    for duration_s, count in steps:
        at_s, rows = at_s + duration_s, rows + count
        line.add(Point(at_s, rows))
    line.add(Point(at_s + 0.5, rows), is_last=True)
    assert len(line.points) <= most
    assert line.points[0] == Point(0.0)
    assert line.points[-1].rows == rows
    assert sum(after.rows - before.rows for before, after in pairwise(line.points)) == rows
    times = [point.at_s for point in line.points]
    assert times == sorted(times)
    gaps = [after - before for before, after in pairwise(times[:-1])]
    assert min(gaps, default=line.every_s) >= line.every_s * 0.375, "evenly apart, whenever the spacing was doubled"


def test_points_become_coarser_as_the_run_gets_longer() -> None:
    line = Timeline()
    for second in range(100_000):
        line.add(Point(float(second), rows=second))
    assert 300 <= len(line.points) <= 600
    assert line.every_s == 256.0


def test_a_point_right_before_the_end_makes_room_for_it() -> None:
    line = Timeline()
    for at_s in (0.0, 1.0, 2.0):
        line.add(Point(at_s))
    line.add(Point(2.1, rows=7), is_last=True)
    assert [point.at_s for point in line.points] == [0.0, 1.0, 2.1]
    short = Timeline([Point(0.0)])
    short.add(Point(0.1), is_last=True)
    assert len(short.points) == 2, "a short run has a begin and an end"


def test_a_time_line_as_a_table() -> None:
    table = Timeline([Point(0.12345, 3, 2, 2.5, 1, 1, 0, 4000.0)]).as_dict()
    assert dict(zip(table["columns"], table["points"][0], strict=True)) == {
        "at_s": 0.123,
        "rows": 3,
        "items": 2,
        "wcu": 2.5,
        "requests": 1,
        "throttles": 1,
        "faults": 0,
        "rate_wcu_per_s": 4000.0,
        "ceiling_wcu_per_s": None,
    }


@given(LATENCIES)
def test_a_bucket_holds_what_it_says(latency_s: float) -> None:
    bucket = bucket_of(latency_s)
    assert 0 <= bucket < BUCKETS
    if FINEST_S < latency_s < bound_s(BUCKETS - 1):
        assert latency_s <= bound_s(bucket) * (1 + 1e-9)
        assert latency_s >= bound_s(bucket - 1) * (1 - 1e-9)


@given(st.lists(st.floats(FINEST_S, 1000.0), min_size=1, max_size=200), st.floats(0.1, 100.0))
def test_a_percentile_is_at_most_a_bucket_above_the_true_one(latencies: list[float], percent: float) -> None:
    histogram = Latencies()
    for latency_s in latencies:
        histogram.note(latency_s)
    true = sorted(latencies)[max(math.ceil(len(latencies) * percent / 100), 1) - 1]
    estimate = histogram.percentile_s(percent)
    assert estimate is not None
    assert true * (1 - 1e-9) <= estimate <= true * 2 ** (1 / 8) * (1 + 1e-9)


@given(st.lists(st.lists(LATENCIES, max_size=30), max_size=5))
def test_histograms_of_workers_add_up(workers: list[list[float]]) -> None:
    total, whole = Traffic(), Latencies()
    for latencies in workers:
        one = Traffic()
        for latency_s in latencies:
            one.note_request(1.0, latency_s)
            whole.note(latency_s)
        total.add(*one.take())
        assert one.latencies.counts == {}
    assert total.latencies.counts == whole.counts
    assert total.requests == whole.counts.total()


def test_no_requests_have_no_percentiles() -> None:
    assert set(Latencies().percentiles_ms()) == {"p50", "p90", "p95", "p99", "p99.9", "max"}
    assert set(Latencies().percentiles_ms().values()) == {None}
    assert Latencies().buckets_ms() == []


def test_percentiles_for_programs_are_milliseconds() -> None:
    latencies = Latencies({bucket_of(0.010): 99, bucket_of(1.0): 1})
    shown = latencies.percentiles_ms()
    assert shown["max"] == pytest.approx(1000, rel=0.09)
    assert shown["p50"] == shown["p99"] == pytest.approx(10, rel=0.09)
    assert latencies.buckets_ms() == [[shown["p50"], 99], [shown["max"], 1]]


@pytest.mark.parametrize(
    ("reason", "is_one"),
    [
        ("unprocessed", True),
        ("ProvisionedThroughputExceededException", True),
        ("TableWriteProvisionedThroughputExceeded", True),
        ("TableWriteKeyRangeThroughputExceeded", True),
        ("IndexWriteProvisionedThroughputExceeded:by-src", True),
        ("ThrottlingException", True),
        ("RequestLimitExceeded", True),
        ("InternalServerError", False),
        ("bad_checksum", False),
        ("timeout", False),
    ],
)
def test_what_a_throttle_is(reason: str, is_one: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert is_throttle(reason) is is_one


def test_a_run_is_recorded_from_begin_to_end() -> None:
    clock, report = FakeClock(), Report("load", "demo", "Demo")
    report.account.rows_read = 5  # by an earlier run
    pacer = Pacer.starting(clock, 100.0)
    with recorded(report, pacer, clock.monotonic_s):
        clock.sleep(0.5)
        report.account.rows_read, report.account.items_acknowledged = 25, 40
        report.traffic.note_request(25.0, 0.01)
        report.traffic.note_retry("unprocessed")
        report.traffic.note_retry("timeout")
    begin, end = report.timeline.points
    assert begin == Point(0.0, rows=5, rate_wcu_per_s=100.0, ceiling_wcu_per_s=100.0)
    assert end == Point(0.5, 25, 40, 25.0, 1, 1, 1, 100.0, 100.0)


def test_the_end_of_a_run_that_failed_is_recorded_and_nothing_after_it() -> None:
    report = Report("validate", "demo", "Demo")
    with pytest.raises(ZeroDivisionError), recorded(report, now_s=FakeClock().monotonic_s):
        raise ZeroDivisionError
    assert [point.rate_wcu_per_s for point in report.timeline.points] == [None, None]


def test_a_look_at_the_rate_undoes_nothing() -> None:
    """Looked at by one thread, changed by another: every change counts."""
    pacer = Pacer.starting(FakeClock(), 1000.0, state=SharedByProcesses().rate)
    over, seen = threading.Event(), deque[float](maxlen=1)

    def look() -> None:
        while not over.is_set():
            seen.append(pacer.rate_wcu_per_s)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for ceiling in range(1, 3000):
            pacer.set_ceiling(float(ceiling))
            assert pacer.rate_wcu_per_s == pacer.ceiling_wcu_per_s == ceiling
    finally:
        over.set()
        looker.join()


def test_retries_that_are_throttles_are_counted_apart() -> None:
    assert throttles(Counter({"unprocessed": 3, "ThrottlingException": 2, "timeout": 7}).items()) == 5
