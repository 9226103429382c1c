"""`ingest-cli table capacity` and `ingest-cli table restore`."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import click

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.capacity.capacity import CapacityRequest
from ingest_cli.aws.capacity.change import CostCap, Outlook, change, outlook
from ingest_cli.aws.capacity.restore import restore as undo_raises
from ingest_cli.aws.table import Table
from ingest_cli.cli.console import Log, escape
from ingest_cli.cli.help import NoArguments, exit_codes
from ingest_cli.cli.options import (
    Duration,
    check_key_option,
    option,
    output_option,
    pepper_of,
    settings_options,
    shown,
    table_options,
    target_of,
)
from ingest_cli.cli.throughput import Amount, prices_option
from ingest_cli.report.pricing import PriceList

EXAMPLES = """\
\b
Examples:
  ingest-cli table capacity --table breaches
  ingest-cli table capacity --table breaches --wcu 2000 --max-cost 5 --for 3h
  ingest-cli table capacity --table breaches --on-demand --warm 20000
  ingest-cli table restore --table breaches

"""


@click.command(cls=NoArguments, epilog=EXAMPLES + exit_codes(4, 5))
@table_options
@option("--wcu", type=click.IntRange(min=1), metavar="N", help="Write capacity units per second to provision.")
@option("--rcu", type=click.IntRange(min=1), metavar="N", help="Read capacity units per second to provision.")
@option("--on-demand", is_flag=True, help="Change the table to billing per request.")
@option("--warm", type=click.IntRange(min=1), metavar="N", help="Warm throughput to set, in write units per second.")
@option(
    "--max-cost",
    type=Amount(),
    metavar="AMOUNT",
    help="Maximum cost over the time of --for; refuse a change that costs more.",
)
@option(
    "--for",
    "planned",
    type=Duration(),
    default="1h",
    metavar="TIME",
    help="Time to compute the cost for --max-cost over: 90m, 2h.",
)
@prices_option
@check_key_option
@output_option
@settings_options
@click.pass_context
def capacity(ctx: click.Context, /, output: str, prices: Path | None, **values: Any) -> None:
    """Show the table's capacity and its limits, or change it and wait for completion.

    Autoscaling that would undo the change is suspended until `table restore`. Fails if AWS does not answer a request
    within 30 s.
    """
    if shown(ctx):
        return
    request = CapacityRequest(values["wcu"], values["rcu"], values["on_demand"], values["warm"])
    if request.on_demand and (request.wcu or request.rcu):
        raise click.UsageError("--on-demand excludes provisioned capacity; omit --wcu and --rcu.")
    rates, table = PriceList.read(prices), _open(values)
    key = _state_key(values, table)
    if (warning := rates.warning(dt.datetime.now(dt.UTC).date())) is not None:
        Log("text").line(warning)
    if request != CapacityRequest():
        for sentence in change(table, request, CostCap(rates, values["max_cost"], values["planned"])):
            Log("text").line(sentence)
    _show(table.target.table, outlook(table, rates, key), output)


def _show(name: str, found: Outlook, output: str) -> None:
    facts = {"table": name.rpartition("/")[2], **found.facts()}
    if output == "json":
        click.echo(json.dumps(facts))
        return
    scaling, cost = found.autoscaling, found.per_hour
    if scaling is not None:
        facts["autoscaling"] = f"{scaling.least:,} to {scaling.most:,} WCU/s, " + (
            "active" if scaling.is_active else "suspended"
        )
    if cost is not None:
        facts["per_hour"] = f"{cost.amount:.4f} {cost.currency} = {cost.arithmetic}"
    if found.raised is not None and not facts.pop("authenticated"):
        facts["raised_by_a_load_from"] = f"{found.raised.wcu:,} (not authenticated)"
    for fact, value in facts.items():
        if value is not None:
            text = f"{value:,}" if isinstance(value, int) else str(value)
            click.echo(escape(f"{fact.replace('_', ' '):21} {text}"))


@click.command(cls=NoArguments, epilog=EXAMPLES + exit_codes(4, 5))
@table_options
@check_key_option
@settings_options
@click.pass_context
def restore(ctx: click.Context, /, **values: Any) -> None:
    """Restore the capacity that an interrupted load left raised, and resume autoscaling.

    The previous capacity is stored in a row of the table, which is not authenticated without --key. Fails if AWS does
    not answer a request within 30 s.
    """
    if shown(ctx):
        return
    table = _open(values)
    said = undo_raises(table, _state_key(values, table))
    for sentence in said or ["no capacity is raised and no autoscaling suspended; nothing was done"]:
        click.echo(escape(sentence))


def _open(values: dict[str, Any]) -> Table:
    return Table(target_of(values))


def _state_key(values: dict[str, Any], table: Table) -> StateKey | None:
    """Return the key that authenticates the record of a raise, if one was given."""
    pepper = pepper_of(values["key"], table)
    return None if pepper is None else StateKey.of(pepper)
