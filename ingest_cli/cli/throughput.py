"""Options for reading from and writing to a table: transport, rate, time and cost limits."""

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
    help="Write capacity units per second to consume at the most, or a share of what is provisioned. "
    "Default: what the table takes.",
)

max_rcu_option = option(
    "--max-rcu",
    metavar="N|NN%",
    help="Read capacity units per second to consume at the most, or a share of what is provisioned. "
    "Default: half of that; of an on-demand table, what it takes.",
)

give_up_option = option(
    "--give-up-after",
    type=Duration(),
    default=f"{DEFAULT_GIVE_UP_AFTER_S / 60:.0f}m",
    metavar="TIME",
    help="Stop, resumable, after so long without any progress: 90s, 30m, 2h.",
)

write_options = together(
    option(
        "--concurrency",
        type=click.IntRange(1, 256),
        default=DEFAULT_CONCURRENCY,
        metavar="N",
        help="Maximum number of requests in flight; up to as many again while there are hot keys.",
    ),
    option("--transport", type=click.Choice(TRANSPORTS), default=TRANSPORTS[0], help="What sends the requests."),
    max_wcu_option,
    give_up_option,
    option(
        "--state",
        default=STATE_IN_TABLE,
        metavar="table|file:DIR",
        help="Where to keep how far the load has come: in the table, or in a folder of its own.",
    ),
    option("--spot-watch/--no-spot-watch", default=True, help="Stop when EC2 takes this spot instance back."),
    option(
        "--replay",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="REJECTS",
        help="Load only the rows that this file of rejects names, once what was wrong with them is mended.",
    ),
    source_id_option,
    option("--restart", is_flag=True, help="Begin anew, whatever was loaded before; to go on later, leave it out."),
    section=WRITING,
)

prices_option = option(
    "--prices",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Another price list than the one that comes with the program.",
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
            self.fail(f"{str(value)!r} is not an amount that anything could cost; write 5 or 0.50.", param, ctx)
        return amount


max_cost_option = option(
    "--max-cost",
    type=Amount(),
    metavar="AMOUNT",
    help="Stop, resumable, before the command as a whole costs more than that, in the currency of the price list.",
)

scale_options = together(
    option(
        "--scale-to",
        type=click.IntRange(min=1),
        metavar="N",
        help="Raise provisioned capacity to N write units before the first item, and lower it again at the end.",
    ),
    option(
        "--warm",
        type=click.IntRange(min=1),
        metavar="N",
        help="Raise what an on-demand table takes at once to N write units a second; paid once, for good.",
    ),
)


def reading(values: Mapping[str, Any]) -> Reading:
    """Return the read settings, from the options of a command.

    Raises:
        UsageError: `--max-rcu` is invalid.
    """
    text = values["max_rcu"]
    return Reading(values["give_up_after"], None if text is None else read_ceiling(text))
