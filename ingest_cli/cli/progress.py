"""Progress of a run: a bar over the input's bytes on a terminal, periodic lines elsewhere."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Self

from ingest_cli.cli.console import Log, escape
from ingest_cli.report.observer import Pace, RunObserver
from ingest_cli.report.report import Report
from ingest_cli.runtime.background import Repeater

LINE_EVERY_S = 10.0
BAR_EVERY_S = 0.5

WIDE = 110
"""Minimum terminal width, in columns, for all figures beside a bar."""

RATE_OVER_S = 10.0
"""Seconds over which a rate is averaged: long enough to be steady, short enough to follow the table."""

LEFT_OVER_S = 60.0
"""Seconds over which the time left is estimated: several chunks of a slow table, each committed as a whole."""

_BAR = "{{desc}}: {{percentage:3.0f}}%|{{bar}}| {{elapsed}}<{left}{{postfix}}"
_NO_BAR = "{desc}: {n_fmt} {elapsed}{postfix}"


class Rate:
    """Average rate over the last seconds."""

    def __init__(self, now_s: float, count: float = 0.0, over_s: float = RATE_OVER_S) -> None:
        self._seen = deque([(now_s, count)])
        self._over_s = over_s

    def at(self, now_s: float, count: float) -> float:
        """Return the rate, given the current total `count`."""
        self._seen.append((now_s, count))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - self._over_s:  # noqa: PLR2004 - a rate takes two
            self._seen.popleft()
        then_s, before = self._seen[0]
        return (count - before) / (now_s - then_s) if now_s > then_s else 0.0


class Progress(RunObserver):
    """Show the progress of one run during the block; called from several threads."""

    def __init__(
        self, log: Log, *, place: str = "", bar: bool | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Set up; nothing is shown before there is a plan.

        Args:
            place: number of this run among those of the command; empty if there is only one.
            bar: whether to show a bar; None: on a terminal.
        """
        self._log = log
        self._place = place
        self._show_bar = sys.stderr.isatty() if bar is None else bar
        self._clock = clock
        self._bar: Any = None
        self._ticker: Repeater | None = None
        self._lock = threading.Lock()
        self._dataset = ""
        self._ends: list[int] = []
        self._left: Rate | None = None
        self._pace: Pace | None = None
        self._report: Report | None = None
        self._began_s = self._said_s = clock()
        self._rows, self._wcu = Rate(self._began_s), Rate(self._began_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ticker is not None:
            self._ticker.__exit__(None, None, None)
        with self._lock:
            if self._bar is not None:
                if self._report is not None:
                    figures = self._figures(self._report, self._clock(), brief=_is_narrow())
                    self._move_bar(self._clock())
                    self._bar.set_postfix_str(figures, refresh=False)
                self._bar.close()
            self._bar, self._report = None, None

    def planned(self, dataset: str, sizes_bytes: Sequence[int]) -> None:
        """See `RunObserver.planned`."""
        self._dataset = dataset
        self._ends = [*accumulate(sizes_bytes)] if all(sizes_bytes) else []
        self._began_s = self._said_s = self._clock()
        self._rows, self._wcu = Rate(self._began_s), Rate(self._began_s)
        if self._show_bar:
            from tqdm import tqdm  # noqa: PLC0415 - only on a terminal

            tqdm.monitor_interval = 0  # its thread would be started before the workers are forked; `tick` replaces it
            self._bar = tqdm(
                total=self._total or None,
                unit="B",
                unit_scale=True,
                desc=escape(f"{self._place}{self._dataset}"),
                bar_format=_BAR.format(left="?") if self._total else _NO_BAR,
                dynamic_ncols=True,
                file=sys.stderr,
            )

    def pace_set(self, pace: Pace) -> None:
        """See `RunObserver.pace_set`."""
        self._pace = pace

    def bytes_read(self, count: int) -> None:  # noqa: ARG002 - however many
        """See `RunObserver.bytes_read`."""
        with self._lock:
            if self._ticker is None:  # not before: the workers are forked by now, and a fork copies no threads
                self._ticker = Repeater("progress", BAR_EVERY_S, self.tick, lambda _: None)
                self._ticker.__enter__()

    def committed(self, report: Report) -> None:
        """See `RunObserver.committed`."""
        if self._report is None:
            self._rows = Rate(self._began_s, report.rows_before)  # rows of an earlier run do not count for the rate
            begun = (self._clock(), report.byte_progress.done_bytes) if report.rows_before else (self._began_s, 0.0)
            self._left = Rate(*begun, LEFT_OVER_S)  # nor do its bytes
        self._report = report

    def tick(self) -> None:
        """Update the display, if it is due; called regularly, with or without progress."""
        with self._lock:
            report, now = self._report, self._clock()
            if report is None:
                if self._bar is not None:
                    self._bar.refresh()
                return
            if self._bar is not None:
                self._move_bar(now)
                self._bar.set_postfix_str(self._figures(report, now, brief=_is_narrow()), refresh=True)
            elif now - self._said_s >= LINE_EVERY_S:
                self._said_s = now
                self._say(report, self._figures(report, now), now)

    def _move_bar(self, now: float) -> None:
        self._bar.n = self._done()
        if self._total:
            left_s = self._left_s(now)
            self._bar.bar_format = _BAR.format(left="?" if left_s is None else clock_time(left_s))

    def _say(self, report: Report, figures: str, now: float) -> None:
        account, left_s = report.account, self._left_s(now)
        self._log.line(
            f"{self._place}{report.dataset}: {self._share()} done, {account.rows_read:,} rows; {figures}"
            + ("" if left_s is None else f"; about {clock_time(left_s)} left"),
            dataset=report.dataset,
            rows_read=account.rows_read,
            rows_rejected=account.rows_rejected,
            retries=report.traffic.retries.total(),
            eta_s=None if left_s is None else round(left_s),
        )

    def _figures(self, report: Report, now: float, *, brief: bool = False) -> str:
        """Format rows and capacity units per second, retries, rejects, and the number of the current file.

        Args:
            brief: whether to omit zeros and the file, for a narrow terminal.
        """
        parts = [f"{_short(self._rows.at(now, report.account.rows_read))} rows/s"]
        counts = {"rejected": report.account.rows_rejected}
        if self._pace is not None:
            ceiling = self._pace.ceiling_wcu_per_s
            of = "" if ceiling is None else f"{'/' if brief else ' of '}{_short(ceiling)}"
            parts.append(f"{_short(self._wcu.at(now, report.traffic.wcu_consumed))}{of} WCU/s")
            counts = {"retries": report.traffic.retries.total(), **counts}
        parts += [f"{_short(count)} {name}" for name, count in counts.items() if count or not brief]
        if len(self._ends) > 1 and not brief:
            parts.append(f"file {self._file()} of {len(self._ends)}")
        return ", ".join(parts)

    @property
    def _total(self) -> int:
        """Bytes of all sources; 0 if that is not known."""
        return self._ends[-1] if self._ends else 0

    def _file(self) -> int:
        """Return the number of the current source, from 1."""
        done = self._done()
        return min(sum(end <= done for end in self._ends) + 1, len(self._ends))

    def _done(self) -> int:
        """Return the committed bytes of the sources."""
        done = 0 if self._report is None else round(self._report.byte_progress.done_bytes)
        return min(done, self._total) if self._total else done

    def _left_s(self, now: float) -> float | None:
        """Estimate the seconds left at the recent rate; None if unknown."""
        if not self._total or self._left is None:
            return None
        done = self._done()
        rate = self._left.at(now, done)
        if done == self._total:
            return 0.0
        return (self._total - done) / rate if rate > 0 else None

    def _share(self) -> str:
        """Format the committed amount, and the total if known."""
        done = self._done()
        return f"{done / self._total:.0%} of {self._total:,} bytes" if self._total else f"{done:,} bytes"


def _is_narrow() -> bool:
    """Return whether the terminal is too narrow for all figures."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns < WIDE
    except OSError:
        return False


def clock_time(duration_s: float) -> str:
    """Format a duration as hours, minutes and seconds: `1:02:03`."""
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _short(number: float) -> str:
    """Format a number briefly for the bar: 950, 12.3k, 4.5M."""
    for unit in ("", "k", "M"):
        if number < 999.5:  # noqa: PLR2004 - rounds to 1,000
            return f"{number:.0f}" if not unit else f"{number:.1f}{unit}"
        number /= 1000
    return f"{number:.1f}G"
