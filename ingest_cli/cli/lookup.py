"""`ingest-cli lookup`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from ingest_cli.aws.table import Table
from ingest_cli.cli.console import escape, tell
from ingest_cli.cli.help import NoArguments, exit_codes
from ingest_cli.cli.options import (
    key_option,
    option,
    output_option,
    required_key,
    settings_options,
    shown,
    table_options,
    target_of,
)
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.lookup.lookup import DEFAULT_REGION, Breach, Lookup
from ingest_cli.model.key_references import read_pepper

EXAMPLES = """\
\b
Examples:
  ingest-cli lookup --table breaches --key file:pepper.key
  ingest-cli lookup --table breaches --key env:PEPPER --exit-code < identifiers.txt

"""


class _Lookup(NoArguments):
    """Command that refuses identifiers on its command line."""

    refusal = (
        "Identifiers are not accepted on the command line, where they are visible to other users and in the shell "
        "history; give them at the prompt or on standard input."
    )


@click.command(
    "lookup",
    cls=_Lookup,
    epilog=EXAMPLES + exit_codes(4, own={1: "internal error (a bug); with --exit-code, an identifier not found"}),
)
@table_options
@key_option
@option("--kind", type=click.Choice(list(IDENTIFIERS)), help="Kind of the identifier. Default: all kinds that match.")
@option(
    "--phone-region",
    default=DEFAULT_REGION,
    metavar="CC",
    help="Country of phone numbers without a country code, or `international`.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if an identifier is in no breach.")
@output_option
@settings_options
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:
    """Look up the breaches that an identifier is in.

    Reads the identifier from a prompt or, one per line, from standard input; never from the command line, where it is
    visible to other users and in the shell history. Fails if AWS does not answer a request within 30 s.
    """
    if shown(ctx):
        return
    target = target_of(values)
    key = required_key(values)
    table = Table(target)
    find = Lookup.on(table, read_pepper(key, table.session))
    if not find.is_key_known:
        tell(
            f"ingest-cli: no dataset in {escape(target.table)} was loaded with the pepper {find.pepper.kid}, so no "
            "identifier will be found; check --key"
        )
    missing = False
    for question in _questions():
        breaches = find(question, values["kind"], values["phone_region"].upper())
        missing |= not breaches
        if not breaches and not find.reads(question, values["kind"], values["phone_region"].upper()):
            tell("ingest-cli: the input is not an identifier of any kind; check its spelling")
        _show(breaches, values["output"])
    ctx.exit(1 if missing and values["exit_code"] else 0)


def _questions() -> list[str]:
    if sys.stdin.isatty():
        return [click.prompt("Identifier (not shown)", hide_input=True, err=True)]
    lines = [line.strip() for line in sys.stdin.buffer.read().decode("utf-8", "replace").splitlines()]
    questions = [line for line in lines if line]
    if not questions:
        raise click.UsageError("Standard input is empty; give one identifier per line.")
    return questions


def _show(breaches: list[Breach], output: str) -> None:
    if output == "json":
        click.echo(json.dumps({"found": bool(breaches), "breaches": [breach.as_dict() for breach in breaches]}))
        return
    if not breaches:
        click.echo("not found")
        return
    click.echo(f"found in {len(breaches)} {'breach' if len(breaches) == 1 else 'breaches'}")
    for breach in breaches:
        date = f", {breach.occurred_on}" if breach.occurred_on else ""
        click.echo(escape(f"  {breach.title} ({breach.dataset}{date})"))
        if not breach.authenticated:
            click.echo("    no title that is authenticated with this pepper")
        if breach.description:
            click.echo(escape(f"    {breach.description}"))
        click.echo(escape(f"    found as: {', '.join(breach.labels)}"))
        click.echo(escape(f"    exposed:  {', '.join(breach.classes)}"))
        for kind, masks in breach.hints.items():
            click.echo(escape(f"    with {kind}: {', '.join(masks)}"))
