"""`ingest-cli key`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ingest_cli.cli import EXIT_CODES, NoArguments
from ingest_cli.cli.console import escape
from ingest_cli.cli.options import NO_KEY, key_option, option, settings_options, shown, table_options, target_of
from ingest_cli.model.key_references import NOT_PINNED, KeyReference, read_pepper
from ingest_cli.model.keys import generate_pepper, write_pepper_file
from ingest_cli.model.settings import Target

_EXAMPLES_GENERATE = """\
\b
Examples:
  ingest-cli key generate --out pepper.key
  ingest-cli key generate --kid k2 | pass insert --multiline pepper-k2

"""

_EXAMPLES_CHECK = """\
\b
Examples:
  ingest-cli key check --key file:pepper.key
  ingest-cli key check --key env:PEPPER --table breaches

"""


@click.group("key", epilog=_EXAMPLES_GENERATE + EXIT_CODES)
def command() -> None:
    """Make or check the pepper that identifiers are hashed with."""


@command.command(cls=NoArguments, epilog=_EXAMPLES_GENERATE + EXIT_CODES)
@option("--kid", default="k1", metavar="ID", help="Key id: 1 to 8 of a-z and 0-9.")
@option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="New file for the pepper, readable by its owner only. Default: stdout.",
)
@settings_options
@click.pass_context
def generate(ctx: click.Context, /, kid: str, out: Path | None, **_: Any) -> None:
    """Generate a new pepper. Keep it safe: without it, nothing in the table can be found."""
    if shown(ctx):
        return
    pepper = generate_pepper(kid)
    if out is not None:
        write_pepper_file(out, pepper)
        click.echo(f"ingest-cli: wrote {escape(str(out))}; use it with --key file:{escape(str(out))}", err=True)
    elif sys.stdout.isatty():
        raise click.UsageError(
            "A pepper is not shown on a terminal; give --out FILE, or pipe it into your secret store."
        )
    else:
        click.echo(pepper.line(), nl=False)


@command.command(cls=NoArguments, epilog=_EXAMPLES_CHECK + EXIT_CODES)
@key_option
@table_options
@settings_options
@click.pass_context
def check(ctx: click.Context, /, key: str | None, **values: Any) -> None:
    """Check that the pepper can be read and, with --table, that the table was loaded with it.

    Fails when AWS leaves a request unanswered for 30 s.
    """
    if shown(ctx):
        return
    if not key:
        raise click.UsageError(NO_KEY)
    reference, session = KeyReference.parse(key), None
    if not reference.is_local:
        from ingest_cli.aws.session import open_session  # noqa: PLC0415 - a local key can be checked without boto3

        session = open_session(Target("", values["region"], values["profile"], insecure_http=values["insecure_http"]))
    pepper = read_pepper(reference, session)
    if not reference.is_pinned:
        click.echo(f"ingest-cli: {NOT_PINNED}", err=True)
    if values["table"]:
        from ingest_cli.aws.catalog import Catalog  # noqa: PLC0415 - likewise
        from ingest_cli.aws.table import Table  # noqa: PLC0415

        target = target_of(values)
        known = Catalog(Table(target)).knows(pepper)
        state = "the table was loaded with it" if known else "the table was not loaded with it yet"
        click.echo(f"{pepper.kid}: usable, check value {pepper.check_value}; {state}")
    else:
        click.echo(f"{pepper.kid}: usable, check value {pepper.check_value}")
