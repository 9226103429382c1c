"""Fibers take turns in one thread, and wait without one: order, time, each other, what blocks, and what is outside."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ingest_cli.runtime import fibers as module
from ingest_cli.runtime.fibers import LOOK_S, Fibers, Room, Ticket

LONG_S = 60.0
"""What a test that hangs is waited for."""


class Time:
    """Time that passes only when the loop waits.

    Attributes:
        now_s: the time.
        waits: how long the loop wanted to wait, each time.
    """

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def wait(self, readable: Sequence[int], writable: Sequence[int], timeout_s: float) -> None:
        """See `fibers.Poll`."""
        self.waits.append(timeout_s)
        ready = select.select(readable, writable, [], 0)
        if not any(ready):
            self.now_s += timeout_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def fibers(time: Time) -> Fibers:
    return Fibers(monotonic_s=time, wait=time.wait)


@pytest.fixture
def real() -> Iterator[Fibers]:
    """Fibers that wait in real time."""
    with closing(Fibers()) as made:
        yield made


def test_they_begin_in_order_and_only_in_the_loop(fibers: Fibers) -> None:
    said: list[int] = []
    for number in range(3):
        fibers.start(lambda number=number: said.append(number))  # type: ignore[misc] # a default binds it
    assert said == []
    fibers.run_until(lambda: len(said) == 3)
    assert said == [0, 1, 2]


def test_nothing_runs_if_it_is_so_already(fibers: Fibers, time: Time) -> None:
    fibers.start(lambda: pytest.fail("it was not its turn"))
    fibers.run_until(lambda: True)
    assert time.waits == []


def test_they_take_turns_where_they_wait_and_nowhere_else(fibers: Fibers) -> None:
    said: list[str] = []

    def program(name: str) -> None:
        for number in range(3):
            said.append(f"{name}{number}")
            fibers.sleep(0.0)

    fibers.start(lambda: program("a"))
    fibers.start(lambda: program("b"))
    fibers.run_until(lambda: len(said) == 6)
    assert said == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_sleepers_wake_in_the_order_of_their_time(fibers: Fibers, time: Time) -> None:
    woken: list[tuple[str, float]] = []

    def program(name: str, duration_s: float) -> None:
        fibers.sleep(duration_s)
        woken.append((name, time()))

    for name, duration_s in (("late", 3.0), ("early", 1.0), ("also early", 1.0), ("middle", 2.0)):
        fibers.start(lambda name=name, duration_s=duration_s: program(name, duration_s))  # type: ignore[misc] # as above
    fibers.run_until(lambda: len(woken) == 4)
    assert [name for name, _ in woken] == ["early", "also early", "middle", "late"]
    assert [at_s for _, at_s in woken] == pytest.approx([101.0, 101.0, 102.0, 103.0])
    assert max(time.waits) <= LOOK_S


def test_who_is_outside_sleeps_and_the_others_run_meanwhile(fibers: Fibers, time: Time) -> None:
    said: list[float] = []

    def program() -> None:
        while True:
            said.append(time())
            fibers.sleep(1.0)

    fibers.start(program)
    fibers.sleep(2.5)
    assert time() == pytest.approx(102.5)
    assert said == pytest.approx([100.0, 101.0, 102.0])


def test_waits_of_the_one_outside_may_lie_within_each_other(fibers: Fibers, time: Time) -> None:
    """What the loop asks for may itself wait: fibers go on, and each wait ends when its own time has come."""
    said: list[float] = []
    asked: list[float] = []

    def program() -> None:
        for _ in range(4):
            fibers.sleep(1.0)
            said.append(time())

    def done() -> bool:
        if not asked:
            asked.append(time())
            fibers.sleep(1.5)
            assert said == pytest.approx([101.0])
        return len(said) == 4

    fibers.start(program)
    fibers.run_until(done)
    assert said == pytest.approx([101.0, 102.0, 103.0, 104.0])


def test_one_that_ends_gives_the_turn_back_whoever_started_it(fibers: Fibers) -> None:
    """A fiber that a fiber starts ends in the loop, not in the middle of what the other one waits for."""
    said: list[str] = []

    def parent() -> None:
        fibers.start(lambda: said.append("child"))
        fibers.sleep(5.0)
        said.append("parent")

    fibers.start(parent)
    fibers.run_until(lambda: "child" in said)
    fibers.sleep(1.0)
    assert said == ["child"]
    fibers.run_until(lambda: len(said) == 2)
    assert said == ["child", "parent"]


def test_a_stop_wakes_who_sleeps_and_lets_nobody_sleep_again(time: Time) -> None:
    stopped = threading.Event()
    fibers = Fibers(stopped.is_set, monotonic_s=time, wait=time.wait)
    woken: list[float] = []

    def program() -> None:
        fibers.sleep(3600.0)
        fibers.sleep(3600.0)
        woken.append(time())

    for _ in range(3):
        fibers.start(program)
    fibers.sleep(1.0)
    stopped.set()
    fibers.run_until(lambda: len(woken) == 3)
    assert woken == pytest.approx([101.0] * 3, abs=LOOK_S)
    fibers.sleep(3600.0)
    assert time() == pytest.approx(101.0, abs=LOOK_S)


def test_a_stop_is_noticed_within_a_moment_although_nothing_happens(time: Time) -> None:
    fibers = Fibers(lambda: time() >= 105.0, monotonic_s=time, wait=time.wait)
    fibers.sleep(3600.0)
    assert time() == pytest.approx(105.0, abs=LOOK_S)


def test_who_waits_gets_what_they_are_resumed_with_and_once_only(fibers: Fibers) -> None:
    got: list[object] = []
    tickets: list[Ticket] = []

    def program() -> None:
        tickets.append(fibers.ticket())
        got.append(fibers.wait(tickets[0]))
        fibers.sleep(1.0)
        got.append(None)

    fibers.start(program)
    fibers.run_until(lambda: bool(tickets))
    fibers.resume(tickets[0], "first")
    fibers.resume(tickets[0], "second")
    fibers.run_until(lambda: bool(got))
    assert got == ["first"]
    fibers.run_until(lambda: len(got) == 2)
    assert got == ["first", None]


def test_who_is_resumed_before_the_time_is_over_is_not_resumed_again(fibers: Fibers) -> None:
    got: list[object] = []

    def program() -> None:
        ticket = fibers.ticket()
        fibers.resume_after(ticket, 5.0)
        fibers.resume(ticket, "early")
        got.append(fibers.wait(ticket))
        got.append(fibers.wait(fibers.ticket()))

    fibers.start(program)
    fibers.sleep(60.0)
    assert got == ["early"]


def test_the_one_outside_may_be_resumed_by_a_fiber(fibers: Fibers) -> None:
    ticket = fibers.ticket()
    fibers.start(lambda: fibers.resume(ticket, 7))
    assert fibers.wait(ticket) == 7


def test_a_room_wakes_all_that_are_inside(fibers: Fibers) -> None:
    room, woken = Room(fibers), list[int]()

    def program(number: int) -> None:
        room.wait()
        woken.append(number)
        room.wait()
        woken.append(-number)

    for number in (1, 2, 3):
        fibers.start(lambda number=number: program(number))  # type: ignore[misc] # a default binds it
    fibers.sleep(10.0)
    assert woken == []
    room.wake()
    fibers.sleep(10.0)
    assert woken == [1, 2, 3]
    room.wake()
    fibers.sleep(0.0)
    fibers.sleep(0.0)
    assert woken == [1, 2, 3, -1, -2, -3]
    room.wake()


def test_a_room_is_left_when_the_time_is_over(fibers: Fibers, time: Time) -> None:
    room, left = Room(fibers), list[float]()

    def program() -> None:
        room.wait(2.0)
        left.append(time())
        room.wait(2.0)
        left.append(time())

    fibers.start(program)
    fibers.sleep(3.0)
    room.wake()
    fibers.sleep(60.0)
    assert left == pytest.approx([102.0, 103.0])


@pytest.mark.parametrize("early", [1.0, 2.0])
def test_a_room_that_is_left_for_both_reasons_is_left_once(fibers: Fibers, time: Time, early: float) -> None:
    """Woken before the time is over, or at that very moment: the next wait is not cut short by either."""
    room, left = Room(fibers), list[float]()

    def waits() -> None:
        room.wait(2.0)
        left.append(time())
        room.wait(7.0)
        left.append(time())

    def wakes() -> None:
        fibers.sleep(early)
        room.wake()

    fibers.start(wakes)
    fibers.start(waits)
    fibers.sleep(60.0)
    assert left == pytest.approx([100.0 + early, 107.0 + early])


def test_who_is_outside_may_wait_in_a_room_too(fibers: Fibers, time: Time) -> None:
    room = Room(fibers)

    def program() -> None:
        fibers.sleep(3.0)
        room.wake()

    fibers.start(program)
    room.wait()
    assert time() == pytest.approx(103.0)
    room.wait(2.0)
    assert time() == pytest.approx(105.0)


def run(fibers: Fibers, *programs: Callable[[], object]) -> list[object]:
    """Run fibers to their end; what each of them returned, or raised, in the order in which they ended."""
    ended: list[object] = []

    def wrapped(program: Callable[[], object]) -> None:
        try:
            ended.append(program())
        except Exception as error:  # noqa: BLE001 - to be looked at
            ended.append(error)

    for program in programs:
        fibers.start(lambda program=program: wrapped(program))  # type: ignore[misc] # a default binds it
    fibers.run_until(lambda: len(ended) == len(programs))
    return ended


def test_a_turn_takes_them_as_far_as_they_go_and_waits_for_nothing(fibers: Fibers, time: Time) -> None:
    told, tickets = list[str](), list[Ticket]()

    def waits() -> None:
        tickets.append(fibers.ticket())
        told.append(fibers.wait(tickets[0]))
        fibers.sleep(1.0)
        told.append("slept")

    fibers.start(waits)
    fibers.turn()
    assert (told, len(tickets)) == ([], 1)
    fibers.resume(tickets[0], "came")
    fibers.turn()
    assert told == ["came"]
    time.now_s += 1.0
    fibers.turn()
    assert told == ["came", "slept"]
    assert time.waits == []


def test_what_blocks_runs_in_a_thread_and_the_others_run_meanwhile(real: Fibers) -> None:
    may_end = threading.Event()

    def blocks() -> int:
        assert may_end.wait(LONG_S)
        return threading.get_ident()

    def others() -> str:
        may_end.set()
        return "others"

    ended = run(real, lambda: real.in_thread(blocks), others)
    assert ended[0] == "others"
    assert ended[1] != threading.get_ident()


def test_what_is_raised_in_the_thread_is_raised_in_the_fiber(real: Fibers) -> None:
    def fails() -> None:
        raise ValueError("7")

    (error,) = run(real, lambda: real.in_thread(fails))
    assert isinstance(error, ValueError)
    assert error.args == ("7",)


def test_several_calls_block_at_once(real: Fibers) -> None:
    """Each of them can only end because the others are under way, too."""
    together = threading.Barrier(5)

    def blocks(number: int) -> int:
        together.wait(LONG_S)
        return number

    programs = [lambda number=number: real.in_thread(lambda: blocks(number)) for number in range(5)]
    assert sorted(run(real, *programs)) == [0, 1, 2, 3, 4]  # type: ignore[type-var] # they are numbers


def test_outside_of_the_loop_a_call_is_just_made(fibers: Fibers) -> None:
    assert fibers.in_thread(threading.get_ident) == threading.get_ident()
    assert fibers.is_own_thread()
    threads: list[bool] = []
    thread = threading.Thread(target=lambda: threads.append(fibers.is_own_thread()))
    thread.start()
    thread.join()
    assert threads == [False]


def test_a_thread_that_speaks_up_late_does_not_keep_the_loop_from_waiting(
    real: Fibers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has arrived, and is taken in, before it has said so: what it says then is not heard for ever."""
    taken_in, said = threading.Event(), threading.Event()
    write = os.write

    def late(number: int, data: bytes) -> int:
        assert taken_in.wait(LONG_S)
        try:
            return write(number, data)
        finally:
            said.set()

    monkeypatch.setattr(os, "write", late)
    assert run(real, lambda: real.in_thread(lambda: "done")) == ["done"]
    taken_in.set()
    assert said.wait(LONG_S)
    may_end = threading.Event()
    real.start(partial(real.in_thread, partial(may_end.wait, LONG_S)))
    real.run_until(lambda: any(driver.sockets()[0] for driver in real._drivers))
    readable = [number for driver in real._drivers for number in driver.sockets()[0]]
    real.sleep(0.0)
    assert select.select(readable, [], [], 0)[0] == []
    may_end.set()


