"""The whole write path in simulated time, in one thread, as a seed has it: crashes, stops and resumes included.

`simulate` loads a small synthetic dump through the real policies, the real delivery, the real journal and the real
checkpoint into a `SimulatedTable`, run after run until a run comes to its end, and holds what happened against what
must hold. Everything that may differ between two seeds is drawn from the seed, so that a seed that fails fails again.

Several requests in flight are simulated by letting others take their steps whenever one sleeps: they are nested
in it, so that the sleeper may wake late, as a thread may, but never early.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from ingest_cli.batching import Batch
from ingest_cli.engines.journal import Books, Journal
from ingest_cli.engines.threaded import Delivery, Lanes, Pending
from ingest_cli.errors import BusyError, IngestError, TryAgainError
from ingest_cli.pipeline import Shard
from ingest_cli.policies.checkpoint import Checkpoint, Identity, RangeSet
from ingest_cli.policies.hot_keys import HotKeys
from ingest_cli.policies.isolation import Isolating
from ingest_cli.policies.metering import Metering
from ingest_cli.policies.paced import Paced
from ingest_cli.policies.pacing import Pacer
from ingest_cli.policies.rejects import RejectFile
from ingest_cli.policies.retry import Progress, Retrying, RetryRules, insist
from ingest_cli.policies.shutdown import StopRequest
from ingest_cli.report import Report, Traffic
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.interface import Refusal
from tests.support.simulated_table import TABLE, Key, Outage, SimulatedTable, Weather
from tests.support.synthetic_items import Row, SyntheticSource, work

IDENTITY = Identity("demo", "table-1", "0" * 64, "m", "k1", "00000000")
CHUNK_ROWS = (4, 40)
SAVE_EVERY_S = 0.5
MAX_RUNS = 60
TOO_LARGE_WCU = 401
"""Write capacity units of an item that is too large, so that it is refused before it is sent."""


class InvariantError(AssertionError):
    """Something happened that must not."""


class Crash(BaseException):  # noqa: N818 - not an error of the program: its end
    """The process is gone, at once."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What one seed stands for.

    Attributes:
        rows: the dump.
        weather: what the table does.
        lanes: requests in flight at the most.
        ceiling_wcu_per_s: what the operator asked for; None: nothing.
        give_up_after_s: likewise.
        crashes: at the so manyth steps of the simulation the process vanishes.
        stops: at the so manyth it is asked to stop.
        failing_saves: share of the saves that go wrong.
        pauses: share of the chunks that take long to read.
    """

    rows: tuple[Row, ...]
    weather: Weather
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
        hot = {f"hot{n}": random.choice((2.0, 10.0, 40.0)) for n in range(random.choice((0, 0, 1, 2)))}
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
        )
        return cls(
            rows=rows,
            weather=weather,
            lanes=random.choice((1, 2, 4)),
            ceiling_wcu_per_s=random.choice((None, capacity, capacity / 3, capacity * 3, 10.0)),
            give_up_after_s=random.choice((60.0, 300.0)),
            crashes=frozenset(int(random.expovariate(1 / 60)) for _ in range(random.choice((0, 0, 1, 3)))),
            stops=frozenset(int(random.expovariate(1 / 60)) for _ in range(random.choice((0, 0, 1)))),
            failing_saves=random.choice((0.0, 0.2, 0.7)),
            pauses=random.choice((0.0, 0.0, 0.3)),
        )


def _rows(random: Random, hot: list[str]) -> list[Row]:
    """A dump; a key that comes twice does so at a distance, since within a chunk it would be merged."""
    rows: list[Row] = []
    hot_share = random.choice((0.1, 0.6)) if hot else 0.0
    costs = random.choice(((1,), (1,), (1, 2, 3), (1, 1, 1, 30)))
    for n in range(random.choice((0, 3, 30, 80, 120))):
        if random.random() < 0.03:
            rows.append(Row(rejected="too_many_cells"))
        elif n > CHUNK_ROWS[1] and random.random() < 0.1:
            rows.append(rows[n - CHUNK_ROWS[1] - 1])
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


@dataclass(slots=True)
class Disk:
    """What outlives a crash.

    Attributes:
        rejects: the reject file.
        state: the checkpoint last stored.
        synced_bytes: how much of the reject file is safe from a loss of power.
    """

    rejects: Path
    state: bytes | None = None
    synced_bytes: int = 0


class SimulatedRejects(RejectFile):
    """A reject file on a disk that keeps, at a crash, no more than was synced for certain."""

    def __init__(self, disk: Disk, keep_bytes: int) -> None:
        super().__init__(disk.rejects, keep_bytes)
        self._disk = disk
        disk.synced_bytes = self.size_bytes

    def sync(self) -> None:
        self._disk.synced_bytes = self.size_bytes


class Simulation:
    """One seed, from the first run to the one that comes to its end. Is the `Clock` of all that it puts together."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        self.scenario = Scenario.of(self.random)
        self.disk = Disk(folder / f"rejects-{seed}")
        self.source = SyntheticSource(self.scenario.rows)
        self.now = 0.0
        self.runs = 0
        self.steps = 0
        self.paused_s = 0.0
        units = {(row.pk, row.sk): row.wcu for row in self.scenario.rows}
        self.table = SimulatedTable(self.scenario.weather, units, self.random, self.monotonic_s, self.sleep)
        self.run: Run | None = None

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return self.now

    def sleep(self, duration_s: float) -> None:
        """See `Clock.sleep`; meanwhile others take their steps."""
        wake_s = self.now + duration_s
        self.step()
        if self.run is not None:
            self.run.others()
            if self.run.stop.requested:
                return
        self.now = max(self.now, wake_s)

    def step(self) -> None:
        """One step further; the process may be gone after it."""
        self.steps += 1
        if self.steps in self.scenario.crashes:
            raise Crash
        if self.steps in self.scenario.stops and self.run is not None:
            self.run.stop.request("stopped by the simulation")

    def to_the_end(self) -> None:
        """Run until a run comes to its end, and check it all.

        Raises:
            InvariantError: something happened that must not.
        """
        try:
            while not self._once():
                self.now += self.random.choice((0.0, 1.0, 100.0))
                require(self.runs < MAX_RUNS, f"{self.runs} runs have not come to an end")
            self._check_end()
        finally:
            self.disk.rejects.unlink(missing_ok=True)

    def _once(self) -> bool:
        """One run; whether it came to its end."""
        self.runs += 1
        self.table.failing_since_s = None
        self.run = Run(self)
        try:
            self.run.load()
        except Crash:
            size = self.disk.rejects.stat().st_size
            with self.disk.rejects.open("r+b") as file:
                file.truncate(self.random.randint(min(self.disk.synced_bytes, size), size))
            return False
        except TryAgainError as error:
            if "nothing could be written" in str(error):
                self._check_giving_up()
            self.run.save()
            return False
        finally:
            self.run.rejects.close()
            self.run = None
        return True

    def _check_giving_up(self) -> None:
        since_s = self.table.failing_since_s
        failing_s = 0.0 if since_s is None else self.now - since_s
        wanted_s = self.scenario.give_up_after_s
        require(
            failing_s >= wanted_s - 1e-6, f"gave up after {failing_s:.1f} s of failures, to be borne for {wanted_s} s"
        )

    def check_stored(self, state: bytes, rejects: SimulatedRejects) -> None:
        """What is stored must be safe."""
        stored = Checkpoint.from_bytes(state)
        require(stored.account.balances, "the account of a stored state does not balance")
        require(stored.rejects_bytes <= self.disk.synced_bytes, "a state speaks of rejects that are not on the disk")
        rows = [n for span in stored.shards[0].spans for n in range(span.start.row, span.end.row if span.end else 0)]
        require(len(rows) == stored.account.rows_read, "a state counts other rows than those it calls done")
        missing = [n for n in rows if self._key(n) in self._wanted() - self.table.items]
        require(not missing, f"a state calls rows done that are not in the table: {missing[:5]}")
        with rejects_lines(self.disk.rejects, stored.rejects_bytes) as named:
            expected = sorted(n + 1 for n in rows if self._key(n) not in self._wanted())
            require(sorted(named) == expected, "the rejects of the rows that a state calls done are not in the file")

    def _key(self, n: int) -> Key:
        return self.scenario.rows[n].pk, self.scenario.rows[n].sk
