"""Chunks handed to worker processes, or kept: each committed once, whoever fails, hangs, is killed or asked to stop."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pytest

from ingest_cli.checkpoint.chunk_result import ChunkResult
from ingest_cli.engines import pool as module
from ingest_cli.engines.concurrent import MAX_OPEN_ENTRIES, InFlightLimits
from ingest_cli.engines.factory import ProcessPlan
from ingest_cli.engines.messages import ChunkDone, Link, ParentsStop, Sent, pack
from ingest_cli.engines.pool import MAX_CHUNK_DEATHS, MAX_SILENT_LOOKS, MAX_UNTAKEN, WorkerPool
from ingest_cli.engines.worker_process import process_context
from ingest_cli.errors import CrashError, ManifestError, TooManyRejectsError, TryAgainError
from ingest_cli.model.bundles import Bundle
from ingest_cli.model.chunks import Origin, Position, RowChunk, TableChunk
from ingest_cli.model.settings import RunSettings
from ingest_cli.pipeline import Commit
from ingest_cli.report.account import Account
from ingest_cli.report.observer import RunObserver
from ingest_cli.report.traffic import Traffic
from ingest_cli.runtime.shared_state import SharedByProcesses
from ingest_cli.runtime.stop import StopRequest
from tests.support.processes import is_alive
from tests.support.waiting import POLL_S, UNSEEN_S, until

# A test runs in a process with threads of its own, and those that it forks use nothing of these.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

VALUE = "870513-10-4739"

HANDED_OUT = 1
"""Number of a chunk that is not kept, however few workers there are: each wants two as soon as it is there."""


def chunk(number: int, size: int = 20, source: int = 0, member: int = 0) -> Bundle:
    """A chunk of one record of so many bytes, the so manyth of its member."""
    start, end = Position(number * size, number, number), Position((number + 1) * size, number + 1, number + 1)
    data, bounds = bytes([number % 256]) * size, np.array([0, size], np.int64)
    return Bundle.of(Origin(source, member, "dump"), RowChunk(start, end, data, bounds, np.array([0], np.int32), {}))


Deed = Callable[[int, Path], None]
"""What a worker does with a chunk, given its number and a folder of the test's own."""


def as_settled(bundle: Bundle) -> ChunkResult:
    rows = bundle.rows
    account = Account(rows_read=rows.records, items_built=sum(rows.data))
    return ChunkResult(bundle.parts, np.array([rows.start.row], np.uint64), account, ())


KEPT_OPEN = 1
"""Chunks of this process that are not committed before the next one comes."""


@dataclass(frozen=True)
class Own:
    """What this process writes by itself: committed one chunk later, the last one when it is left."""

    commit: Commit
    kept: list[int]
    open: list[ChunkResult] = field(default_factory=list)

    def write(self, bundle: Bundle) -> None:
        self.kept.append(bundle.rows.start.row)
        self.settle_last()
        self.open.append(as_settled(bundle))

    def settle_last(self) -> None:
        while self.open:
            self.commit(self.open.pop())


@dataclass(frozen=True)
class Program:
    """A worker that settles each chunk once the deed is done, and looks now and then whether it is to stop."""

    shared: SharedByProcesses
    deed: Deed
    folder: Path
    parent: int = field(default_factory=os.getpid)
    keep_raw: bool = True

    def __call__(self, link: Link) -> None:
        stop = ParentsStop(self.shared, self.parent)
        (self.folder / f"worker-{os.getpid()}").touch()
        while True:
            while not link.has_chunk(POLL_S):
                stop.check()
            if (received := link.receive()) is None:
                return
            rows = received.rows
            self.deed(rows.start.row, self.folder)
            link.send(as_settled(received))
            link.send(ChunkDone(rows.size_bytes, 0.5))
            link.send(Sent(1, Counter(again=2), 3.0, Counter({7: 1})))


def keys(chunks: Iterable[Bundle | ChunkResult]) -> list[tuple[int, int, int]]:
    """Which chunks these are."""
    return sorted((part.origin.shard, part.origin.member, part.span.start.row) for one in chunks for part in one.parts)