def test_a_call_that_never_returns_is_left_behind(real: Fibers) -> None:
    """Its word comes when nobody listens any more."""
    begun, may_end, ended = threading.Event(), threading.Event(), list[int]()
    threads = list[threading.Thread]()

    def blocks() -> None:
        threads.append(threading.current_thread())
        begun.set()
        assert may_end.wait(LONG_S)

    def program() -> None:
        real.in_thread(blocks)
        ended.append(1)

    real.start(program)
    real.run_until(begun.is_set)
    (thread,) = threads
    real.close()
    may_end.set()
    thread.join(LONG_S)
    assert not thread.is_alive()
    real.sleep(0.0)
    assert ended == []
    real.close()


class Line:
    """A driver: fibers wait for what comes through a socket.

    Attributes:
        wanted_s: see `Driver.timeout_s`.
        advanced: how often it was let go on.
    """

    def __init__(self, fibers: Fibers, end: socket.socket) -> None:
        self._fibers = fibers
        self._end = end
        self._waiting: list[Ticket] = []
        self.wanted_s: float | None = None
        self.advanced = 0

    def receive(self) -> bytes:
        """Wait for something."""
        ticket = self._fibers.ticket()
        self._waiting.append(ticket)
        got: bytes = self._fibers.wait(ticket)
        return got

    def sockets(self) -> tuple[Sequence[int], Sequence[int]]:
        """See `Driver.sockets`."""
        return ((self._end.fileno(),), ()) if self._waiting else ((), ())

    def timeout_s(self) -> float | None:
        """See `Driver.timeout_s`."""
        return self.wanted_s

    def advance(self) -> None:
        """See `Driver.advance`."""
        self.advanced += 1
        if self._waiting and select.select([self._end], [], [], 0)[0]:
            self._fibers.resume(self._waiting.pop(0), self._end.recv(1))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_fibers_wait_for_what_comes_from_outside(real: Fibers, ends: tuple[socket.socket, socket.socket]) -> None:
    line = Line(real, ends[0])
    real.attach(line)

    def sends() -> bytes:
        ends[1].sendall(b"xy")
        return b""

    assert run(real, line.receive, line.receive, sends) == [b"", b"x", b"y"]


