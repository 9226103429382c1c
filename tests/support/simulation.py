"""The whole write path in simulated time, in one thread, as a seed has it: crashes, stops and resumes included.

`Simulation` loads a small synthetic dump through the real policies, the real delivery, the real journal and the real
checkpoint into a `SimulatedTable`, run after run until one completes, and holds what happened against what must
hold. Everything that may differ between two seeds is drawn from the seed, so that a seed that fails fails again.

Several requests in flight are simulated by letting others take their steps whenever one sleeps: they are nested
in it, so that the sleeper may wake late, as a thread may, but never early.
"""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path
from random import Random

from ingest_cli.checkpoint.checkpoint import Checkpoint, Identity
from ingest_cli.checkpoint.journal import Journal, JournalTargets
from ingest_cli.engines.delivery import ChunkInFlight, Delivery
from ingest_cli.errors import BusyError, IngestError, TryAgainError
from ingest_cli.items.batching import Batch, Refusal
from ingest_cli.model.chunks import Origin
from ingest_cli.report.account import Account
from ingest_cli.report.report import Report
from ingest_cli.runtime.fence import Fence
from ingest_cli.runtime.run_ahead import RunAhead
from ingest_cli.runtime.shared_state import SharedState
from ingest_cli.runtime.stop import StopRequest
from ingest_cli.sinks.dynamodb import DynamoDBSink
from ingest_cli.sinks.lanes import Lanes
from ingest_cli.sinks.policies.hot_keys.detection import HotKeys
from ingest_cli.sinks.policies.hot_keys.queues import HotBatch
from ingest_cli.sinks.policies.isolation import Isolating
from ingest_cli.sinks.policies.metering import Metered
from ingest_cli.sinks.policies.pacing import Paced, Pacer
from ingest_cli.sinks.policies.retry import Progress, Retrying, RetryRules, retry_until_done
from ingest_cli.sources.shard import Shard
from tests.support.scenario import TOO_LARGE_WCU, Scenario
from tests.support.simulated_disk import Disk, SimulatedRejects
from tests.support.simulated_table import TABLE, SimulatedTable
from tests.support.synthetic_items import SyntheticSource, work

IDENTITY = Identity("demo", "table-1", "0" * 64, "m", "k1", "00000000")
SAVE_EVERY_S = 0.5
MAX_RUNS, MAX_STEPS = 60, 100_000
HOT_IN_FLIGHT = 3
_ROUNDING = 1e-6


class InvariantError(AssertionError):
    """Something happened that must not."""


class CrashError(BaseException):
    """The process is gone, at once; nothing that catches errors catches this."""


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    """Insist on something.

    Raises:
        InvariantError: it does not hold.
    """
    if not holds:
        raise InvariantError(otherwise)