def settles(_number: int, _folder: Path) -> None:
    """Nothing in its way."""


def fails(number: int, _folder: Path) -> None:
    if number == HANDED_OUT:
        raise ManifestError("the manifest does not fit")


def crashes(number: int, _folder: Path) -> None:
    if number == HANDED_OUT:
        raise ValueError(VALUE) from KeyError(VALUE)


def _once(folder: Path) -> bool:
    try:
        (folder / "done once").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def dies_once(number: int, folder: Path) -> None:
    if number == HANDED_OUT and _once(folder):
        os.kill(os.getpid(), signal.SIGKILL)


def leaves_once(number: int, folder: Path) -> None:
    if number == HANDED_OUT and _once(folder):
        os._exit(7)


def dies(_number: int, _folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def is_poisoned(number: int, _folder: Path) -> None:
    if number == HANDED_OUT:
        os.kill(os.getpid(), signal.SIGKILL)


def hangs(number: int, folder: Path) -> NoReturn:
    """It hears of nothing any more."""
    (folder / f"hung-{number}").touch()
    while True:
        time.sleep(UNSEEN_S)


def waits(number: int, folder: Path) -> None:
    (folder / f"began-{number}").touch()
    until((folder / "go on").exists)


@dataclass
class Run(RunObserver):
    """A pool of workers besides this process, and what it told."""

    folder: Path
    deed: Deed = settles
    workers: int = 2
    stop: StopRequest = field(default_factory=StopRequest)
    committed: list[ChunkResult] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    turns: list[None] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    took: list[tuple[int, float]] = field(default_factory=list)
    traffic: Traffic = field(default_factory=Traffic)

    @contextmanager
    def own(self, commit: Commit) -> Iterator[Own]:
        own = Own(commit, self.kept)
        try:
            yield own
        finally:
            if not self.stop.requested:
                own.settle_last()

    def pool(self, commit: Callable[[ChunkResult], None] | None = None) -> WorkerPool:
        shared = SharedByProcesses()
        program = Program(shared, self.deed, self.folder)
        return WorkerPool(program, self.workers, self.own, commit or self.committed.append, self, self.stop)

    def chunk_done(self, size_bytes: int, duration_s: float) -> None:
        self.took.append((size_bytes, duration_s))

    def chunk_queued(self) -> None:
        self.turns.append(None)

    def requests_counted(
        self, requests: int, retries: Counter[str], wcu_consumed: float, latencies: Counter[int]
    ) -> None:
        self.traffic.add(requests, retries, wcu_consumed, latencies)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def hand_out(self, *numbers: int, size: int = 20, commit: Callable[[ChunkResult], None] | None = None) -> None:
        """Hand out chunks of these numbers."""
        hand_out(self.pool(commit), *numbers, size=size)

    @property
    def numbers(self) -> list[int]:
        """Of the chunks that were committed, in order."""
        return sorted(one.parts[0].span.start.row for one in self.committed)

    @property
    def pids(self) -> list[int]:
        """Of all workers that there ever were."""
        return [int(path.name.removeprefix("worker-")) for path in self.folder.glob("worker-*")]

    def has_left_nothing(self) -> None:
        assert self.pids
        assert [pid for pid in self.pids if is_alive(pid)] == []


def hand_out(pool: WorkerPool, *numbers: int, size: int = 20, then: BaseException | None = None) -> None:
    """Hand out chunks of these numbers; in the end, raise `then`."""
    with pool:
        for number in numbers:
            pool.write(chunk(number, size))
        if then is not None:
            raise then


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_chunk_is_settled_once(run: Run, workers: int) -> None:
    run.workers = workers
    made = [
        chunk(number, source=source, member=member) for number in range(20) for source in (0, 1) for member in (0, 1)
    ]
    with run.pool() as pool:
        for one in made:
            pool.write(one)
    assert len(run.pids) == workers
    assert keys(run.committed) == keys(made)
    # What they were is what was handed out, and all that a worker says is heard.
    assert sorted(one.account.items_built for one in run.committed) == sorted(sum(one.rows.data) for one in made)
    handed_out = 80 - len(run.kept)
    assert MAX_UNTAKEN * workers <= handed_out < 80
    assert run.took == [(20, 0.5)] * handed_out
    assert len(run.turns) == handed_out
    traffic = run.traffic
    assert (traffic.requests, traffic.wcu_consumed) == (handed_out, 3.0 * handed_out)
    assert traffic.retries == Counter(again=2 * handed_out)
    assert traffic.latencies.counts == {7: handed_out}
    assert run.notes == []
    run.has_left_nothing()


def test_nothing_to_do(run: Run) -> None:
    run.hand_out()
    assert run.committed == []
    run.has_left_nothing()


def test_a_chunk_larger_than_a_pipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """And than what may be held: there is no other one to wait for."""
    monkeypatch.setattr(module, "MAX_HELD_BYTES", 1 << 20)
    run.hand_out(0, 1, 2, size=2 << 20)
    assert run.numbers == [0, 1, 2]


def test_a_failure_is_that_of_the_run(run: Run) -> None:
    run.deed = fails
    with pytest.raises(ManifestError, match=r"^the manifest does not fit$"):
        run.hand_out(*range(1000))
    assert run.stop.requested
    assert HANDED_OUT not in run.numbers
    assert len(set(run.numbers)) == len(run.numbers) < 1000
    run.has_left_nothing()


def test_a_failure_at_the_very_end_counts_too(run: Run) -> None:
    run.deed = fails
    with pytest.raises(ManifestError):
        run.hand_out(0, HANDED_OUT)


def test_a_bug_is_told_without_values(run: Run) -> None:
    run.deed = crashes
    with pytest.raises(CrashError) as caught:
        run.hand_out(*range(1000))
    error = caught.value
    assert error.kind == "ValueError"
    assert error.place.startswith("pool.py:")
    assert error.__cause__ is error.__context__ is None
    assert VALUE not in repr((error, vars(error)))
    assert VALUE.encode() not in pickle.dumps(error)
    run.has_left_nothing()


KILLED = "a worker process was killed ({}); the others took over its rows, and continue without it"


@pytest.mark.parametrize(("deed", "how"), [(dies_once, "signal 9"), (leaves_once, "exit code 7")])
@pytest.mark.parametrize("workers", [1, 3])
def test_the_chunks_of_a_killed_worker_go_to_another(run: Run, deed: Deed, how: str, workers: int) -> None:
    run.deed, run.workers = deed, workers
    run.hand_out(*range(30))
    assert run.numbers == list(range(30))
    assert run.notes == [KILLED.format(how)]
    run.has_left_nothing()


def test_workers_that_are_killed_while_they_have_nothing_to_do_are_missed_too(run: Run) -> None:
    with run.pool() as pool:
        until(lambda: len(run.pids) == 2)
        for pid in run.pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(run.notes) == 2)
        for number in range(10):
            pool.write(chunk(number))
    assert run.numbers == run.kept == list(range(10))


