"""Fuzz for a while, print what was found, and keep it; 1 if anything was."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.fuzz.campaign import REGRESSIONS, Campaign
from tests.fuzz.targets import targets


def main(arguments: Sequence[str]) -> int:
    """Fuzz as the command line says."""
    every = targets()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", action="append", default=[], metavar="WORD", help="those with this in their name")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each target (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="list the targets, and do nothing")
    options = parser.parse_args(arguments)
    chosen = [name for name in every if not options.target or any(word in name for word in options.target)]
    if options.list:
        sys.stdout.write("\n".join(every) + "\n")
        return 0
    broken = 0
    for name in chosen:
        campaign = Campaign(name, every[name], options.seed)
        campaign.run(options.seconds)
        sys.stdout.write(f"{name}: {campaign.inputs:,} inputs, {len(campaign.corpus):,} of them new\n")
        for finding in campaign.findings.values():
            broken += 1
            path = finding.keep(REGRESSIONS)
            sys.stdout.write(f"  {path.name}: {finding.what}\n")
        sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
