"""Fibers that wait without blocking a thread, and the loop that wakes them.

A fiber runs until it waits: for a time, another fiber, or something outside of the process. Then the next one runs.
All fibers share one thread, so that nothing between two waits needs a lock, and a switch costs an exchange of stacks
(greenlet) where threads would compete for the interpreter lock.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")

LOOK_S = 0.2
"""Seconds between checks whether the run is to end, if nothing else happens."""


class Driver(Protocol):
    """An external event source that fibers wait for."""

    def sockets(self) -> tuple[Sequence[int], Sequence[int]]:
        """Return the file descriptors to wait for: until readable, and until writable."""
        ...

    def timeout_s(self) -> float | None:
        """Return the seconds after which `advance` is due even without an event; None: never."""
        ...

    def advance(self) -> None:
        """Proceed as far as possible without waiting, and resume the fibers whose results have arrived."""
        ...


Poll = Callable[[Sequence[int], Sequence[int], float], object]
"""Function that waits until one of the first is readable, one of the second is writable, or the seconds have passed."""


def _wait(readable: Sequence[int], writable: Sequence[int], timeout_s: float) -> None:
    if readable or writable:
        select.select(readable, writable, [], timeout_s)
    else:
        time.sleep(timeout_s)


class Ticket:
    """One wait of one fiber.

    Attributes:
        done: whether the wait is over.
        value: result of the wait.
    """

    __slots__ = ("done", "fiber", "value")

    def __init__(self, fiber: greenlet | None) -> None:
        self.fiber = fiber
        self.done = False
        self.value: Any = None


class Fibers:
    """All fibers of one thread, and the loop that runs them while that thread waits here."""

    def __init__(
        self,
        stopped: Callable[[], bool] = lambda: False,
        monotonic_s: Callable[[], float] = time.monotonic,
        wait: Poll = _wait,
    ) -> None:
        """Set up without running anything.

        Args:
            stopped: returns whether the run is to end. From then on sleeps return at once.
            monotonic_s: source of the time.
            wait: function that waits for events.
        """
        self._stopped = stopped
        self._now = monotonic_s
        self._wait = wait
        self._thread = threading.get_ident()
        self._loop: greenlet | None = None
        self._ready = deque[Ticket]()
        self._timers: list[tuple[float, int, Ticket]] = []
        self._order = itertools.count()
        self._drivers: list[Driver] = []
        self._threads: _Threads | None = None

    def attach(self, driver: Driver) -> None:
        """Make the loop wait for `driver`, too."""
        self._drivers.append(driver)

    def is_own_thread(self) -> bool:
        """Return whether the calling thread is the one that the fibers run in."""
        return threading.get_ident() == self._thread

    def start(self, program: Callable[[], None]) -> None:
        """Create a fiber that runs `program` from the next turn of the loop on. `program` must not raise."""

        def run(_: object) -> None:
            program()
            assert self._loop is not None  # noqa: S101 - fibers run in the loop only
            getcurrent().parent = self._loop  # resumes when this fiber ends, instead of the fiber that started it

        self._ready.append(Ticket(greenlet(run)))

    def ticket(self) -> Ticket:
        """Return a ticket for the running fiber to wait with."""
        current = getcurrent()
        return Ticket(None if self._loop is None or current is self._loop else current)

    def wait(self, ticket: Ticket) -> Any:
        """Run other fibers until `ticket` is resumed; return the value it was resumed with."""
        if ticket.fiber is None:
            self.run_until(lambda: ticket.done)
        else:
            assert self._loop is not None  # noqa: S101 - fibers run in the loop only
            self._loop.switch()
        return ticket.value

    def resume(self, ticket: Ticket, value: object = None) -> None:
        """Resume the fiber that waits with `ticket`, in its turn; further calls have no effect."""
        if not ticket.done:
            ticket.done, ticket.value = True, value
            if ticket.fiber is not None:
                self._ready.append(ticket)

    def sleep(self, duration_s: float) -> None:
        """Run other fibers for `duration_s` seconds, or until the run is to end."""
        if not self._stopped():
            ticket = self.ticket()
            self.resume_after(ticket, duration_s)
            self.wait(ticket)

    def resume_after(self, ticket: Ticket, duration_s: float) -> None:
        """Resume `ticket` after `duration_s` seconds, unless it is resumed before."""
        heapq.heappush(self._timers, (self._now() + duration_s, next(self._order), ticket))

    def in_thread(self, call: Callable[[], T]) -> T:
        """Return the result of `call`, which may block: it runs in a thread while other fibers run here."""
        ticket = self.ticket()
        if ticket.fiber is None:
            return call()
        if self._threads is None:
            self._threads = _Threads(self.resume)
            self.attach(self._threads)
        self._threads.start(ticket, call)
        result: Callable[[], T] = self.wait(ticket)
        return result()

    def close(self) -> None:
        """Release the resources of the loop; nothing may run afterwards."""
        if self._threads is not None:
            self._threads.close()
            self._drivers.remove(self._threads)
            self._threads = None

    def run_until(self, done: Callable[[], bool], readable: Sequence[int] = ()) -> None:
        """Run fibers, from outside of them, until a condition holds.

        Args:
            done: the condition. Checked after each turn, and every `LOOK_S` seconds.
            readable: file descriptors for which to check the condition at once when they are readable.
        """
        outer, self._loop = self._loop, getcurrent()
        try:
            while not done():
                self._run_ready()
                if not done():
                    self._pause(readable)
        finally:
            self._loop = outer

    def turn(self) -> None:
        """Run fibers, from outside of them, as far as possible without waiting; does nothing in another thread."""
        if not self.is_own_thread():
            return
        outer, self._loop = self._loop, getcurrent()
        try:
            self._wake()
            self._run_ready()
            while self._ready:
                self._run_ready()
        finally:
            self._loop = outer

    def _run_ready(self) -> None:
        for _ in range(len(self._ready)):
            ticket = self._ready.popleft()
            assert ticket.fiber is not None  # noqa: S101 - others are not put there
            ticket.fiber.switch(None)
        for driver in self._drivers:
            driver.advance()

    def _pause(self, readable: Sequence[int]) -> None:
        """Wait for an event, unless a fiber is ready to run."""
        pause_s = self._wake()
        if pause_s > 0 and not self._ready:
            reads, writes = list(readable), list[int]()
            for driver in self._drivers:
                more_reads, more_writes = driver.sockets()
                reads += more_reads
                writes += more_writes
                wanted_s = driver.timeout_s()
                pause_s = pause_s if wanted_s is None else min(pause_s, wanted_s)
            self._wait(reads, writes, pause_s)

    def _wake(self) -> float:
        """Resume the fibers that are due; return the seconds until the next one is."""
        timers, now, stopped = self._timers, self._now(), self._stopped()
        woken = False
        while timers and (stopped or timers[0][0] <= now or timers[0][2].done):
            ticket = heapq.heappop(timers)[2]
            woken |= not ticket.done
            self.resume(ticket)
        if woken:
            return 0.0
        return min(timers[0][0] - now, LOOK_S) if timers else LOOK_S


class Room:
    """A condition that fibers wait for."""

    def __init__(self, fibers: Fibers) -> None:
        self._fibers = fibers
        self._inside: list[Ticket] = []

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until `wake` is called, the timeout passes, or the run is to end."""
        ticket = self._fibers.ticket()
        self._inside.append(ticket)
        if timeout_s is not None:
            self._fibers.resume_after(ticket, timeout_s)
        self._fibers.wait(ticket)
        if ticket in self._inside:
            self._inside.remove(ticket)

    def wake(self) -> None:
        """Resume all fibers that wait here."""
        inside, self._inside = self._inside, []
        for ticket in inside:
            self._fibers.resume(ticket)


