"""Output for people and programs: the result on stdout, everything else on stderr.

Escapes what a terminal would interpret. Must not import numpy: a command prints its last message with it.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import click

from ingest_cli.cli.standard_streams import lead_nowhere

if TYPE_CHECKING:  # the final message must not import numpy, which may be half loaded
    from ingest_cli.report.report import Report


def escape(text: str) -> str:
    """Escape characters that a terminal or a log might interpret: control, bidi, invisible ones."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(sign) for sign in text)


def _escaped(sign: str) -> str:
    if sign.isprintable() and unicodedata.category(sign) not in {"Cf", "Co", "Cs", "Cn"}:
        return sign
    return f"\\x{ord(sign):02x}" if ord(sign) <= 0xFF else f"\\u{ord(sign):04x}"  # noqa: PLR2004


def tell(line: str) -> None:
    """Write a line on stderr; ignore a closed reader."""
    try:
        click.echo(line, err=True)
    except OSError:
        lead_nowhere(sys.stderr.fileno())


class Entries(Protocol):
    """Store of printed messages."""

    def add(self, text: str) -> None:
        """Add a line."""
        ...


class Log:
    """Messages on stderr, and in a file if there is one; as text or as JSON objects."""

    def __init__(self, log_format: str, *, chatty: bool = True, entries: Entries | None = None) -> None:
        """Set up.

        Args:
            log_format: `text` or `json`; format of the file, if there is one, else of stderr.
            chatty: whether to print messages other than failures on stderr.
        """
        self._json = log_format == "json"
        self._chatty = chatty
        self._entries = entries

    def line(self, text: str, level: str = "info", **fields: object) -> None:
        """Write a line."""
        self.keep(text, level, **fields)
        if level == "info" and not self._chatty:
            return
        if self._json and self._entries is None:
            tell(_as_json(text, level, fields))
        else:
            tell(f"ingest-cli: {escape(text)}")

    def paragraph(self, text: str, level: str = "info", **fields: object) -> None:
        """Write several sentences, as in a mail."""
        self.keep(text, level, **fields)
        if self._json and self._entries is None:
            tell(_as_json(text, level, fields))
        else:
            tell(textwrap.fill(f"ingest-cli: {escape(text)}", 78, break_long_words=False, break_on_hyphens=False))

    def keep(self, text: str, level: str = "info", **fields: object) -> None:
        """Write a line only into the file, if there is one."""
        if self._entries is None:
            return
        at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        self._entries.add(_as_json(text, level, fields) if self._json else f"{at} {level}: {escape(text)}")


def _as_json(text: str, level: str, fields: Mapping[str, object]) -> str:
    at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": at, "level": level, "message": text, **fields}, default=str)


def show_report(report: Report, output: str) -> None:
    """Print the report of a run on stdout."""
    show([json.dumps(report.as_dict())] if output == "json" else _text(report))


def show(lines: Sequence[str]) -> None:
    """Print lines on stdout; a closed reader does not affect the work in progress.

    A failed write only changes the exit code; see `standard_streams`.
    """
    try:
        click.echo("\n".join(map(escape, lines)))
    except BrokenPipeError:
        forget_stdout()


def forget_stdout() -> None:
    """Discard further output: the reader has closed the pipe."""
    lead_nowhere(sys.stdout.fileno())


def _text(report: Report) -> list[str]:
    """Render the report for people, line by line."""
    account, traffic = report.account, report.traffic
    lines = [f"{report.title} ({report.dataset}): {report.command} {report.outcome}"]
    if report.outcome == "unchanged":
        lines.append(f"  all items are already in the table {report.table}; nothing was written")
        return lines + _pruned(report) + [f"  note        {note}" for note in report.notes]
    if report.outcome == "locked":
        return lines
    lines.append(
        f"  rows        {account.rows_read:,} read = {account.rows_kept:,} kept + {account.rows_rejected:,} rejected "
        f"+ {account.rows_skipped:,} skipped"
    )
    if report.rows_before:
        lines.append(f"    of those, {report.rows_before:,} by an earlier, interrupted run")
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
        lines.append(f"  duplicates  {about}{report.duplicates:,} duplicate keys")
    lines.append(
        f"  size        {account.bytes_acknowledged:,} bytes, largest item {account.largest_item_bytes:,} bytes, "
        f"{account.wcu_predicted:,} WCU"
        + ("" if report.table is None else f"; {traffic.wcu_consumed:,.0f} WCU consumed")
    )
    if report.table is not None:
        lines.append(f"  requests    {traffic.requests:,} sent, {traffic.retries.total():,} retried")
        lines += _counts("retried for", traffic.retries)
    if report.table is not None and report.cost is not None and report.wcu_spent:
        cost = report.cost
        lines.append(f"  cost        {cost.amount:,.6f} {cost.currency}: {cost.arithmetic}")
    lines.append(f"  time        {report.elapsed_s:,.1f} s, {report.rows_per_s:,.0f} rows/s")
    return [*lines, *_pruned(report), *_prediction(report), *(f"  note        {note}" for note in report.notes)]


def _prediction(report: Report) -> list[str]:
    """Render the prediction of a load, a line per way."""
    prediction = report.prediction
    if prediction is None:
        return []
    lines = [f"  prediction  for {prediction.region}, at prices of {prediction.dated}:"]
    for way in prediction.ways:
        hours = "unknown duration" if way.hours is None else f"{way.hours:,.4f} h"
        lines.append(f"    {way.way + ':':12} {hours}, {way.cost:,.6f} {way.currency} = {way.arithmetic}")
    storage = prediction.storage
    lines.append(f"    storage:     {storage.amount:,.6f} {storage.currency} a month = {storage.arithmetic}")
    return lines


def _pruned(report: Report) -> list[str]:
    """Render the result of the pruning after a load, if there was one."""
    if report.pruned is None:
        return []
    items = report.pruned["items"]
    return [f"  pruned      {items['removed']:,} items removed of {items['found'] or 0:,} in {report.table}"]


def _counts(name: str, counts: Mapping[str, int], what: str = "") -> list[str]:
    """Render counts as a line, the largest first; no line without counts."""
    listed = [
        f"{counts[reason]:,} {reason}"
        for reason in sorted(counts, key=lambda one: (-counts[one], one))
        if counts[reason]
    ]
    return [f"    {name}: {what}{', '.join(listed)}"] if listed else []
