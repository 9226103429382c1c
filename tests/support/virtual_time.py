"""Threads that take turns in virtual time, which stands still while one runs, and jumps when all of them wait.

`VirtualTime.run` runs a function as the first of any number of threads. They are real threads, so that the code under
test is what it always is, but only the one that has the baton runs. It hands it on where it waits: for a moment, an
event, a queue. Next is the one whose moment comes first, and among those of one moment the one that asked first. So a
program takes the same steps at the same moments in every run, however fast the machine is.

What waits finds its means in modules: `VirtualTime.instead_of` says what to put in their place.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace, TracebackType
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class StuckError(AssertionError):
    """All threads wait for each other."""


class _EndedError(BaseException):
    """Time is over, and with it all waiting; not for those who catch errors."""


class _Sleeper:
    """A waiting thread.

    Attributes:
        baton: released when it is their turn.
        woken: whether another thread woke it, not the time.
        gone: whether it has been their turn.
    """

    def __init__(self) -> None:
        self.baton = threading.Semaphore(0)
        self.woken = self.gone = False


Room = list[_Sleeper]
"""Those who wait for the same."""


class VirtualTime:
    """The time, and all that run in it.

    Attributes:
        now_s: seconds since the beginning.
        threads: all that were started.
    """

    def __init__(self) -> None:
        self.now_s = 0.0
        self.threads: list[VirtualThread] = []
        self._asleep: list[tuple[float, int, _Sleeper]] = []
        self._order = itertools.count()
        self._waiting: dict[threading.Thread, _Sleeper] = {}
        self._first = threading.current_thread()
        self._over = False

    def __call__(self) -> float:
        """The time, for what takes a function."""
        return self.now_s

    def run(self, program: Callable[[], T]) -> T:
        """Run `program`, and the threads that it starts, until all of them have ended.

        Raises:
            StuckError: they wait for each other.
            BaseException: what `program` or else a thread has raised.
        """
        self._first = threading.current_thread()
        try:
            result = program()
            for thread in self.threads:
                thread.join()
        except _EndedError:
            raise StuckError("all threads wait for each other") from None
        finally:
            self._end()
        for thread in self.threads:
            if thread.fault is not None:
                raise thread.fault
        return result

    def sleep(self, duration_s: float) -> None:
        """Let time pass."""
        self.block([], duration_s)

    def block(self, room: Room, timeout_s: float | None = None) -> bool:
        """Wait in a room until another thread wakes those in it, or until the time is over; whether one did."""
        me = _Sleeper()
        room.append(me)
        if timeout_s is not None:
            self.expect(me, max(timeout_s, 0.0))
        self.hand_on(me)
        if not me.woken:
            room.remove(me)
        return me.woken

    def wake(self, room: Room) -> None:
        """Wake all threads in a room, each in its turn."""
        for one in room:
            one.woken = True
            self.expect(one)
        room.clear()

    def expect(self, one: _Sleeper, after_s: float = 0.0) -> None:
        """Give a thread its turn at that time."""
        heapq.heappush(self._asleep, (self.now_s + after_s, next(self._order), one))

    def hand_on(self, me: _Sleeper | None) -> None:
        """Give the baton to the next thread; with `me`, wait until it comes back."""
        if not self._over:
            chosen = self._next()
            if chosen is me:
                return
            if me is not None:
                self._waiting[threading.current_thread()] = me
            if chosen is not None:
                chosen.baton.release()
                if me is not None:
                    me.baton.acquire()
        if me is not None and self._over:
            raise _EndedError

    def _next(self) -> _Sleeper | None:
        """Whose turn it is, at the moment which the time is moved to."""
        while self._asleep:
            at_s, _, chosen = heapq.heappop(self._asleep)
            if not chosen.gone:
                chosen.gone = True
                self.now_s = at_s
                return chosen
        self._over = True  # nobody will ever go on; the first thread says so, unless it is the one that found out
        return None if threading.current_thread() is self._first else self._waiting[self._first]

    def _end(self) -> None:
        """Tell all waiting threads that time is over, in sequence."""
        self._over = True
        for thread in self.threads:
            thread.end(self._waiting.get(thread.real))

    def instead_of(self) -> dict[str, SimpleNamespace]:
        """Name of a module of the standard library → what to put in its place.

        Locks stay what they are: a thread that held one while waiting would never be waited for: a deadlock.
        """
        return {
            "threading": SimpleNamespace(
                Thread=lambda target, name, daemon: VirtualThread(self, target, name, daemon=daemon),
                Event=lambda: VirtualEvent(self),
                Condition=lambda: VirtualCondition(self),
                Lock=threading.Lock,
            ),
            "queue": SimpleNamespace(
                Queue=lambda maxsize: VirtualQueue[object](self, maxsize), Full=queue.Full, Empty=queue.Empty
            ),
            "time": SimpleNamespace(monotonic=self),
        }


class VirtualThread:
    """Stands in for `threading.Thread`.

    Attributes:
        real: the thread that it is.
        fault: what its target raised.
    """

    def __init__(self, time: VirtualTime, target: Callable[[], None], name: str, *, daemon: bool) -> None:
        self.real = threading.Thread(target=self._run, name=name, daemon=daemon)
        self.fault: BaseException | None = None
        self._time = time
        self._target = target
        self._first = _Sleeper()
        self._joining: Room = []
        self._ended = False

    def start(self) -> None:
        """See `threading.Thread.start`."""
        self._time.threads.append(self)
        self._time.expect(self._first)
        self.real.start()

    def is_alive(self) -> bool:
        """See `threading.Thread.is_alive`."""
        return not self._ended

    def join(self, timeout: float | None = None) -> None:
        """See `threading.Thread.join`."""
        if not self._ended:
            self._time.block(self._joining, timeout)

    def end(self, waiting: _Sleeper | None) -> None:
        """Have it end, wherever it waits."""
        for one in (self._first, waiting):
            if one is not None:
                one.baton.release()
        self.real.join()

    def _run(self) -> None:
        self._first.baton.acquire()
        try:
            if self._first.gone:
                self._target()
        except _EndedError:
            pass
        except BaseException as fault:  # noqa: BLE001 - raised again where they are all waited for
            self.fault = fault
        self._ended = True
        self._time.wake(self._joining)
        self._time.hand_on(None)


class VirtualEvent:
    """Stands in for `threading.Event`."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._room: Room = []
        self._set = False

    def is_set(self) -> bool:
        """See `threading.Event.is_set`."""
        return self._set

    def set(self) -> None:
        """See `threading.Event.set`."""
        self._set = True
        self._time.wake(self._room)

    def wait(self, timeout: float | None = None) -> bool:
        """See `threading.Event.wait`."""
        return self._set or self._time.block(self._room, timeout)