def test_the_last_one_left_does_it_all(run: Run) -> None:
    run.deed, run.workers = dies, MAX_CHUNK_DEATHS - 1
    run.hand_out(*range(100))
    assert run.numbers == sorted(run.kept) == list(range(100))
    assert run.notes == [KILLED.format("signal 9")] * run.workers
    run.has_left_nothing()


def test_rows_that_kill_one_after_the_other_are_no_accident(run: Run) -> None:
    run.deed, run.workers = is_poisoned, MAX_CHUNK_DEATHS + 1
    with pytest.raises(TryAgainError) as caught:
        run.hand_out(*range(30))
    assert "repeatedly killed at the same rows (the last one: signal 9)" in str(caught.value)
    assert "run the same command again to resume, with --workers 1" in str(caught.value)
    assert HANDED_OUT not in run.numbers + run.kept
    run.has_left_nothing()


def test_a_failure_of_this_process_stops_the_others(run: Run) -> None:
    run.deed = waits

    @contextmanager
    def broken(_settle: Commit) -> Iterator[Own]:
        yield Own(_refuse, [])

    def _refuse(_one: ChunkResult) -> None:
        raise ManifestError("the manifest does not fit")

    run.own = broken  # type: ignore[method-assign]
    pool = run.pool()
    run.stop.on_request((run.folder / "go on").touch)
    with pytest.raises(ManifestError, match=r"^the manifest does not fit$"):
        hand_out(pool, *range(1000))
    assert run.stop.requested
    begun = {int(path.name.removeprefix("began-")) for path in run.folder.glob("began-*")}
    assert set(run.numbers) == begun
    run.has_left_nothing()


