"""`ingest-cli prune`, and the pruning of `load --prune`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from ingest_cli.aws.table import Table
from ingest_cli.cli.console import Log, escape, show
from ingest_cli.cli.help import Sectioned, exit_codes
from ingest_cli.cli.interrupts import Interrupts, interruptible
from ingest_cli.cli.operation import Operation, unattended_options
from ingest_cli.cli.options import (
    key_option,
    log_option,
    option,
    output_option,
    required_key,
    run_settings,
    settings_options,
    shown,
    table_options,
    target_of,
)
from ingest_cli.cli.throughput import give_up_option, max_rcu_option, max_wcu_option, reading
from ingest_cli.commands.prune import PruneRequest, prune
from ingest_cli.commands.prune_result import Pruning
from ingest_cli.commands.spending import CostLimit
from ingest_cli.commands.table_reader import Reading
from ingest_cli.errors import ExitCode, UsageError
from ingest_cli.model.key_references import read_pepper
from ingest_cli.model.keys import Pepper
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


@click.command("prune", cls=Sectioned, epilog=EXAMPLES + exit_codes(4, 5))
@click.argument("dataset")
@click.option(
    "--all", "everything", is_flag=True, help="Withdraw the dataset: delete all its items and its catalog entry."
)
@click.option("--dry-run", is_flag=True, help="Count the items to remove, and remove nothing.")
@click.option("--yes", is_flag=True, help="Remove the items without confirmation.")
@table_options
@key_option
@max_wcu_option
@max_rcu_option
@give_up_option
@option(
    "--transport", type=click.Choice(TRANSPORTS), default=TRANSPORTS[0], help="HTTP client for requests to DynamoDB."
)
@output_option
@log_option
@unattended_options
@settings_options
@click.pass_context
def command(ctx: click.Context, /, dataset: str, *, everything: bool, dry_run: bool, yes: bool, **values: Any) -> None:
    """Remove items of a DATASET that came from older files than its last complete load.

    Counts the items, and removes them after the id of the dataset is typed. To resume an interrupted prune, run the
    same command again. Needs the pepper of the last load, to authenticate the state in the table.

    Items of the same files, but of an older manifest or key, cannot be distinguished and remain; a note says so if
    there may be any. For a clean table, run `prune --all`, and then `load`.
    """
    if shown(ctx):
        return
    how_to_read, settings = reading(values), run_settings(values)
    table = Table(target_of(values))
    key = required_key(values)
    if not (yes or dry_run or sys.stdin.isatty()):
        raise UsageError("no terminal to confirm the removal on; give --yes, or --dry-run to count the items only")
    pepper = read_pepper(key, table.session)
    with Operation("prune", values, show=_show, asks=dry_run) as operation:
        interrupts = Interrupts(operation.log)
        operation.limit(interrupts)
        request = PruneRequest(
            how_to_read,
            settings,
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


@dataclass(frozen=True, slots=True)
class PruneAfterLoad:
    """Options of the pruning by `load --prune`.

    Attributes:
        limit: cost limit of the load, which the deletes count against.
        is_confirmed: whether `--yes` was given.
    """

    settings: RunSettings
    reading: Reading
    limit: CostLimit
    is_confirmed: bool


def prune_after(report: Report, table: Table, pepper: Pepper, options: PruneAfterLoad, stop: StopRequest) -> None:
    """Prune after a complete load, and record the result in its report."""

    def agree(found: Pruning) -> bool:
        if not found.takes_most or options.is_confirmed:
            return True
        if sys.stdin.isatty():
            return _asked(found)
        raise UsageError(
            f"{found.stale:,} of {found.items:,} items, more than half, are no longer in the dump; they were not "
            f"removed. Check that the dump is complete; `ingest-cli prune {found.dataset} --yes` removes them"
        )

    limit = options.limit.wcu(report)
    left = None if limit is None else limit - report.wcu_spent
    request = PruneRequest(options.reading, replace(options.settings, replay=None), agree=agree, limit_wcu=left)
    found = prune(table, pepper, report.dataset, request, stop)
    report.wcu_pruned = found.traffic.wcu_consumed + found.traffic.wcu_state
    if found.is_spent:
        found.message = str(options.limit.reached(report))
    if found.message and options.settings.restart and found.exit_code == ExitCode.TRY_AGAIN:
        found.message = without_restart(found.message)
    report.pruned = found.as_dict()
    report.notes += [note for note in found.notes if note not in report.notes]
    report.elapsed_s += found.elapsed_s
    if found.message:
        report.message, report.exit_code = f"loaded, but not pruned: {found.message}", found.exit_code


def _asked(found: Pruning) -> bool:
    """Show the number of items to remove, and ask for confirmation."""
    what = "all" if found.withdraws else f"{found.stale:,}"
    why = "The dataset is withdrawn." if found.withdraws else "The items of the last load remain."
    for note in found.notes:
        click.echo(escape(f"note: {note}"), err=True)
    click.echo(
        escape(
            f"{found.title} ({found.dataset}): {what} of {found.items:,} items in {found.table} will be removed. {why}"
        ),
        err=True,
    )
    try:
        with interruptible():
            typed = click.prompt("Type the dataset id to confirm", err=True, default="", show_default=False)
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
                f"{found.dataset}: {found.items or 0:,} items, {found.stale or 0:,} to remove, "
                f"{found.removed:,} removed",
                dataset=found.dataset,
                items=found.items,
                stale=found.stale,
                removed=found.removed,
            )

    return tell


def _show(found: Pruning, output: str) -> None:
    show([json.dumps(found.as_dict())] if output == "json" else _text(found))


def _text(found: Pruning) -> list[str]:
    """Render the result as text, line by line."""
    lines = [f"{found.title or found.dataset} ({found.dataset}): prune {found.outcome}"]
    if found.items is not None:
        of = "to withdraw" if found.withdraws else f"not of the current load (src {found.src})"
        lines += [
            f"  items       {found.items:,} in {found.table}, {found.stale:,} {of}",
            f"  removed     {found.removed:,}",
            f"  capacity    {found.rcu:,.1f} RCU, {found.traffic.wcu_consumed:,.0f} WCU consumed",
            f"  time        {found.elapsed_s:,.1f} s",
        ]
    return lines + [f"  note        {note}" for note in found.notes]
