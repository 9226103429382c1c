"""What a simulation simulates: a dump, the weather, and what the operator asked for, all drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from random import Random

from tests.support.simulated_table import MAX_TIMEOUT_S, Key, Outage, Weather
from tests.support.synthetic_items import Row

MAX_CHUNK_ROWS = 40
"""The most rows of a chunk."""

TOO_LARGE_WCU = 401
"""Write capacity units of an item that is too large, so that it is refused before it is sent."""


@dataclass(frozen=True)
class Scenario:
    """Parameters of one simulation, drawn from its seed.

    Attributes:
        rows: the dump.
        weather: what the table does.
        chunk_rows: the most rows of a chunk.
        lanes: maximum number of requests in flight.
        ceiling_wcu_per_s: what the operator asked for; None: nothing.
        give_up_after_s: likewise.
        crashes: at the so manyth steps of the simulation the process vanishes.
        stops: at the so manyth it is asked to stop.
        failing_saves: share of the saves that go wrong.
        pauses: share of the chunks that take long to read.
    """

    rows: tuple[Row, ...]
    weather: Weather
    chunk_rows: int
    lanes: int
    ceiling_wcu_per_s: float | None
    give_up_after_s: float
    crashes: frozenset[int]
    stops: frozenset[int]
    failing_saves: float
    pauses: float

    @classmethod
    def of(cls, random: Random) -> Scenario:
        """Draw one."""
        hot = {f"hot{n}": random.choice((2.0, 10.0, 40.0)) for n in range(random.choice((0, 0, 1, 3)))}
        rows = tuple(_rows(random, sorted(hot)))
        keys = [(row.pk, row.sk) for row in rows if row.rejected is None]
        poison = frozenset(key for key in keys if random.random() < random.choice((0.0, 0.0, 0.01, 0.1)))
        capacity = random.choice((15.0, 60.0, 300.0, 2000.0))
        weather = Weather(
            wcu_per_s=capacity,
            burst_s=random.choice((0.1, 1.0, 5.0)),
            hot=hot,
            poison=poison,
            outages=_outages(random),
            fault_ratio=random.choice((0.0, 0.05, 0.3)),
            latency_s=random.choice((0.0, 0.01, 0.5)),
            unprocessed=random.choice((0.0, 0.0, 0.1)),
            others=random.choice((0.0, 0.0, 0.5, 1.0)),
            others_every_s=random.choice((0.5, 4.0, 30.0)),
        )
        return cls(
            rows=rows,
            weather=weather,
            chunk_rows=random.choice((5, 15, MAX_CHUNK_ROWS)),
            lanes=random.choice((1, 2, 4)),
            ceiling_wcu_per_s=random.choice((None, capacity, capacity / 3, capacity * 3, 10.0)),
            give_up_after_s=random.choice((60.0, 300.0)),
            crashes=frozenset(int(random.expovariate(1 / 60)) for _ in range(random.choice((0, 0, 1, 3)))),
            stops=frozenset(int(random.expovariate(1 / 60)) for _ in range(random.choice((0, 0, 1)))),
            failing_saves=random.choice((0.0, 0.2, 0.7)),
            pauses=random.choice((0.0, 0.0, 0.3)),
        )

    @property
    def units(self) -> dict[Key, int]:
        """Key → write capacity units of its item."""
        return {(row.pk, row.sk): row.wcu for row in self.rows if row.rejected is None}

    @cached_property
    def bad_rows(self) -> frozenset[int]:
        """Rows, from 0, that must end up in the reject file, and no others."""
        return frozenset(
            n
            for n, row in enumerate(self.rows)
            if row.rejected is not None or row.wcu == TOO_LARGE_WCU or self.key(n) in self.weather.poison
        )

    def key(self, n: int) -> Key:
        """The key of the item of a row, counted from 0."""
        return self.rows[n].pk, self.rows[n].sk

    def bound_s(self, runs: int) -> float:
        """Seconds within which `runs` runs have to be done, waiting left out; the slowest seeds take a third."""
        weather, units = self.weather, sum(row.wcu for row in self.rows)
        rate = min(weather.wcu_per_s, self.ceiling_wcu_per_s or weather.wcu_per_s)
        rate *= (1 - weather.others / 2) * (1 - weather.unprocessed)
        hot_s = sum(row.wcu / weather.hot[row.pk] for row in self.rows if row.pk in weather.hot)
        faults_s = MAX_TIMEOUT_S * weather.fault_ratio * len(self.rows)
        return 2 * weather.calm_s + runs * (120.0 + 10 * units / rate + 10 * hot_s + 5 * faults_s)


def _rows(random: Random, hot: list[str]) -> list[Row]:
    """A dump; a key that comes twice does so at a distance, since within a chunk it would be merged."""
    rows: list[Row] = []
    hot_share = random.choice((0.1, 0.6)) if hot else 0.0
    costs = random.choice(((1,), (1,), (1, 2, 3), (1, 1, 1, 30)))
    for n in range(random.choice((0, 3, 15, 40, 70))):
        if random.random() < 0.03:
            rows.append(Row(rejected="too_many_cells"))
        elif n > MAX_CHUNK_ROWS and random.random() < 0.1:
            rows.append(rows[n - MAX_CHUNK_ROWS - 1])
        else:
            pk = random.choice(hot) if random.random() < hot_share else f"k{random.randrange(1000)}"
            cost = TOO_LARGE_WCU if random.random() < 0.005 else random.choice(costs)
            rows.append(Row(pk, f"s{n}", cost))
    return rows


def _outages(random: Random) -> tuple[Outage, ...]:
    found, at = [], 0.0
    for _ in range(random.choice((0, 0, 1, 2))):
        at += random.uniform(0.0, 20.0)
        end = at + random.choice((0.2, 5.0, 40.0, 200.0))
        found.append(Outage(at, end, random.choice(("throttle", "error", "silence"))))
        at = end
    return tuple(found)
