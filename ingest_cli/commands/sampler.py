"""Notes now and then how far a run is, so that one can look at it afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingest_cli.report.timeline import EVERY_S, Point, throttles
from ingest_cli.runtime.background import Repeater

if TYPE_CHECKING:
    from ingest_cli.report.report import Report
    from ingest_cli.sinks.policies.pacing import Pacer


@contextmanager
def recorded(report: Report, pacer: Pacer | None = None, now_s: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Keep the time line of a report while the block lasts, from its begin to its end.

    Args:
        report: of the run.
        pacer: the rate; None for a dry run.
        now_s: tells the time; one that never goes back, so that a change of the clock makes no difference.
    """
    began_s, writing, over = now_s(), threading.Lock(), threading.Event()

    def sample() -> None:
        with writing:  # the last one may come while a thread is at another
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
