"""`ingest-cli verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ingest_cli.aws.table import Table
from ingest_cli.cli.console import show
from ingest_cli.cli.help import Sectioned, exit_codes
from ingest_cli.cli.operation import Operation, operation_options
from ingest_cli.cli.options import (
    age_option,
    key_option,
    log_option,
    option,
    output_option,
    required_key,
    run_settings,
    settings_options,
    shown,
    source_id_option,
    table_options,
    target_of,
)
from ingest_cli.cli.runs import Runs, RunsOutput
from ingest_cli.cli.throughput import give_up_option, max_rcu_option, reading
from ingest_cli.commands.run import RunContext
from ingest_cli.commands.verify import VerifyRequest, verify
from ingest_cli.commands.verify_result import DEFAULT_SAMPLE, Differences, Scope, Verification
from ingest_cli.model.key_references import read_pepper
from ingest_cli.model.manifest import Manifest
from ingest_cli.model.settings import RunSettings

EXAMPLES = """\
\b
Examples:
  ingest-cli verify telco.toml --table breaches --key file:pepper.key
  ingest-cli verify telco.toml --table breaches --key file:pepper.key --full --max-rcu 100
  ingest-cli verify telco.toml --table breaches --key file:pepper.key --sample 100000 --seed 7 --no-count

"""


@click.command(
    "verify", cls=Sectioned, epilog=EXAMPLES + exit_codes(3, own={4: "source or table unusable, or differences found"})
)
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MANIFEST...")
@option(
    "--sample",
    type=click.IntRange(min=1),
    default=DEFAULT_SAMPLE,
    metavar="N",
    help="Number of items to read back, selected at random.",
)
@option("--full", is_flag=True, help="Read all items back instead of a sample.")
@option(
    "--seed", type=click.IntRange(min=0), metavar="N", help="Seed of the random selection, to repeat an earlier one."
)
@option("--count/--no-count", default=True, help="Count the items of the dataset by a scan of the whole table.")
@table_options
@key_option
@max_rcu_option
@give_up_option
@age_option
@source_id_option
@output_option
@log_option
@operation_options
@settings_options
@click.pass_context
def command(ctx: click.Context, /, manifests: tuple[Path, ...], **values: Any) -> None:
    """Read loaded items back and compare them with the dumps described by the MANIFESTs.

    Lists the keys of items that are missing, different or surplus, and exits with 4 if there are any.
    """
    if shown(ctx):
        return
    target = target_of(values)
    key = required_key(values)
    how_to_read = reading(values)
    table = Table(target)
    pepper = read_pepper(key, table.session)
    scope = Scope(None if values["full"] else values["sample"], values["seed"], values["count"])

    def run(one: Manifest, how: RunSettings, context: RunContext) -> Verification:
        return verify(one, table, pepper, VerifyRequest(scope, how_to_read, how), context)

    with Operation("verify", values, show=_show) as operation:
        output = RunsOutput(values["output"], operation.log, operation=operation)
        runs = Runs(run_settings(values), output, run, writes=False)
        code = runs.all(manifests)
    ctx.exit(code)


def _show(found: Verification, output: str) -> None:
    show([json.dumps(found.as_dict())] if output == "json" else _text(found))


def _text(found: Verification) -> list[str]:
    """Render the result as text, line by line."""
    lines = [f"{found.title} ({found.dataset}): verify {found.outcome}"]
    if found.outcome not in {"complete", "different"}:
        return lines + [f"  note        {note}" for note in found.notes]
    account, about = found.account, "" if found.distinct.is_exact else "about "
    lines.append(
        f"  dump        {account.rows_read:,} rows, {account.items_built:,} items, "
        f"{about}{found.expected:,} distinct keys"
    )
    drawn = "all items" if found.covers_all else f"selected at random (--seed {found.seed})"
    lines.append(f"  compared    {found.compared:,}, {drawn}; {found.equal:,} equal")
    if found.confidence:
        lines.append(f"  confidence  {found.confidence}")
    lines += _differences("missing", found.missing) + _differences("different", found.different)
    if found.counted is not None:
        error = f", ±{found.distinct.relative_error:.2%}" if found.distinct.relative_error else ""
        lines.append(f"  counted     {found.counted:,} in {found.table}, {about}{found.expected:,} expected{error}")
        lines += _differences("surplus", found.surplus)
    lines.append(f"  capacity    {found.rcu:,.1f} RCU consumed in {found.traffic.requests:,} requests")
    lines.append(f"  time        {found.elapsed_s:,.1f} s, {found.rows_per_s:,.0f} rows/s")
    return lines + [f"  note        {note}" for note in found.notes]


def _differences(name: str, differences: Differences) -> list[str]:
    """Render the number of differences, and the keys of the first."""
    if not differences.count:
        return []
    lines = [f"  {name:10}  {differences.count:,}"]
    lines += [f"    {pk}  {sk}" for pk, sk in differences.keys]
    if (more := differences.count - len(differences.keys)) > 0:
        lines.append(f"    and {more:,} more")
    return lines
