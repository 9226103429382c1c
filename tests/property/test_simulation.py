"""The write path in simulated time: whatever the table, the disk and the operator do, nothing is lost or counted twice.

What has to hold is in `tests.support.simulation`. A seed that fails here is shown again, with all it says, by
`python -m tests.property.simulate --seed N`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.property.simulate import failing
from tests.support.simulation import Simulation

SEEDS = 2_000
PARTS = 8


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_or_counted_twice(part: int) -> None:
    failed = failing(range(part * SEEDS // PARTS, (part + 1) * SEEDS // PARTS))
    assert not failed, f"replay with `python -m tests.property.simulate --seed {min(failed)}`: {failed}"


def test_a_seed_says_everything(tmp_path: Path) -> None:
    def trace(seed: int) -> tuple[float, int, int, int]:
        simulation = Simulation(seed, tmp_path)
        simulation.to_the_end()
        return simulation.now_s, simulation.steps, simulation.runs, simulation.table.requests

    assert [trace(seed) for seed in range(20)] == [trace(seed) for seed in range(20)]


def test_the_seeds_lead_through_everything_that_can_happen(tmp_path: Path) -> None:
    seen = Counter[str]()
    for seed in range(300):
        simulation = Simulation(seed, tmp_path)
        simulation.to_the_end()
        for name, happened in simulation.happened.items():
            seen[name] += bool(happened)
    wanted = {"crash", "stop", "give_up", "lost_save", "parked", "out_of_order", "resumed_holes", "refused"}
    wanted.add("batch_of_several_chunks")
    assert {name for name in wanted if seen[name] >= 3} == wanted, seen
