"""`ingest-cli validate`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from ingest_cli.cli.help import Sectioned, exit_codes
from ingest_cli.cli.operation import Operation, operation_options
from ingest_cli.cli.options import (
    insecure_option,
    log_option,
    option,
    output_option,
    report_option,
    row_options,
    run_settings,
    settings_options,
    shown,
)
from ingest_cli.cli.report_file import ReportFile
from ingest_cli.cli.runs import Runs, RunsOutput
from ingest_cli.cli.throughput import prices_option
from ingest_cli.commands.validate import validate
from ingest_cli.report.pricing import PriceList

EXAMPLES = """\
\b
Examples:
  ingest-cli validate telco.toml
  ingest-cli validate telco.toml --rejects rejects.jsonl --output json
  ingest-cli validate unknown-dump.csv.gz

"""


@click.command("validate", cls=Sectioned, epilog=EXAMPLES + exit_codes(3, 4))
@click.argument("files", nargs=-1, required=True, type=click.Path(readable=False), metavar="MANIFEST_OR_FILE...")
@row_options
@option("--region", metavar="REGION", help="AWS region whose prices apply. Default: as for the AWS CLI.")
@option(
    "--max-wcu",
    metavar="N",
    help="Write capacity units per second to assume for a load. Default: 1,000 provisioned, 4,000 on-demand.",
)
@prices_option
@insecure_option
@output_option
@report_option
@log_option
@operation_options
@settings_options
@click.pass_context
def command(ctx: click.Context, /, files: tuple[str, ...], **values: Any) -> None:
    """Dry run: run all stages on the dumps that the MANIFESTs describe, without a write.

    Predicts the time and cost of a load, in each billing mode. Needs no key, no table and no network. For a FILE
    that is not a manifest (does not end in .toml), prints its probable format and its faults.
    """
    if shown(ctx):
        return
    report_file = ReportFile.wanted(values["report"], values["rejects"])
    if report_file and not any(name.endswith(".toml") for name in files):
        raise click.UsageError("--report needs at least one MANIFEST (*.toml).")
    settings = run_settings(values)
    PriceList.read(settings.prices)
    with Operation("validate", values) as operation:
        log = operation.log
        run = partial(validate, region=values["region"])
        runs = Runs(settings, RunsOutput(values["output"], log, report_file, operation), run, writes=False)

        def look(name: str) -> None:
            if name.endswith(".toml"):
                runs.one(Path(name))
            else:
                from ingest_cli.cli.look import look_at  # noqa: PLC0415 - imports all formats, of which a manifest has one

                runs.codes.append(look_at(name, values, log))

        code = runs.each(files, look)
    ctx.exit(code)
