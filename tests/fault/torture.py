"""`make torture`: hundreds of kills, in calm and under a storm, and a minute of every pace.

    python -m tests.fault.torture --kills 100 --seeds 3

Prints a line for each campaign. Ends at the first one that does not come to what an undisturbed load comes to.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.e2e.conftest import make_table
from tests.e2e.harness import PEPPER_HEX, Cli, Place, new_cli, small_dump
from tests.fault.campaign import (
    HOT_LIMITS,
    Campaign,
    Outcome,
    hot_rows,
    moments,
    storm,
    write_files,
    written_again_at_most,
)
from tests.fault.pace import Case, measure
from tests.support.dumps import Dump
from tests.support.endpoint import Endpoint, Limits
from tests.support.endpoint.clients import connected
from tests.support.shapes import SHAPES

ROWS_PER_KILL = 120
HOT_ROWS_PER_KILL, HOT_WCU_PER_S = 500, 2_000
KILL, TERM = signal.SIGKILL, signal.SIGTERM
WEATHERS: dict[str, tuple[list[signal.Signals], bool, str]] = {
    "calm": ([KILL], False, "1"),
    "storm": ([KILL], True, "1"),
    "SIGTERM": ([KILL, TERM], False, "1"),
    "workers": ([KILL], False, "2"),
    "both": ([KILL, TERM], True, "2"),
}
"""Name → the signals, whether requests fail besides, and how many workers there are."""

PACES = {
    "500 of 500": (Case(60, rows=60_000), 500, 0.95),
    "400 of 500": (Case(60, options=("--max-wcu", "400"), rows=60_000), 400, 0.95),
    "80% of 500": (Case(60, options=("--max-wcu", "80%"), rows=60_000), 400, 0.95),
    "20 of 500": (Case(60, options=("--max-wcu", "20"), rows=60_000), 20, 0.95),
}
"""Name → the load, its ceiling in WCU/s, and what share of it has to be used."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all campaigns; 0 if none of them lost or doubled anything."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        for seed in range(1, options.seeds + 1):
            _campaigns(Path(folder) / str(seed), seed, options.kills)
            _hot_keys(_made(Path(folder) / f"hot-{seed}"), seed, options.kills)
        for number, name in enumerate(PACES):
            _pace(Path(folder) / f"pace-{number}", name)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fault.torture", description="Try to make a load lose rows.")
    parser.add_argument("--kills", type=int, default=100, help="of each campaign; 5 or more")
    parser.add_argument("--seeds", type=int, default=3)
    return parser


def _campaigns(folder: Path, seed: int, kills: int) -> None:
    """One dump, loaded undisturbed and then in all weathers."""
    cli: Cli = new_cli(_made(folder) / "home", secrets=(PEPPER_HEX,))
    dump = Dump(shape=SHAPES["dirty"], rows=ROWS_PER_KILL * kills, seed=seed, dirty=0.1)
    manifest = write_files(folder / "dump", dump)
    with Endpoint(seed=seed) as endpoint, connected(endpoint.client_arguments) as admin:
        expected = Campaign(cli, make_table(Place(endpoint), admin), manifest).finish()
        for weather in WEATHERS:
            campaign = Campaign(
                cli,
                make_table(Place(endpoint), admin),
                manifest,
                ("--max-wcu", "4000", "--workers", WEATHERS[weather][2]),
            )
            _fight(campaign, expected, weather, Random(f"{seed} {weather}"), kills)
            endpoint.script.clear()
            endpoint.audit.clear()


def _fight(campaign: Campaign, expected: Outcome, weather: str, random: Random, kills: int) -> None:
    signals, is_stormy, _ = WEATHERS[weather]
    if is_stormy:
        campaign.place.endpoint.script.rules.extend(storm())
    began = time.monotonic()
    chosen = [(moment, random.choice(signals)) for moment in moments(random, kills, len(expected.items))]
    outcome = campaign.fight(chosen)
    outcome.agrees_with(expected)
    campaign.is_sound(outcome)
    endings = {code: campaign.endings.count(code) for code in sorted(set(campaign.endings))}
    _say(
        f"{weather:8} {len(expected.items):,} items, {len(expected.rejects):,} rejects; runs by exit code {endings}; "
        f"{campaign.repeated(outcome):,} items written again; {time.monotonic() - began:,.0f} s"
    )


def _hot_keys(folder: Path, seed: int, kills: int) -> None:
    """A dump with three hot keys, killed now and then while they hold it up."""
    cli, rows = new_cli(folder / "home", secrets=(PEPPER_HEX,)), HOT_ROWS_PER_KILL * kills
    manifest = small_dump(_made(folder / "dump"), hot_rows(rows))
    with Endpoint(seed=seed, limits=Limits(**HOT_LIMITS)) as endpoint, connected(endpoint.client_arguments) as admin:
        options = ("--max-wcu", str(HOT_WCU_PER_S), "--concurrency", "8", "--workers", "2")
        campaign = Campaign(cli, make_table(Place(endpoint), admin), manifest, options)
        for number in range(kills):
            campaign.until(lambda sight, share=number / kills: sight.sent > 0 and sight.written >= share * rows, KILL)
        while (code := cli(*campaign.command).code) == 75:
            continue
        puts = [(write.pk, write.sk) for write in campaign.place.writes if not write.pk.startswith("_")]
    again, allowed = len(puts) - len(set(puts)), kills * written_again_at_most(HOT_WCU_PER_S, 8)
    _say(f"{'hot keys':8} {len(set(puts)):,} items; {again:,} written again, {allowed:,.0f} allowed")
    if code or len(set(puts)) != rows * 13 // 10 or again > allowed:
        raise AssertionError(f"hot keys: exit code {code}")


def _pace(folder: Path, name: str) -> None:
    case, ceiling, share = PACES[name]
    seen = measure(_made(folder), case)
    seconds = seen.seconds(1)
    mean = sum(seconds) / len(seconds)
    _say(f"{name:10} {mean:,.1f} WCU/s, {min(seconds):,.0f} to {max(seconds):,.0f}; {seen.throttled:.1%} throttled")
    if not share * ceiling <= mean <= ceiling + 25 / len(seconds) or seen.throttled > 0.02:
        raise AssertionError(f"{name}: {seconds}")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
