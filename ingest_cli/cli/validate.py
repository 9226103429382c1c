"""`ingest-cli validate`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from ingest_cli.cli import EXIT_CODES
from ingest_cli.cli.help import Sectioned
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
from ingest_cli.sinks.write_path import parse_ceiling

EXAMPLES = """\
\b
Examples:
  ingest-cli validate telco.toml
  ingest-cli validate telco.toml --rejects rejects.jsonl --output json
  ingest-cli validate unknown-dump.csv.gz

"""


@click.command("validate", cls=Sectioned, epilog=EXAMPLES + EXIT_CODES)
@click.argument("files", nargs=-1, required=True, type=click.Path(readable=False), metavar="MANIFEST_OR_FILE...")
@row_options
@option("--region", metavar="REGION", help="AWS region whose prices count. Default: as for AWS's own tools.")
@option("--max-wcu", metavar="N", help="Write capacity units per second that a load would have. Default: 1,000.")
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
        raise click.UsageError("--report is about the dumps of MANIFESTs (*.toml), and there is none among these.")
    settings = run_settings(values)
    parse_ceiling(settings.max_wcu)
    PriceList.read(settings.prices)
    run = partial(validate, region=values["region"])
    with Operation("validate", values) as operation:
        log = operation.log
        runs = Runs(settings, RunsOutput(values["output"], log, report_file, operation), run, writes=False)

        def look(name: str) -> None:
            if name.endswith(".toml"):
                runs.one(Path(name))
            else:
                from ingest_cli.cli.look import look_at  # noqa: PLC0415 - imports all formats, of which a manifest has one

                runs.codes.append(look_at(name, values, log))

        code = runs.each(files, look)
    ctx.exit(code)