class _Threads:
    """Driver of blocking calls: each runs in a thread that signals its completion through a pipe."""

    def __init__(self, resume: Callable[[Ticket, object], None]) -> None:
        self._resume = resume
        self._arrived = deque[tuple[Ticket, Callable[[], Any]]]()
        self._under_way = 0
        self._lock = threading.Lock()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def start(self, ticket: Ticket, call: Callable[[], Any]) -> None:
        """Run `call`; resume `ticket` with a function that returns its result or raises its exception."""
        self._under_way += 1

        def run() -> None:
            try:
                value = call()
            except BaseException as fault:  # noqa: BLE001 - carried to the waiting fiber, and raised there
                self._arrive(ticket, partial(_raise, fault))
            else:
                self._arrive(ticket, lambda: value)

        # A daemon: a call that never returns must not keep the process from ending.
        threading.Thread(target=run, name="blocking-call", daemon=True).start()

    def close(self) -> None:
        """Close the pipe. Threads still running must not write to a descriptor that is reused."""
        with self._lock:
            pipe, self._read, self._write = (self._read, self._write), -1, -1
            for end in pipe:
                if end >= 0:
                    os.close(end)

    def sockets(self) -> tuple[Sequence[int], Sequence[int]]:
        """See `Driver.sockets`."""
        return ((self._read,) if self._under_way else ()), ()

    def timeout_s(self) -> float | None:
        """See `Driver.timeout_s`."""
        return None

    def advance(self) -> None:
        """See `Driver.advance`."""
        if not self._under_way:
            return
        with contextlib.suppress(BlockingIOError):  # called even if nothing arrived: the pipe may have been read before
            os.read(self._read, 4096)
        while self._arrived:
            self._under_way -= 1
            self._resume(*self._arrived.popleft())

    def _arrive(self, ticket: Ticket, result: Callable[[], Any]) -> None:
        self._arrived.append((ticket, result))
        with self._lock, contextlib.suppress(BlockingIOError):  # the pipe is full of wake-ups
            if self._write >= 0:
                os.write(self._write, b"\0")


def _raise(fault: BaseException) -> NoReturn:
    raise fault
