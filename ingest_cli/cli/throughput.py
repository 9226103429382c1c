"""Options for reading from and writing to a table: transport, limits, checkpoint, restart and replay."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ingest_cli.cli.options import STATE_IN_TABLE, Duration, option, source_id_option, together
from ingest_cli.commands.table_reader import Reading, read_ceiling
from ingest_cli.model.settings import DEFAULT_CONCURRENCY, DEFAULT_GIVE_UP_AFTER_S, TRANSPORTS

WRITING = "Writing the items"

max_wcu_option = option(
    "--max-wcu",
    metavar="N|NN%",
    help="Maximum write capacity units to consume per second, or a share of the provisioned ones. "
    "Default: as many as the table accepts.",
)

max_rcu_option = option(
    "--max-rcu",
    metavar="N|NN%",
    help="Maximum read capacity units to consume per second, or a share of the provisioned ones. "
    "Default: half of the provisioned ones; for an on-demand table, as many as it accepts.",
)

give_up_option = option(
    "--give-up-after",
    type=Duration(),
    default=f"{DEFAULT_GIVE_UP_AFTER_S / 60:.0f}m",
    metavar="TIME",
    help="Stop after this long without progress (resumable): 90s, 30m, 2h.",
)

write_options = together(
    option(
        "--concurrency",
        type=click.IntRange(1, 256),
        default=DEFAULT_CONCURRENCY,
        metavar="N",
        help="Maximum number of requests in flight, and as many again for hot keys (identifiers with more writes than "
        "a partition accepts).",
    ),
    option(
        "--transport",
        type=click.Choice(TRANSPORTS),
        default=TRANSPORTS[0],
        help="HTTP client for requests to DynamoDB.",
    ),
    max_wcu_option,
    give_up_option,
    option(
        "--state",
        default=STATE_IN_TABLE,
        metavar="table|file:DIR",
        help="Location of the checkpoint: the table itself, or a local folder.",
    ),
    option(
        "--spot-watch/--no-spot-watch",
        default=True,
        help="Stop when EC2 announces the interruption of this spot instance (resumable).",
    ),
    option(
        "--replay",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="REJECTS",
        help="Load only the rows listed in this file of rejects, after their cause is fixed.",
    ),
    source_id_option,
    option("--restart", is_flag=True, help="Ignore the saved checkpoint and load everything again. Omit it to resume."),
    section=WRITING,
)

prices_option = option(
    "--prices",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="File with a price list that replaces the built-in one.",
)


class Amount(click.ParamType[float]):
    """An amount of money."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the amount; positive and finite."""
        try:
            amount = float(value)
        except ValueError:
            amount = 0.0
        if not 0 < amount < float("inf"):
            self.fail(f"{str(value)!r} is not a positive amount; write 5 or 0.50.", param, ctx)
        return amount


max_cost_option = option(
    "--max-cost",
    type=Amount(),
    metavar="AMOUNT",
    help="Maximum cost of the command, in the currency of the price list; stop before it is exceeded (resumable).",
)

scale_options = together(
    option(
        "--scale-to",
        type=click.IntRange(min=1),
        metavar="N",
        help="Write capacity units per second to provision before the first item; lowered again at the end.",
    ),
    option(
        "--warm",
        type=click.IntRange(min=1),
        metavar="N",
        help="Warm throughput of an on-demand table, in write units per second; charged once, and never lowered.",
    ),
)


def reading(values: Mapping[str, Any]) -> Reading:
    """Return the read settings, from the options of a command.

    Raises:
        UsageError: `--max-rcu` is invalid.
    """
    text = values["max_rcu"]
    return Reading(values["give_up_after"], None if text is None else read_ceiling(text))
