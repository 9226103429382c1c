"""Command `status`: options, and text or JSON of what `commands.status` finds."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from ingest_cli.aws.catalog import Catalog
from ingest_cli.aws.table import Table
from ingest_cli.cli.console import Log, show
from ingest_cli.cli.help import Sectioned, exit_codes
from ingest_cli.cli.interrupts import Interrupts
from ingest_cli.cli.options import (
    check_key_option,
    log_option,
    output_option,
    pepper_of,
    settings_options,
    shown,
    table_options,
    target_of,
)
from ingest_cli.cli.throughput import give_up_option, max_rcu_option, reading
from ingest_cli.commands.status import Seen, Watch, find_all
from ingest_cli.errors import UsageError
from ingest_cli.runtime.answer_limits import time_limit

EXAMPLES = """\
\b
Examples:
  ingest-cli status --table breaches
  ingest-cli status demo-telco-2017 --table breaches --follow
  ingest-cli status --table breaches --output json

"""


@click.command("status", cls=Sectioned, epilog=EXAMPLES + exit_codes(4))
@click.argument("datasets", nargs=-1, metavar="[DATASET]...")
@click.option("--follow", is_flag=True, help="Repeat every few seconds until no load is running.")
@click.option("--scan", is_flag=True, help="Find the datasets by a scan of the whole table.")
@table_options
@check_key_option
@max_rcu_option
@give_up_option
@output_option
@log_option
@settings_options
@click.pass_context
def command(
    ctx: click.Context, /, datasets: tuple[str, ...], *, follow: bool, scan: bool, output: str, **values: Any
) -> None:
    """Show the datasets in a table, the progress of loads, and locks.

    Shows the named DATASETs, or all. All state is in the table, so a load can be monitored from any machine. Without
    --key it is not authenticated: any process that can write to the table can forge it.
    """
    if shown(ctx):
        return
    give_up_after_s = values["give_up_after"]
    table = Table(target_of(values))
    log = Log(values["log_format"])
    stop = Interrupts(log).fresh()
    if scan:
        found = find_all(table, reading(values), stop)
        wanted = [one for one in found if not datasets or one in datasets]
    else:
        with time_limit(give_up_after_s):
            wanted = list(dict.fromkeys(datasets)) or _listed(table, log)
    watch = Watch(table, time.time, pepper_of(values["key"], table), give_up_after_s)

    def tell(running: list[Seen]) -> None:
        if output == "json":
            show([json.dumps({"table": table.target.table, "datasets": [one.as_dict() for one in running]})])
        else:
            show([_progress(one) for one in running])

    seen = watch.follow(wanted, tell, stop.wait) if follow else watch(wanted)
    if output == "json":
        show([json.dumps({"table": table.target.table, "datasets": [one.as_dict() for one in seen]})])
    elif seen:
        show([line for one in seen for line in _text(one)])
    if unreadable := [one.fault for one in seen if one.fault is not None]:
        raise UsageError(unreadable[0])
    if unknown := [one.dataset for one in seen if one.row is None]:
        raise UsageError(
            f'there is no dataset "{unknown[0]}" in the table "{table.target.table}"; check the id, '
            "or list all with --scan"
        )


def _listed(table: Table, log: Log) -> list[str]:
    """Return the ids of all datasets that the table lists."""
    listed = Catalog(table).listed()
    if listed is None:
        log.line(
            f'no datasets are listed in the table "{table.target.table}"; if it is not empty, name them, or find them '
            "with --scan"
        )
    return sorted(listed or ())


def _text(seen: Seen) -> list[str]:
    """Render a dataset as text, line by line."""
    row = seen.row
    if seen.fault is not None:
        return [f"{seen.dataset}: cannot be read"]
    if row is None:
        return [f"{seen.dataset}: unknown"]
    lines = [f"{row.title} ({seen.dataset}): {seen.state}"]
    if row.occurred_on:
        lines.append(f"  occurred    {row.occurred_on}")
    if row.loaded_at:
        lines.append(f"  loaded      {row.loaded_at}")
    counts = row.counts
    if counts:
        lines.append(
            f"  rows        {counts.get('rows_read', 0):,} read = {counts.get('rows_kept', 0):,} kept + "
            f"{counts.get('rows_rejected', 0):,} rejected + {counts.get('rows_skipped', 0):,} skipped"
        )
        lines.append(f"  items       {counts.get('items', 0):,} acknowledged")
    lines.append(f"  src         {row.src}, pepper {row.kid}{'' if seen.is_authentic else '; not authenticated'}")
    if row.patchwork:
        lines.append(f"  warning     {row.patchwork}")
    if seen.progress is not None or seen.is_running:
        lines.append(f"  running     {_done(seen)}" if seen.is_running else f"  interrupted {_done(seen)}")
    if seen.lock is not None:
        until = f"expires in {seen.lock.left_s:,.0f} s" if seen.is_running else "not renewed"
        if seen.lock.is_gone:
            until = "the process has ended, and the lock has no effect"
        lines.append(
            f"  lock        held by process {seen.lock.pid} on {seen.lock.host} since {seen.lock.since}; {until}"
        )
    return lines


def _progress(seen: Seen) -> str:
    """Render a line about a dataset that a run is working on."""
    where = "" if seen.lock is None else f"; process {seen.lock.pid} on {seen.lock.host} since {seen.lock.since}"
    return f"{seen.dataset}: {_done(seen)}{where}{'' if seen.is_authentic else '; not authenticated'}"


def _done(seen: Seen) -> str:
    """Render the progress of the load."""
    progress = seen.progress
    if progress is None:
        return "no checkpoint in the table"
    rate = "" if seen.rows_per_s is None else f" ({seen.rows_per_s:,.0f} rows/s)"
    return (
        f"{progress.rows_read:,} rows{rate}, {progress.rows_rejected:,} rejected, {progress.items:,} items of "
        f"{progress.items_bytes:,} bytes; {progress.sources_done:,} of {progress.sources:,} sources done"
    )
