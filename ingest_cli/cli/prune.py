"""`ingest-cli prune`, and the pruning of `load --prune`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click

from ingest_cli.aws.table import Table
from ingest_cli.cli import EXIT_CODES
from ingest_cli.cli.console import Log, escape, show
from ingest_cli.cli.help import Sectioned
from ingest_cli.cli.interrupts import Interrupts, interruptible
from ingest_cli.cli.operation import Operation, unattended_options
from ingest_cli.cli.options import (
    key_option,
    log_option,
    option,
    output_option,
    run_settings,
    settings_options,
    shown,
    table_options,
    target_of,
)
from ingest_cli.cli.throughput import give_up_option, max_rcu_option, max_wcu_option, reading
from ingest_cli.commands.prune import PruneRequest, prune
from ingest_cli.commands.prune_result import Pruning
from ingest_cli.commands.spending import limit_wcu, spent
from ingest_cli.errors import ExitCode, UsageError
from ingest_cli.model.keys import Pepper, read_pepper
from ingest_cli.model.settings import TRANSPORTS, RunSettings
from ingest_cli.report.report import Report
from ingest_cli.runtime.stop import StopRequest, without_restart

_LINE_EVERY_S = 10.0

EXAMPLES = """\
\b
Examples:
  ingest-cli prune demo-telco-2017 --table breaches --key env:PEPPER --dry-run
  ingest-cli prune demo-telco-2017 --table breaches --key env:PEPPER --max-wcu 500
  ingest-cli prune demo-telco-2017 --table breaches --key env:PEPPER --all

"""


@click.command("prune", cls=Sectioned, epilog=EXAMPLES + EXIT_CODES)
@click.argument("dataset")
@click.option("--all", "everything", is_flag=True, help="Withdraw the dataset: all its items, and what it is called.")
@click.option("--dry-run", is_flag=True, help="Only count what would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@table_options
@key_option
@max_wcu_option
@max_rcu_option
@give_up_option
@option("--transport", type=click.Choice(TRANSPORTS), default=TRANSPORTS[0], help="What sends the requests.")
@output_option
@log_option
@unattended_options
@settings_options
@click.pass_context
def command(ctx: click.Context, /, dataset: str, *, everything: bool, dry_run: bool, yes: bool, **values: Any) -> None:
    """Remove the items of a DATASET that are of older files than its last complete load: of rows that left the dump.

    Items that the same files gave with an older manifest or key cannot be told from the others, and stay. A note says
    so if there may be any; --all, and then `load`, gives a clean table.

    They are counted first, and removed once its id is typed. If it is broken off, the same command goes on. Needs
    the pepper of the last load, with which what the table says about the dataset is authenticated.
    """
    if shown(ctx):
        return
    table = Table(target_of(values))
    if not values["key"]:
        raise click.UsageError("Say where the pepper is with --key, or set INGEST_KEY.")
    if not (yes or dry_run or sys.stdin.isatty()):
        raise UsageError(
            "there is nobody to ask whether to remove items; give --yes, or --dry-run to have them counted"
        )
    pepper = read_pepper(values["key"], table.session)
    with Operation("prune", values, show=_show, asks=dry_run) as operation:
        interrupts = Interrupts(operation.log)
        operation.limit(interrupts)
        request = PruneRequest(
            reading(values),
            run_settings(values),
            everything=everything,
            only_count=dry_run,
            agree=(lambda _: True) if yes else _asked,
            on_progress=_telling(operation.log),
        )
        found = prune(table, pepper, dataset, request, interrupts.fresh())
        came_to = f"prune of {dataset} in {found.table}: {found.outcome}, {found.removed:,} items removed"
        operation.tell(found, found.message, f"{found.message}. {came_to}; exit code {int(found.exit_code)}.")
        operation.log.keep(came_to, dataset=dataset, outcome=found.outcome)
    ctx.exit(found.exit_code)


def prune_after(
    report: Report, table: Table, pepper: Pepper, how: RunSettings, values: Mapping[str, Any], stop: StopRequest
) -> None:
    """Prune after a complete load, and record the result in its report."""

    def agree(found: Pruning) -> bool:
        if not found.takes_most or values["yes"]:
            return True
        if sys.stdin.isatty():
            return _asked(found)
        raise UsageError(
            f"{found.stale:,} of {found.items:,} items are no longer in the dump, which is more than half: is it "
            f'whole? They were left alone; `ingest-cli prune {found.dataset} --yes` removes them, as does "--yes" here'
        )

    limit = limit_wcu(report, how)
    left = None if limit is None else limit - report.wcu_spent
    request = PruneRequest(reading(values), replace(how, replay=None), agree=agree, limit_wcu=left)
    found = prune(table, pepper, report.dataset, request, stop)
    report.wcu_pruned = found.traffic.wcu_consumed + found.traffic.wcu_state
    if found.is_spent:
        found.message = str(spent(report, how))
    if found.message and how.restart and found.exit_code == ExitCode.TRY_AGAIN:
        found.message = without_restart(found.message)
    report.pruned = found.as_dict()
    report.notes += [note for note in found.notes if note not in report.notes]
    report.elapsed_s += found.elapsed_s
    if found.message:
        report.message, report.exit_code = f"loaded, but not pruned: {found.message}", found.exit_code


def _asked(found: Pruning) -> bool:
    """Show what is to be removed, and ask for confirmation."""
    what = "all" if found.withdraws else f"{found.stale:,}"
    why = "This withdraws it." if found.withdraws else "The others are of the files that were loaded last, and stay."
    for note in found.notes:
        click.echo(escape(f"note: {note}"), err=True)
    click.echo(
        escape(f"{found.title} ({found.dataset}): {what} of {found.items:,} items in {found.table} go. {why}"), err=True
    )
    try:
        with interruptible():
            typed = click.prompt("Type the dataset's id to go on", err=True, default="", show_default=False)
    except click.Abort:
        typed = ""
    return bool(typed == found.dataset)


def _telling(log: Log) -> Callable[[Pruning], None]:
    """Return a callback that logs the progress periodically."""
    last_s = time.monotonic()

    def tell(found: Pruning) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= _LINE_EVERY_S:
            last_s = time.monotonic()
            log.line(
                f"{found.dataset}: {found.items or 0:,} items, {found.stale or 0:,} of them to go, "
                f"{found.removed:,} gone",
                dataset=found.dataset,
                items=found.items,
                stale=found.stale,
                removed=found.removed,
            )

    return tell


def _show(found: Pruning, output: str) -> None:
    show([json.dumps(found.as_dict())] if output == "json" else _text(found))


def _text(found: Pruning) -> list[str]:
    """Render the result for people, line by line."""
    lines = [f"{found.title or found.dataset} ({found.dataset}): prune {found.outcome}"]
    if found.items is not None:
        of = "to be withdrawn" if found.withdraws else f"not of the current load (src {found.src})"
        lines += [
            f"  items       {found.items:,} in {found.table}, {found.stale:,} of them {of}",
            f"  removed     {found.removed:,}",
            f"  capacity    {found.rcu:,.1f} RCU, {found.traffic.wcu_consumed:,.0f} WCU consumed",
            f"  time        {found.elapsed_s:,.1f} s",
        ]
    return lines + [f"  note        {note}" for note in found.notes]
