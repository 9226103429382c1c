"""What people and programs get to see: the result on stdout, everything else on stderr."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Self

import click

from ingest_cli.loading import Watcher
from ingest_cli.pipeline import Plan
from ingest_cli.report import Report

_LINE_EVERY_S = 10.0
_BAR_EVERY_S = 0.2


def escape(text: str) -> str:
    """`text` with all that a terminal or a log might obey escaped: control, bidi, invisible characters."""
    return "".join(_escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    if sign.isprintable() and unicodedata.category(sign) not in {"Cf", "Co", "Cs", "Cn"}:
        return sign
    return f"\\x{ord(sign):02x}" if ord(sign) <= 0xFF else f"\\u{ord(sign):04x}"  # noqa: PLR2004


def tell(line: str) -> None:
    """Write a line on stderr; whether anybody still reads there makes no difference to what is being done."""
    try:
        click.echo(line, err=True)
    except OSError:
        _forget(sys.stderr.fileno())


class Log:
    """Lines on stderr, as text or as JSON objects."""

    def __init__(self, log_format: str) -> None:
        self._json = log_format == "json"

    def line(self, text: str, level: str = "info", **fields: object) -> None:
        """Write a line."""
        if self._json:
            at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
            entry = {"time": at, "level": level, "message": text, **fields}
            tell(json.dumps(entry, default=str))
        else:
            tell(f"ingest-cli: {escape(text)}")


class Progress:
    """How a run is getting on: a bar over the input's bytes on a terminal, a line now and then elsewhere."""

    def __init__(self, log: Log, *, bar: bool | None = None) -> None:
        self._log = log
        self._show_bar = sys.stderr.isatty() if bar is None else bar
        self._bar: Any = None
        self._total = self._done = 0
        self._began = self._last = time.monotonic()

    def watcher(self) -> Watcher:
        """What to hand to a run."""
        return Watcher(self._on_plan, self._on_bytes, self._on_settled)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _on_plan(self, plan: Plan) -> None:
        self._total = plan.size_bytes
        self._began = self._last = time.monotonic()
        if self._show_bar:
            from tqdm import tqdm  # noqa: PLC0415 - only where there is a terminal

            self._bar = tqdm(
                total=plan.size_bytes or None,
                unit="B",
                unit_scale=True,
                desc=escape(plan.manifest.dataset.id),
                mininterval=_BAR_EVERY_S,
                dynamic_ncols=True,
                file=sys.stderr,
            )

    def _on_bytes(self, count: int) -> None:
        self._done += count
        if self._bar is not None:
            self._bar.update(count)

    def _on_settled(self, report: Report) -> None:
        now, account = time.monotonic(), report.account
        rate = (account.rows_read - report.rows_before) / max(now - self._began, 1e-9)
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"{rate:,.0f} rows/s, {account.rows_rejected:,} rejected, {report.traffic.retries.total():,} retries",
                refresh=False,
            )
        elif now - self._last >= _LINE_EVERY_S:
            self._last = now
            self._log.line(
                f"{report.dataset}: {self._share()} read; "
                f"{account.rows_read:,} rows, {rate:,.0f} rows/s, {account.rows_rejected:,} rejected",
                dataset=report.dataset,
                rows_read=account.rows_read,
                rows_rejected=account.rows_rejected,
            )

    def _share(self) -> str:
        """How much was read, and of what, if that is known."""
        if not self._total or self._done > self._total:
            return f"{self._done:,} bytes"
        return f"{self._done / self._total:.0%} of {self._total:,} bytes"


def show_report(report: Report, output: str) -> None:
    """Print the report of a run on stdout."""
    show([json.dumps(report.as_dict())] if output == "json" else _text(report))


def show(lines: Sequence[str]) -> None:
    """Print lines on stdout; whether anybody still reads them makes no difference to what is being done."""
    try:
        click.echo("\n".join(map(escape, lines)))
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            tell(f"ingest-cli: the report cannot be written to stdout ({error.strerror})")
        forget_stdout()


def forget_stdout() -> None:
    """Send nowhere what is still to come: whoever read our output has read enough."""
    _forget(sys.stdout.fileno())


def _forget(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _text(report: Report) -> list[str]:
    """The report for people, line by line."""
    account, traffic = report.account, report.traffic
    lines = [f"{report.title} ({report.dataset}): {report.command} {report.outcome}"]
    if report.outcome == "unchanged":
        lines.append(f"  the table {report.table} has all of it already; nothing was written")
        return lines + _pruned(report) + [f"  note        {note}" for note in report.notes]
    if report.outcome == "locked":
        return lines
    lines.append(
        f"  rows        {account.rows_read:,} read = {account.rows_kept:,} kept + {account.rows_rejected:,} rejected "
        f"+ {account.rows_skipped:,} skipped"
    )
    if report.rows_before:
        lines.append(f"    of those, an earlier run that was broken off had done {report.rows_before:,}")
    lines += _counts("rejected", account.rejected) + _counts("skipped", account.skipped)
    for column in dict.fromkeys(name for name, _ in sorted(account.rejected_identifiers)):
        reasons = {why: n for (name, why), n in account.rejected_identifiers.items() if name == column}
        lines += _counts(f"in column {column}", reasons, "identifiers rejected ")
    lines += _counts("flagged", account.flags)
    lines.append(
        f"  items       {account.items_built:,} built = {account.items_acknowledged:,} "
        f"{'checked' if report.table is None else 'acknowledged'} + {account.items_merged:,} merged before sending + "
        f"{account.items_refused:,} refused"
    )
    lines += _counts("by kind", account.identifiers) + _counts("refused", account.refused)
    if report.duplicates is not None:
        about = "" if report.distinct.is_exact else "about "
        lines.append(f"  duplicates  {about}{report.duplicates:,} of them repeat the key of another one")
    lines.append(
        f"  size        {account.bytes_acknowledged:,} bytes, largest item {account.largest_item_bytes:,} bytes, "
        f"{account.wcu_predicted:,} WCU"
        + ("" if report.table is None else f"; {traffic.wcu_consumed:,.0f} WCU consumed")
    )
    if report.table is not None:
        lines.append(f"  requests    {traffic.requests:,} sent, {traffic.retries.total():,} of them to be repeated")
        lines += _counts("repeated for", traffic.retries)
    lines.append(f"  time        {report.elapsed_s:,.1f} s, {report.rows_per_s:,.0f} rows/s")
    return lines + _pruned(report) + [f"  note        {note}" for note in report.notes]


def _pruned(report: Report) -> list[str]:
    """What was removed afterwards, if anything was to be."""
    if report.pruned is None:
        return []
    items = report.pruned["items"]
    return [f"  pruned      {items['removed']:,} items removed of {items['found'] or 0:,} in {report.table}"]


def _counts(name: str, counts: Mapping[str, int], what: str = "") -> list[str]:
    """A line of counts, the largest first; none if there are none."""
    listed = [
        f"{counts[reason]:,} {reason}"
        for reason in sorted(counts, key=lambda one: (-counts[one], one))
        if counts[reason]
    ]
    return [f"    {name}: {what}{', '.join(listed)}"] if listed else []
