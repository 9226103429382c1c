"""`ingest-cli load`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click

from ingest_cli.aws.authentication import StateKey
from ingest_cli.aws.capacity.restore import LOWER_WAIT_S
from ingest_cli.aws.capacity.temporary_raise import ScaleWish, Scaling
from ingest_cli.aws.sandbox import sandbox
from ingest_cli.aws.table import Table
from ingest_cli.cli.console import Log
from ingest_cli.cli.help import Sectioned, exit_codes
from ingest_cli.cli.operation import Operation, operation_options
from ingest_cli.cli.options import (
    key_option,
    log_option,
    option,
    output_option,
    report_option,
    row_options,
    run_settings,
    settings_options,
    shown,
    table_options,
    target_of,
)
from ingest_cli.cli.prune import PruneAfterLoad, prune_after
from ingest_cli.cli.report_file import ReportFile
from ingest_cli.cli.runs import Runs, RunsOutput
from ingest_cli.cli.throughput import (
    max_cost_option,
    max_rcu_option,
    prices_option,
    reading,
    scale_options,
    write_options,
)
from ingest_cli.commands.load import load
from ingest_cli.commands.run import RunContext
from ingest_cli.commands.spending import CostLimit
from ingest_cli.commands.table_check import check_table
from ingest_cli.commands.validate import validate
from ingest_cli.model.key_references import NOT_PINNED, KeyReference, read_pepper
from ingest_cli.model.keys import Pepper, generate_pepper
from ingest_cli.model.manifest import Manifest
from ingest_cli.model.settings import RunSettings, Target
from ingest_cli.report.pricing import PriceList
from ingest_cli.report.report import Report

SANDBOX_TABLE = "sandbox"

HURRY_S = 2.0
"""Maximum seconds to lower the capacity after a stop request."""

EXAMPLES = """\
\b
Examples:
  ingest-cli load telco.toml --table breaches --key file:pepper.key
  ingest-cli load dumps/*.toml --table breaches --key env:PEPPER --output json
  ingest-cli load telco.toml --table breaches --key file:pepper.key --plan
  ingest-cli load telco.toml --table breaches --key file:pepper.key --scale-to 2000 --max-cost 5
  ingest-cli load telco.toml --table breaches --key file:pepper.key --prune
  ingest-cli load telco.toml --sandbox
  ingest-cli load telco.toml --table breaches --key env:PEPPER --report telco.html

"""


@click.command("load", cls=Sectioned, epilog=EXAMPLES + exit_codes(3, 4, 5))
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@table_options
@key_option
@row_options
@write_options
@scale_options
@max_cost_option
@prices_option
@option(
    "--plan",
    is_flag=True,
    help="Like --dry-run, and check the table and the key, and predict time and cost for this table.",
)
@option(
    "--prune",
    is_flag=True,
    help="Remove, after the load, items of rows that are no longer in the dump, as `prune` does.",
)
@click.option(
    "--yes", is_flag=True, help="With --prune: remove items without confirmation, even more than half of a dataset."
)
@max_rcu_option
@option("--dry-run", is_flag=True, help="Dry run: all stages without a write, as `validate` does. Needs no table.")
@option("--sandbox", is_flag=True, help="Embedded DynamoDB as the table, deleted at the end. Needs no AWS account.")
@output_option
@report_option
@log_option
@operation_options
@settings_options
@click.pass_context
def command(ctx: click.Context, /, manifests: tuple[Path, ...], **values: Any) -> None:
    """Load the dumps described by the MANIFESTs into a DynamoDB table.

    A dump that is already in the table is skipped. To resume an interrupted load, run the same command again; writes
    are idempotent.
    """
    if shown(ctx):
        return
    settings = run_settings(values)
    how_to_read = reading(values)
    _check(values, settings)
    report_file = ReportFile.wanted(values["report"], values["rejects"])
    with contextlib.ExitStack() as stack:
        operation = stack.enter_context(Operation("load", values, asks=values["dry_run"] or values["plan"]))
        log = operation.log
        output = RunsOutput(values["output"], log, report_file, operation)
        if values["dry_run"]:
            ctx.exit(Runs(settings, output, validate, writes=False).all(manifests))
        if values["sandbox"]:
            target = stack.enter_context(sandbox(values["table"] or SANDBOX_TABLE))
            log.line(f'using an embedded DynamoDB with a table "{target.table}"; it is deleted at the end')
        else:
            target = target_of(values)
        table = Table(target)
        pepper = _pepper(values["key"], table, sandboxed=values["sandbox"])
        if values["key"] and not KeyReference.parse(values["key"]).is_pinned:
            log.line(NOT_PINNED)
        if values["plan"]:
            dry_run = partial(validate, table_check=partial(check_table, table, pepper))
            ctx.exit(Runs(settings, output, dry_run, writes=False).all(manifests))
        scaling = Scaling(table, StateKey.of(pepper), ScaleWish(values["scale_to"], values["warm"], settings.max_cost))

        def run(one: Manifest, how: RunSettings, context: RunContext) -> Report:
            report = load(one, table, pepper, how, context, scaling)
            if values["prune"] and report.outcome in {"complete", "unchanged"}:
                limit = CostLimit.of(how, context.earlier)
                options = PruneAfterLoad(how, how_to_read, limit, is_confirmed=values["yes"])
                prune_after(report, table, pepper, options, context.stop)
            return report

        runs = Runs(settings, output, run)
        code = _all_scaled(runs, manifests, scaling, log)
        if values["sandbox"]:
            log.line("the embedded DynamoDB was deleted, with all its items; to load into a real table, use --table")
        elif code == 0:
            log.line(_next(target, values["key"], len(runs.reports)))
    ctx.exit(code)


def _all_scaled(runs: Runs[Report], manifests: Sequence[Path], scaling: Scaling, log: Log) -> int:
    """Run all manifests, and then restore the table's capacity, even after a failure."""
    try:
        code = runs.all(manifests)
    finally:
        scaling.finish(wait_s=HURRY_S if runs.interrupted else LOWER_WAIT_S)
        for note in scaling.notes:
            log.line(note)
        if (fault := scaling.fault) is not None:
            log.line(str(fault), "error", exit_code=int(fault.exit_code))
            code = runs.failed_beside(fault)
    return code


def _check(values: dict[str, Any], settings: RunSettings) -> None:
    """Refuse invalid or contradictory options before anything is opened."""
    PriceList.read(settings.prices)
    if values["prune"] and (settings.skip or settings.limit or settings.replay):
        raise click.UsageError("--prune requires a load of all rows; omit --skip, --limit and --replay.")


def _pepper(reference: str | None, table: Table, *, sandboxed: bool) -> Pepper:
    if reference:
        return read_pepper(reference, table.session)
    if sandboxed:
        return generate_pepper("sandbox")
    raise click.UsageError(
        "Give a pepper with --key, or set INGEST_KEY; `ingest-cli key generate --out FILE` generates one."
    )


def _next(target: Target, key: str, loads: int) -> str:
    """Describe the result, and possible next steps."""
    place = "".join(
        f" {flag} {value}"
        for flag, value in (
            ("--region", target.region),
            ("--profile", target.profile),
            ("--endpoint-url", target.endpoint_url),
        )
        if value
    )
    place += " --insecure-http" if target.insecure_http else ""
    look_up = f"ingest-cli lookup --table {target.table} --key {key}{place}"
    return f"{loads} of {loads} done; to look up an identifier: {look_up}"
