"""`make torture`: hundreds of kills in every weather, and a minute of every pace.

    python -m tests.fault.torture --kills 100 --seeds 3 --record docs/benchmarks/torture.json

Prints a line for each campaign. A campaign that does not come to what an undisturbed load comes to, or in which a kill
had more written again than it may, is told of at its end, and the command fails; with `--record`, nothing is recorded
then.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from tests.e2e.harness import PEPPER_HEX, new_cli
from tests.fault.campaign import Campaign, Outcome, moments
from tests.fault.pace import Case, measure
from tests.fault.rewrites import AHEAD_ITEMS, BATCH_ITEMS, RECENT_S, Cost
from tests.fault.weathers import CONCURRENCY, WEATHERS, Scene, refusals
from tests.support.dumps import Dump
from tests.support.endpoint import Endpoint
from tests.support.endpoint.clients import connected
from tests.support.shapes import SHAPES

ROWS_PER_KILL = 120

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
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    wanted = [(seed, weather, options) for seed in seeds for weather in options.weathers or WEATHERS]
    with ProcessPoolExecutor(options.jobs) as pool:
        found = list(pool.map(_campaign_or_none, wanted))
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        paces = [] if options.no_paces else [_pace(Path(folder) / f"pace-{n}", name) for n, name in enumerate(PACES)]
    if failed := [f"{weather}, seed {seed}" for (seed, weather, _), one in zip(wanted, found, strict=True) if not one]:
        _say(f"failed: {'; '.join(failed)}")
        return 1
    if options.record is not None:
        options.record.write_text(_record(options, [one for one in found if one], paces))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fault.torture", description="Try to make a load lose rows.")
    parser.add_argument("--kills", type=int, default=100, help="of each campaign; 5 or more")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--rows-per-kill", type=int, default=ROWS_PER_KILL, help="of the dump")
    parser.add_argument("--weather", dest="weathers", action="append", choices=list(WEATHERS), help="repeatable")
    parser.add_argument("--jobs", type=int, default=1, help="campaigns at a time; each needs half a processor")
    parser.add_argument("--no-paces", action="store_true", help="leave out the minutes of every pace")
    parser.add_argument("--record", type=Path, help="write the figures to this file, as JSON")
    return parser


def _campaign_or_none(wanted: tuple[int, str, argparse.Namespace]) -> dict[str, Any] | None:
    """The figures of a campaign, in a folder of its own; None if it failed, which it then says."""
    seed, weather, options = wanted
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        try:
            return _campaign(Path(folder), seed, weather, options)
        except AssertionError:
            _say(f"{weather}, seed {seed}: FAILED\n{traceback.format_exc()}")
            return None


def _campaign(folder: Path, seed: int, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One dump, loaded undisturbed and then in a weather; returns its figures.

    Raises:
        AssertionError: it came to something else, or a kill cost too much.
    """
    weather, kills = WEATHERS[name], options.kills
    cli = new_cli(folder / "home", secrets=(PEPPER_HEX,))
    dump = Dump(shape=SHAPES["dirty"], rows=options.rows_per_kill * kills, seed=seed, dirty=0.1)
    with Endpoint(seed=seed) as endpoint, connected(endpoint.client_arguments) as admin:
        scene, random = Scene(cli, endpoint, admin, folder, dump), Random(f"{seed} {name}")
        manifest, expected = scene.undisturbed(weather.hot)
        campaign = scene.campaign(weather, manifest, random, kills)
        began = time.monotonic()
        chosen = moments(random, kills, len(expected.items))
        outcome = campaign.fight((moment, random.choice(weather.signals)) for moment in chosen)
        figures = _figures(campaign, outcome, time.monotonic() - began) | {"weather": name, "seed": seed}
        _say(_line(figures))
        outcome.agrees_with(expected)
        campaign.is_sound(outcome)
        dear = [cost for cost in campaign.costs() if not cost.is_within]
        assert not dear, dear
    return figures


def _figures(campaign: Campaign, outcome: Outcome, took_s: float) -> dict[str, Any]:
    costs = campaign.costs()
    worst = max(costs, key=lambda cost: cost.again / cost.bound, default=Cost(0, 0, 0))
    return {
        "items": len(outcome.items),
        "rejects": len(outcome.rejects),
        "broken_off": len(costs),
        "runs_by_exit_code": {str(code): count for code, count in sorted(Counter(campaign.endings).items())},
        "forgeries_refused": refusals([campaign]),
        "written_again": campaign.repeated(outcome),
        "most_for_one_kill": max((cost.again for cost in costs), default=0),
        "nearest_to_its_bound": {"again": worst.again, "bound": worst.bound, "last_2_s": worst.recent},
        "beyond_their_bound": sum(not cost.is_within for cost in costs),
        "seconds": round(took_s),
    }


def _line(figures: dict[str, Any]) -> str:
    near = figures["nearest_to_its_bound"]
    refused = sum(figures["forgeries_refused"].values())
    return (
        f"{figures['weather']:23} seed {figures['seed']}: {figures['items']:,} items, {figures['rejects']:,} rejects; "
        f"runs by exit code {figures['runs_by_exit_code']}; {refused} forgeries refused; "
        f"{figures['written_again']:,} items written again, at most {figures['most_for_one_kill']:,} for one kill, "
        f"nearest to its bound {near['again']:,} of {near['bound']:,}; {figures['seconds']:,} s"
    )


def _record(options: argparse.Namespace, found: list[dict[str, Any]], paces: list[dict[str, Any]]) -> str:
    """The record: by which command, what it promises, and what was found."""
    given = [f"--kills {options.kills}", f"--seeds {options.seeds}"]
    given += [f"--first-seed {options.first_seed}"] if options.first_seed != 1 else []
    given += [f"--rows-per-kill {options.rows_per_kill}"] if options.rows_per_kill != ROWS_PER_KILL else []
    given += [f'--weather "{name}"' for name in options.weathers or []]
    given += ["--no-paces"] if options.no_paces else []
    record = {
        "command": f"python -m tests.fault.torture {' '.join(given)} --record docs/benchmarks/{options.record.name}",
        "python": platform.python_version(),
        "bound": {
            "of": "items that one kill may have written again",
            "is": f"{BATCH_ITEMS * CONCURRENCY} in flight + {AHEAD_ITEMS} + those written in the last {RECENT_S:g} s",
        },
        "kills": sum(one["broken_off"] for one in found),
        "written_again": sum(one["written_again"] for one in found),
        "most_for_one_kill": max((one["most_for_one_kill"] for one in found), default=0),
        "beyond_their_bound": sum(one["beyond_their_bound"] for one in found),
        "forgeries_refused": sum(sum(one["forgeries_refused"].values()) for one in found),
        "campaigns": found,
        "paces": paces,
    }
    return json.dumps(record, indent=1, ensure_ascii=False) + "\n"


def _pace(folder: Path, name: str) -> dict[str, Any]:
    case, ceiling, share = PACES[name]
    folder.mkdir()
    seen = measure(folder, case)
    seconds = seen.seconds(1)
    mean = sum(seconds) / len(seconds)
    _say(f"{name:10} {mean:,.1f} WCU/s, {min(seconds):,.0f} to {max(seconds):,.0f}; {seen.throttled:.1%} throttled")
    if not share * ceiling <= mean <= ceiling + 25 / len(seconds) or seen.throttled > 0.02:
        raise AssertionError(f"{name}: {seconds}")
    return {"pace": name, "mean_wcu_per_s": round(mean, 1), "throttled": round(seen.throttled, 4)}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