def test_one_that_hangs_with_nothing_left_to_do_is_not_waited_for(run: Run) -> None:
    looked = threading.Event()

    def looks() -> None:
        until(lambda: pool._is_closed)
        while not looked.wait(0.001):
            pool.look_after()

    pool = run.pool()
    thread = threading.Thread(target=looks)
    with pool:
        until(lambda: len(run.pids) == 2)
        os.kill(run.pids[0], signal.SIGSTOP)
        thread.start()
    looked.set()
    thread.join()
    assert (run.numbers, run.notes) == ([], [])
    run.has_left_nothing()


def test_what_a_killed_worker_leaves_is_done_before_more_is_read(run: Run) -> None:
    run.deed, run.workers = dies, 1
    with run.pool() as pool:
        pool.write(chunk(0))
        until(lambda: run.notes)
        pool.write(chunk(1))
        assert run.kept == [0, 1]
    assert run.numbers == [0, 1]


def test_asked_to_stop_those_that_hang_are_waited_for_and_then_killed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAIN_S", 0.1)
    run.deed = hangs

    def stops() -> None:
        until(lambda: len(list(run.folder.glob("hung-*"))) == 2)
        run.stop.request("stopped by a test")

    thread = threading.Thread(target=stops)
    thread.start()
    with pytest.raises(TryAgainError, match=r"^stopped by a test; "):
        run.hand_out(*range(1000), size=100_000)
    thread.join()
    assert set(run.numbers) <= set(run.kept)
    assert run.notes == []
    run.has_left_nothing()


def test_asked_to_stop_what_is_under_way_is_waited_for(run: Run) -> None:
    """A worker that is busy says what became of its chunk; nobody begins another one."""
    run.deed = waits

    def stops() -> None:
        until(lambda: len(list(run.folder.glob("began-*"))) == 2)
        run.stop.request("stopped by a test")
        until(lambda: pool._program.shared.stop)
        (run.folder / "go on").touch()

    pool = run.pool()
    thread = threading.Thread(target=stops)
    thread.start()
    with pytest.raises(TryAgainError):
        hand_out(pool, *range(1000))
    thread.join()
    begun = {int(path.name.removeprefix("began-")) for path in run.folder.glob("began-*")}
    assert len(begun) >= 2
    assert begun == set(run.numbers) - set(run.kept)
    run.has_left_nothing()


def test_an_interruption_ends_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAIN_S", 0.1)
    run.deed = hangs
    with pytest.raises(KeyboardInterrupt):
        hand_out(run.pool(), 0, then=KeyboardInterrupt())
    assert run.stop.requested
    until(lambda: run.pids)
    run.has_left_nothing()


def test_a_source_that_breaks_off_keeps_what_was_read_before(run: Run) -> None:
    with pytest.raises(ManifestError):
        hand_out(run.pool(), *range(30), then=ManifestError("no more of it"))
    assert run.numbers == list(range(30))
    run.has_left_nothing()


@pytest.mark.parametrize("error", [TooManyRejectsError("too many"), BrokenPipeError("the terminal is gone")])
def test_what_cannot_be_settled_ends_the_run(run: Run, error: Exception) -> None:
    """Also if it is an error that a killed worker could have been the reason of."""
    committed = list[int]()

    def commit(one: ChunkResult) -> None:
        committed.append(one.parts[0].span.start.row)
        raise error

    with pytest.raises(type(error)) as caught:
        run.hand_out(*range(1000), commit=commit)
    assert caught.value is error
    assert len(set(committed)) == len(committed) < 1000
    assert run.notes == []
    run.has_left_nothing()