class Simulation:
    """One seed, from its first run to the one that completes. The `Clock` of all that takes part.

    Attributes:
        scenario: what it is about.
        table, disk: what outlives a run.
        runs, steps: how many there were so far.
        waited_s: time in which nothing was to be written: between runs, and while a chunk was read.
        happened: name of something worth meeting → how often it happened.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        self.scenario = Scenario.of(self.random)
        self.source = SyntheticSource(self.scenario.rows)
        self.disk = Disk(folder / f"rejects-{seed}")
        self.runs = self.steps = 0
        self.happened = Counter[str]()
        self.now_s = self.waited_s = 0.0
        self.table = SimulatedTable(
            self.scenario.weather, self.scenario.units, self.random, self.monotonic_s, self.sleep
        )
        self._run: _Run | None = None

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return self.now_s

    def sleep(self, duration_s: float) -> None:
        """See `Clock.sleep`; meanwhile others take their steps."""
        self._pass(duration_s, nesting=True)

    def pause(self, duration_s: float) -> None:
        """Let time pass without writes."""
        self.now_s += duration_s
        self.waited_s += duration_s

    def to_the_end(self) -> None:
        """Run until a run completes, and check everything.

        Raises:
            InvariantError: something happened that must not.
        """
        try:
            while not self._once():
                self._check_ceiling()
                self.pause(self.random.choice((0.0, 1.0, 100.0)))
                require(self.runs < MAX_RUNS, f"{self.runs} runs have not come to an end")
            self._check_end()
        finally:
            self.disk.rejects.unlink(missing_ok=True)

    def check_stored(self, state: bytes) -> None:
        """Hold a state that is about to be stored against what is safe."""
        stored, scenario = Checkpoint.from_bytes(state), self.scenario
        spans = stored.shards[0].open_members[0].spans if stored.shards[0].open_members else []
        self.happened["out_of_order"] += len(spans) > 1
        self.happened["refused"] += stored.account.items_refused
        require(stored.account.balances, "the account of a stored state does not balance")
        require(stored.rejects_bytes <= self.disk.synced_bytes, "a state speaks of rejects that are not on the disk")
        done = [n for span in spans for n in range(span.start.row, span.end.row if span.end else 0)]
        if stored.shards[0].is_done:
            done = list(range(len(scenario.rows)))
        require(len(done) == stored.account.rows_read, "a state counts other rows than those it calls done")
        missing = [n for n in done if n not in scenario.bad_rows and scenario.key(n) not in self.table.items]
        require(not missing, f"a state calls rows done that are not in the table: {missing[:5]}")
        bad = [n for n in done if n in scenario.bad_rows]
        require(self.disk.named_rows(stored.rejects_bytes) == bad, "a state calls rows done that were not rejected")

    def check_giving_up(self) -> None:
        """Hold the decision to give up, taken just now, against how the table has been."""
        self.happened["give_up"] += 1
        table, wanted_s = self.table, self.scenario.give_up_after_s
        since_s = [self.now_s if table.failing_since_s is None else table.failing_since_s]
        # Whoever got a good answer lately may not have woken since, so that nobody knows of it.
        since_s += [failing_s for relieved_s, failing_s in table.relieved_s if self.now_s - relieved_s < wanted_s]
        failing_s = self.now_s - min(since_s)
        require(failing_s >= wanted_s - _ROUNDING, f"gave up after {failing_s:.1f} s of failures, not {wanted_s:.0f} s")

    def _pass(self, duration_s: float, *, nesting: bool) -> None:
        """Let time pass; the process may be gone, or asked to stop, before it has."""
        wake_s, run = self.now_s + duration_s, self._run
        self.steps += 1
        require(self.steps < MAX_STEPS, f"{self.steps} steps have led nowhere")
        if self.steps in self.scenario.crashes:
            raise CrashError
        if run is not None:
            if self.steps in self.scenario.stops:
                self.happened["stop"] += 1
                run.stop.request("stopped by the simulation")
            if nesting:
                run.others()
            if run.stop.requested:
                return
        self.now_s = max(self.now_s, wake_s)

    def _once(self) -> bool:
        """One run; whether it came to its end."""
        self.runs += 1
        self.table.failing_since_s = None
        self.table.relieved_s.clear()
        run = self._run = _Run(self, _Punctual(self))
        try:
            run.load()
        except CrashError:
            self.happened["crash"] += 1
            self.disk.crash(self.random)
            return False
        except TryAgainError:
            return False
        finally:
            self._run = None
            run.rejects.close()
        require(run.account.to_plain() == self._undisturbed().to_plain(), "the account is not the one of the dump")
        return True

    def _undisturbed(self) -> Account:
        """The account of a run in which nothing happens, made of one chunk."""
        rows = self.scenario.rows
        whole = work(Shard(0, self.source), self.source, 0, len(rows))
        refused = [
            Refusal(place, "item_too_large" if rows[n].wcu == TOO_LARGE_WCU else "ValidationException")
            for place, n in enumerate(whole.pending.rows.index.tolist())
            if n in self.scenario.bad_rows
        ]
        return whole.pending.account(len(whole.items) - len(refused), tuple(refused))

    def _check_end(self) -> None:
        scenario, table = self.scenario, self.table
        bad = sorted(scenario.bad_rows)
        wanted = {scenario.key(n) for n in range(len(scenario.rows)) if n not in scenario.bad_rows}
        require(table.items == wanted, f"{len(wanted - table.items)} items are missing, or others are there")
        require(self.disk.named_rows() == bad, "the reject file does not name each rejected row once")
        require(self.disk.state is not None, "the end was not saved")
        self._check_ceiling()
        took_s = self.now_s - self.waited_s
        require(took_s <= scenario.bound_s(self.runs), f"{took_s:.0f} s, bounded by {scenario.bound_s(self.runs):.0f}")

    def _check_ceiling(self) -> None:
        """No second of a run took more than the ceiling, one batch, and what was given back in it."""
        ceiling, consumed, given_back = self.scenario.ceiling_wcu_per_s, self.table.consumed, self.table.given_back
        self.table.consumed, self.table.given_back = [], []  # the next run knows nothing of this one
        if ceiling is None:
            return
        inside, total, largest = deque[tuple[float, float]](), 0.0, 0.0
        for at_s, units in consumed:
            inside.append((at_s, units))
            total, largest = total + units, max(largest, units)
            while inside[0][0] <= at_s - 1.0:
                total -= inside.popleft()[1]
            if total > ceiling + largest + _ROUNDING:
                back = sum(one for when_s, one in given_back if at_s - 1.0 <= when_s <= at_s)
                most = ceiling + largest + back + _ROUNDING
                require(total <= most, f"{total} units in the second before {at_s}, not {ceiling}")


class _Punctual:
    """Clock of the pacer: a sleeper wakes exactly at its turn, and sends at once."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def monotonic_s(self) -> float:
        return self._simulation.now_s

    def sleep(self, duration_s: float) -> None:
        self._simulation._pass(duration_s, nesting=False)