class VirtualCondition:
    """Stands in for `threading.Condition`; its lock shows that no waiting thread holds it."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._room: Room = []
        self._held = False

    def acquire(self) -> None:
        """See `threading.Condition.acquire`."""
        assert not self._held, "somebody waits and keeps the lock"
        self._held = True

    def release(self) -> None:
        """See `threading.Condition.release`."""
        assert self._held
        self._held = False

    def wait(self, timeout: float | None = None) -> bool:
        """See `threading.Condition.wait`."""
        self.release()
        woken = False
        try:
            woken = self._time.block(self._room, timeout)
        finally:
            self.acquire()
        return woken

    def notify_all(self) -> None:
        """See `threading.Condition.notify_all`."""
        self._time.wake(self._room)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class VirtualQueue(Generic[T]):
    """Stands in for `queue.Queue`."""

    def __init__(self, time: VirtualTime, maxsize: int) -> None:
        self._time = time
        self._maxsize = maxsize
        self._items: deque[T] = deque()
        self._room: Room = []

    def put(self, item: T, timeout: float) -> None:
        """See `queue.Queue.put`."""
        self._wait(lambda: len(self._items) < self._maxsize, timeout, queue.Full)
        self._items.append(item)
        self._time.wake(self._room)

    def get(self, timeout: float) -> T:
        """See `queue.Queue.get`."""
        self._wait(lambda: bool(self._items), timeout, queue.Empty)
        item = self._items.popleft()
        self._time.wake(self._room)
        return item

    def _wait(self, ready: Callable[[], bool], timeout_s: float, otherwise: type[Exception]) -> None:
        until_s = self._time() + timeout_s
        while not ready():
            if self._time() >= until_s:
                raise otherwise
            self._time.block(self._room, until_s - self._time())