def test_a_driver_that_wants_to_go_on_is_not_waited_for(
    fibers: Fibers, time: Time, ends: tuple[socket.socket, socket.socket]
) -> None:
    line = Line(fibers, ends[0])
    line.wanted_s = 0.05
    fibers.attach(line)
    fibers.sleep(1.0)
    assert time() == pytest.approx(101.0)
    assert max(time.waits) <= 0.05
    assert line.advanced >= 20


def test_a_file_that_becomes_readable_is_asked_about_at_once(
    real: Fibers, ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it not watched, the loop would look again only after a time that nobody waits for here."""
    monkeypatch.setattr(module, "LOOK_S", 3600.0)
    thread = threading.Thread(target=lambda: ends[1].sendall(b"x"))
    asked: list[bool] = []

    def done() -> bool:
        if not asked:
            thread.start()
        asked.append(bool(select.select([ends[0]], [], [], 0)[0]))
        return asked[-1]

    real.run_until(done, [ends[0].fileno()])
    thread.join(LONG_S)
    assert asked[-1]


def test_what_ends_after_the_loop_writes_into_no_other_file(tmp_path: Path) -> None:
    made, may_end = Fibers(), threading.Event()

    def late() -> None:
        assert may_end.wait(LONG_S)

    before = set(threading.enumerate())
    made.start(lambda: made.in_thread(late))
    made.run_until(lambda: bool(set(threading.enumerate()) - before))
    [thread] = set(threading.enumerate()) - before
    pipe = {made._threads._read, made._threads._write}  # type: ignore[union-attr] # it has begun
    made.close()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context((tmp_path / str(n)).open("w+b")) for n in range(2)]
        assert {one.fileno() for one in files} == pipe, "the numbers are given out again"
        may_end.set()
        thread.join(LONG_S)
        assert [os.fstat(one.fileno()).st_size for one in files] == [0, 0]


def test_where_nothing_blocks_there_is_nothing_to_look_at(real: Fibers) -> None:
    run(real, lambda: real.in_thread(lambda: None))
    assert real._threads is not None
    assert real._threads.sockets() == ((), ())