class _Run:
    """One process: everything that a crash loses."""

    def __init__(self, simulation: Simulation, punctual: _Punctual) -> None:
        scenario, disk = simulation.scenario, simulation.disk
        self._simulation = simulation
        self._checkpoint = Checkpoint.new(IDENTITY, 1)
        if disk.state is not None:
            self._checkpoint = Checkpoint.from_bytes(disk.state)
            self._checkpoint.check(IDENTITY)
        self.rejects = SimulatedRejects(disk, self._checkpoint.rejects_bytes)
        require(self.rejects.size_bytes == self._checkpoint.rejects_bytes, "rejects that the state speaks of are gone")
        self.stop = StopRequest()
        report = Report("load", "demo", "Demo", account=self._checkpoint.account)
        self.account = report.account
        hot_keys = HotKeys(simulation)
        self._rules = RetryRules(
            clock=simulation,
            random=simulation.random,
            progress=Progress(simulation),
            give_up_after_s=scenario.give_up_after_s,
            on_retry=report.traffic.note_retry,
            stop=self.stop,
        )
        shared = SharedState()
        pacer = Pacer.starting(punctual, scenario.ceiling_wcu_per_s)
        sink = Metered(DynamoDBSink(simulation.table, TABLE), report.traffic, simulation)
        paced = Paced(sink, pacer, hot_keys, self.stop, Fence(shared.lease))
        run_ahead = RunAhead(shared.item_counts, simulation)
        fast = Isolating(Retrying(paced, self._rules, hot_keys))
        lanes = Lanes(fast, Isolating(paced), hot_keys, self._rules, shared.hot_key_paces, run_ahead)
        targets = JournalTargets(report, self.rejects, self._checkpoint)
        self._journal = Journal(targets, store=self._store, run_ahead=run_ahead)
        self._delivery = Delivery(lanes, self._journal.commit)
        self._queue = deque[tuple[Batch, ChunkInFlight]]()
        self._busy = 0
        self._hot_busy, self._saving = 0, False
        self._saved_s = simulation.now_s
        self._fault: Exception | None = None

    def load(self) -> None:
        """Write what is left of the dump."""
        try:
            self._read()
            while self._queue:
                self._write_next()
            self._delivery.close()
            while not self.stop.requested and not self._delivery.is_done:
                self._write_parked(waiting=True)
            self._check()
            retry_until_done(self._journal.save, self._rules)
        except TryAgainError:
            self._save()
            raise

    def others(self) -> None:
        """Let the others run while one sleeps."""
        simulation = self._simulation
        chance = simulation.random.random
        if simulation.now_s - self._saved_s >= SAVE_EVERY_S:
            self._save()
        while self._queue and self._busy < simulation.scenario.lanes and not self.stop.requested and chance() < 0.9:
            self._write_next()
        if self._delivery.parked_items and not self.stop.requested and chance() < 0.5:
            self._write_parked(waiting=False)

    def _read(self) -> None:
        """Cut the rows that are left into chunks, and queue their batches."""
        simulation = self._simulation
        source, random = simulation.source, simulation.random
        shard = Shard(0, source)
        remaining = self._checkpoint.shards[0].remaining()
        holes = () if remaining is None else remaining.of(0)
        end = source.position(0)
        simulation.happened["resumed_holes"] += len(holes) > 1
        for hole in holes:
            at, last = hole.start.row, len(source.rows) if hole.end is None else hole.end.row
            while at < last:
                after = min(at + random.randint(1, simulation.scenario.chunk_rows), last)
                if random.random() < simulation.scenario.pauses:
                    simulation.pause(random.choice((1.0, 400.0)))
                self._check()
                self._queue.extend(self._delivery.begin(work(shard, source, at, after)))
                while len(self._queue) > 2 * simulation.scenario.lanes:
                    self._write_next()
                at = after
            end = source.position(last)
        if holes:
            self._journal.member_read(Origin(0, 0, source.name), end)
            self._journal.source_read(0, 1)

    def _check(self) -> None:
        if self._fault is not None:
            raise self._fault
        self.stop.check()

    def _write_next(self) -> None:
        self._check()
        batch, pending = self._queue.popleft()
        self._busy += 1
        try:
            self._delivery.write(batch, pending)
        except IngestError as fault:
            self._fail(fault)
        finally:
            self._busy -= 1

    def _write_parked(self, *, waiting: bool) -> None:
        """Write the next batch of a hot key, if it is due or can be waited for."""
        if self._hot_busy >= HOT_IN_FLIGHT:
            return
        self._simulation.happened["parked"] += self._delivery.parked_items
        self._hot_busy += 1
        try:
            due = self._delivery.next_hot()
            if isinstance(due, HotBatch):
                owners = {id(piece.owner) for piece, _ in due.entries}
                self._simulation.happened["batch_of_several_chunks"] += len(owners) > 1
                self._delivery.write_hot(due)
            elif waiting:
                self._simulation.sleep(min(due, SAVE_EVERY_S))
        except IngestError as fault:
            self._fail(fault)
        finally:
            self._hot_busy -= 1

    def _fail(self, fault: Exception) -> None:
        """As a thread of the engine fails: the first fault counts, and ends all others."""
        if not self.stop.requested and "nothing could be written" in str(fault):
            self._simulation.check_giving_up()
        if self._fault is None:
            self._fault = fault
        self.stop.request("stopped by a failure")

    def _save(self) -> None:
        """Save in the background; what fails is tried again the next time."""
        if self._saving:
            return
        self._saving = True
        self._saved_s = self._simulation.now_s
        try:
            self._journal.save()
        except IngestError:
            self._saved_s += SAVE_EVERY_S
        finally:
            self._saving = False

    def _store(self, state: bytes) -> None:
        simulation, random = self._simulation, self._simulation.random
        self._saving = True
        fails = random.random() < simulation.scenario.failing_saves
        simulation.happened["lost_save"] += fails
        if fails and random.random() < 0.5:
            raise BusyError("the state was not stored")
        simulation.sleep(random.uniform(0, simulation.scenario.weather.latency_s))
        simulation.check_stored(state)
        simulation.disk.state = state
        simulation.sleep(0.0)
        if fails:
            raise BusyError("the state was stored, but nobody knows")
