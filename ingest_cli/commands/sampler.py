"""Record the progress of a run at intervals, as its timeline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest_cli.report.timeline import EVERY_S, Point
from ingest_cli.report.traffic import throttles
from ingest_cli.runtime.background import Repeater

if TYPE_CHECKING:
    from ingest_cli.report.report import Report
    from ingest_cli.sinks.policies.pacing import Pacer


@contextmanager
def recorded(report: Report, pacer: Pacer | None = None, now_s: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Record the timeline of a report during the block, from its start to its end.

    Args:
        report: report of the run.
        pacer: rate of the load; None for a dry run.
        now_s: monotonic time in seconds, so that a change of the system clock has no effect.
    """
    began_s, writing, over = now_s(), threading.Lock(), threading.Event()

    def sample() -> None:
        with writing:  # the last point may coincide with one of the thread
            if not over.is_set():
                report.timeline.add(_point(report, pacer, now_s() - began_s))

    sample()
    try:
        with Repeater("timeline", EVERY_S, sample, lambda _: None):
            yield
    finally:
        with writing:
            over.set()
            report.timeline.add(_point(report, pacer, now_s() - began_s), is_last=True)


def _point(report: Report, pacer: Pacer | None, at_s: float) -> Point:
    requests, retries, wcu = report.traffic.now()
    rate, ceiling = (None, None) if pacer is None else (pacer.rate_wcu_per_s, pacer.ceiling_wcu_per_s)
    throttled, account = throttles(retries.items()), report.account
    return Point(
        at_s,
        account.rows_read,
        account.items_acknowledged,
        wcu,
        requests,
        throttled,
        retries.total() - throttled,
        rate,
        ceiling,
    )
