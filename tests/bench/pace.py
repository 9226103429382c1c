"""How well a load keeps to a rate on this machine, second by second, as the endpoint sees it.

    python -m tests.bench.pace --seconds 60

Prints the figures and what they should be; judges nothing, since a busy machine is slower than any rate.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench import machine
from tests.fault.pace import Case, Measured, measure

WIDE = (("partitions", 64), ("partition_wcu_per_s", 10_000))

STEADY = {
    "500 provisioned": (Case(), "at least 475 used, at most 2 % throttled"),
    "500 provisioned, --max-wcu 400": (Case(options=("--max-wcu", "400")), "380 to 400, no second above 440"),
    "500 provisioned, --max-wcu 80%": (Case(options=("--max-wcu", "80%")), "380 to 400, no second above 440"),
    "500 provisioned, --max-wcu 20": (Case(options=("--max-wcu", "20")), "19 to 20, no second above 25"),
}
CHANGES = ((0, 500), (20, 100), (40, 1000))
HOT = Case(wcu_per_s=700, limits=(*WIDE, ("key_wcu_per_s", 50)), hot=True)


def main(arguments: Sequence[str]) -> None:
    """Measure one load after the other."""
    options = _parser().parse_args(arguments)
    print(f"$ {shlex.join(['python', '-m', 'tests.bench.pace', *arguments])}")
    print(", ".join(f"{name} {value}" for name, value in machine.description().items()))
    with tempfile.TemporaryDirectory(prefix="pace-") as name:
        folder = Path(name)
        for number, (title, (case, wanted)) in enumerate(STEADY.items()):
            seen = measure(folder / f"steady-{number}", replace(case, seconds=options.seconds, rows=options.rows))
            _print(title, seen.seconds(1), f"{seen.throttled:.2%} throttled; wanted: {wanted}")
        _changes(folder / "changes", options.rows)
        _hot_key(folder, options.hot_rows)


def _changes(folder: Path, rows: int) -> None:
    """Each capacity from ten seconds after it was set."""
    seen = measure(folder, Case(60, changes=CHANGES[1:], rows=rows))
    ends = (*(at_s for at_s, _ in CHANGES[1:]), 59)
    for (at_s, wcu_per_s), end_s in zip(CHANGES, ends, strict=True):
        title = f"{wcu_per_s} provisioned after {at_s} s, from {at_s + 10} s on"
        _print(title, seen.seconds(at_s + 10, end_s), "wanted: 90 % to 105 % of it")


def _hot_key(folder: Path, rows: int) -> None:
    with_it = measure(folder / "hot", replace(HOT, rows=rows))
    without = measure(folder / "even", replace(HOT, rows=rows, limits=WIDE))
    slower = with_it.others_done_s / without.others_done_s
    print("\n700 provisioned, 30 % of the rows of a key that takes 50")
    print(f"  the others take {slower:.2f} times as long as without that limit; wanted: less than 1.10")
    _print("the hot key, once the others are done", _alone(with_it), "wanted: 50")


def _alone(seen: Measured) -> list[float]:
    """WCU of each second after the others were done."""
    return seen.seconds(int(seen.others_done_s) + 2)


def _print(title: str, seconds: Sequence[float], rest: str) -> None:
    """What was used in these seconds."""
    print(f"\n{title}")
    if seconds:
        mean = sum(seconds) / len(seconds)
        print(f"  {mean:,.1f} WCU/s, seconds from {min(seconds):,.0f} to {max(seconds):,.0f}; {rest}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pace", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of each steady load (%(default)s)")
    parser.add_argument("--rows", type=int, default=60_000, help="of their dump; enough for all of it (%(default)s)")
    parser.add_argument("--hot-rows", type=int, default=4_000, help="of the dump with the hot key (%(default)s)")
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