@pytest.mark.parametrize(("held", "expected"), [(1, 1), (3, 3), (2.5, 3)])
def test_no_more_is_handed_out_than_may_be_held(
    run: Run, monkeypatch: pytest.MonkeyPatch, held: float, expected: int
) -> None:
    monkeypatch.setattr(module, "MAX_HELD_BYTES", int(held * len(pack(chunk(0), keep_raw=True))))
    run.deed = waits
    with run.pool() as pool:
        for number in range(50):
            pool.write(chunk(number))
        assert run.kept == list(range(expected, 50))
        (run.folder / "go on").touch()
    assert run.numbers == list(range(50))


def stops_once(number: int, folder: Path) -> None:
    if number == HANDED_OUT and _once(folder):
        (folder / "stopped").touch()
        os.kill(os.getpid(), signal.SIGSTOP)


def wait_until_quiet(run: Run, pool: WorkerPool, busy: int) -> None:
    """Wait until only so many workers have something to do, and all that was said is heard.

    Looks of a test come with no time between them, so that a worker is silent as soon as it is in between two words.
    """

    def is_quiet() -> bool:
        with pool._changed:
            done_there = sum(number not in run.kept for number in run.numbers)
            is_all_heard = run.traffic.requests == done_there and all(one.is_listened_to for one in pool._workers)
            return is_all_heard and not pool._waiting and sum(bool(one.assigned) for one in pool._workers) == busy

    until(is_quiet)


