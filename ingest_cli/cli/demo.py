"""`ingest-cli demo`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from ingest_cli import __file__ as package_file
from ingest_cli.aws.sandbox import sandbox
from ingest_cli.aws.table import Table
from ingest_cli.cli.console import Log, escape
from ingest_cli.cli.help import NoArguments, exit_codes
from ingest_cli.cli.options import log_option, output_option, settings_options, shown
from ingest_cli.cli.runs import Runs, RunsOutput
from ingest_cli.commands.load import load
from ingest_cli.commands.run import RunContext
from ingest_cli.commands.table_reader import Reading
from ingest_cli.commands.verify import VerifyRequest, verify
from ingest_cli.commands.verify_result import Scope
from ingest_cli.errors import ExitCode, UsageError
from ingest_cli.formats import FORMATS
from ingest_cli.lookup.lookup import Lookup
from ingest_cli.model.keys import Pepper, generate_pepper
from ingest_cli.model.manifest import Manifest, load_manifest
from ingest_cli.model.settings import DEFAULT_GIVE_UP_AFTER_S, RunSettings
from ingest_cli.report.report import Report

PERSON = "850101-14-5678"
"""Invented MyKad of Aisyah, a person in several of the sample dumps."""


_LIBRARIES = {"xlsx": "python_calamine"}
"""Format → required optional library."""

EXAMPLES = """\
\b
Examples:
  ingest-cli demo
  ingest-cli demo --output json > reports.jsonl

"""


@click.command("demo", cls=NoArguments, epilog=EXAMPLES + exit_codes(4))
@output_option
@log_option
@settings_options
@click.pass_context
def command(ctx: click.Context, /, output: str, log_format: str, **_: Any) -> None:
    """Load invented dumps into an embedded DynamoDB, read them back, and look up a person."""
    if shown(ctx):
        return
    log = Log(log_format)
    manifests = _readable(sorted(_samples().glob("*.toml")), log)
    with sandbox("demo") as target:
        log.line(f"1. loading {len(manifests)} invented dumps into an embedded DynamoDB")
        table, pepper = Table(target), generate_pepper("demo")

        def run(one: Manifest, how: RunSettings, context: RunContext) -> Report:
            return load(one, table, pepper, how, context)

        code = Runs(RunSettings(), RunsOutput(output, log), run).all(manifests)
        log.line("2. reading every item back, and comparing it with its dump")
        for manifest in manifests:
            code = _compare(manifest, table, pepper, log) or code
        log.line(f"3. looking up a person who is in several dumps: {PERSON}")
        breaches = Lookup.on(table, pepper)(PERSON)
        for breach in breaches:
            log.line(escape(f"   in {breach.title} ({breach.occurred_on}): {', '.join(breach.classes)}"))
        if not breaches:
            log.line("   not found, although it was loaded", "error")
            code = ExitCode.UNUSABLE
    log.line("the embedded DynamoDB was deleted; next: ingest-cli validate sample_data/telco.toml")
    ctx.exit(code)


def _readable(manifests: Sequence[Path], log: Log) -> list[Path]:
    """Return the samples whose required libraries are installed."""
    readable = []
    for path in manifests:
        library = _LIBRARIES.get(load_manifest(path, formats=FORMATS).format.name)
        if library is None or find_spec(library) is not None:
            readable.append(path)
        else:
            log.line(f"skipping {path.name}, which needs ingest-cli[xlsx]")
    return readable


def _compare(path: Path, table: Table, pepper: Pepper, log: Log) -> int:
    manifest, reading = load_manifest(path, formats=FORMATS), Reading(DEFAULT_GIVE_UP_AFTER_S)
    found = verify(manifest, table, pepper, VerifyRequest(Scope(sample=None), reading, RunSettings()))
    if found.message is None:
        log.line(f"   {manifest.dataset.id}: {found.counted:,} items, all equal")
    else:
        log.line(f"   {manifest.dataset.id}: {found.message}", "error")
    return found.exit_code


def _samples() -> Path:
    """Return the folder of the sample dumps: inside the installed package, or beside it in a checkout."""
    package = Path(package_file).parent
    for folder in (package / "sample_data", package.parent / "sample_data"):
        if folder.is_dir():
            return folder
    raise UsageError("the sample dumps are not installed; run the demo from a checkout of the project")
