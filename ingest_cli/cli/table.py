"""Commands `table create`, `describe`, `drop` and `unlock`; `cli.capacity` has the others."""

from __future__ import annotations

import json
from typing import Any

import click

from ingest_cli.aws.lease import unlock as remove_lock
from ingest_cli.aws.table import Capacity, Table
from ingest_cli.cli.capacity import capacity, restore
from ingest_cli.cli.console import escape
from ingest_cli.cli.help import NoArguments, Sectioned, exit_codes
from ingest_cli.cli.options import option, output_option, settings_options, shown, table_options, target_of
from ingest_cli.errors import UsageError

EXAMPLES = """\
\b
Examples:
  ingest-cli table create --table breaches --region ap-southeast-1
  ingest-cli table create --table breaches --wcu 4000
  ingest-cli table describe --table breaches --output json
  ingest-cli table capacity --table breaches --wcu 2000
  ingest-cli table restore --table breaches
  ingest-cli table drop --table breaches

"""


@click.group("table", epilog=EXAMPLES + exit_codes(4, 5))
def command() -> None:
    """Create, describe, scale, unlock or drop the table."""


command.add_command(capacity)
command.add_command(restore)


@command.command(cls=NoArguments, epilog=EXAMPLES + exit_codes(4))
@table_options
@option(
    "--wcu",
    type=click.IntRange(min=1),
    metavar="N",
    help="Write capacity units per second to provision. Default: on-demand.",
)
@option(
    "--rcu",
    type=click.IntRange(min=1),
    default=5,
    metavar="N",
    help="Read capacity units per second to provision with --wcu.",
)
@settings_options
@click.pass_context
def create(ctx: click.Context, /, wcu: int | None, rcu: int, **values: Any) -> None:
    """Create the table with the key schema of the items, and wait until it is active."""
    if shown(ctx):
        return
    table = _open(values)
    if table.create(None if wcu is None else Capacity(wcu, rcu)):
        click.echo(f"created {escape(table.target.table)}")
    else:
        click.echo(f"{escape(table.target.table)} exists already, with the right key schema; nothing was done")


@command.command(cls=NoArguments, epilog=EXAMPLES + exit_codes(4))
@table_options
@output_option
@settings_options
@click.pass_context
def describe(ctx: click.Context, /, output: str, **values: Any) -> None:
    """Show the table's state, size and capacity.

    Fails if AWS does not answer a request within 30 s.
    """
    if shown(ctx):
        return
    table = _open(values)
    found = table.describe()
    provisioned = found.get("ProvisionedThroughput", {})
    on_demand = found.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
    facts = {
        "table": found["TableName"],
        "status": found["TableStatus"],
        "keys": [one["AttributeName"] for one in found["KeySchema"]],
        "billing": "on-demand" if on_demand else "provisioned",
        "wcu": None if on_demand else provisioned.get("WriteCapacityUnits"),
        "rcu": None if on_demand else provisioned.get("ReadCapacityUnits"),
        "items": found.get("ItemCount", 0),
        "bytes": found.get("TableSizeBytes", 0),
    }
    if output == "json":
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        if value is not None:
            text = (
                ", ".join(value) if isinstance(value, list) else f"{value:,}" if isinstance(value, int) else str(value)
            )
            click.echo(escape(f"{name:8} {text}"))
    click.echo("items and bytes are counts of DynamoDB, updated about every six hours")


@command.command(cls=NoArguments, epilog=EXAMPLES + exit_codes(4))
@table_options
@click.option("--yes", is_flag=True, help="Delete the table without confirmation.")
@settings_options
@click.pass_context
def drop(ctx: click.Context, /, *, yes: bool, **values: Any) -> None:
    """Delete the table and all its items."""
    if shown(ctx):
        return
    table = _open(values)
    name = table.target.table
    table.describe()
    if not yes:
        asked = f"This deletes the table {escape(name)} and all its items. Type its name to confirm"
        try:
            typed = click.prompt(asked, err=True, default="", show_default=False)
        except click.Abort:  # Ctrl-C, or no input
            typed = ""
        if typed != name:
            raise UsageError("the name does not match; nothing was deleted")
    table.drop()
    click.echo(f"dropped {escape(name)}")


@command.command(cls=Sectioned, epilog=EXAMPLES + exit_codes(4))
@click.argument("dataset")
@table_options
@settings_options
@click.pass_context
def unlock(ctx: click.Context, /, dataset: str, **values: Any) -> None:
    """Remove the lock of a DATASET whose load ended without releasing it.

    A load that is still running stops when it finds its lock removed. Fails if AWS does not answer a request within
    30 s.
    """
    if shown(ctx):
        return
    if remove_lock(_open(values), dataset):
        click.echo(f"unlocked {escape(dataset)}; to resume, run the same `load` command again")
    else:
        click.echo(f"{escape(dataset)} is not locked; nothing was done")


def _open(values: dict[str, Any]) -> Table:
    return Table(target_of(values))
