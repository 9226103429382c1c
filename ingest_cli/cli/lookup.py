"""`ingest-cli lookup`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from ingest_cli.aws.table import Table
from ingest_cli.cli import EXIT_CODES, NoArguments
from ingest_cli.cli.console import escape, tell
from ingest_cli.cli.options import (
    key_option,
    option,
    output_option,
    settings_options,
    shown,
    table_options,
    target_of,
)
from ingest_cli.identifiers import IDENTIFIERS
from ingest_cli.lookup.lookup import DEFAULT_REGION, Breach, Lookup
from ingest_cli.model.keys import read_pepper

EXAMPLES = """\
\b
Examples:
  ingest-cli lookup --table breaches --key file:pepper.key
  ingest-cli lookup --table breaches --key env:PEPPER --exit-code < identifiers.txt

"""


class _Lookup(NoArguments):
    """Command that refuses identifiers on its command line."""

    refusal = (
        "An identifier is not taken from the command line, where other users and the shell's history see it: give it "
        "at the prompt or on standard input."
    )


@click.command("lookup", cls=_Lookup, epilog=EXAMPLES + EXIT_CODES)
@table_options
@key_option
@option("--kind", type=click.Choice(list(IDENTIFIERS)), help="What the identifier is. Default: all it can be.")
@option(
    "--phone-region",
    default=DEFAULT_REGION,
    metavar="CC",
    help="Country of phone numbers without a country code, or `international`.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if an identifier is in no breach, as `git diff` does.")
@output_option
@settings_options
@click.pass_context
def command(ctx: click.Context, /, **values: Any) -> None:
    """Ask the table which breaches an identifier is in.

    The identifier is read from a prompt or, one per line, from standard input; never from the command line,
    where other users and the shell's history would see it. Fails when AWS leaves a request unanswered for 30 s.
    """
    if shown(ctx):
        return
    target = target_of(values)
    if not values["key"]:
        raise click.UsageError("Say where the pepper is with --key, or set INGEST_KEY.")
    table = Table(target)
    find = Lookup.on(table, read_pepper(values["key"], table.session))
    if not find.is_key_known:
        tell(
            f"ingest-cli: nothing in {escape(target.table)} was loaded with the pepper {find.pepper.kid}, so nobody "
            "will be found; is it the right one?"
        )
    missing = False
    for question in _questions():
        breaches = find(question, values["kind"], values["phone_region"].upper())
        missing |= not breaches
        if not breaches and not find.reads(question, values["kind"], values["phone_region"].upper()):
            tell("ingest-cli: that cannot be read as an identifier of any kind, and not be found; check its spelling")
        _show(breaches, values["output"])
    ctx.exit(1 if missing and values["exit_code"] else 0)


def _questions() -> list[str]:
    if sys.stdin.isatty():
        return [click.prompt("Identifier (not shown)", hide_input=True, err=True)]
    lines = [line.strip() for line in sys.stdin.buffer.read().decode("utf-8", "replace").splitlines()]
    questions = [line for line in lines if line]
    if not questions:
        raise click.UsageError("Standard input is empty; give an identifier per line.")
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
            click.echo("    the table has no title for it that is authenticated with this pepper")
        if breach.description:
            click.echo(escape(f"    {breach.description}"))
        click.echo(escape(f"    found as: {', '.join(breach.labels)}"))
        click.echo(escape(f"    exposed:  {', '.join(breach.classes)}"))
        for kind, masks in breach.hints.items():
            click.echo(escape(f"    with {kind}: {', '.join(masks)}"))