@pytest.fixture
def _only_looks_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the pool look of its own accord so seldom that no test lasts that long."""
    monkeypatch.setattr(module, "LOOK_EVERY_S", UNSEEN_S)


@pytest.mark.usefixtures("_only_looks_of_the_test")
def test_a_worker_that_hangs_is_killed_and_its_rows_are_another_ones(run: Run) -> None:
    run.deed = stops_once
    with run.pool() as pool:
        for number in range(20):
            pool.write(chunk(number))
        until((run.folder / "stopped").exists)
        wait_until_quiet(run, pool, busy=1)
        assert len(run.committed) >= 20 - MAX_UNTAKEN - KEPT_OPEN
        for _ in range(MAX_SILENT_LOOKS):
            pool.look_after()
        assert run.notes == []
        pool.look_after()
    assert run.numbers == list(range(20))
    assert run.notes == [KILLED.format("signal 9")]


def test_workers_that_have_nothing_to_do_are_left_alone(run: Run) -> None:
    with run.pool() as pool:
        pool.write(chunk(0))
        wait_until_quiet(run, pool, busy=0)
        for _ in range(3 * MAX_SILENT_LOOKS):
            pool.look_after()
        pool.write(chunk(1))
    assert (run.numbers, run.notes) == ([0, 1], [])


def test_a_worker_to_which_nobody_listens_is_not_silent(run: Run) -> None:
    """To commit a chunk may take as long as the disk or a terminal that was halted."""
    run.workers = 1
    begun, go_on = threading.Event(), threading.Event()

    def commit(one: ChunkResult) -> None:
        begun.set()
        assert go_on.wait(UNSEEN_S)
        run.committed.append(one)

    with run.pool(commit) as pool:
        pool.write(chunk(0))
        assert begun.wait(UNSEEN_S)
        for _ in range(3 * MAX_SILENT_LOOKS):
            pool.look_after()
        go_on.set()
        wait_until_quiet(run, pool, busy=0)
        pool.write(chunk(1))
        wait_until_quiet(run, pool, busy=0)
    assert (run.numbers, run.kept, run.notes) == ([0, 1], [], [])


def test_a_worker_that_is_stuck_holds_few_chunks(run: Run) -> None:
    run.deed, run.workers = stops_once, 2
    with run.pool() as pool:
        for number in range(200):
            pool.write(chunk(number))
        until((run.folder / "stopped").exists)
        wait_until_quiet(run, pool, busy=1)
        assert len(run.committed) >= 200 - MAX_UNTAKEN - KEPT_OPEN
        for _ in range(MAX_SILENT_LOOKS + 1):
            pool.look_after()
    assert run.numbers == list(range(200))


def _wait_for_a_source(run: Run) -> None:
    """Hand out some chunks, and wait for what never comes."""
    with run.pool() as pool:
        for number in range(4):
            pool.write(chunk(number))
        while True:
            run.stop.wait(POLL_S)


def test_a_failure_is_heard_by_who_waits_for_something_else(run: Run) -> None:
    """The reader may wait for its source; then it is not told by the next chunk that it hands out."""
    run.deed = fails
    with pytest.raises(ManifestError, match="does not fit"):
        _wait_for_a_source(run)


def refuse(patch: pytest.MonkeyPatch, after: int) -> None:
    """Have the system refuse further processes, after so many."""
    started = list[object]()
    kind = process_context().Process  # type: ignore[attr-defined] # every context has it
    start = kind.start

    def refusing(process: object) -> None:
        if len(started) >= after:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.append(process)
        start(process)

    patch.setattr(kind, "start", refusing)


def test_a_system_that_has_no_room_for_all_of_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, 2)
    run.workers = 3
    made = list[BaseProcess]()
    kill = WorkerPool.kill

    def noting(pool: WorkerPool) -> None:
        made.extend(one.process for one in pool._workers)
        kill(pool)

    monkeypatch.setattr(WorkerPool, "kill", noting)
    with pytest.raises(TryAgainError, match=r"cannot be started \(Resource temporarily unavailable\); .* --workers 1"):
        run.pool()
    assert len(made) == 2
    assert [one.exitcode for one in made] == [-signal.SIGKILL] * 2


@dataclass(frozen=True)
class Chattering(Program):
    """A worker that says something again and again, whoever listens."""

    def __call__(self, link: Link) -> None:
        (self.folder / f"worker-{os.getpid()}").touch()
        while True:
            link.send(ChunkDone(1, 1.0))


def _parent(kind: type[Program], folder: Path) -> None:
    """A process that hands out chunks, until it is killed."""
    shared = SharedByProcesses()
    program, nobody = kind(shared, settles, folder), Run(folder)
    with WorkerPool(program, 2, nobody.own, lambda _: None, RunObserver(), StopRequest()) as pool:
        pool.write(chunk(0))
        while True:
            time.sleep(UNSEEN_S)


@pytest.mark.parametrize("kind", [Program, Chattering])
def test_workers_whose_parent_is_gone_are_gone_too(run: Run, kind: type[Program]) -> None:
    context = process_context()
    parent = context.Process(target=_parent, args=(kind, run.folder))  # type: ignore[attr-defined] # as above
    parent.start()
    until(lambda: len(run.pids) == 2)
    parent.kill()
    parent.join()
    until(lambda: not any(is_alive(pid) for pid in run.pids))


def test_a_slice_of_a_column_is_sent_without_what_lies_around_it() -> None:
    column = pa.array([b"%015d" % n for n in range(10_000)])
    part = TableChunk(
        Position(500, 500, 500),
        Position(510, 510, 510),
        b"",
        np.zeros(11, np.int64),
        np.arange(10, dtype=np.int32),
        {"IC": column.slice(500, 10)},
    )
    packed = pack(Bundle.of(Origin(0, 0, "dump"), part))
    assert len(packed) < 4_000 < column.nbytes
    rows = pickle.loads(packed).rows  # noqa: S301 - our own
    assert rows.cells["IC"].to_pylist() == [b"%015d" % n for n in range(500, 510)]


@pytest.mark.parametrize(("concurrency", "workers", "each"), [(16, 1, 16), (16, 2, 8), (16, 3, 5), (1, 2, 1)])
def test_requests_in_flight_are_shared_out(concurrency: int, workers: int, each: int) -> None:
    """Never more of them than were asked for, but for one that each worker needs."""
    limits = ProcessPlan(workers, None).limits(RunSettings(concurrency=concurrency))
    assert limits == InFlightLimits(each, MAX_OPEN_ENTRIES // workers)
